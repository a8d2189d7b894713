/**
 * Clean-up that interruptions from outside do not cut short.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  checkInterrupted,
  type Fiber,
  Future,
  type Operation,
  shield,
  sleep,
  suspend,
  SystemError,
  TimeoutError,
  timeoutScope,
  yieldNow,
} from "@sd/fibers";
import { codeOf, simulated } from "../_simulation.ts";

/** What an operation comes to. */
function* told(operation: Operation<unknown>): Operation<string> {
  try {
    yield* operation;
    return "nothing";
  } catch (error) {
    return error instanceof CancelledError
      ? `cancel ${error.reason}`
      : error instanceof TimeoutError
      ? "deadline"
      : (error as SystemError).code;
  }
}

Deno.test(
  "shield() returns what the body returns, and throws what it throws",
  simulated((world) => {
    const value = world.run(() =>
      shield(function* () {
        yield* yieldNow();
        return "value";
      })
    );
    assertEquals(value, "value");
    assertThrows(() =>
      world.run(() =>
        shield(function* (): Operation<void> {
          yield* yieldNow();
          throw new RangeError("of the body");
        })
      ), RangeError);
  }),
);

Deno.test(
  "shield() holds a cancellation back until the body has ended, then it comes once",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const inside = yield* shield(function* () {
        return [yield* told(sleep(10)), yield* told(sleep(10))];
      });
      return [...inside, yield* told(yieldNow()), yield* told(yieldNow())];
    });
    world.settle();
    assertEquals([fiber.cancel("first"), fiber.cancel("second")], [true, false]);
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), ["nothing", "nothing", "cancel first", "nothing"]);
  }),
);

Deno.test(
  "shield() does not wake the fiber for a cancellation",
  simulated((world) => {
    const fiber = world.spawn(() => shield(() => sleep(10)));
    world.settle();
    fiber.cancel();
    assertEquals([world.settle(), fiber.status, fiber.cancelled], [0, "suspended", true]);
    world.pass(10);
    assertEquals(fiber.state, "resolved");
  }),
);

Deno.test(
  "shield() holds back what was queued before it, too",
  simulated((world) => {
    const fiber: Fiber<string[]> = world.spawn(function* () {
      fiber.resumeWithError(new CancelledError("before"));
      const inside = yield* shield(() => told(sleep(10)));
      return [inside, yield* told(yieldNow())];
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), ["nothing", "cancel before"]);
  }),
);

Deno.test(
  "shield() holds back a deadline that was queued before it, too",
  simulated((world) => {
    const target = Future.withResolvers<string>(world.loop);
    const fiber: Fiber<string[]> = world.spawn(function* () {
      using _deadline = timeoutScope(10);
      fiber.setPriority(1);
      yield* target.future;
      const inside = yield* told(shield(sleep(10)));
      return [inside, yield* told(yieldNow())];
    });
    world.settle();
    target.resolve("in time");
    world.kernel.advance(10);
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), ["nothing", "deadline"]);
  }),
);

Deno.test(
  "shield() in a finally lets the clean-up suspend after a completed wait that a cancellation met",
  simulated((world) => {
    const target = Future.withResolvers<string>(world.loop);
    const log: string[] = [];
    const fiber = world.spawn(function* () {
      try {
        log.push(yield* target.future);
      } finally {
        yield* shield(function* () {
          yield* sleep(10);
          log.push("cleaned up");
        });
      }
      checkInterrupted();
    });
    fiber.addCallback(() => {});
    world.settle();
    target.resolve("value");
    fiber.cancel();
    world.runUntil(() => fiber.state === "resolved");
    assertEquals([log, codeOf(() => fiber.result())], [["value", "cleaned up"], "ECANCELED"]);
  }),
);

Deno.test(
  "shield() holds a deadline from outside back, and forgets it when a cancellation comes",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      using _scope = timeoutScope(5);
      const inside = yield* shield(() => told(sleep(20)));
      return [inside, yield* told(yieldNow()), yield* told(yieldNow())];
    });
    const other = world.spawn(function* () {
      using _scope = timeoutScope(5);
      const inside = yield* shield(() => told(sleep(20)));
      return [inside, yield* told(yieldNow()), yield* told(yieldNow())];
    });
    world.settle();
    world.pass(10);
    other.cancel("later");
    world.pass(10);
    assertEquals(fiber.result(), ["nothing", "deadline", "nothing"]);
    assertEquals(other.result(), ["nothing", "cancel later", "nothing"]);
  }),
);

Deno.test(
  "A deadline that is opened inside of shield() interrupts its body",
  simulated((world) => {
    const fiber = world.spawn(() =>
      shield(function* () {
        using _scope = timeoutScope(5);
        return yield* told(sleep(20));
      })
    );
    world.settle();
    fiber.cancel();
    world.pass(5);
    assertEquals(fiber.result(), "deadline");
  }),
);

Deno.test(
  "A deadline from outside that is closed inside of shield() is not told of after it",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const scope = timeoutScope(5);
      yield* shield(function* () {
        yield* sleep(10);
        scope[Symbol.dispose]();
      });
      return yield* told(yieldNow());
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), "nothing");
  }),
);

Deno.test(
  "shield() lets values and errors through",
  simulated((world) => {
    const fiber = world.spawn(() =>
      shield(function* () {
        return [yield* suspend(), yield* told(suspend())];
      })
    );
    world.settle();
    fiber.resume("value");
    world.settle();
    fiber.resumeWithError(new SystemError("EIO"));
    world.settle();
    assertEquals(fiber.result(), ["value", "EIO"]);
  }),
);

Deno.test(
  "shield() with a grace lets go when that is over: what it held comes then, and later ones at once",
  simulated((world) => {
    const fiber = world.spawn(() =>
      shield(function* () {
        return [yield* told(sleep(30)), world.loop.now(), yield* told(suspend())];
      }, { grace: 10 })
    );
    const start = world.loop.now();
    world.settle();
    fiber.cancel("held");
    world.pass(9);
    assertEquals(fiber.status, "suspended");
    world.pass(1);
    fiber.cancel("later");
    world.settle();
    assertEquals(fiber.result(), ["cancel held", start + 10, "cancel later"]);
  }),
);

Deno.test(
  "shield() with a grace that is not needed leaves no timer behind",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      yield* shield(() => sleep(5), { grace: 1_000_000 });
      return yield* told(yieldNow());
    });
    world.settle();
    world.pass(5);
    assertEquals(fiber.result(), "nothing");
    world.loop.exitOnIdle = true;
    world.settle();
    assertEquals(world.loop.state, "finished");
  }),
);

Deno.test(
  "shield() in shield(): the inner one's grace lets go to the outer one",
  simulated((world) => {
    const fiber = world.spawn(() =>
      shield(function* () {
        const inner = yield* shield(() => told(sleep(20)), { grace: 5 });
        return [inner, yield* told(sleep(20))];
      }, { grace: 30 })
    );
    world.settle();
    fiber.cancel("why");
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), ["nothing", "cancel why"]);
  }),
);

Deno.test(
  "shield() is closed when its body fails: what it held comes afterwards",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const inside = yield* told(shield(function* (): Operation<void> {
        yield* sleep(5);
        throw new SystemError("EIO");
      }));
      return [inside, yield* told(yieldNow())];
    });
    world.settle();
    fiber.cancel("held");
    world.pass(5);
    assertEquals(fiber.result(), ["EIO", "cancel held"]);
  }),
);

Deno.test(
  "shield() holds nothing back in the exit phase",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(() =>
      shield(function* () {
        log.push(yield* told(suspend()));
      })
    );
    world.settle();
    world.exit();
    assertEquals(log.length, 1);
    assertEquals(log[0].startsWith("cancel"), true);
  }),
);

Deno.test(
  "shield() that held a cancellation when exit was asked for is interrupted by the exit",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(function* () {
      yield* shield(function* () {
        log.push(yield* told(suspend()));
      });
      log.push(yield* told(yieldNow()));
    });
    world.settle();
    fiber.cancel("held");
    world.exit();
    assertEquals(log.map((line) => line.split(" ")[0]), ["cancel", "cancel"]);
  }),
);

Deno.test(
  "checkInterrupted() inside of shield() throws nothing, after it what was held",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const inside = yield* shield(function* () {
        yield* sleep(5);
        return codeOf(checkInterrupted);
      });
      return [inside, codeOf(checkInterrupted), codeOf(checkInterrupted)];
    });
    world.settle();
    fiber.cancel();
    world.pass(5);
    assertEquals(fiber.result(), [undefined, "ECANCELED", undefined]);
  }),
);

Deno.test(
  "cancelWait() inside of shield() is not interrupted from outside: no extra cancel",
  simulated((world) => {
    let asked = 0;
    const target = Future.withResolvers<void>(world.loop, { cancel: () => void asked++ });
    const fiber = world.spawn(function* () {
      yield* shield(() => cancelWait(target.future));
      return yield* told(yieldNow());
    });
    world.settle();
    fiber.cancel("why");
    world.settle();
    assertEquals([asked, fiber.status], [1, "suspended"]);
    target.resolve();
    world.settle();
    assertEquals(fiber.result(), "cancel why");
  }),
);

Deno.test(
  "shield() refuses what is no time",
  simulated((world) => {
    assertEquals(world.run(() => told(shield(sleep(1), { grace: -1 }))), "EINVAL");
    assertEquals(world.run(() => told(shield(sleep(1), { graceUsec: 1 } as never))), "EINVAL");
  }),
);
