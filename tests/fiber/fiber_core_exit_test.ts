// deno-lint-ignore-file require-yield
/**
 * The exit of a loop: it has finished when every fiber has been unwound, or is told of by name.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  all,
  CancelledError,
  cancelWait,
  EventLoop,
  type Fiber,
  Future,
  isInterruption,
  type Operation,
  race,
  relativeTimeFuture,
  scope,
  sec,
  select,
  sleep,
  spawn,
  suspend,
  SystemError,
  timeoutScope,
  until,
  yieldNow,
} from "@sd/fibers";
import { codeOf, simulated, Simulation } from "../_simulation.ts";
import { Steps } from "../_steps.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** A fiber that notes its end, and how it came. */
function* noting(log: string[], name: string, operation: () => Operation<unknown> = suspend): Operation<void> {
  try {
    yield* operation();
  } catch (error) {
    log.push(`${name}: ${(error as SystemError).code}`);
    throw error;
  } finally {
    log.push(`${name} ended`);
  }
}

Deno.test(
  "Exit cancels the fibers that nobody on the loop spawned, in order of priority, then of their last turn",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(() => noting(log, "idle"), { priority: 5 });
    world.spawn(() => noting(log, "first"));
    world.spawn(() => noting(log, "second"));
    world.spawn(() => noting(log, "important"), { priority: -5 });
    world.settle();
    assertEquals(world.exit(3), 3);
    assertEquals(
      log.filter((line) => line.includes("ECANCELED")),
      ["important", "first", "second", "idle"].map((name) => `${name}: ECANCELED`),
    );
  }),
);

Deno.test(
  "Exit reaches the outermost fiber first, and the innermost ends first",
  simulated((world) => {
    const log: string[] = [];
    function* nested(depth: number): Operation<void> {
      log.push(`${depth} starts`);
      const child = depth < 3 ? spawn(() => nested(depth + 1)) : undefined;
      try {
        yield* suspend();
      } catch (error) {
        log.push(`${depth} is cancelled`);
        throw error;
      } finally {
        if (child !== undefined) yield* cancelWait(child);
        log.push(`${depth} ends`);
      }
    }
    world.spawn(() => nested(0));
    world.settle();
    world.exit();
    const times = (what: string) => [0, 1, 2, 3].map((depth) => `${depth} ${what}`);
    assertEquals(log, [...times("starts"), ...times("is cancelled"), ...times("ends").reverse()]);
  }),
);

Deno.test(
  "Exit unwinds children that their parent does not care for, before the parent ends",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(function* parent() {
      spawn(() => noting(log, "child"));
      try {
        yield* suspend();
      } finally {
        log.push("body of the parent ended");
      }
    }).addCallback(() => log.push("parent ended"));
    world.settle();
    world.exit();
    assertEquals(log, ["body of the parent ended", "child: ECANCELED", "child ended", "parent ended"]);
  }),
);

Deno.test(
  "Exit unwinds a floating fiber that a fiber spawned",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(function* () {
      spawn(() => noting(log, "floating"), { floating: true });
    });
    world.settle();
    world.exit();
    assertEquals(log, ["floating: ECANCELED", "floating ended"]);
  }),
);

/** What a fiber may be doing when exit is asked for. */
const phases: Record<string, (world: Simulation, log: string[]) => void> = {
  "has not begun": (world, log) => void world.spawn(() => noting(log, "fiber")),
  "is ready after a yield"(world, log) {
    world.spawn(() => noting(log, "fiber", yieldNow));
    world.tick();
  },
  "was woken, and waits for its turn"(world, log) {
    const fiber = world.spawn(() => noting(log, "fiber"));
    world.settle();
    fiber.resume(42);
  },
  "is suspended"(world, log) {
    world.spawn(() => noting(log, "fiber"));
    world.settle();
  },
  "waits for a future"(world, log) {
    const { future } = Future.withResolvers<void>(world.loop);
    world.spawn(() => noting(log, "fiber", () => future));
    world.settle();
  },
  sleeps(world, log) {
    world.spawn(() => noting(log, "fiber", () => sleep(10)));
    world.settle();
  },
  "was cancelled, and waits for its turn"(world, log) {
    const fiber = world.spawn(() => noting(log, "fiber"));
    world.settle();
    fiber.cancel();
  },
};

for (const [phase, enter] of Object.entries(phases)) {
  Deno.test(
    `Exit cancels a fiber that ${phase}`,
    simulated((world) => {
      const log: string[] = [];
      enter(world, log);
      world.exit();
      assertEquals(log, phase === "has not begun" ? [] : ["fiber: ECANCELED", "fiber ended"]);
    }),
  );
}

Deno.test(
  "Exit does not take the value from a fiber whose future has resolved already: the cancellation comes at the next suspension",
  simulated((world) => {
    const target = Future.withResolvers<string>(world.loop);
    const log: string[] = [];
    world.spawn(function* () {
      log.push(yield* target.future);
      yield* noting(log, "fiber");
    });
    world.settle();
    target.resolve("value");
    world.exit();
    assertEquals(log, ["value", "fiber: ECANCELED", "fiber ended"]);
  }),
);

/** Suspensions after the fiber itself asked for exit. */
const suspensions: Record<string, (world: Simulation) => Operation<unknown>> = {
  suspend,
  yieldNow,
  sleep: () => sleep(1),
  "sleep(0)": () => sleep(0),
  "sleep(Infinity)": () => sleep(Infinity),
  "a pending future": (world) => Future.withResolvers<void>(world.loop).future,
  all: () => all([suspend]),
  race: () => race([suspend]),
  scope: () => scope(suspend),
};

for (const [name, operation] of Object.entries(suspensions)) {
  Deno.test(
    `A fiber that asks for exit itself is cancelled at its next suspension: ${name}`,
    simulated((world) => {
      const log: string[] = [];
      const fiber = world.spawn(function* () {
        world.loop.exit(9);
        log.push("goes on");
        yield* noting(log, "fiber", () => operation(world));
      });
      assertEquals(world.loop.loopSync(), 9);
      assertEquals(log, ["goes on", "fiber: ECANCELED", "fiber ended"]);
      assertEquals([fiber.cancelled, fiber.outcome?.status === "rejected" && isInterruption(fiber.outcome.reason)], [true, true]);
    }),
  );
}

Deno.test(
  "A child that asks for exit is cancelled by its parent, and what it waits for new is refused until then",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(function* parent() {
      yield* spawn(function* child() {
        world.loop.exit();
        yield* noting(log, "child", () => sleep(1));
      });
    });
    world.loop.loopSync();
    assertEquals(log, ["child: ECANCELED", "child ended"]);
  }),
);

Deno.test(
  "A child that was cancelled before the exit, and is ready still, is unwound in the exit phase by its parent",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(function* () {
      const child = spawn(() => noting(log, "child"));
      yield* yieldNow();
      yield* yieldNow();
      child.cancel();
      world.loop.exit();
      try {
        yield* suspend();
      } finally {
        yield* cancelWait(child);
        log.push(`parent goes on, child ${child.state}`);
      }
    });
    world.settle();
    assertEquals(log.slice(-1), ["parent goes on, child resolved"]);
  }),
);

Deno.test(
  "A fiber that asks for exit and returns has ended well",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      world.loop.exit(2);
      return "done";
    });
    assertEquals([world.loop.loopSync(), fiber.result(), fiber.cancelled], [2, "done", true]);
  }),
);

Deno.test(
  "In the exit phase every wake-up of a fiber is a cancellation: values and errors are overridden",
  simulated((world) => {
    const log: string[] = [];
    const fiber: Fiber<void> = world.spawn(function* () {
      for (let i = 0; i < 4; i++) {
        try {
          log.push(`value ${yield* suspend()}`);
        } catch (error) {
          log.push((error as SystemError).code);
          world.loop.addExit(() => i % 2 === 0 ? fiber.resume(42) : fiber.resumeWithError(new RangeError()));
        }
      }
    });
    world.settle();
    world.exit();
    assertEquals(log, ["ECANCELED", "ECANCELED", "ECANCELED", "ECANCELED"]);
  }),
);

Deno.test(
  "In the exit phase yieldNow() throws each time, and others run in between",
  simulated((world) => {
    const log: string[] = [];
    const yielding = (name: string) =>
      function* () {
        for (let i = 0; i < 3; i++) {
          try {
            yield* yieldNow();
          } catch (error) {
            log.push(`${name} ${(error as SystemError).code}`);
          }
        }
      };
    for (const name of ["a", "b"]) world.spawn(yielding(name));
    world.tick(2);
    world.exit();
    assertEquals(log, ["a", "b", "a", "b", "a", "b"].map((name) => `${name} ECANCELED`));
  }),
);

Deno.test(
  "In the exit phase a fiber that resumes itself is not run once more for it",
  simulated((world) => {
    let turns = 0;
    const fiber: Fiber<void> = world.spawn(function* () {
      try {
        yield* suspend();
      } catch {
        turns++;
        fiber.resume();
      }
      turns++;
    });
    world.settle();
    world.exit();
    assertEquals([turns, fiber.status], [2, "completed"]);
  }),
);

Deno.test(
  "In the exit phase fibers and futures are refused, deadlines do nothing, and what exists can be waited for",
  simulated((world) => {
    const steps = new Steps();
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(function* () {
      try {
        return yield* suspend();
      } catch (error) {
        steps.expect(1);
        assertInstanceOf(error, CancelledError);
        assertEquals(codeOf(() => spawn(suspend)), "ECANCELED");
        assertEquals(codeOf(() => relativeTimeFuture(world.loop, 1)), "ECANCELED");
        {
          using deadline = timeoutScope(0);
          assertEquals(deadline.expired, false);
        }
        world.loop.addExit(() => {
          steps.expect(2);
          resolve("in time");
        });
        const value = yield* future;
        steps.expect(3);
        return value;
      }
    });
    world.settle();
    world.exit();
    assertEquals(fiber.result(), "in time");
    steps.finish(4);
  }),
);

Deno.test(
  "After exit() was called fibers are refused at once, before the first exit dispatch and after the last",
  simulated((world) => {
    world.loop.exit();
    assertEquals(codeOf(() => world.spawn(suspend)), "ECANCELED");
    world.loop.loopSync();
    assertEquals(codeOf(() => world.spawn(suspend)), "ECANCELED");
  }),
);

Deno.test("A clean-up that waits for a source does not end in the exit phase, and is told of by name and by what it waits for", () => {
  const world = new Simulation();
  const timer = relativeTimeFuture(world.loop, sec(1));
  world.spawn(function* patient() {
    try {
      yield* suspend();
    } finally {
      yield* timer;
    }
  });
  world.settle();
  world.exit();
  assertEquals(world.takeMessages(), ["fiber 'patient': Fiber 'patient' has not ended with its loop: it waits for future 'event'"]);
  assertEquals(world.end(), { reported: [], left: [] });
});

Deno.test("Fibers that swallow the cancellation and park are told of by the names down to them, parents first", () => {
  const world = new Simulation();
  function* swallow(operation: () => Operation<unknown>): Operation<void> {
    for (;;) {
      try {
        yield* operation();
      } catch {
        // It does not want to end.
      }
    }
  }
  world.spawn(function* outer() {
    const child = spawn(function* inner() {
      yield* swallow(suspend);
    });
    yield* swallow(() => child);
  });
  world.spawn(function* another() {
    yield* swallow(suspend);
  });
  world.settle();
  world.exit();
  assertEquals(world.takeMessages(), [
    "fiber 'outer': Fiber 'outer' has not ended with its loop: it waits for fiber 'inner'",
    "fiber 'another': Fiber 'another' has not ended with its loop: it is suspended",
    "fiber 'outer > inner': Fiber 'inner' has not ended with its loop: it is suspended",
  ]);
  assertEquals(world.end(), { reported: [], left: [] });
});

/** Waits that are refused in the exit phase, for bodies that go on all the same. */
const refused: Record<string, (world: Simulation) => Operation<unknown>> = {
  sleep: () => sleep(1),
  yieldNow,
  until: () => until(Promise.resolve()),
  "until with a signal": () => until((_signal) => Promise.resolve()),
  all: () => all([suspend]),
  race: () => race([suspend]),
  scope: () => scope(suspend),
  select: () => select({ late: 1 }),
};

for (const [name, operation] of Object.entries(refused)) {
  Deno.test(`A fiber that goes on after a thousand refusals of ${name} is parked for good, and told of by name`, async () => {
    const kernel = virtualKernel();
    const messages: string[] = [];
    const loop = new EventLoop({ kernel, onError: (error) => messages.push((error as Error).message) });
    const world = new Simulation({ kernel });
    let tries = 0;
    const fiber = spawn(function* stubborn() {
      for (;;) {
        try {
          yield* operation(world);
        } catch (error) {
          assertEquals((error as SystemError).code, "ECANCELED");
          if (++tries === 100_000) throw new Error("It is never parked");
        }
      }
    }, { loop });
    loop.addDefer(() => loop.exit(4));
    assertEquals(await loop.loop(), 4);
    assertEquals(messages, ["Fiber 'stubborn' has not ended with its loop: it is suspended"]);
    assert(tries >= 1_000 && tries <= 1_002, `${tries} tries`);
    fiber.resume();
    fiber.cancel();
    assertEquals(fiber.state, "pending");
    loop[Symbol.dispose]();
    assertEquals(world.end(), { reported: [], left: [] });
  });
}

Deno.test(
  "A clean-up that waits for more than a thousand ends is no fiber that goes on after refusals",
  simulated((world) => {
    const count = 3_000;
    const futures = Array.from({ length: count }, () => Future.withResolvers<number>(world.loop));
    const fiber = world.spawn(function* () {
      let sum = 0;
      try {
        yield* suspend();
      } catch {
        for (const [index, { future }] of futures.entries()) {
          world.loop.addExit(() => futures[index].resolve(1));
          try {
            sum += yield* future;
          } catch {
            sum += yield* future;
          }
        }
      }
      return sum;
    });
    world.settle();
    world.exit();
    assertEquals(fiber.result(), count);
  }),
);

Deno.test(
  "cancelWait() in the exit phase waits for children that end one after the other, however many",
  simulated((world) => {
    const count = 2_500;
    const log: number[] = [];
    const parent = world.spawn(function* () {
      const children: Fiber<void>[] = [];
      for (let i = 0; i < count; i++) {
        const before = children.at(-1);
        children.push(spawn(function* () {
          try {
            yield* suspend();
          } finally {
            if (before !== undefined) yield* cancelWait(before);
            log.push(i);
          }
        }));
      }
      try {
        yield* suspend();
      } finally {
        yield* cancelWait(...children);
      }
    });
    parent.addCallback(() => {});
    world.settle();
    world.exit();
    assertEquals([parent.state, log.length, log[0], log.at(-1)], ["resolved", count, 0, count - 1]);
  }),
);

Deno.test(
  "Exit on idle cancels the fibers that are parked on nothing, and those that wait for each other",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(() => noting(log, "parked"));
    const { future } = Future.withResolvers<void>(world.loop);
    world.spawn(() => noting(log, "waiting", () => future));
    world.loop.exitOnIdle = true;
    assertEquals(world.loop.loopSync(), 0);
    assertEquals(log, ["parked: ECANCELED", "parked ended", "waiting: ECANCELED", "waiting ended"]);
  }),
);

Deno.test(
  "Exit on idle waits for a fiber that sleeps, is ready or has not begun",
  simulated((world) => {
    const log: string[] = [];
    world.loop.exitOnIdle = true;
    world.spawn(function* () {
      yield* yieldNow();
      yield* sleep(sec(5));
      log.push("slept");
      spawn(function* () {
        log.push("spawned");
      }, { floating: true });
    });
    assertEquals(world.loop.loopSync(), 0);
    assertEquals(log, ["slept", "spawned"]);
  }),
);

Deno.test(
  "Exit asked for again replaces the code, and cancels nobody again",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(function* () {
      try {
        yield* suspend();
      } catch {
        world.loop.exit(8);
        log.push("first");
      }
      try {
        yield* yieldNow();
      } catch {
        log.push("second");
      }
    });
    world.settle();
    assertEquals([world.exit(7), log], [8, ["first", "second"]]);
  }),
);

Deno.test(
  "Exit while fibers are woken by the thousand unwinds each of them once",
  simulated((world) => {
    const ended = new Map<number, number>();
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    for (let i = 0; i < 2_000; i++) {
      world.spawn(function* () {
        try {
          yield* future;
          yield* sleep(1);
        } finally {
          ended.set(i, (ended.get(i) ?? 0) + 1);
        }
      });
    }
    world.settle();
    resolve();
    world.tick(3_000);
    world.exit();
    assertEquals([ended.size, [...ended.values()].every((count) => count === 1)], [2_000, true]);
  }),
);

Deno.test("A loop that is disposed without exit tells of its fibers that have not ended; those that have not begun are cancelled", () => {
  const world = new Simulation();
  world.spawn(function* waiting() {
    yield* suspend();
  });
  world.settle();
  const initial = world.spawn(suspend);
  world.loop[Symbol.dispose]();
  assertEquals(world.takeMessages(), ["fiber 'waiting': Fiber 'waiting' has not ended with its loop: it is suspended"]);
  assertEquals([initial.status, initial.cancelled], ["completed", true]);
  assertEquals(world.kernel.leaks(), []);
});

Deno.test("EventLoop[Symbol.asyncDispose]() unwinds the fibers", async () => {
  const log: string[] = [];
  {
    await using loop = new EventLoop({ kernel: virtualKernel() });
    spawn(() => noting(log, "fiber"), { loop });
    loop.runSync(0);
  }
  assertEquals(log, ["fiber: ECANCELED", "fiber ended"]);
});

Deno.test(
  "The cancellation of the exit says so",
  simulated((world) => {
    const fiber = world.spawn(suspend);
    fiber.addCallback(() => {});
    world.settle();
    world.exit();
    assert(fiber.outcome?.status === "rejected");
    assertInstanceOf(fiber.outcome.reason, CancelledError);
    const { code, message, by, reason } = fiber.outcome.reason;
    assertEquals([code, message, by], [
      "ECANCELED",
      "Cancelled by exit of loop 'loop': Loop 'loop' is exiting",
      "exit of loop 'loop'",
    ]);
    assertInstanceOf(reason, SystemError);
    assertEquals([reason.code, reason.message], ["ECANCELED", "Loop 'loop' is exiting"]);
  }),
);

Deno.test("A hundred and fifty thousand stranded children are told of, all of them", () => {
  const world = new Simulation();
  const count = 150_000;
  function* stubborn(): Operation<void> {
    yield* suspend();
  }
  world.spawn(function* parent() {
    for (let i = 0; i < count; i++) spawn(stubborn);
    yield* suspend();
  });
  while (world.loop.runSync(0));
  world.loop[Symbol.dispose]();
  assertEquals(world.takeReports().length, count + 1);
  assertEquals(world.kernel.leaks(), []);
});
