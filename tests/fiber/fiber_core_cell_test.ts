// deno-lint-ignore-file require-yield
/**
 * What lies queued for a fiber: which of two wins, who takes it out, and that it comes once.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  CancelledError,
  checkInterrupted,
  type Fiber,
  Future,
  isInterruption,
  type Operation,
  sleep,
  suspend,
  SystemError,
  TimeoutError,
  timeoutScope,
  yieldNow,
} from "@sd/fibers";
import { errorOf, simulated, type Simulation } from "../_simulation.ts";

/** What a suspension comes to, in a word. */
function* outcomeOf(operation: Operation<unknown> = suspend()): Operation<string> {
  try {
    const value = yield* operation;
    return `value ${value}`;
  } catch (error) {
    if (error instanceof CancelledError) return `cancel ${error.reason}`;
    if (error instanceof TimeoutError) return "deadline";
    return `error ${(error as Error).message}`;
  }
}

/** Suspended under two deadlines, of 10 and 20 microseconds; it runs after everything else, so that much can be queued before. */
function startSuspended(world: Simulation): Fiber<string[]> {
  const fiber: Fiber<string[]> = world.spawn(function* () {
    using _outer = timeoutScope(10);
    using _inner = timeoutScope(20);
    fiber.setPriority(100);
    return [yield* outcomeOf(), yield* outcomeOf()];
  });
  world.settle();
  return fiber;
}

const queueing: Record<string, (world: Simulation, fiber: Fiber<unknown>, mark: string) => void> = {
  nothing: () => {},
  value: (_world, fiber, mark) => fiber.resume(mark),
  error: (_world, fiber, mark) => fiber.resumeWithError(new RangeError(mark)),
  cancel: (_world, fiber, mark) => void fiber.cancel(mark),
  deadline(world) {
    world.kernel.advance(10);
    world.tick(2);
  },
};

/** What is delivered, of what was queued first and what came then. */
const precedence: Record<string, Record<string, string>> = {
  nothing: { cancel: "cancel new", deadline: "deadline", value: "value new", error: "error new" },
  value: { cancel: "cancel new", deadline: "deadline", value: "value new", error: "error new" },
  error: { cancel: "cancel new", deadline: "deadline", value: "value new", error: "error new" },
  deadline: { cancel: "cancel new", deadline: "deadline", value: "deadline", error: "deadline" },
  cancel: { cancel: "cancel old", deadline: "cancel old", value: "cancel old", error: "cancel old" },
};

for (const [queued, row] of Object.entries(precedence)) {
  for (const [added, delivered] of Object.entries(row)) {
    Deno.test(
      `With ${queued} queued, ${added} that comes leads to ${delivered}, once`,
      simulated((world) => {
        const fiber = startSuspended(world);
        queueing[queued](world, fiber, "old");
        queueing[added](world, fiber, "new");
        world.settle();
        assertEquals([fiber.status, world.settle()], ["suspended", 0]);
        fiber.resume("afterwards");
        world.settle();
        assertEquals(fiber.result(), [delivered, "value afterwards"]);
      }),
    );
  }
}

Deno.test(
  "What is queued while the fiber runs ends its next suspension at once, so that others do not get to run",
  simulated((world) => {
    let others = 0;
    const fiber: Fiber<[string, number]> = world.spawn(function* () {
      fiber.resume(7);
      return [yield* outcomeOf(), others];
    });
    world.spawn(function* () {
      others++;
    });
    world.settle();
    assertEquals([fiber.result(), others], [["value 7", 0], 1]);
  }),
);

Deno.test(
  "Resuming without a value delivers undefined",
  simulated((world) => {
    const fiber = world.spawn(() => suspend());
    world.settle();
    fiber.resume();
    world.settle();
    assertEquals(fiber.outcome, { status: "fulfilled", value: undefined });
  }),
);

Deno.test(
  "After a cancellation was delivered the fiber goes on: further waits are not interrupted by it again",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const seen = [yield* outcomeOf()];
      for (let i = 0; i < 3; i++) seen.push(yield* outcomeOf(sleep(10)));
      return seen;
    });
    world.settle();
    fiber.cancel("once");
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), ["cancel once", "value undefined", "value undefined", "value undefined"]);
  }),
);

Deno.test(
  "A fiber that ignores its cancellation goes on until it is cancelled again",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      return [yield* outcomeOf(), yield* outcomeOf(), yield* outcomeOf()];
    });
    world.settle();
    for (const reason of ["first", "second", "third"]) {
      assertEquals(fiber.cancel(reason), true);
      world.settle();
    }
    assertEquals(fiber.result(), ["cancel first", "cancel second", "cancel third"]);
  }),
);

Deno.test(
  "No stale value survives a cancellation",
  simulated((world) => {
    const fiber = startSuspended(world);
    fiber.resume("stale");
    fiber.cancel("now");
    world.settle();
    fiber.resume("fresh");
    world.settle();
    assertEquals(fiber.result(), ["cancel now", "value fresh"]);
  }),
);

Deno.test(
  "CancelledError carries the reason; the error of resumeWithError is the very one",
  simulated((world) => {
    const reason = { why: "because" };
    const given = new CancelledError("given");
    const fiber = world.spawn(function* () {
      const seen: unknown[] = [];
      for (let i = 0; i < 3; i++) {
        try {
          yield* suspend();
        } catch (error) {
          seen.push(error);
        }
      }
      return seen;
    });
    const ordinary = new RangeError();
    world.settle();
    fiber.cancel(reason);
    world.settle();
    fiber.resumeWithError(given);
    world.settle();
    fiber.resumeWithError(ordinary);
    world.settle();
    const [cancelled, ...others] = fiber.result();
    assertStrictEquals((cancelled as CancelledError).reason, reason);
    assertEquals(others.map((error, index) => error === [given, ordinary][index]), [true, true]);
  }),
);

Deno.test(
  "resumeWithError() with a CancelledError counts as a cancellation",
  simulated((world) => {
    const fiber = world.spawn(() => suspend());
    world.settle();
    fiber.resumeWithError(new CancelledError("by hand"));
    assertEquals([fiber.cancelled, fiber.cancel()], [true, false]);
    world.settle();
    assertEquals(fiber.outcome?.status, "rejected");
  }),
);

Deno.test(
  "resumeWithError() with any other error is an ordinary wake-up, also with the code of an interruption",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      try {
        return [yield* suspend()];
      } catch (error) {
        return [(error as SystemError).code, isInterruption(error)];
      }
    });
    world.settle();
    fiber.resumeWithError(new SystemError("ECANCELED"));
    assertEquals(fiber.cancelled, false);
    world.settle();
    assertEquals(fiber.result(), ["ECANCELED", false]);
  }),
);

Deno.test(
  "checkInterrupted() throws what is queued, once, and leaves values and errors alone",
  simulated((world) => {
    const fiber: Fiber<unknown[]> = world.spawn(function* () {
      checkInterrupted();
      fiber.resume("kept");
      checkInterrupted();
      const seen: unknown[] = [yield* suspend()];
      fiber.resumeWithError(new RangeError("kept"));
      checkInterrupted();
      seen.push(yield* outcomeOf());
      fiber.resumeWithError(new CancelledError());
      seen.push(errorOf(checkInterrupted).code);
      checkInterrupted();
      return seen;
    });
    world.settle();
    assertEquals(fiber.result(), ["kept", "error kept", "ECANCELED"]);
  }),
);

Deno.test(
  "An interruption can be postponed: a fiber may queue it for itself again",
  simulated((world) => {
    const fiber: Fiber<string[]> = world.spawn(function* () {
      const first = yield* outcomeOf();
      fiber.resumeWithError(new CancelledError("postponed"));
      return [first, yield* outcomeOf(yieldNow()), yield* outcomeOf(yieldNow())];
    });
    world.settle();
    fiber.cancel("at first");
    world.settle();
    assertEquals(fiber.result(), ["cancel at first", "cancel postponed", "value undefined"]);
  }),
);

Deno.test(
  "A fiber is woken by nothing but its own wait, a resume or an interruption: not by a child that ends",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(function* () {
      const child = world.spawn(function* () {
        yield* sleep(5);
        return "ignored";
      });
      child.addCallback(() => {});
      return yield* future;
    });
    world.settle();
    world.pass(10);
    assertEquals(fiber.status, "suspended");
    resolve("value");
    world.settle();
    assertEquals(fiber.result(), "value");
  }),
);
