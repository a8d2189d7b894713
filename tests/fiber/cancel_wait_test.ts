/**
 * Ending what runs, and waiting until it has ended, whatever happens meanwhile.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  all,
  any,
  CancelledError,
  cancelWait,
  EventLoop,
  Fiber,
  Future,
  FutureGroup,
  type Operation,
  race,
  relativeTimeFuture,
  scope,
  sleep,
  spawn,
  suspend,
  SystemError,
  TimeoutError,
  timeoutScope,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { errorOf, simulated, Simulation } from "../_simulation.ts";
import { Steps } from "../_steps.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** A future that resolves at the given number of cancels. */
function stubborn(world: Simulation, cancels: number): { future: Future<string>; asked: () => number; end: (error?: unknown) => void } {
  let asked = 0;
  const { future, resolve, reject } = Future.withResolvers<string>(world.loop, {
    cancel: () => void (++asked === cancels && resolve("ended")),
  });
  return { future, asked: () => asked, end: (error) => error === undefined ? resolve("ended") : reject(error) };
}

/** What the next suspensions come to, in order. */
function* interruptions(count: number): Operation<string[]> {
  const seen: string[] = [];
  for (let i = 0; i < count; i++) {
    try {
      yield* yieldNow();
      seen.push("nothing");
    } catch (error) {
      seen.push(error instanceof CancelledError ? `cancel ${error.reason}` : (error as SystemError).code);
    }
  }
  return seen;
}

Deno.test(
  "cancelWait() of nothing, and of what has ended, returns at once",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    resolve(1);
    const fiber = world.spawn(function* () {
      const { iteration } = world.loop;
      yield* cancelWait();
      yield* cancelWait(future);
      return world.loop.iteration - iteration;
    });
    world.settle();
    assertEquals([fiber.result(), future.result()], [0, 1]);
  }),
);

Deno.test(
  "cancelWait() of what ends at the first cancel returns at once",
  simulated((world) => {
    const timer = relativeTimeFuture(world.loop, 100);
    const initial = world.spawn(suspend);
    const fiber = world.spawn(function* () {
      const { iteration } = world.loop;
      yield* cancelWait(timer, initial);
      return world.loop.iteration - iteration;
    }, { priority: -1 });
    world.settle();
    assertEquals([fiber.result(), timer.state, initial.state], [0, "resolved", "resolved"]);
  }),
);

Deno.test(
  "cancelWait() waits until a fiber has unwound",
  simulated((world) => {
    const steps = new Steps();
    const child = world.spawn(function* () {
      try {
        yield* suspend();
      } finally {
        steps.expect(2);
        yield* sleep(10);
        steps.expect(3);
      }
    });
    world.settle();
    const fiber = world.spawn(function* () {
      steps.expect(1);
      yield* cancelWait(child);
      steps.expect(4);
      assertEquals(child.state, "resolved");
    });
    world.runUntil(() => fiber.state === "resolved");
    fiber.result();
    steps.finish(5);
  }),
);

Deno.test(
  "cancelWait() tells nothing of how its target ended: value, failure or cancellation",
  simulated((world) => {
    for (const error of [undefined, new RangeError(), new SystemError("EIO"), new CancelledError()]) {
      const target = stubborn(world, Infinity);
      const fiber = world.spawn(function* () {
        yield* cancelWait(target.future);
        return yield* interruptions(2);
      });
      world.settle();
      target.end(error);
      world.settle();
      assertEquals(fiber.result(), ["nothing", "nothing"], "no phantom cancellation");
    }
  }),
);

Deno.test(
  "cancelWait() cancels once at the start, and once more at each interruption of the wait",
  simulated((world) => {
    const target = stubborn(world, 4);
    const fiber = world.spawn(() => cancelWait(target.future));
    for (let asked = 1; asked < 4; asked++) {
      world.settle();
      assertEquals([target.asked(), fiber.status], [asked, "suspended"]);
      fiber.cancel();
    }
    world.settle();
    assertEquals([target.asked(), fiber.state], [4, "resolved"]);
  }),
);

Deno.test(
  "cancelWait() never returns before its target has ended, however often it is interrupted, and puts one interruption back",
  simulated((world) => {
    const target = stubborn(world, Infinity);
    const fiber = world.spawn(function* () {
      yield* cancelWait(target.future);
      const { state } = target.future;
      return [state, ...yield* interruptions(3)];
    });
    world.settle();
    for (let i = 0; i < 5; i++) {
      fiber.cancel(i);
      world.settle();
      assertEquals(fiber.state, "pending");
    }
    target.end();
    world.settle();
    assertEquals(fiber.result(), ["resolved", "cancel 0", "nothing", "nothing"]);
  }),
);

Deno.test(
  "cancelWait() puts the interruption back that met the end of its target",
  simulated((world) => {
    for (const first of ["end", "cancel"]) {
      const target = stubborn(world, Infinity);
      const fiber = world.spawn(function* () {
        yield* cancelWait(target.future);
        return yield* interruptions(2);
      });
      world.settle();
      if (first === "end") target.end();
      fiber.cancel("met");
      if (first === "cancel") target.end();
      world.settle();
      assertEquals([fiber.result(), target.asked()], [["cancel met", "nothing"], 1]);
    }
  }),
);

Deno.test(
  "cancelWait() holds a cancellation against a later deadline, and a deadline only until a cancellation comes",
  simulated((world) => {
    for (
      const [order, expected] of [[["cancel", "deadline"], "cancel why"], [["deadline", "cancel"], "cancel why"], [
        ["deadline"],
        "ETIME",
      ]] as const
    ) {
      const target = stubborn(world, Infinity);
      const fiber = world.spawn(function* () {
        using _scope = timeoutScope(10);
        yield* cancelWait(target.future);
        return yield* interruptions(2);
      });
      world.settle();
      for (const each of order) {
        if (each === "cancel") fiber.cancel("why");
        else world.kernel.advance(10);
        world.settle();
      }
      assertEquals(target.asked(), 1 + order.length);
      target.end();
      world.settle();
      assertEquals(fiber.result(), [expected, "nothing"]);
    }
  }),
);

Deno.test(
  "cancelWait() ignores values and errors that somebody resumes the fiber with: it goes on waiting, and cancels no more",
  simulated((world) => {
    const target = stubborn(world, Infinity);
    const fiber = world.spawn(function* () {
      yield* cancelWait(target.future);
      return yield* interruptions(1);
    });
    world.settle();
    fiber.resume(5);
    world.settle();
    fiber.resumeWithError(new RangeError());
    world.settle();
    assertEquals([target.asked(), fiber.status], [1, "suspended"]);
    target.end();
    world.settle();
    assertEquals(fiber.result(), ["nothing"]);
  }),
);

Deno.test(
  "Clean-ups in a row each forward the interruption: a free cancel for each, and in the end it comes once",
  simulated((world) => {
    const targets = [1, 2, 2, 2].map((cancels) => stubborn(world, cancels));
    const cleaning: Fiber<string[]> = world.spawn(function* () {
      cleaning.resumeWithError(new CancelledError("once"));
      for (const { future } of targets) yield* cancelWait(future);
      return yield* interruptions(2);
    });
    // Its start, and the second of the suspensions at its end: no clean-up waits.
    assertEquals(world.settle(), 2);
    assertEquals([targets.map(({ asked }) => asked()), cleaning.result()], [[1, 2, 2, 2], ["cancel once", "nothing"]]);
  }),
);

Deno.test(
  "cancelWait() of several cancels all of them first, then waits for all",
  simulated((world) => {
    const log: string[] = [];
    const children = ["a", "b", "c"].map((name, index) =>
      world.spawn(function* () {
        try {
          yield* suspend();
        } finally {
          log.push(`${name} unwinds`);
          yield* sleep(30 - 10 * index);
          log.push(`${name} ended`);
        }
      })
    );
    world.settle();
    const fiber = world.spawn(function* () {
      yield* cancelWait(...children);
      log.push("all ended");
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(log, ["a unwinds", "b unwinds", "c unwinds", "c ended", "b ended", "a ended", "all ended"]);
  }),
);

Deno.test(
  "cancelWait() cancels those of several that still run once more when it is interrupted",
  simulated((world) => {
    const [one, other] = [stubborn(world, 2), stubborn(world, 2)];
    const fiber = world.spawn(() => cancelWait(one.future, other.future));
    world.settle();
    other.end();
    world.settle();
    assertEquals([one.asked(), other.asked(), fiber.state], [1, 1, "pending"]);
    fiber.cancel();
    world.settle();
    assertEquals([one.asked(), other.asked(), fiber.state], [2, 1, "resolved"]);
  }),
);

Deno.test(
  "cancelWait() of the fiber that runs is EDEADLK, and cancels nothing",
  simulated((world) => {
    const target = stubborn(world, 1);
    const fiber: Fiber<string> = world.spawn(function* (): Operation<string> {
      try {
        yield* cancelWait(target.future, fiber);
        return "nothing";
      } catch (error) {
        return (error as SystemError).code;
      }
    });
    world.settle();
    assertEquals([fiber.result(), target.asked(), fiber.cancelled], ["EDEADLK", 0, false]);
  }),
);

Deno.test("cancelWait() of a future of another loop is fine if it ends at the first cancel, else EINVAL, and it stays as it is", () => {
  const world = new Simulation();
  const far = new Simulation({ kernel: world.kernel });
  const quick = relativeTimeFuture(far.loop, 100);
  const slow = stubborn(far, 2);
  const fiber = world.spawn(function* () {
    yield* cancelWait(quick);
    try {
      yield* cancelWait(slow.future);
      return "nothing";
    } catch (error) {
      return (error as SystemError).code;
    }
  });
  world.settle();
  assertEquals([fiber.result(), quick.state, slow.future.state, slow.asked()], ["EINVAL", "resolved", "pending", 1]);
  far.loop[Symbol.dispose]();
  assertEquals(world.end(), { reported: [], left: [] });
});

Deno.test(
  "A cancel that throws is reported, and stops neither the others nor the wait",
  simulated((world) => {
    const refusing = Future.withResolvers<void>(world.loop, {
      cancel() {
        throw new SystemError("EPERM", "not permitted");
      },
    });
    const other = stubborn(world, 1);
    const fiber = world.spawn(() => cancelWait(refusing.future, other.future));
    world.settle();
    assertEquals([fiber.status, other.future.state], ["suspended", "resolved"]);
    assertEquals(world.takeMessages(), ["future 'cancel': not permitted"]);
    refusing.resolve();
    world.settle();
    assertEquals(fiber.state, "resolved");
  }),
);

Deno.test(
  "Fiber.awaiting tells what cancelWait() waits for",
  simulated((world) => {
    const target = stubborn(world, Infinity);
    const fiber = world.spawn(() => cancelWait(target.future));
    world.settle();
    assertStrictEquals(fiber.awaiting, target.future as Future<unknown>);
    target.end();
    world.settle();
    assertEquals(fiber.awaiting, undefined);
  }),
);

Deno.test(
  "cancelWait() in the exit phase waits for what can still end",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(function* () {
      const child = spawn(function* () {
        for (let i = 0; i < 3; i++) {
          try {
            yield* yieldNow();
          } catch {
            log.push("child goes on");
          }
        }
        log.push("child ended");
      });
      try {
        yield* suspend();
      } finally {
        yield* cancelWait(child);
        log.push("parent ended");
      }
    });
    world.tick(3);
    world.exit();
    assertEquals(log, ["child goes on", "child goes on", "child ended", "parent ended"]);
  }),
);

Deno.test(
  "cancelWait() by two fibers of one target: both wait, and it is asked by both",
  simulated((world) => {
    const target = stubborn(world, 3);
    const fibers = [0, 1].map(() => world.spawn(() => cancelWait(target.future)));
    world.settle();
    assertEquals([target.asked(), fibers.map(({ status }) => status)], [2, ["suspended", "suspended"]]);
    fibers[0].cancel();
    world.settle();
    assertEquals(fibers.map(({ state }) => state), ["resolved", "resolved"]);
  }),
);

Deno.test(
  "cancelWait() is lazy: nothing is cancelled until it runs",
  simulated((world) => {
    const target = stubborn(world, 1);
    const operation = cancelWait(target.future);
    assertEquals([target.asked(), errorOf(() => operation[Symbol.iterator]().next()).code, target.asked()], [0, "ESRCH", 0]);
  }),
);

/** Ways to end a fiber from its parent, and to go on when it has ended; `child` is what has to be unwound. */
const halts: Record<string, (child: () => Operation<unknown>) => Operation<unknown>> = {
  *cancelWait(child) {
    const fiber = spawn(child);
    yield* yieldNow();
    yield* cancelWait(fiber);
  },
  *"a group that is cancelled"(child) {
    const group = FutureGroup.all(Fiber.current!.loop);
    spawn(child, { group });
    yield* yieldNow();
    yield* cancelWait(group);
  },
  "a scope whose body fails": (child) =>
    scope(function* (children) {
      children.spawn(child);
      yield* yieldNow();
      throw new RangeError("broken");
    }),
  "all() whose sibling fails": (child) =>
    all([child, function* () {
      yield* yieldNow();
      throw new RangeError("broken");
    }]),
  "race() whose sibling wins": (child) => race([child, yieldNow]),
  "any() whose sibling wins": (child) => any([child, yieldNow]),
  "a deadline": (child) => withTimeout(1, child),
  *"a body that leaves it behind"(child) {
    yield* spawn(function* () {
      spawn(child);
      yield* yieldNow();
      throw new RangeError("broken");
    });
  },
};

for (const [name, halt] of Object.entries(halts)) {
  Deno.test(
    `A finally that suspends twice runs to its end under a cancellation, and the caller does not go on before: ${name}`,
    simulated((world) => {
      const steps = new Steps();
      const caller = world.spawn(function* () {
        try {
          yield* halt(function* () {
            try {
              yield* suspend();
            } finally {
              steps.expect(1);
              yield* sleep(10);
              steps.expect(2);
              yield* sleep(10);
              steps.expect(3);
            }
          });
        } catch (error) {
          assert(error instanceof RangeError || error instanceof TimeoutError, String(error));
        }
        steps.expect(4);
      });
      world.runUntil(() => caller.state === "resolved");
      caller.result();
      steps.finish(5);
    }),
  );
}

Deno.test("A finally that suspends twice runs to its end before async code that disposes of the fiber goes on", async () => {
  const steps = new Steps();
  await using loop = new EventLoop({ kernel: virtualKernel() });
  const driving = loop.loop();
  {
    await using _fiber = spawn(function* () {
      try {
        steps.expect(1);
        yield* suspend();
      } finally {
        steps.expect(2);
        yield* sleep(10);
        yield* sleep(10);
        steps.expect(3);
      }
    }, { loop });
    await spawn(() => sleep(1), { loop });
  }
  steps.finish(4);
  loop.exit();
  await driving;
});
