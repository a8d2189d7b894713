/**
 * Deadlines: when they expire, who is told, and what closing them does.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  CancelledError,
  type Fiber,
  Future,
  type Operation,
  sleep,
  suspend,
  SystemError,
  TimeoutError,
  type TimeoutScope,
  timeoutScope,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { codeOf, simulated, type Simulation } from "../_simulation.ts";

/** What a suspension comes to: a value, a cancellation, or whose deadline it was. */
function* told(scopes: Readonly<Record<string, TimeoutScope>>, operation: Operation<unknown> = suspend()): Operation<string> {
  try {
    yield* operation;
    return "nothing";
  } catch (error) {
    if (error instanceof CancelledError) return "cancelled";
    if (!(error instanceof TimeoutError)) return (error as SystemError).code;
    return Object.keys(scopes).find((name) => scopes[name] === error.scope) ?? "nobody's";
  }
}

/** Resumes a fiber that suspends without a limit, so that it goes on. */
function goOn(world: Simulation, fiber: Fiber<unknown>): void {
  world.settle();
  fiber.resume();
  world.settle();
}

Deno.test(
  "A deadline interrupts a fiber that is suspended",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      using scope = timeoutScope(10);
      return [yield* told({ scope }), scope.expired, world.loop.now()];
    });
    world.settle();
    const start = world.loop.now();
    world.pass(9);
    assertEquals(fiber.status, "suspended");
    world.pass(1);
    assertEquals(fiber.result(), ["scope", true, start + 10]);
  }),
);

Deno.test(
  "A deadline that expires while the fiber is ready comes at its next suspension",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      using scope = timeoutScope(10);
      fiber.setPriority(100);
      return [yield* told({ scope }), yield* told({ scope }, yieldNow())];
    });
    world.settle();
    fiber.resume("early");
    world.kernel.advance(10);
    world.tick(2);
    assertEquals(fiber.status, "ready");
    world.settle();
    assertEquals(fiber.result(), ["scope", "nothing"]);
  }),
);

Deno.test(
  "A deadline whose time comes while the fiber runs is told of at its next suspension",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      using scope = timeoutScope(10);
      world.kernel.advance(10);
      return [scope.expired, yield* told({ scope }), yield* told({ scope }, yieldNow())];
    });
    world.settle();
    assertEquals(fiber.result(), [false, "scope", "nothing"]);
  }),
);

Deno.test(
  "A deadline of 0 does not fire inline",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      using scope = timeoutScope(0);
      const { expired } = scope;
      return [expired, yield* told({ scope })];
    });
    world.settle();
    assertEquals(fiber.result(), [false, "scope"]);
  }),
);

Deno.test(
  "A deadline at Infinity is none",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      using scope = timeoutScope(Infinity);
      return [yield* told({ scope }), scope.expired];
    });
    world.settle();
    world.pass(1e12);
    goOn(world, fiber);
    assertEquals(fiber.result(), ["nothing", false]);
  }),
);

Deno.test(
  "A deadline is told of once: later waits in its scope have none",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      using scope = timeoutScope(10);
      return [yield* told({ scope }), yield* told({ scope }, sleep(1_000)), yield* told({ scope }), scope.expired];
    });
    world.settle();
    world.pass(10);
    world.pass(1_000);
    goOn(world, fiber);
    assertEquals(fiber.result(), ["scope", "nothing", "nothing", true]);
  }),
);

Deno.test(
  "A deadline that is closed in time leaves no trace",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const scope = timeoutScope(10);
      yield* sleep(5);
      scope[Symbol.dispose]();
      const seen = yield* told({ scope }, sleep(100));
      scope[Symbol.dispose]();
      return [seen, scope.expired];
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), ["nothing", false]);
  }),
);

Deno.test(
  "A deadline that expired, and that nobody has been told of yet, is forgotten when it is closed",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      const target = Future.withResolvers<string>(world.loop);
      const scope = timeoutScope(10);
      fiber.setPriority(100);
      world.loop.addTimeRelative("monotonic", 5, () => target.resolve("value"), { accuracy: 1 });
      const value = yield* target.future;
      const { expired } = scope;
      scope[Symbol.dispose]();
      return [value, expired, yield* told({ scope }, yieldNow())];
    });
    world.settle();
    world.kernel.advance(10);
    world.settle();
    assertEquals(fiber.result(), ["value", true, "nothing"]);
  }),
);

Deno.test(
  "A deadline whose timer has fired, and whose fiber is not told yet, dies with its scope: nothing is queued",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      const scope = timeoutScope(10);
      yield* suspend();
      const { expired } = scope;
      scope[Symbol.dispose]();
      // Also when the turn of its callback would have come.
      return [expired, yield* told({ scope }, yieldNow()), yield* told({ scope }, sleep(5))];
    }, { priority: 1 });
    world.settle();
    world.kernel.advance(10);
    world.tick();
    fiber.setPriority(-1);
    fiber.resume();
    world.settle();
    world.pass(5);
    assertEquals(fiber.result(), [true, "nothing", "nothing"]);
  }),
);

Deno.test(
  "Closing a deadline never drops a cancellation",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      const target = Future.withResolvers<string>(world.loop);
      const scope = timeoutScope(10);
      fiber.setPriority(100);
      world.loop.addTimeRelative("monotonic", 5, () => target.resolve("value"), { accuracy: 1 });
      const value = yield* target.future;
      scope[Symbol.dispose]();
      return [value, yield* told({ scope }, yieldNow()), yield* told({ scope }, yieldNow())];
    });
    world.settle();
    world.kernel.advance(10);
    world.tick(3);
    fiber.cancel();
    world.settle();
    assertEquals(fiber.result(), ["value", "cancelled", "nothing"]);
  }),
);

Deno.test(
  "The wait that completed wins against a deadline, which comes at the next suspension in the scope",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      const target = Future.withResolvers<string>(world.loop);
      using scope = timeoutScope(10);
      fiber.setPriority(100);
      world.loop.addTimeRelative("monotonic", 10, () => target.resolve("value"), { accuracy: 1 });
      return [yield* target.future, yield* told({ scope }), yield* told({ scope }, yieldNow())];
    });
    world.settle();
    world.pass(10);
    assertEquals(fiber.result(), ["value", "scope", "nothing"]);
  }),
);

Deno.test(
  "Deadlines nest: the inner one comes first, and the outer one counts on",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      using outer = timeoutScope(20);
      const seen: string[] = [];
      {
        using inner = timeoutScope(10);
        seen.push(yield* told({ inner, outer }));
      }
      seen.push(yield* told({ outer }), yield* told({ outer }, yieldNow()));
      return seen;
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), ["inner", "outer", "nothing"]);
  }),
);

Deno.test(
  "Deadlines nest: the outer one interrupts the inner scope, and says that it was the outer",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      using outer = timeoutScope(10);
      using inner = timeoutScope(20);
      return [yield* told({ inner, outer }), inner.expired, outer.expired, yield* told({ inner, outer }), inner.expired];
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), ["outer", false, true, "inner", true]);
  }),
);

Deno.test(
  "Deadlines that have expired together are told of once, as the outermost",
  simulated((world) => {
    for (const [outerUsec, innerUsec] of [[10, 10], [9, 10], [10, 9], [10, 1]]) {
      const fiber: Fiber<unknown> = world.spawn(function* () {
        using outer = timeoutScope(outerUsec);
        using middle = timeoutScope(Infinity);
        using inner = timeoutScope(innerUsec);
        fiber.setPriority(100);
        const scopes = { outer, middle, inner };
        return [yield* told(scopes), yield* told(scopes, sleep(1)), inner.expired, outer.expired];
      });
      world.settle();
      world.kernel.advance(10);
      world.settle();
      world.pass(1);
      assertEquals(fiber.result(), ["outer", "nothing", true, true], `${outerUsec}, ${innerUsec}`);
    }
  }),
);

Deno.test(
  "An outer deadline that was told of before its own callback came is not told of again",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      fiber.setPriority(5);
      using outer = timeoutScope(10);
      fiber.setPriority(0);
      using inner = timeoutScope(11);
      const scopes = { outer, inner };
      return [yield* told(scopes), yield* told(scopes, sleep(5)), yield* told(scopes, sleep(5))];
    });
    world.settle();
    world.kernel.advance(10);
    world.tick();
    world.kernel.advance(1);
    world.settle();
    world.pass(5);
    world.pass(5);
    assertEquals(fiber.result(), ["outer", "nothing", "nothing"]);
  }),
);

Deno.test(
  "Closing the inner of two expired deadlines leaves the outer one queued",
  simulated((world) => {
    for (const [outerUsec, innerUsec] of [[10, 10], [9, 10], [10, 9]]) {
      const fiber: Fiber<unknown> = world.spawn(function* () {
        const target = Future.withResolvers<string>(world.loop);
        using outer = timeoutScope(outerUsec);
        const inner = timeoutScope(innerUsec);
        fiber.setPriority(100);
        world.loop.addTimeRelative("monotonic", 5, () => target.resolve("value"), { accuracy: 1 });
        yield* target.future;
        inner[Symbol.dispose]();
        return [yield* told({ outer, inner }, yieldNow()), yield* told({ outer, inner }, yieldNow())];
      });
      world.settle();
      world.kernel.advance(10);
      world.settle();
      assertEquals(fiber.result(), ["outer", "nothing"], `${outerUsec}, ${innerUsec}`);
    }
  }),
);

Deno.test(
  "Closing the inner deadline, expired, drops it when the outer one has not",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      const target = Future.withResolvers<string>(world.loop);
      using outer = timeoutScope(1_000);
      const inner = timeoutScope(10);
      fiber.setPriority(100);
      world.loop.addTimeRelative("monotonic", 5, () => target.resolve("value"), { accuracy: 1 });
      yield* target.future;
      inner[Symbol.dispose]();
      return [yield* told({ outer, inner }, yieldNow()), yield* told({ outer, inner })];
    });
    world.settle();
    world.kernel.advance(10);
    world.settle();
    world.pass(1_000);
    assertEquals(fiber.result(), ["nothing", "outer"]);
  }),
);

Deno.test(
  "Closing the inner deadline does not repeat an outer one that the fiber was told of",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      const target = Future.withResolvers<string>(world.loop);
      using outer = timeoutScope(10);
      const seen = [yield* told({ outer })];
      const inner = timeoutScope(10);
      fiber.setPriority(100);
      world.loop.addTimeRelative("monotonic", 5, () => target.resolve("value"), { accuracy: 1 });
      yield* target.future;
      inner[Symbol.dispose]();
      return [...seen, yield* told({ outer, inner }, yieldNow())];
    });
    world.settle();
    world.pass(10);
    world.pass(10);
    assertEquals(fiber.result(), ["outer", "nothing"]);
  }),
);

Deno.test(
  "Scopes are closed in reverse order of opening, else EINVAL and they stay open; closing twice does nothing",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const outer = timeoutScope(10);
      const inner = timeoutScope(20);
      const code = codeOf(() => outer[Symbol.dispose]());
      const seen = [yield* told({ outer, inner }), yield* told({ outer, inner })];
      inner[Symbol.dispose]();
      inner[Symbol.dispose]();
      outer[Symbol.dispose]();
      outer[Symbol.dispose]();
      return [code, ...seen];
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), ["EINVAL", "outer", "inner"]);
  }),
);

Deno.test(
  "timeoutScope() refuses what is no time, and leaves nothing open",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const codes = [-1, 0.5, NaN].map((usec) => codeOf(() => timeoutScope(usec)));
      codes.push(codeOf(() => timeoutScope(Number.MAX_SAFE_INTEGER)));
      using scope = timeoutScope(5);
      scope[Symbol.dispose]();
      yield* yieldNow();
      return codes;
    });
    world.settle();
    assertEquals(fiber.result(), ["EINVAL", "EINVAL", "EINVAL", "EOVERFLOW"]);
  }),
);

Deno.test(
  "Deadlines have the priority of their fiber",
  simulated((world) => {
    const order: string[] = [];
    const waiting = (name: string) =>
      function* () {
        using _scope = timeoutScope(10);
        try {
          yield* suspend();
        } catch {
          order.push(name);
        }
      };
    world.spawn(waiting("idle"), { priority: 5 });
    world.spawn(waiting("important"), { priority: -5 });
    world.settle();
    world.pass(10);
    assertEquals(order, ["important", "idle"]);
  }),
);

Deno.test(
  "withTimeout() returns what the body returns in time",
  simulated((world) => {
    const value = world.run(() =>
      withTimeout(10, function* () {
        yield* sleep(9);
        return "in time";
      })
    );
    assertEquals(value, "in time");
  }),
);

Deno.test(
  "withTimeout() takes an operation, too",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    world.loop.addTimeRelative("monotonic", 5, () => resolve("value"), { accuracy: 1 });
    assertEquals(world.run(() => withTimeout(10, future)), "value");
  }),
);

Deno.test(
  "withTimeout() throws TimeoutError of its own scope when the time is over, with the code ETIME",
  simulated((world) => {
    const fiber = world.spawn(() => withTimeout(10, suspend));
    fiber.addCallback(() => {});
    world.settle();
    world.pass(10);
    assert(fiber.outcome?.status === "rejected");
    assertInstanceOf(fiber.outcome.reason, TimeoutError);
    assertEquals([fiber.outcome.reason.code, fiber.outcome.reason.scope?.expired], ["ETIME", true]);
  }),
);

Deno.test(
  "withTimeout() runs `otherwise` if it was its own deadline, outside of it",
  simulated((world) => {
    const value = world.run(() =>
      withTimeout(10, suspend, function* () {
        yield* sleep(100);
        return "default";
      })
    );
    assertEquals(value, "default");
  }),
);

Deno.test(
  "withTimeout() in another: whichever expires first, its own `otherwise` runs",
  simulated((world) => {
    const nested = (outer: number, inner: number) => () =>
      withTimeout(outer, () => withTimeout(inner, suspend, () => told({}, yieldNow())), function* () {
        yield* yieldNow();
        return "outer";
      });
    assertEquals([world.run(nested(10, 5)), world.run(nested(5, 10))], ["nothing", "outer"]);
  }),
);

Deno.test(
  "withTimeout() passes the body's error on, and does not take a foreign ETIME for its own",
  simulated((world) => {
    const foreign = new SystemError("ETIME", "of the body's own");
    const fiber = world.spawn(() =>
      withTimeout(10, function* (): Operation<never> {
        yield* yieldNow();
        throw foreign;
      }, function* () {
        yield* yieldNow();
        return "default";
      })
    );
    fiber.addCallback(() => {});
    world.settle();
    assert(fiber.outcome?.status === "rejected");
    assertStrictEquals(fiber.outcome.reason, foreign);
  }),
);

Deno.test(
  "withTimeout() of a body that swallows the deadline returns what it returns",
  simulated((world) => {
    const value = world.run(() =>
      withTimeout(10, function* () {
        const seen = yield* told({});
        return `swallowed: ${seen}`;
      })
    );
    assertEquals(value, "swallowed: nobody's");
  }),
);

Deno.test(
  "withTimeout() that is cancelled is cancelled, also as its deadline expires",
  simulated((world) => {
    const fiber: Fiber<unknown> = world.spawn(function* () {
      fiber.setPriority(100);
      return yield* told({}, withTimeout(10, suspend, () => told({}, yieldNow())));
    });
    world.settle();
    world.kernel.advance(10);
    world.tick(2);
    fiber.cancel();
    world.settle();
    assertEquals(fiber.result(), "cancelled");
  }),
);

Deno.test(
  "Code after withTimeout() has no deadline left",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const seen: unknown[] = [];
      for (let i = 0; i < 20; i++) {
        seen.push(
          yield* withTimeout(10, () => sleep(10), function* () {
            yield* yieldNow();
            return "late";
          }),
        );
        seen.push(yield* told({}, sleep(20)));
      }
      return seen.filter((each) => each !== undefined && each !== "late" && each !== "nothing");
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), []);
  }),
);

Deno.test(
  "A thousand deadlines deep, each is told of in its turn from the inside when they expire so",
  simulated((world) => {
    const depth = 1_000;
    const fiber = world.spawn(function* () {
      const scopes = Array.from({ length: depth }, (_, index) => timeoutScope(10 * (depth - index)));
      const order: number[] = [];
      while (scopes.length > 0) {
        try {
          yield* suspend();
        } catch (error) {
          assertInstanceOf(error, TimeoutError);
          order.push(scopes.indexOf(error.scope!));
          scopes.pop()![Symbol.dispose]();
        }
      }
      return order;
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), Array.from({ length: depth }, (_, index) => depth - 1 - index));
  }),
);
