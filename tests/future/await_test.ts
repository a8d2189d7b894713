/**
 * Waiting for a future on a fiber: who wakes it with what, and what the wait says then.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import {
  CancelledError,
  type Fiber,
  Future,
  type Operation,
  type Outcome,
  type Resolver,
  settled,
  sleep,
  suspend,
  SystemError,
  TimeoutError,
  timeoutScope,
  yieldNow,
} from "@sd/fibers";
import { codeOf, errorOf, simulated, Simulation } from "../_simulation.ts";

/** Two ways to wait: the value or its error, and the outcome. */
const waits: Record<string, <T>(future: Future<T>) => Operation<T | Outcome<T>>> = { "yield* future": (future) => future, settled };

/** What a wait came to, and what the next suspension was interrupted by. */
interface Waited {
  readonly result: string;
  readonly next: string;
}

function describe(error: unknown): string {
  return error instanceof SystemError ? error.code : String(error);
}

/** Waits for the future, then sleeps for a moment. */
function* wait(operation: Operation<unknown>): Operation<Waited> {
  const tell = function* (step: Operation<unknown>): Operation<string> {
    try {
      const value = yield* step;
      return JSON.stringify(value) ?? "nothing";
    } catch (error) {
      return describe(error);
    }
  };
  const result = yield* tell(operation);
  return { result, next: yield* tell(yieldNow()) };
}

/** A fiber that waits for the future. */
function startWaiting(world: Simulation, operation: Operation<unknown>): Fiber<Waited> {
  const fiber = world.spawn(() => wait(operation));
  world.settle();
  assertEquals(fiber.status, "suspended");
  return fiber;
}

const cancelled = new CancelledError();
const ordinary = new RangeError("ordinary");

/** Row by row: what wakes the fiber, whether the target has resolved by then, what the wait says, and what the next suspension. */
const table: [wake: string, resolve: boolean, result: string, next: string][] = [
  ["cancel", true, "value", "ECANCELED"],
  ["cancel", false, "ECANCELED", "nothing"],
  ["deadline", true, "value", "ETIME"],
  ["deadline", false, "ETIME", "nothing"],
  ["error", true, "RangeError: ordinary", "nothing"],
  ["error", false, "RangeError: ordinary", "nothing"],
  ["value", true, "value", "nothing"],
  ["value", false, "EBUSY", "nothing"],
  ["nothing", true, "value", "nothing"],
];

const wakers: Record<string, (fiber: Fiber<unknown>) => void> = {
  cancel: (fiber) => void fiber.cancel(),
  error: (fiber) => fiber.resumeWithError(ordinary),
  value: (fiber) => fiber.resume(42),
  nothing: () => {},
};

for (const [name, waitFor] of Object.entries(waits)) {
  for (const [wake, resolve, result, next] of table) {
    const value = name === "settled" ? '{"status":"fulfilled","value":"value"}' : '"value"';
    const when = wake === "nothing" ? "resolved alone" : `woken by ${wake}, the target ${resolve ? "resolved" : "pending"}`;
    for (const resolvesFirst of resolve && wake !== "nothing" ? [true, false] : [false]) {
      const order = resolve && wake !== "nothing" ? `, the target ${resolvesFirst ? "first" : "last"}` : "";
      Deno.test(
        `${name} says ${result} when ${when}${order}`,
        simulated((world) => {
          const target = Future.withResolvers<string>(world.loop);
          const fiber = wake === "deadline"
            ? startUnderDeadline(world, waitFor(target.future))
            : startWaiting(world, waitFor(target.future));
          if (resolve && resolvesFirst) target.resolve("value");
          if (wake === "deadline") world.kernel.advance(10);
          else wakers[wake](fiber);
          if (wake === "deadline") world.tick(2);
          if (resolve && !resolvesFirst) target.resolve("value");
          world.settle();
          assertEquals(fiber.result(), { result: result === "value" ? value : result, next });
          assertEquals(target.future.state, resolve ? "resolved" : "pending");
        }),
      );
    }
  }
}

/** The same in a scope whose deadline expires after 10 us; more important than the fiber, so that it expires before that runs. */
function startUnderDeadline(world: Simulation, operation: Operation<unknown>): Fiber<Waited> {
  const fiber: Fiber<Waited> = world.spawn(function* () {
    const scope = timeoutScope(10);
    fiber.setPriority(1);
    const waited = yield* wait(operation);
    scope[Symbol.dispose]();
    return waited;
  });
  world.settle();
  return fiber;
}

for (const [name, waitFor] of Object.entries(waits)) {
  Deno.test(
    `${name} of a resolved future returns at once, with no tick`,
    simulated((world) => {
      const { future, resolve } = Future.withResolvers<string>(world.loop);
      resolve("value");
      const fiber = world.spawn(function* () {
        const { iteration } = world.loop;
        yield* waitFor(future);
        return world.loop.iteration - iteration;
      });
      world.tick();
      assertEquals(fiber.result(), 0);
    }),
  );

  Deno.test(
    `${name} of a resolved future leaves a queued interruption queued`,
    simulated((world) => {
      const { future, resolve } = Future.withResolvers<string>(world.loop);
      resolve("value");
      const fiber: Fiber<Waited> = world.spawn(function* () {
        fiber.resumeWithError(cancelled);
        return yield* wait(waitFor(future));
      });
      world.settle();
      assertEquals([fiber.result().result.includes("value"), fiber.result().next], [true, "ECANCELED"]);
    }),
  );

  Deno.test(
    `${name} of a pending future is cut short by what is queued: no tick passes`,
    simulated((world) => {
      for (const [wake, expected] of [["cancel", "ECANCELED"], ["error", "RangeError: ordinary"], ["value", "EBUSY"]]) {
        const { future } = Future.withResolvers<string>(world.loop);
        const fiber: Fiber<[Waited, number]> = world.spawn(function* () {
          const { iteration } = world.loop;
          if (wake === "cancel") fiber.resumeWithError(cancelled);
          else wakers[wake](fiber);
          const waited = yield* wait(waitFor(future));
          return [waited, world.loop.iteration - iteration];
        });
        world.settle();
        assertEquals(fiber.result(), [{ result: expected, next: "nothing" }, 1]);
      }
    }),
  );

  Deno.test(
    `${name} of the fiber's own future is EDEADLK`,
    simulated((world) => {
      const fiber: Fiber<Waited> = world.spawn(function* (): Operation<Waited> {
        return yield* wait(waitFor(fiber as Fiber<unknown>));
      });
      world.settle();
      assertEquals(fiber.result(), { result: "EDEADLK", next: "nothing" });
    }),
  );

  Deno.test(`${name} of a future of another loop is EINVAL, also of a resolved one`, () => {
    const far = new Simulation();
    const world = new Simulation();
    const { future, resolve } = Future.withResolvers<string>(far.loop);
    for (const doResolve of [false, true]) {
      if (doResolve) resolve("value");
      assertEquals(world.run(() => wait(waitFor(future))), { result: "EINVAL", next: "nothing" });
    }
    assertEquals([world.end(), far.end()], Array(2).fill({ reported: [], left: [] }));
  });

  Deno.test(
    `${name} that was interrupted is over: the target wakes the fiber no more`,
    simulated((world) => {
      const target = Future.withResolvers<string>(world.loop);
      const fiber = world.spawn(function* () {
        const { result } = yield* wait(waitFor(target.future));
        return [result, yield* suspend()];
      });
      world.settle();
      fiber.cancel();
      world.settle();
      target.resolve("late");
      assertEquals([world.settle(), fiber.status, fiber.awaiting], [0, "suspended", undefined]);
      fiber.resume("woken by hand");
      world.settle();
      assertEquals(fiber.result(), ["ECANCELED", "woken by hand"]);
    }),
  );
}

Deno.test(
  "settled() tells a rejection, and does not throw it",
  simulated((world) => {
    const target = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(() => settled(target.future));
    world.settle();
    target.reject(ordinary);
    world.settle();
    assertEquals(fiber.result(), { status: "rejected", reason: ordinary });
  }),
);

Deno.test(
  "settled() tells that its target was cancelled from that the wait was",
  simulated((world) => {
    const target = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(() => settled(target.future));
    world.settle();
    target.future.cancel("the target");
    world.settle();
    const outcome = fiber.result();
    assert(outcome.status === "rejected");
    assertInstanceOf(outcome.reason, CancelledError);
    assertEquals(outcome.reason.reason, "the target");
  }),
);

Deno.test(
  "settled() of what is no future is EINVAL at once",
  simulated(() => {
    for (const value of [undefined, 3, Promise.resolve(), {}]) assertEquals(codeOf(() => settled(value as never)), "EINVAL");
  }),
);

Deno.test(
  "yield* future throws the very error that the future was rejected with",
  simulated((world) => {
    const target = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(() => target.future);
    fiber.addCallback(() => {});
    world.settle();
    target.reject(ordinary);
    world.settle();
    assertStrictEquals(assertThrows(() => fiber.result()), ordinary);
  }),
);

Deno.test(
  "A cancelled wait leaves its target alone: only owners cancel",
  simulated((world) => {
    const asked: unknown[] = [];
    const { future } = Future.withResolvers<string>(world.loop, { cancel: (reason) => void asked.push(reason) });
    const fiber = startWaiting(world, future);
    fiber.cancel();
    world.settle();
    assertEquals([asked, future.state, fiber.state], [[], "pending", "resolved"]);
  }),
);

Deno.test(
  "Fiber.awaiting is the target until the fiber runs, also when that has resolved",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    const fiber = startWaiting(world, future);
    assertStrictEquals(fiber.awaiting, future);
    resolve("value");
    assertStrictEquals(fiber.awaiting, future);
    world.tick();
    assertEquals([fiber.status, fiber.awaiting === future], ["ready", true]);
    world.tick();
    assertEquals(fiber.awaiting, undefined);
    world.settle();
  }),
);

Deno.test(
  "Waiters of one future go on in the order in which they came, the more important ones first",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    const order: string[] = [];
    const waiting = (name: string) =>
      function* () {
        yield* future;
        order.push(name);
      };
    world.spawn(waiting("first"));
    world.spawn(waiting("idle"), { priority: 5 });
    world.spawn(waiting("second"));
    world.spawn(waiting("important"), { priority: -5 });
    world.spawn(waiting("third"));
    world.settle();
    resolve("value");
    world.settle();
    assertEquals(order, ["important", "first", "second", "third", "idle"]);
  }),
);

Deno.test(
  "Waiters that are interrupted leave the others in their order",
  simulated((world) => {
    for (const removed of [[0], [2], [4], [0, 4], [1, 2, 3], [0, 1, 2, 3, 4]]) {
      const { future, resolve } = Future.withResolvers<string>(world.loop);
      const order: number[] = [];
      const fibers = [0, 1, 2, 3, 4].map((index) =>
        world.spawn(function* () {
          yield* future;
          order.push(index);
        })
      );
      world.settle();
      for (const index of removed) fibers[index].cancel();
      world.settle();
      resolve("value");
      world.settle();
      assertEquals(order, [0, 1, 2, 3, 4].filter((index) => !removed.includes(index)));
    }
  }),
);

Deno.test(
  "A hundred thousand waiters of one future are woken without a stack growing",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    let woken = 0;
    function* waiting(): Operation<void> {
      yield* future;
      woken++;
    }
    for (let i = 0; i < 100_000; i++) world.spawn(waiting);
    while (world.loop.runSync(0));
    resolve("value");
    while (world.loop.runSync(0));
    assertEquals(woken, 100_000);
  }),
);

Deno.test(
  "A chain of ten thousand fibers, each waiting for the next, ends from its far end",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    let last: Future<number> = future;
    for (let i = 0; i < 10_000; i++) {
      const next = last;
      last = world.spawn(function* () {
        return 1 + (yield* next);
      });
    }
    world.settle();
    resolve(0);
    world.settle();
    assertEquals(last.result(), 10_000);
  }),
);

Deno.test(
  "A wait in the exit phase for what is resolved then succeeds, though the fiber was cancelled",
  simulated((world) => {
    const first: Resolver<number> = Future.withResolvers(world.loop);
    const second: Resolver<number> = Future.withResolvers(world.loop);
    const fiber = world.spawn(function* () {
      const seen: unknown[] = [];
      try {
        yield* first.future;
      } catch (error) {
        seen.push(describe(error));
      }
      second.future.addCallback(() => {});
      seen.push(yield* second.future);
      return seen;
    });
    world.settle();
    world.loop.addExit(() => second.resolve(2), { priority: 10 });
    world.exit();
    assertEquals(fiber.result(), ["ECANCELED", 2]);
  }),
);

Deno.test(
  "An interruption that met a completed wait is delivered once, then never again",
  simulated((world) => {
    const target = Future.withResolvers<number>(world.loop);
    const fiber = world.spawn(function* () {
      const value = yield* target.future;
      const seen: unknown[] = [value];
      for (let i = 0; i < 3; i++) {
        try {
          yield* sleep(1);
          seen.push("slept");
        } catch (error) {
          seen.push(describe(error));
        }
      }
      return seen;
    });
    world.settle();
    target.resolve(1);
    fiber.cancel();
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), [1, "ECANCELED", "slept", "slept"]);
  }),
);

Deno.test(
  "TimeoutError of a wait names its scope",
  simulated((world) => {
    const target = Future.withResolvers<number>(world.loop);
    const scopes: unknown[] = [];
    const fiber = world.spawn(function* () {
      using scope = timeoutScope(5);
      scopes.push(scope);
      yield* target.future;
    });
    fiber.addCallback(() => {});
    world.runUntil(() => fiber.state === "resolved");
    const error = errorOf(() => fiber.result());
    assertInstanceOf(error, TimeoutError);
    assertStrictEquals(error.scope, scopes[0]);
  }),
);
