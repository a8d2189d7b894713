/**
 * Stacks of interruptions: they begin with the user's own line.
 *
 * @module
 */

import {
  all,
  CancelledError,
  checkInterrupted,
  EventLoop,
  Future,
  listen,
  type Operation,
  output,
  race,
  runNested,
  scope,
  sec,
  settled,
  shield,
  sleep,
  suspend,
  TimeoutError,
  until,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { assertEquals, assertInstanceOf, assertMatch, assertStrictEquals } from "@std/assert";
import { simulated, type Simulation } from "../_simulation.ts";

const ownFolders = ["event", "future", "fiber"].map((folder) => new URL(`../../${folder}/`, import.meta.url).href);

/** The lines of an error's stack behind the first, which names the error. */
function framesOf(error: unknown): string[] {
  assertInstanceOf(error, Error);
  const [first, ...frames] = error.stack!.split("\n");
  assertEquals(first, `${error.name}: ${error.message}`);
  return frames;
}

/** What this fiber throws when it is cancelled where it suspends first. */
function cancelledIn(world: Simulation, body: () => Operation<unknown>): unknown {
  const fiber = world.spawn(body);
  world.tick();
  assertEquals(fiber.status, "suspended");
  fiber.cancel();
  world.settle();
  assertEquals(fiber.outcome?.status, "rejected");
  return (fiber.outcome as PromiseRejectedResult).reason;
}

/** Fibers that wait. */
const waits: Record<string, (world: Simulation) => () => Operation<unknown>> = {
  "sleep()": () =>
    function* user() {
      yield* sleep(sec(1));
    },
  "suspend()": () =>
    function* user() {
      yield* suspend();
    },
  "a future": ({ loop }) =>
    function* user() {
      yield* Future.withResolvers(loop).future;
    },
  "settled()": ({ loop }) =>
    function* user() {
      yield* settled(Future.withResolvers(loop).future);
    },
  "withTimeout()": () =>
    function* user() {
      yield* withTimeout(sec(1), sleep(sec(2)));
    },
  "shield(), out of patience": () =>
    function* user() {
      yield* shield(suspend(), { grace: 0 });
    },
  "scope()": () =>
    function* user() {
      yield* scope(() => suspend());
    },
  "all()": () =>
    function* user() {
      yield* all([suspend(), suspend()]);
    },
  "race()": () =>
    function* user() {
      yield* race([suspend(), suspend()]);
    },
  "runNested()": ({ kernel }) =>
    function* user() {
      using inner = new EventLoop({ kernel });
      yield* runNested(inner);
    },
  "accept()": () =>
    function* user() {
      using listener = listen({ port: 0 });
      yield* listener.accept();
    },
  "output()": ({ kernel }) => {
    kernel.program("endless", () => {});
    return function* user() {
      yield* output("endless");
    };
  },
};

for (const [name, body] of Object.entries(waits)) {
  Deno.test(
    `The stack of an interruption in ${name} begins with the line that waits, and has no line of the package`,
    simulated((world) => {
      const [first, ...others] = framesOf(cancelledIn(world, body(world)));
      assertMatch(first, /^ {4}at user \(.*\/tests\/fiber\/user_stack_test\.ts:\d+:\d+\)$/);
      assertEquals(others.filter((frame) => ownFolders.some((folder) => frame.includes(folder))), []);
    }),
  );
}

Deno.test(
  "The stack of an interruption leads to the line that waits, and has no line of the fiber's own machinery",
  simulated((world) => {
    function* innermost() {
      yield* suspend();
    }
    function* middle() {
      yield* shield(() => withTimeout(sec(1), innermost), { grace: 0 });
    }
    const frames = framesOf(cancelledIn(world, function* outermost() {
      yield* middle();
    }));
    assertEquals(frames.slice(0, 3).map((frame) => frame.split(" ").at(5)), ["innermost", "middle", "outermost"]);
  }),
);

Deno.test(
  "The stack of an interruption in until() begins with the line that waits",
  simulated(async (world) => {
    const fiber = world.spawn(function* user() {
      yield* until(new Promise(() => {}));
    });
    world.spawn(function* () {
      yield* yieldNow();
      fiber.cancel();
      yield* settled(fiber);
      world.loop.exit();
    });
    await world.loop.loop();
    assertMatch(framesOf((fiber.outcome as PromiseRejectedResult).reason)[0], /^ {4}at user \(.*\/user_stack_test\.ts:/);
  }),
);

Deno.test(
  "The stack of a deadline begins with the line that waits",
  simulated((world) => {
    const fiber = world.spawn(() =>
      withTimeout(1, function* user() {
        yield* sleep(sec(1));
      })
    );
    fiber.addCallback(() => {});
    world.settle();
    world.pass(10);
    const { reason } = fiber.outcome as PromiseRejectedResult;
    assertInstanceOf(reason, TimeoutError);
    assertMatch(framesOf(reason)[0], /^ {4}at user \(.*\/user_stack_test\.ts:/);
  }),
);

Deno.test(
  "The stack of what checkInterrupted() throws begins with the line that asks",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    const fiber = world.spawn(function* user() {
      yield* future;
      checkInterrupted();
    });
    world.settle();
    resolve();
    fiber.cancel();
    world.settle();
    assertMatch(framesOf((fiber.outcome as PromiseRejectedResult).reason)[0], /^ {4}at user \(.*\/user_stack_test\.ts:/);
  }),
);

Deno.test(
  "The stack of a wait that is refused in the exit phase begins with the line that waits",
  simulated((world) => {
    let refused: unknown;
    world.spawn(function* user() {
      try {
        yield* suspend();
      } finally {
        try {
          yield* sleep(1);
        } catch (error) {
          refused = error;
        }
      }
    });
    world.settle();
    world.exit();
    assertInstanceOf(refused, CancelledError);
    assertMatch(framesOf(refused)[0], /^ {4}at user \(.*\/user_stack_test\.ts:/);
  }),
);

Deno.test(
  "An interruption that was made elsewhere keeps the stack that it has",
  simulated((world) => {
    const error = new CancelledError();
    const { stack } = error;
    const fiber = world.spawn(() => suspend());
    world.settle();
    fiber.resumeWithError(error);
    world.settle();
    assertStrictEquals((fiber.outcome as PromiseRejectedResult).reason, error);
    assertEquals(error.stack, stack);
  }),
);

Deno.test(
  "The stack of an interruption can be set, and how deep stacks go stays as it was",
  simulated((world) => {
    const before = Error.stackTraceLimit;
    const error = cancelledIn(world, () => suspend()) as Error;
    error.stack = "another";
    assertEquals(error.stack, "another");
    assertEquals(Object.keys(error).includes("stack"), false);
    assertEquals(Error.stackTraceLimit, before);
  }),
);

Deno.test(
  "An interruption comes also where stacks are turned off",
  simulated((world) => {
    const before = Error.stackTraceLimit;
    try {
      for (const limit of [0, undefined, "none"]) {
        Reflect.set(Error, "stackTraceLimit", limit);
        assertInstanceOf(cancelledIn(world, () => suspend()), CancelledError);
        assertEquals(Error.stackTraceLimit as unknown, limit);
      }
    } finally {
      Error.stackTraceLimit = before;
    }
  }),
);
