/**
 * Waiting for time to pass.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { CancelledError, EventLoop, type Fiber, msec, run, sec, sleep, suspend, SystemError, yieldNow } from "@sd/fibers";
import { codeOf, simulated } from "../_simulation.ts";

Deno.test(
  "sleep() takes as long as it says",
  simulated((world) => {
    const start = world.loop.now();
    world.run(function* () {
      yield* sleep(sec(3));
      yield* sleep(msec(5));
      yield* sleep(1);
    });
    assertEquals(world.loop.now() - start, sec(3) + msec(5) + 1);
  }),
);

Deno.test(
  "sleep() by many at once: each wakes at its time",
  simulated((world) => {
    const start = world.loop.now();
    const times = [30, 10, 20, 10, 30];
    const fibers = times.map((usec) =>
      world.spawn(function* () {
        yield* sleep(usec);
        return world.loop.now() - start;
      })
    );
    world.settle();
    for (let i = 0; i < 30; i++) world.pass(1);
    assertEquals(fibers.map((fiber) => fiber.result()), times);
  }),
);

Deno.test(
  "sleep(0) gives way, and takes no time",
  simulated((world) => {
    const order: string[] = [];
    const start = world.loop.now();
    for (const name of ["a", "b"]) {
      world.spawn(function* () {
        order.push(name);
        yield* sleep(0);
        order.push(name);
      });
    }
    world.settle();
    assertEquals([order, world.loop.now()], [["a", "b", "a", "b"], start]);
  }),
);

Deno.test(
  "sleep(Infinity) lasts until the fiber is resumed or interrupted",
  simulated((world) => {
    const fiber = world.spawn(() => sleep(Infinity));
    world.settle();
    world.pass(1e12);
    assertEquals(fiber.status, "suspended");
    fiber.resume();
    world.settle();
    assertEquals(fiber.state, "resolved");
  }),
);

Deno.test(
  "sleep() that is interrupted leaves no timer behind",
  simulated((world) => {
    const fiber = world.spawn(() => sleep(sec(100)));
    fiber.addCallback(() => {});
    world.settle();
    fiber.cancel();
    world.settle();
    world.loop.exitOnIdle = true;
    world.settle();
    assertEquals(world.loop.state, "finished");
  }),
);

Deno.test(
  "sleep() that a stray resume() wakes is EBUSY, and leaves no timer behind",
  simulated((world) => {
    const fiber: Fiber<unknown[]> = world.spawn(function* () {
      const start = world.loop.now();
      try {
        yield* sleep(100);
        return [];
      } catch (error) {
        return [(error as SystemError).code, world.loop.now() - start];
      }
    });
    world.settle();
    world.kernel.advance(40);
    fiber.resume();
    world.settle();
    assertEquals(fiber.result(), ["EBUSY", 40]);
    world.loop.exitOnIdle = true;
    world.settle();
    assertEquals(world.loop.state, "finished");
  }),
);

Deno.test(
  "sleep() throws what is queued as an error before it begins, and sleeps its time where a value is",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      const seen: unknown[] = [];
      for (const error of [new CancelledError(), new SystemError("EIO")]) {
        fiber.resumeWithError(error);
        const { iteration } = world.loop;
        try {
          yield* sleep(10);
        } catch (error) {
          seen.push((error as SystemError).code, world.loop.iteration - iteration);
        }
      }
      const start = world.loop.now();
      fiber.resume("lost");
      yield* sleep(10);
      seen.push(world.loop.now() - start);
      return [...seen, yield* suspend()];
    });
    world.settle();
    world.pass(10);
    assertEquals(fiber.status, "suspended");
    fiber.resume("fresh");
    world.settle();
    assertEquals(fiber.result(), ["ECANCELED", 0, "EIO", 0, 10, "fresh"]);
  }),
);

Deno.test(
  "sleep() that is interrupted ends its timer also for who has a handle of that",
  simulated((world) => {
    const fiber = world.spawn(() => sleep(sec(100)));
    world.settle();
    const timer = fiber.awaiting!;
    fiber.cancel();
    world.settle();
    assertEquals([fiber.state, timer.state, codeOf(() => timer.result())], ["resolved", "resolved", "ECANCELED"]);
  }),
);

Deno.test(
  "sleep() that has passed when the fiber is cancelled has passed: the cancellation comes next",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      yield* sleep(10);
      try {
        yield* yieldNow();
        return "nothing";
      } catch (error) {
        return (error as SystemError).code;
      }
    }, { priority: 5 });
    world.settle();
    world.kernel.advance(10);
    world.tick();
    fiber.cancel();
    world.settle();
    assertEquals(fiber.result(), "ECANCELED");
  }),
);

Deno.test(
  "sleep() refuses what is no time at once, on a fiber and off it",
  simulated((world) => {
    for (const usec of [-1, 0.5, NaN, -Infinity, "1" as never]) assertEquals(codeOf(() => sleep(usec)), "EINVAL");
    const fiber = world.spawn(function* () {
      try {
        yield* sleep(Number.MAX_SAFE_INTEGER);
        return "nothing";
      } catch (error) {
        return (error as SystemError).code;
      }
    });
    world.settle();
    assertEquals(fiber.result(), "EOVERFLOW");
  }),
);

Deno.test(
  "sleep() keeps the loop from being idle as long as it lasts",
  simulated((world) => {
    const fibers = [sec(1), sec(3)].map((usec) => world.spawn(() => sleep(usec)));
    fibers[1].addCallback(() => {});
    world.loop.exitOnIdle = true;
    world.settle();
    world.pass(sec(1));
    assertEquals([fibers.map((fiber) => fiber.state), world.loop.state], [["resolved", "pending"], "initial"]);
    fibers[1].cancel();
    world.settle();
    assertEquals(world.loop.state, "finished");
  }),
);

Deno.test(
  "sleep(Infinity) and suspend() do not keep the loop from being idle, a sleep beside them does",
  simulated((world) => {
    const start = world.loop.now();
    const ends: string[] = [];
    for (const [name, wait] of Object.entries({ sleep: () => sleep(sec(5)), "sleep(Infinity)": () => sleep(Infinity), suspend })) {
      world.spawn(function* () {
        try {
          yield* wait();
          ends.push(`${name} has passed`);
        } catch (error) {
          ends.push(`${name}: ${(error as SystemError).code}`);
        }
      });
    }
    world.loop.exitOnIdle = true;
    assertEquals([world.loop.loopSync(), world.loop.now() - start], [0, sec(5)]);
    assertEquals(ends, ["sleep has passed", "sleep(Infinity): ECANCELED", "suspend: ECANCELED"]);
  }),
);

Deno.test("sleep() really takes time (Linux)", async () => {
  await using loop = new EventLoop();
  const slept = await run(function* () {
    const start = loop.now();
    yield* sleep(msec(2));
    return loop.now() - start >= msec(2);
  }, { loop });
  assertEquals(slept, true);
});
