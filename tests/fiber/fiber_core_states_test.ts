// deno-lint-ignore-file require-yield
/**
 * The states of a fiber, transition by transition.
 *
 * @module
 */

import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { CancelledError, Fiber, type FiberStatus, Future, type Operation, sleep, spawn, suspend, timeoutScope, yieldNow } from "@sd/fibers";
import { errorOf, simulated, Simulation } from "../_simulation.ts";
import { Steps } from "../_steps.ts";

Deno.test(
  "A fiber is initial until its first dispatch, which is never inline, and running in it",
  simulated((world) => {
    const steps = new Steps();
    const fiber: Fiber<void> = world.spawn(function* () {
      steps.expect(2);
      assertEquals(fiber.status, "running");
      assertStrictEquals(Fiber.current, fiber);
    });
    steps.expect(1);
    assertEquals([fiber.status, fiber.state, Fiber.current], ["initial", "pending", undefined]);
    world.tick();
    assertEquals([fiber.status, fiber.state, Fiber.current], ["completed", "resolved", undefined]);
    steps.finish(3);
  }),
);

Deno.test(
  "An initial fiber that is cancelled is completed at once; not even its parameter defaults run",
  simulated((world) => {
    let ran = 0;
    const fiber = world.spawn(function* (_unused: number = ++ran) {
      ran++;
    });
    assertEquals([fiber.cancel("why"), fiber.status, fiber.state], [true, "completed", "resolved"]);
    const error = errorOf(() => fiber.result());
    assertInstanceOf(error, CancelledError);
    assertEquals([error.reason, world.settle(), ran], ["why", 0, 0]);
  }),
);

Deno.test(
  "An initial fiber that is cancelled is completed at once, also with a value queued",
  simulated((world) => {
    const fiber = world.spawn(() => suspend());
    fiber.resume(5);
    fiber.cancel();
    assertEquals([fiber.status, fiber.outcome?.status, world.settle()], ["completed", "rejected", 0]);
  }),
);

Deno.test(
  "An initial fiber is cancelled by the exit, and runs nothing",
  simulated((world) => {
    let ran = 0;
    const fiber = world.spawn(function* () {
      ran++;
    });
    world.exit();
    assertEquals([fiber.status, fiber.cancelled, fiber.outcome?.status, ran], ["completed", true, "rejected", 0]);
  }),
);

Deno.test(
  "An initial fiber is cancelled by the exit, and runs nothing, also with a value queued",
  simulated((world) => {
    let ran = 0;
    const fiber = world.spawn(function* () {
      ran++;
    });
    fiber.resume(5);
    world.exit();
    assertInstanceOf(errorOf(() => fiber.result()), CancelledError);
    assertEquals([fiber.status, ran], ["completed", 0]);
  }),
);

Deno.test(
  "A running fiber that yields is ready, its turn comes again",
  simulated((world) => {
    const fiber = world.spawn(() => yieldNow());
    world.tick();
    assertEquals(fiber.status, "ready");
    world.tick();
    assertEquals([fiber.status, world.settle()], ["completed", 0]);
  }),
);

Deno.test(
  "A running fiber that suspends is suspended, and no turn comes",
  simulated((world) => {
    const fiber = world.spawn(() => suspend());
    world.tick();
    assertEquals([fiber.status, world.settle(), fiber.status], ["suspended", 0, "suspended"]);
  }),
);

Deno.test(
  "A running fiber with a value queued goes on running when it yields or suspends: the value is consumed, no tick passes",
  simulated((world) => {
    const fiber: Fiber<unknown[]> = world.spawn(function* () {
      const { iteration } = world.loop;
      fiber.resume("one");
      const one = yield* suspend();
      fiber.resume("lost: yieldNow tells no value");
      const two = yield* yieldNow();
      return [one, two, fiber.status, world.loop.iteration - iteration];
    });
    world.tick();
    assertEquals(fiber.result(), ["one", undefined, "running", 0]);
  }),
);

Deno.test(
  "A running fiber whose body returns is completed, and what was queued for it is discarded",
  simulated((world) => {
    const fiber: Fiber<string> = world.spawn(function* () {
      fiber.resumeWithError(new CancelledError());
      return "value";
    });
    world.tick();
    assertEquals([fiber.status, fiber.result(), world.settle()], ["completed", "value", 0]);
  }),
);

Deno.test(
  "A suspended fiber that is resumed is ready, and runs in the next tick",
  simulated((world) => {
    const fiber = world.spawn(() => suspend());
    world.tick();
    fiber.resume("value");
    assertEquals(fiber.status, "ready");
    world.tick();
    assertEquals(fiber.result(), "value");
  }),
);

Deno.test(
  "A suspended fiber that is cancelled is ready, and sees it in the next tick",
  simulated((world) => {
    const fiber = world.spawn(() => suspend());
    world.tick();
    assertEquals([fiber.cancel(), fiber.status, fiber.state], [true, "ready", "pending"]);
    world.tick();
    assertInstanceOf(errorOf(() => fiber.result()), CancelledError);
  }),
);

Deno.test(
  "A ready fiber that is resumed stays ready, with one turn ahead of it",
  simulated((world) => {
    const fiber = world.spawn(() => suspend());
    world.tick();
    fiber.resume(1);
    fiber.resume(2);
    assertEquals([fiber.status, world.settle(), fiber.result()], ["ready", 1, 2]);
  }),
);

Deno.test(
  "A ready fiber that is resumed after the exit request has its turn in the exit phase",
  simulated((world) => {
    const log: string[] = [];
    let child: Fiber<void> | undefined;
    const parent = world.spawn(function* () {
      child = spawn(function* () {
        try {
          yield* yieldNow();
        } catch (error) {
          log.push((error as CancelledError).code);
        }
      });
      yield* suspend();
    });
    parent.addCallback(() => {});
    world.tick(2);
    assertEquals(child!.status, "ready");
    world.loop.exit();
    child!.resume();
    world.exit();
    assertEquals([log, child!.status], [["ECANCELED"], "completed"]);
  }),
);

Deno.test(
  "A running fiber that is resumed only has the value queued, for its next suspension",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      fiber.resume("queued");
      assertEquals(fiber.status, "running");
      return yield* suspend();
    });
    assertEquals([world.settle(), fiber.result()], [1, "queued"]);
  }),
);

Deno.test(
  "An initial fiber that is resumed starts once, and finds the value at its first suspension",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      return [yield* suspend(), yield* suspend()];
    });
    fiber.resume("early");
    assertEquals([fiber.status, world.settle(), fiber.status], ["initial", 1, "suspended"]);
    fiber.resume("later");
    world.settle();
    assertEquals(fiber.result(), ["early", "later"]);
  }),
);

Deno.test(
  "A completed fiber ignores being resumed and cancelled",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      return 1;
    });
    world.tick();
    fiber.resume(2);
    fiber.resumeWithError(new Error());
    fiber.resumeWithError(new CancelledError());
    assertEquals([fiber.cancel(), fiber.cancelled, world.settle(), fiber.result()], [false, false, 0, 1]);
  }),
);

Deno.test(
  "A completed fiber that was cancelled stays so, whatever it is resumed with",
  simulated((world) => {
    const fiber = world.spawn(() => suspend());
    world.settle();
    fiber.cancel();
    world.settle();
    fiber.resume();
    fiber.resumeWithError(new CancelledError());
    assertEquals([fiber.status, fiber.cancelled], ["completed", true]);
  }),
);

Deno.test("A suspended fiber of a finished loop may be resumed: nothing is scheduled", () => {
  const world = new Simulation();
  const fiber = world.spawn(function* stubborn() {
    for (;;) {
      try {
        yield* suspend();
      } catch {
        // It does not want to end.
      }
    }
  });
  world.settle();
  world.exit();
  const status: FiberStatus = fiber.status;
  fiber.resume(1);
  fiber.cancel();
  assertEquals([status, fiber.state], ["suspended", "pending"]);
  assertEquals(world.end(), { reported: ["fiber 'stubborn': Fiber 'stubborn' has not ended with its loop: it is suspended"], left: [] });
});

Deno.test("A fiber stays running while it drives another loop, whose fibers are current meanwhile", () => {
  const outer = new Simulation();
  const inner = new Simulation({ kernel: outer.kernel });
  const steps = new Steps();
  const outerFiber: Fiber<void> = outer.spawn(function* () {
    steps.expect(1);
    inner.tick();
    steps.expect(3);
    assertStrictEquals(Fiber.current, outerFiber);
  });
  const innerFiber: Fiber<void> = inner.spawn(function* () {
    steps.expect(2);
    assertEquals([outerFiber.status, innerFiber.status], ["running", "running"]);
    assertStrictEquals(Fiber.current, innerFiber);
  });
  outer.tick();
  steps.finish(4);
  inner.loop[Symbol.dispose]();
  assertEquals([inner.takeMessages(), outer.end()], [[], { reported: [], left: [] }]);
});

Deno.test("A running ancestor may be cancelled from the loop that it drives: that only queues", () => {
  const outer = new Simulation();
  const inner = new Simulation({ kernel: outer.kernel });
  const log: unknown[] = [];
  const outerFiber: Fiber<void> = outer.spawn(function* () {
    inner.tick();
    log.push("still runs");
    try {
      yield* sleep(1);
    } catch (error) {
      log.push((error as CancelledError).reason);
    }
  });
  inner.spawn(function* () {
    log.push(outerFiber.cancel("from inside"), outerFiber.status);
  });
  outer.settle();
  assertEquals(log, [true, "running", "still runs", "from inside"]);
  inner.loop[Symbol.dispose]();
  assertEquals([inner.takeMessages(), outer.end()], [[], { reported: [], left: [] }]);
});

Deno.test(
  "A fiber cannot cancel itself: EDEADLK",
  simulated((world) => {
    const fiber: Fiber<string> = world.spawn(function* () {
      return errorOf(() => fiber.cancel()).code;
    });
    world.tick();
    assertEquals(fiber.result(), "EDEADLK");
  }),
);

Deno.test(
  "A fiber that catches its cancellation may end well: it was cancelled all the same",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      try {
        yield* suspend();
        return "not cancelled";
      } catch {
        return "saved";
      }
    });
    world.tick();
    assertEquals([fiber.cancelled, fiber.cancel(), fiber.cancelled], [false, true, true]);
    world.settle();
    assertEquals([fiber.result(), fiber.cancelled], ["saved", true]);
  }),
);

Deno.test(
  "Fiber.cancel() tells whether it asked newly",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      for (let i = 0; i < 2; i++) {
        try {
          yield* suspend();
        } catch {
          // Once more.
        }
      }
      return yield* suspend();
    });
    world.tick();
    assertEquals([fiber.cancel(), fiber.cancel()], [true, false]);
    world.tick();
    assertEquals([fiber.cancel(), fiber.cancel()], [true, false]);
    world.tick();
    assertEquals([fiber.status, fiber.awaiting], ["suspended", undefined]);
  }),
);

Deno.test(
  "Ready fibers of equal priority take turns, the least recently run first",
  simulated((world) => {
    const order: string[] = [];
    const turns = (name: string) =>
      function* () {
        for (let i = 0; i < 3; i++) {
          order.push(name);
          yield* yieldNow();
        }
      };
    for (const name of ["a", "b", "c"]) world.spawn(turns(name));
    world.settle();
    assertEquals(order.join(""), "abcabcabc");
  }),
);

Deno.test(
  "A fiber that was woken goes ahead of those that ran since it did",
  simulated((world) => {
    const order: string[] = [];
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    world.spawn(function* () {
      yield* future;
      order.push("woken");
    });
    const busy = (name: string) =>
      function* () {
        for (let i = 0; i < 4; i++) {
          order.push(name);
          if (order.length === 4) resolve();
          yield* yieldNow();
        }
      };
    world.spawn(busy("a"));
    world.spawn(busy("b"));
    world.settle();
    assertEquals(order.slice(0, 6), ["a", "b", "a", "b", "woken", "a"]);
  }),
);

Deno.test(
  "The more important of the ready fibers runs first, as long as it is ready",
  simulated((world) => {
    const order: string[] = [];
    function* turns(name: string): Operation<void> {
      for (let i = 0; i < 2; i++) {
        order.push(name);
        yield* yieldNow();
      }
    }
    world.spawn(() => turns("idle"), { priority: 10 });
    world.spawn(() => turns("normal"));
    world.spawn(() => turns("important"), { priority: -10 });
    world.settle();
    assertEquals(order, ["important", "important", "normal", "normal", "idle", "idle"]);
  }),
);

Deno.test(
  "Fiber.setPriority() moves a fiber that is ready, initial or suspended; ESTALE once it has ended",
  simulated((world) => {
    const order: string[] = [];
    const body = (name: string) =>
      function* () {
        yield* yieldNow();
        order.push(name);
      };
    const first = world.spawn(body("first"));
    const second = world.spawn(body("second"));
    second.setPriority(-1);
    world.tick();
    assertEquals([first.status, second.status], ["initial", "ready"]);
    second.setPriority(1);
    world.settle();
    assertEquals([order, second.priority], [["first", "second"], 1]);
    assertEquals(errorOf(() => first.setPriority(2)).code, "ESTALE");
    const third = world.spawn(body("third"));
    assertEquals(errorOf(() => third.setPriority(0.5)).code, "EINVAL");
  }),
);

Deno.test(
  "A fiber that suspends inside of its finally is not cut short: a cancellation is a throw, never a return",
  simulated((world) => {
    const steps = new Steps();
    const fiber = world.spawn(function* () {
      try {
        yield* suspend();
      } finally {
        steps.expect(1);
        yield* sleep(5);
        steps.expect(2);
      }
    });
    world.settle();
    fiber.cancel();
    world.runUntil(() => fiber.state === "resolved");
    assertInstanceOf(errorOf(() => fiber.result()), CancelledError);
    steps.finish(3);
  }),
);

Deno.test(
  "An open timeout scope is closed when the body ends",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      timeoutScope(10);
      timeoutScope(5);
      yield* yieldNow();
    });
    world.settle();
    assertEquals([fiber.state, world.kernel.advance(20), world.settle()], ["resolved", undefined, 0]);
  }),
);
