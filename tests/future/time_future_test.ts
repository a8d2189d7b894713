/**
 * Futures of a time.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { msec, relativeTimeFuture, sec, timeFuture } from "@sd/fibers";
import { Errno } from "../../event/errno.ts";
import { codeOf, simulated, Simulation } from "../_simulation.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

Deno.test(
  "timeFuture() resolves at its time, and not a microsecond before it",
  simulated((world) => {
    const future = timeFuture(world.loop, "monotonic", world.loop.now() + 50);
    world.pass(49);
    assertEquals(future.state, "pending");
    world.pass(1);
    assertEquals(future.outcome, { status: "fulfilled", value: undefined });
  }),
);

Deno.test(
  "relativeTimeFuture() counts from the loop's present",
  simulated((world) => {
    const future = relativeTimeFuture(world.loop, msec(2));
    world.pass(msec(2) - 1);
    assertEquals(future.state, "pending");
    world.pass(1);
    assertEquals(future.state, "resolved");
  }),
);

Deno.test(
  "timeFuture() of a time that has passed resolves in the next tick",
  simulated((world) => {
    const future = timeFuture(world.loop, "monotonic", 0);
    assertEquals(future.state, "pending");
    world.tick();
    assertEquals(future.state, "resolved");
  }),
);

Deno.test(
  "timeFuture() resolves with the outcome that it is given",
  simulated((world) => {
    const reason = new RangeError();
    const fulfilled = timeFuture(world.loop, "boottime", 0, { outcome: { status: "fulfilled", value: 7 } });
    const rejected = relativeTimeFuture(world.loop, 1, { clock: "realtime", outcome: { status: "rejected", reason } });
    world.pass(1);
    assertEquals(fulfilled.result(), 7);
    assertStrictEquals(assertThrows(() => rejected.result()), reason);
  }),
);

Deno.test(
  "timeFuture() on the realtime clock follows it when it is set",
  simulated((world) => {
    const { kernel, loop } = world;
    const future = timeFuture(loop, "realtime", loop.now("realtime") + sec(3600));
    world.pass(sec(1));
    assertEquals(future.state, "pending");
    kernel.setRealtime(kernel.now(0) + sec(3600));
    world.settle();
    assertEquals(future.state, "resolved");
  }),
);

Deno.test(
  "timeFuture() at Infinity never resolves by itself",
  simulated((world) => {
    const future = timeFuture(world.loop, "monotonic", Infinity);
    world.pass(sec(1e6));
    assertEquals([future.state, future.cancel()], ["pending", true]);
  }),
);

Deno.test(
  "timeFuture() may be late by its accuracy, so that two share one wake-up",
  simulated((world) => {
    const { loop } = world;
    for (const accuracy of [1_000, undefined]) {
      const start = loop.now();
      const coarse = relativeTimeFuture(loop, 100, { accuracy });
      const exact = relativeTimeFuture(loop, 600);
      loop.runSync();
      world.settle();
      const shared = accuracy !== undefined;
      assertEquals([coarse.state, exact.state], ["resolved", shared ? "resolved" : "pending"]);
      assert(loop.now() - start <= 100 + (accuracy ?? 1));
      world.pass(1_000);
      assertEquals(exact.state, "resolved");
    }
  }),
);

Deno.test(
  "timeFuture() refuses what is no time, no accuracy or no clock",
  simulated((world) => {
    const { loop } = world;
    assertEquals(codeOf(() => timeFuture(loop, "monotonic", -1)), "EINVAL");
    assertEquals(codeOf(() => timeFuture(loop, "monotonic", 0, { accurate: 1 } as never)), "EINVAL");
    assertEquals(codeOf(() => timeFuture(loop, "monotonic", 0, { clock: "boottime" } as never)), "EINVAL");
    assertEquals(codeOf(() => relativeTimeFuture(loop, 0, { after: 1 } as never)), "EINVAL");
    assertEquals(codeOf(() => timeFuture(loop, "monotonic", 0.5)), "EINVAL");
    assertEquals(codeOf(() => timeFuture(loop, "monotonic", 0, { accuracy: Infinity })), "EINVAL");
    assertEquals(codeOf(() => timeFuture(loop, "monotonic", 0, { accuracy: -1 })), "EINVAL");
    assertEquals(codeOf(() => timeFuture(loop, "lunar" as never, 0)), "EOPNOTSUPP");
    assertEquals(codeOf(() => relativeTimeFuture(loop, Infinity)), "EOVERFLOW");
    assertEquals(codeOf(() => relativeTimeFuture(loop, 2 ** 53 - 1)), "EOVERFLOW");
    assertEquals(world.settle(), 0);
  }),
);

Deno.test("timeFuture() on an alarm clock is refused where a source on it is, and the loop goes on", () => {
  const kernel = virtualKernel();
  const openPoller = kernel.openPoller;
  kernel.openPoller = function () {
    const poller = openPoller.call(this);
    if (typeof poller === "object") poller.openClock = () => -Errno.EPERM;
    return poller;
  };
  const world = new Simulation({ kernel });
  const { loop } = world;
  assertEquals(codeOf(() => loop.addTime("boottime-alarm", 1)), "EPERM");
  assertEquals(codeOf(() => timeFuture(loop, "boottime-alarm", 1)), "EPERM");
  assertEquals(codeOf(() => relativeTimeFuture(loop, 1, { clock: "realtime-alarm" })), "EPERM");
  assertEquals([world.settle(), world.end()], [0, { reported: [], left: [] }]);
});
