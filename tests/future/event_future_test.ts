// deno-lint-ignore-file require-yield
/**
 * What futures of the loop's events have in common: they resolve once, are cancelled on the spot, have a priority, and are refused on exit.
 *
 * @module
 */

import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import {
  CancelledError,
  childFuture,
  deferFuture,
  Fiber,
  type Future,
  IoEvent,
  ioFuture,
  promiseFuture,
  relativeTimeFuture,
  timeFuture,
} from "@sd/fibers";
import { coreOf } from "../../event/event_loop.ts";
import { codeOf, errorOf, simulated, type Simulation } from "../_simulation.ts";
import { startProgram } from "./_programs.ts";

/** Makes each kind of future that an event of the loop resolves, and that is pending for now. */
function makers(world: Simulation): Record<string, () => Future<unknown>> {
  const { loop, kernel } = world;
  return {
    defer: () => deferFuture(loop, { status: "fulfilled", value: 1 }),
    time: () => timeFuture(loop, "monotonic", loop.now() + 100),
    "relative time": () => relativeTimeFuture(loop, 100),
    io: () => {
      const { reader, writer } = kernel.pipe();
      try {
        return ioFuture(loop, reader, IoEvent.IN);
      } finally {
        kernel.close(reader);
        kernel.close(writer);
      }
    },
  };
}

Deno.test(
  "Event futures are cancelled on the spot, with the reason, and leave nothing behind",
  simulated((world) => {
    for (const [kind, make] of Object.entries(makers(world))) {
      const before = world.kernel.leaks().length;
      const future = make();
      assertEquals([future.state, future.cancel("why")], ["pending", true], kind);
      const error = errorOf(() => future.result());
      assertInstanceOf(error, CancelledError);
      assertEquals([error.reason, future.cancel(), world.kernel.leaks().length], ["why", false, before], kind);
      world.kernel.advance(1_000);
      assertEquals(world.settle(), 0, kind);
    }
  }),
);

Deno.test(
  "Event futures that have resolved leave no source behind",
  simulated((world) => {
    const { loop, kernel } = world;
    const { reader, writer } = kernel.pipe();
    kernel.tryWrite(writer, new Uint8Array(1));
    const ready: (() => Future<unknown>)[] = [
      () => deferFuture(loop, { status: "fulfilled", value: 1 }),
      () => deferFuture(loop, { status: "rejected", reason: 1 }),
      () => timeFuture(loop, "monotonic", 0),
      () => ioFuture(loop, reader, IoEvent.IN),
    ];
    for (const make of ready) {
      const future = make();
      assertEquals(coreOf(loop).sources.first === undefined, false);
      world.settle();
      assertEquals([future.state, future.outcome === undefined, coreOf(loop).sources.first], ["resolved", false, undefined]);
    }
    kernel.close(reader);
    kernel.close(writer);
  }),
);

Deno.test(
  "Event futures have a priority until they are resolved",
  simulated((world) => {
    for (const [kind, make] of Object.entries(makers(world))) {
      const future = make();
      future.setPriority(3);
      assertEquals(codeOf(() => future.setPriority(NaN)), "EINVAL", kind);
      future.cancel();
      assertEquals(codeOf(() => future.setPriority(4)), "ESTALE", kind);
    }
  }),
);

Deno.test(
  "Future.setPriority() of event futures is that of their sources",
  simulated((world) => {
    const { loop, kernel } = world;
    const { reader, writer } = kernel.pipe();
    kernel.tryWrite(writer, new Uint8Array(1));
    const futures: Record<string, Future<unknown>> = {
      defer: deferFuture(loop, { status: "fulfilled", value: 1 }),
      time: timeFuture(loop, "monotonic", 0),
      io: ioFuture(loop, reader, IoEvent.IN),
    };
    const order: string[] = [];
    Object.entries(futures).forEach(([kind, future], index) => {
      future.setPriority(-index);
      future.addCallback(() => void order.push(kind));
      future.setPriority(-10 * index - 10);
    });
    world.tick(3);
    assertEquals([order, Object.values(futures).map(({ state }) => state)], [[], Array(3).fill("resolved")]);
    world.settle();
    assertEquals(order, ["io", "time", "defer"]);
    kernel.close(reader);
    kernel.close(writer);
  }),
);

Deno.test(
  "Event futures made on a fiber have its priority",
  simulated((world) => {
    const { loop, kernel } = world;
    const { reader, writer } = kernel.pipe();
    kernel.tryWrite(writer, new Uint8Array(1));
    const ready: Record<string, () => Future<unknown>> = {
      defer: () => deferFuture(loop, { status: "fulfilled", value: 1 }),
      time: () => timeFuture(loop, "monotonic", 0),
      io: () => ioFuture(loop, reader, IoEvent.IN),
    };
    for (const [kind, make] of Object.entries(ready)) {
      let future: Future<unknown> | undefined;
      world.spawn(function* () {
        future = make();
      }, { priority: 5 });
      world.tick();
      let ahead = "";
      for (let i = 0; i < 3; i++) loop.addDefer(() => void (ahead += future!.state === "pending" ? "p" : "r"), { priority: 4 });
      world.tick(3);
      assertEquals([ahead, future!.state], ["ppp", "pending"], kind);
      world.tick();
      assertEquals(future!.state, "resolved", kind);
    }
    kernel.close(reader);
    kernel.close(writer);
  }),
);

Deno.test(
  "Event futures made on one fiber have the priority that it has at that moment",
  simulated((world) => {
    const priorities = [1, 1, 0];
    const order: number[] = [];
    world.spawn(function* () {
      priorities.forEach((priority, index) => {
        Fiber.current!.setPriority(priority);
        const future = deferFuture(world.loop, { status: "fulfilled", value: index });
        Fiber.current!.setPriority(-1);
        future.addCallback(() => void order.push(index));
      });
    });
    world.settle();
    assertEquals(order, [2, 0, 1]);
  }),
);

Deno.test(
  "Event futures and promise futures are refused with ECANCELED once exit was asked for, before, in and after the exit phase",
  simulated((world) => {
    const { kernel, loop } = world;
    const pid = startProgram(kernel, () => {});
    const { reader, writer } = kernel.pipe();
    const refused = (): (string | undefined)[] =>
      [
        () => deferFuture(loop, { status: "fulfilled", value: 1 }),
        () => timeFuture(loop, "monotonic", 0),
        () => relativeTimeFuture(loop, 1),
        () => ioFuture(loop, reader, IoEvent.IN),
        () => childFuture(loop, pid.pid),
        () => promiseFuture(loop, Promise.resolve()),
      ].map(codeOf);
    const inExit: unknown[] = [];
    loop.addExit(() => void inExit.push(refused()));
    const before = kernel.leaks();
    loop.exit();
    const all = Array(6).fill("ECANCELED");
    assertEquals([refused(), loop.state], [all, "initial"]);
    loop.loopSync();
    assertEquals([inExit, refused(), kernel.leaks()], [[all], all, before]);
    pid.end();
    kernel.close(reader);
    kernel.close(writer);
  }),
);

Deno.test(
  "The refusal on exit says what was refused",
  simulated((world) => {
    world.loop.exit();
    assertStringIncludes(errorOf(() => relativeTimeFuture(world.loop, 1)).message, "Cannot wait for a time: loop 'loop' is exiting");
  }),
);
