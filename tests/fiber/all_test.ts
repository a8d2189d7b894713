// deno-lint-ignore-file require-yield
/**
 * Several bodies at once: all of them, or the first.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  all,
  allSettled,
  any,
  CancelledError,
  Fiber,
  Future,
  type Operation,
  race,
  relativeTimeFuture,
  shield,
  sleep,
  suspend,
  type SystemError,
  TimeoutError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { simulated } from "../_simulation.ts";

/** What an operation comes to: its value, or the name and message of its error. */
function* told(operation: Operation<unknown>): Operation<string> {
  try {
    return JSON.stringify(yield* operation) ?? "nothing";
  } catch (error) {
    if (error instanceof CancelledError) return `cancelled by ${error.reason instanceof Error ? error.reason.message : error.reason}`;
    return error instanceof TimeoutError ? "deadline" : (error as Error).message;
  }
}

/** A body that takes its time, gives a value, and notes how it ended. */
function after(usec: number, value: string, log: string[] = []): () => Operation<string> {
  return function* () {
    let how = "cancelled";
    try {
      yield* sleep(usec);
      how = "done";
      return value;
    } finally {
      log.push(`${value} ${how}`);
    }
  };
}

/** A body that takes its time and fails. */
function failing(usec: number, message: string): () => Operation<never> {
  return function* () {
    yield* sleep(usec);
    throw new RangeError(message);
  };
}

Deno.test(
  "all() gives the values in order, whoever ends first, and runs them at once",
  simulated((world) => {
    const start = world.loop.now();
    const values = world.run(() => all([after(30, "a"), after(10, "b"), after(20, "c")]));
    assertEquals([values, world.loop.now() - start], [["a", "b", "c"], 30]);
  }),
);

Deno.test(
  "all() takes operations and functions of any kind",
  simulated((world) => {
    const values = world.run(() =>
      all([sleep(1), () => sleep(1), relativeTimeFuture(world.loop, 1, { outcome: { status: "fulfilled", value: 7 } }), after(1, "a")])
    );
    assertEquals(values, [undefined, undefined, 7, "a"]);
  }),
);

Deno.test("all() of nothing gives nothing, at once", simulated((world) => assertEquals([world.run(() => all([]))], [[]])));

Deno.test(
  "all() names its fibers after the functions, else by their place",
  simulated((world) => {
    function* named() {
      yield* yieldNow();
      return Fiber.current!.name;
    }
    const names = world.run(() =>
      all([named, function* () {
        yield* yieldNow();
        return Fiber.current!.name;
      }])
    );
    assertEquals(names, ["named", "all[1]"]);
  }),
);

Deno.test(
  "all() cancels the others at the first failure, which is thrown when they have ended",
  simulated((world) => {
    const log: string[] = [];
    const result = world.run(() => told(all([after(100, "a", log), failing(10, "b fails"), after(5, "c", log), after(100, "d", log)])));
    assertEquals([result, log], ["b fails", ["c done", "a cancelled", "d cancelled"]]);
  }),
);

Deno.test(
  "all() throws the first of several failures in order, and reports the rest",
  simulated((world) => {
    const result = world.run(() =>
      told(all([after(50, "a"), failing(20, "b fails"), function* (): Operation<void> {
        try {
          yield* suspend();
        } catch {
          throw new RangeError("c fails while it unwinds");
        }
      }])), { name: "main" });
    assertEquals(result, "b fails");
    assertEquals(world.takeMessages(), ["fiber 'main > all[2]': c fails while it unwinds"]);
  }),
);

Deno.test(
  "all() that is cancelled cancels all with the reason, waits for them, then throws",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(() =>
      told(all([
        after(100, "a", log),
        function* () {
          log.push(`b ${yield* told(suspend())}`);
          yield* sleep(10);
          log.push("b done");
        },
      ]))
    );
    world.settle();
    fiber.cancel("why");
    world.settle();
    assertEquals([fiber.state, log], ["pending", ["a cancelled", "b cancelled by why"]]);
    world.pass(10);
    assertEquals([fiber.result(), log.at(-1)], ["cancelled by why", "b done"]);
  }),
);

Deno.test(
  "all() under a deadline has ended when that is thrown",
  simulated((world) => {
    const log: string[] = [];
    const result = world.run(() => told(withTimeout(10, () => all([after(5, "a", log), after(100, "b", log)]))));
    assertEquals([result, log], ["deadline", ["a done", "b cancelled"]]);
  }),
);

Deno.test(
  "all() that has completed when the cancellation comes gives its values",
  simulated((world) => {
    const bodies: Fiber<unknown>[] = [];
    const body = function* () {
      bodies.push(Fiber.current!);
      return yield* suspend();
    };
    const fiber = world.spawn(function* () {
      return [yield* told(all([body, body])), yield* told(yieldNow())];
    });
    world.settle();
    for (const each of bodies) each.resume(1);
    world.tick(4);
    assertEquals(fiber.status, "suspended");
    fiber.cancel("late");
    world.settle();
    assertEquals(fiber.result(), ["[1,1]", "cancelled by late"]);
  }),
);

Deno.test(
  "race() gives the value of the first to end, when the others have been cancelled and have ended",
  simulated((world) => {
    const log: string[] = [];
    const start = world.loop.now();
    const value = world.run(() => race([after(30, "a", log), after(10, "b", log), after(20, "c", log)]));
    assertEquals([value, log, world.loop.now() - start], ["b", ["b done", "a cancelled", "c cancelled"], 10]);
  }),
);

Deno.test(
  "race() throws if the first to end fails",
  simulated((world) => {
    const log: string[] = [];
    assertEquals(world.run(() => told(race([after(30, "a", log), failing(10, "b fails")]))), "b fails");
    assertEquals([log, world.takeMessages()], [["a cancelled"], []]);
  }),
);

Deno.test(
  "race() counts the one that stands first of those that ended together",
  simulated((world) => {
    const value = world.run(() =>
      race([function* () {
        yield* yieldNow();
        return "first";
      }, function* () {
        yield* yieldNow();
        return "second";
      }].map((body) => body))
    );
    assertEquals(value, "first");
  }),
);

Deno.test(
  "race() waits for a loser that takes its time, and reports one that fails",
  simulated((world) => {
    const log: string[] = [];
    const value = world.run(() =>
      race([after(10, "a", log), function* slow(): Operation<string> {
        try {
          yield* suspend();
        } catch {
          yield* sleep(50);
          log.push("slow one ended");
          throw new RangeError("too late");
        }
        return "never";
      }]), { name: "main" });
    assertEquals([value, log], ["a", ["a done", "slow one ended"]]);
    assertEquals(world.takeMessages(), ["fiber 'main > slow': too late"]);
  }),
);

Deno.test(
  "race() that is cancelled cancels all, waits for them, then throws",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(() => told(race([after(100, "a", log), after(100, "b", log)])));
    world.settle();
    fiber.cancel("why");
    world.settle();
    assertEquals([fiber.result(), log], ["cancelled by why", ["a cancelled", "b cancelled"]]);
  }),
);

/** How each ended, in a word. */
function endsOf(outcomes: readonly PromiseSettledResult<unknown>[]): string[] {
  return outcomes.map((outcome) => String(outcome.status === "fulfilled" ? outcome.value : (outcome.reason as Error).message));
}

Deno.test(
  "allSettled() tells how all ended, in order, and a failure cancels nobody",
  simulated((world) => {
    const log: string[] = [];
    const outcomes = world.run(() =>
      allSettled([after(30, "a", log), failing(10, "b fails"), after(20, "c", log), failing(40, "d fails")])
    );
    assertEquals([endsOf(outcomes), log], [["a", "b fails", "c", "d fails"], ["c done", "a done"]]);
  }),
);

Deno.test("allSettled() of nothing gives nothing, at once", simulated((world) => assertEquals([world.run(() => allSettled([]))], [[]])));

Deno.test(
  "allSettled() tells of a body that somebody cancelled, and names its fibers by their place",
  simulated((world) => {
    let second!: Fiber<unknown>;
    const fiber = world.spawn(() =>
      allSettled([after(10, "a"), function* () {
        second = Fiber.current!;
        yield* suspend();
      }])
    );
    world.settle();
    assertEquals(second.name, "allSettled[1]");
    second.cancel("not you");
    world.pass(10);
    const outcomes = fiber.result();
    assert(outcomes[1].status === "rejected" && outcomes[1].reason instanceof CancelledError);
    assertEquals([endsOf(outcomes)[0], outcomes[1].reason.reason], ["a", "not you"]);
  }),
);

Deno.test(
  "allSettled() that is cancelled cancels all, waits for them and reports their failures, then throws",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(() => told(allSettled([after(100, "a", log), failing(10, "b fails"), after(5, "c", log)])), { name: "main" });
    world.settle();
    world.pass(20);
    fiber.cancel("why");
    world.settle();
    assertEquals([fiber.result(), log], ["cancelled by why", ["c done", "a cancelled"]]);
    assertEquals(world.takeMessages(), ["fiber 'main > allSettled[1]': b fails"]);
  }),
);

Deno.test(
  "any() gives the value of the first to succeed, when the others have been cancelled and have ended",
  simulated((world) => {
    const log: string[] = [];
    const value = world.run(() => any([after(30, "a", log), failing(5, "b fails"), after(10, "c", log), after(20, "d", log)]));
    assertEquals([value, log], ["c", ["c done", "a cancelled", "d cancelled"]]);
    assertEquals(world.takeMessages(), []);
  }),
);

Deno.test(
  "any() counts the one that stands first of those that succeeded together",
  simulated((world) => {
    function* soon(value: string): Operation<string> {
      yield* yieldNow();
      return value;
    }
    assertEquals(world.run(() => any([failing(0, "a fails"), () => soon("b"), () => soon("c")])), "b");
  }),
);

Deno.test(
  "any() throws all errors, in order, when all have failed",
  simulated((world) => {
    const errors = world.run(function* () {
      try {
        return yield* any([failing(20, "a fails"), failing(10, "b fails"), failing(30, "c fails")]);
      } catch (error) {
        assert(error instanceof AggregateError);
        assertEquals(error.message, "Cannot get a value from any of 3 bodies: all have failed");
        return error.errors.map(({ message }) => message);
      }
    });
    assertEquals(errors, ["a fails", "b fails", "c fails"]);
  }),
);

Deno.test(
  "any() waits for a loser that takes its time, and reports one that fails then, but none that failed before",
  simulated((world) => {
    const log: string[] = [];
    const value = world.run(() =>
      any([after(10, "a", log), failing(5, "b fails"), function* slow(): Operation<string> {
        try {
          yield* suspend();
        } catch {
          yield* sleep(50);
          log.push("slow one ended");
          throw new RangeError("too late");
        }
        return "never";
      }]), { name: "main" });
    assertEquals([value, log], ["a", ["a done", "slow one ended"]]);
    assertEquals(world.takeMessages(), ["fiber 'main > slow': too late"]);
  }),
);

Deno.test(
  "any() that is cancelled, or whose deadline passes, cancels all, waits for them, then throws",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(() => told(any([after(100, "a", log), failing(5, "b fails"), after(100, "c", log)])));
    world.settle();
    world.pass(10);
    fiber.cancel("why");
    world.settle();
    assertEquals([fiber.result(), log], ["cancelled by why", ["a cancelled", "c cancelled"]]);
    assertEquals(world.run(() => told(withTimeout(10, () => any([after(100, "d", log)])))), "deadline");
    assertEquals(log.at(-1), "d cancelled");
  }),
);

for (const [name, together] of [["all", all], ["allSettled", allSettled], ["any", any], ["race", race]] as const) {
  Deno.test(
    `${name}() throws what is queued before it asks for bodies, and runs none`,
    simulated((world) => {
      let ran = 0;
      const fiber: Fiber<string[]> = world.spawn(function* () {
        const seen: string[] = [];
        for (
          const bodies of [[], [function* () {
            ran++;
          }]]
        ) {
          fiber.resumeWithError(new CancelledError("queued"));
          seen.push(yield* told(together(bodies)));
          fiber.resumeWithError(new RangeError("ordinary"));
          seen.push(yield* told(together(bodies)));
        }
        return seen;
      });
      world.settle();
      assertEquals([fiber.result(), ran], [["cancelled by queued", "ordinary", "cancelled by queued", "ordinary"], 0]);
    }),
  );
}

for (const [name, together] of [["race", race], ["any", any]] as const) {
  Deno.test(
    `${name}() of nothing is EINVAL: nothing would ever end`,
    simulated((world) => {
      const fiber = world.spawn(() => together([]));
      fiber.addCallback(() => {});
      world.settle();
      assert(fiber.outcome?.status === "rejected");
      assertEquals((fiber.outcome.reason as SystemError).code, "EINVAL");
    }),
  );
}

Deno.test(
  "race() of futures leaves the losers alone: a wait that is cancelled does not cancel its target",
  simulated((world) => {
    const loser = Future.withResolvers<string>(world.loop);
    const winner = relativeTimeFuture(world.loop, 5, { outcome: { status: "fulfilled", value: "winner" } });
    assertEquals(world.run(() => race([loser.future, winner])), "winner");
    assertEquals(loser.future.state, "pending");
  }),
);

for (const how of ["resume", "resumeWithError"] as const) {
  for (const [name, together] of [["all", all], ["allSettled", allSettled], ["any", any], ["race", race]] as const) {
    Deno.test(
      `${name}() whose fiber is woken by a stray ${how}() ends its bodies before it throws`,
      simulated((world) => {
        const log: string[] = [];
        const fiber = world.spawn(function* () {
          const result = yield* told(together([after(100, "a", log), after(200, "b", log)]));
          log.push("ended");
          return result;
        });
        world.settle();
        if (how === "resume") fiber.resume(5);
        else fiber.resumeWithError(new RangeError("stray"));
        world.settle();
        assertEquals(log, ["a cancelled", "b cancelled", "ended"]);
        assertEquals(
          fiber.result(),
          how === "resume" ? "The fiber was woken by somebody's resume() while it waited for a future" : "stray",
        );
      }),
    );
  }
}

Deno.test(
  "all() and race() nest",
  simulated((world) => {
    const value = world.run(() => all([() => race([after(10, "a"), after(5, "b")]), () => all([after(1, "c"), after(2, "d")])]));
    assertEquals(value, ["b", ["c", "d"]]);
  }),
);

Deno.test(
  "all() gives the very error",
  simulated((world) => {
    const error = new RangeError();
    const fiber = world.spawn(() =>
      all([function* () {
        throw error;
      }])
    );
    fiber.addCallback(() => {});
    world.settle();
    assert(fiber.outcome?.status === "rejected");
    assertStrictEquals(fiber.outcome.reason, error);
  }),
);

for (const [name, combine] of [["race", race], ["any", any]] as const) {
  Deno.test(
    `${name}() that is interrupted when there is a winner gives its value, and the interruption comes at the next suspension`,
    simulated((world) => {
      const log: string[] = [];
      function* slow(): Operation<string> {
        try {
          return yield* after(1_000, "slow")();
        } finally {
          yield* shield(() => sleep(100));
          log.push("cleaned up");
        }
      }
      const fiber = world.spawn(function* () {
        log.push(yield* combine([after(1, "quick"), slow]));
        log.push(yield* told(suspend()));
      });
      world.settle();
      world.pass(1);
      world.pass(10);
      fiber.cancel("enough");
      world.pass(100);
      assertEquals(log, ["cleaned up", "quick", "cancelled by enough"]);
      assertEquals(fiber.state, "resolved");
    }),
  );
}
