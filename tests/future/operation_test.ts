// deno-lint-ignore-file require-yield
/**
 * What operations are iterated by, and what is said to those that misuse them.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import {
  all,
  any,
  CancelledError,
  cancelWait,
  checkInterrupted,
  type Fiber,
  FiberLocal,
  Future,
  type Operation,
  race,
  scope,
  settled,
  shield,
  sleep,
  spawn,
  suspend,
  type Suspension,
  SystemError,
  timeoutScope,
  until,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { errorOf, simulated, type Simulation } from "../_simulation.ts";

/** Each operation of the package, anew. */
function operations(world: Simulation): Record<string, () => Operation<unknown>> {
  const pending = () => Future.withResolvers<void>(world.loop).future;
  return {
    "a future": pending,
    all: () => all([pending()]),
    cancelWait: () => cancelWait(pending()),
    race: () => race([pending()]),
    scope: () => scope(() => pending()),
    settled: () => settled(pending()),
    shield: () => shield(pending()),
    sleep: () => sleep(1),
    "sleep(0)": () => sleep(0),
    "sleep(Infinity)": () => sleep(Infinity),
    suspend: () => suspend(),
    until: () => until(Promise.resolve()),
    withTimeout: () => withTimeout(10, pending()),
    yieldNow: () => yieldNow(),
  };
}

Deno.test(
  "Every operation off a fiber is ESRCH and says to use yield* on one",
  simulated((world) => {
    for (const [name, make] of Object.entries(operations(world))) {
      const error = errorOf(() => make()[Symbol.iterator]().next());
      assertEquals([error.code, error.message], ["ESRCH", "Cannot run an operation off a fiber: use yield* in the body of a fiber"], name);
    }
    for (const usec of [1, -1]) assertEquals(errorOf(() => timeoutScope(usec)).code, "ESRCH");
    assertEquals(errorOf(() => checkInterrupted()).code, "ESRCH");
  }),
);

Deno.test(
  "Every operation run in a callback of the loop is off a fiber",
  simulated((world) => {
    const codes: string[] = [];
    world.loop.addDefer(() => {
      for (const make of Object.values(operations(world))) codes.push(errorOf(() => make()[Symbol.iterator]().next()).code);
    });
    world.tick();
    assertEquals(new Set(codes), new Set(["ESRCH"]));
  }),
);

/** What the body of a fiber gets that does this, and whether the fiber can go on afterwards, whatever it does then. */
function errorOnFiber(world: Simulation, misuse: () => Generator<Suspension, unknown, unknown>): SystemError {
  const { loop } = world;
  function* yieldOnce(): Operation<void> {
    const { iteration } = loop;
    yield* yieldNow();
    assert(loop.iteration - iteration <= 1, "A yield took more than a tick");
  }
  function* sleepOnce(): Operation<void> {
    const start = loop.now();
    yield* sleep(5);
    assertEquals(loop.now() - start, 5);
  }
  const errors = [[yieldOnce, sleepOnce], [sleepOnce, yieldOnce]].map((next) => {
    let error: SystemError | undefined;
    const fiber = world.spawn(function* () {
      error = yield* errorIn(misuse());
      for (const goOn of next) yield* goOn();
    });
    world.settle();
    if (error === undefined) fiber.resume();
    world.runUntil(() => fiber.state === "resolved");
    fiber.result();
    return error!;
  });
  assertEquals(errors[0].message, errors[1].message);
  return errors[0];
}

function* errorIn(misuse: Operation<unknown>): Operation<SystemError> {
  try {
    yield* misuse;
  } catch (error) {
    assertInstanceOf(error, SystemError);
    return error;
  }
  throw new Error("Nothing was thrown");
}

const useYieldStar = "Cannot suspend the fiber by anything but yield*: use yield* with the operation";

Deno.test(
  "A bare yield is EINVAL where it stands, and says to use yield*",
  simulated((world) => {
    for (const value of [undefined, 7, {}, () => sleep(1), Future.withResolvers<void>(world.loop).future]) {
      const error = errorOnFiber(world, function* () {
        yield value as never;
      });
      assertEquals([error.code, error.message], ["EINVAL", useYieldStar]);
    }
  }),
);

Deno.test(
  "A bare yield of a promise is EINVAL where it stands, and says to use until()",
  simulated((world) => {
    for (const value of [Promise.resolve(), { then() {} }]) {
      const error = errorOnFiber(world, function* () {
        yield value as never;
      });
      assertEquals([error.code, error.message], ["EINVAL", "Cannot wait for a promise by yield: use yield* until() with it"]);
    }
  }),
);

Deno.test(
  "yield without its star is EINVAL for every operation",
  simulated((world) => {
    for (const [name, make] of Object.entries(operations(world))) {
      const error = errorOnFiber(world, function* () {
        yield make() as never;
      });
      assertEquals([error.code, error.message], ["EINVAL", useYieldStar], name);
    }
  }),
);

Deno.test(
  "A bare yield that nobody catches ends the fiber with that error",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      yield sleep(1) as never;
    });
    fiber.addCallback(() => {});
    world.settle();
    assertEquals(errorOf(() => fiber.result()).message, useYieldStar);
  }),
);

/** Ways to iterate that are no yield*. */
const misuses: Record<string, (operation: Operation<unknown>) => Generator<Suspension, unknown, unknown>> = {
  *"for-of"(operation) {
    for (const _ of operation as never as Iterable<unknown>);
  },
  *"for-of that yields"(operation) {
    for (const each of operation as never as Iterable<Suspension>) yield each;
  },
  *spread(operation) {
    return [...operation as never as Iterable<unknown>];
  },
  *"Array.from"(operation) {
    return Array.from(operation as never as Iterable<unknown>);
  },
  *"for-of left early"(operation) {
    for (const _ of operation as never as Iterable<unknown>) break;
  },
  *destructuring(operation) {
    const [first] = operation as never as Iterable<unknown>;
    return first;
  },
};

for (const [way, misuse] of Object.entries(misuses)) {
  Deno.test(
    `An operation that suspends is EINVAL under ${way}, and the fiber can go on`,
    simulated((world) => {
      const { future } = Future.withResolvers<void>(world.loop);
      for (const operation of [sleep(3), suspend(), yieldNow(), settled(future), future]) {
        const error = errorOnFiber(world, () => misuse(operation));
        assertEquals([error.code, error.message], ["EINVAL", useYieldStar]);
      }
    }),
  );
}

Deno.test(
  "A second operation while one is under way is EINVAL",
  simulated((world) => {
    const error = errorOnFiber(world, function* () {
      suspend()[Symbol.iterator]().next();
      yield* sleep(1);
    });
    assertEquals([error.code, error.message], ["EINVAL", useYieldStar]);
  }),
);

Deno.test(
  "A timeout scope cannot be opened while an operation is under way",
  simulated((world) => {
    const error = errorOnFiber(world, function* () {
      suspend()[Symbol.iterator]().next();
      timeoutScope(1);
    });
    assertEquals(error.code, "EINVAL");
  }),
);

Deno.test(
  "An operation that two fibers run at once is each one's own wait",
  simulated((world) => {
    const nap = sleep(10);
    const start = world.loop.now();
    const fibers = [0, 3].map((delay) =>
      world.spawn(function* () {
        if (delay > 0) yield* sleep(delay);
        yield* nap;
        return world.loop.now() - start;
      })
    );
    world.runUntil(() => fibers.every(({ state }) => state === "resolved"));
    assertEquals(fibers.map((fiber) => fiber.result()), [10, 13]);
  }),
);

/** Functions that are no bodies, and what is said of them. */
const noBodies: Record<string, { body: () => unknown; message: string }> = {
  "an async function": {
    body: async () => {},
    message: "Cannot run an async function on a fiber: use function*, and until() for its promises",
  },
  "an async generator": {
    body: async function* () {},
    message: "Cannot run an async generator on a fiber: use function*, and until() for its promises",
  },
  "a function that returns nothing": { body: () => {}, message: noOperation("undefined") },
  "a function that returns null": { body: () => null, message: noOperation("null") },
  "a function that returns a number": { body: () => 5, message: noOperation("5") },
  "a function that returns a text": { body: () => "text", message: noOperation("text") },
  "a function that returns an object": { body: () => ({}), message: noOperation("[object Object]") },
};

function noOperation(returned: string): string {
  return `Cannot run a body that returns '${returned}' on a fiber: the body is to be a generator function, or to return an operation`;
}

/** Everything that runs a body, on the fiber itself or on one that it waits for. */
const places: Record<string, (body: never) => Operation<unknown>> = {
  all: (body) => all([body]),
  *any(body) {
    try {
      yield* any([body]);
    } catch (error) {
      throw (error as AggregateError).errors[0];
    }
  },
  "FiberLocal.run": (body) => new FiberLocal().run(1, body),
  race: (body) => race([body]),
  scope: (body) => scope(body),
  "Scope.defer": (body) =>
    scope(function* (children) {
      children.defer(body);
    }),
  "Scope.spawn": (body) =>
    scope(function* (children) {
      children.spawn(body);
    }),
  shield: (body) => shield(body),
  spawn: (body) => spawn(body),
  withTimeout: (body) => withTimeout(10, body),
  "withTimeout, otherwise": (body) => withTimeout(0, suspend, body),
};

for (const [name, { body, message }] of Object.entries(noBodies)) {
  Deno.test(
    `A body that is ${name} is refused wherever a body can stand, and is told what to do instead`,
    simulated((world) => {
      for (const [place, run] of Object.entries(places)) {
        const error = errorOnFiber(world, function* () {
          yield* run(body as never);
        });
        assertEquals([error.code, error.message], ["EINVAL", message], place);
      }
    }),
  );
}

Deno.test(
  "A body that is an iterable of anything else is refused at its first value",
  simulated((world) => {
    const fiber = world.spawn(() => [1, 2] as never);
    fiber.addCallback(() => {});
    world.settle();
    assertEquals(errorOf(() => fiber.result()).message, useYieldStar);
  }),
);

Deno.test(
  "A body that is no function is refused at once where a fiber is made for it",
  simulated((world) => {
    for (
      const [body, name] of [[sleep(1), "[object Object]"], [undefined, "undefined"], ["text", "text"], [
        function* () {}(),
        "[object Generator]",
      ]]
    ) {
      const remedy = "the body is a function that makes an operation, as function* () { ... }";
      const error = errorOf(() => world.spawn(body as never));
      assertEquals([error.code, error.message], ["EINVAL", `Cannot spawn '${name}': ${remedy}`]);
      const ofScope = errorOnFiber(world, function* () {
        yield* scope(body as never);
      });
      assertEquals([ofScope.code, ofScope.message], ["EINVAL", `Cannot open a scope for '${name}': ${remedy}`]);
    }
  }),
);

Deno.test(
  "A value that is no body is refused where an operation may stand for one",
  simulated((world) => {
    for (const place of [shield, (body: never) => withTimeout(10, body), (body: never) => all([body])]) {
      const error = errorOnFiber(world, function* () {
        yield* place(5 as never);
      });
      assertEquals([error.code, error.message], [
        "EINVAL",
        "Cannot run '5' on a fiber: the body is to be a generator function, or to return an operation",
      ]);
    }
  }),
);

Deno.test(
  "One generator on two fibers is EINVAL for both: it belongs to the one that began it",
  simulated((world) => {
    const generator = (function* (): Operation<string> {
      yield* sleep(3);
      return "done";
    })();
    const fibers = ["first", "second"].map((name) => world.spawn(() => generator, { name }));
    for (const fiber of fibers) fiber.addCallback(() => {});
    world.settle();
    world.pass(3);
    assertEquals(fibers.map((fiber) => errorOf(() => fiber.result())).map(({ code, message }) => `${code}: ${message}`), [
      "EINVAL: Cannot end fiber 'first' in the middle of an operation: " +
      "it was begun without yield*, or another fiber ran the generator, use a generator of its own",
      "EINVAL: Cannot run a generator on two fibers: it is suspended on one, call the generator function for each",
    ]);
  }),
);

/** A fiber whose generator hands itself over to be run. */
function reenter(world: Simulation, enter: (generator: Operation<unknown>) => Operation<unknown>): Fiber<void> {
  function* body(): Operation<void> {
    yield* enter(generator);
  }
  const generator = body();
  const fiber = world.spawn(() => generator);
  fiber.addCallback(() => {});
  world.settle();
  return fiber;
}

Deno.test(
  "A generator that runs is EINVAL as the body of a scope or of a fiber that it spawns, and does not hang",
  simulated((world) => {
    const ways: Record<string, (generator: Operation<unknown>) => Operation<unknown>> = {
      spawn: (generator) => spawn(() => generator),
      scope: (generator) => scope(() => generator),
      all: (generator) => all([generator]),
    };
    for (const [name, enter] of Object.entries(ways)) {
      const fiber = reenter(world, enter);
      assertEquals(errorOf(() => fiber.result()).code, "EINVAL", name);
    }
    world.takeReports();
  }),
);

Deno.test(
  "A generator that runs and is entered once more at once gets the engine's own error",
  simulated((world) => {
    for (const enter of [(generator: Operation<unknown>) => generator, shield]) {
      const fiber = reenter(world, enter);
      assertThrows(() => fiber.result(), TypeError, "Generator is already running");
    }
  }),
);

Deno.test(
  "A fiber that ends in the middle of an operation ends once, with EINVAL or its own error, and nothing wakes it then",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    const begun: string[] = [];
    const beginAndEnd = (name: string, operation: Operation<unknown>, error?: Error) =>
      world.spawn(function* () {
        begun.push(name);
        operation[Symbol.iterator]().next();
        if (error !== undefined) throw error;
      });
    const fibers = [
      beginAndEnd("returns", future),
      beginAndEnd("throws", future, new RangeError("its own")),
      beginAndEnd("sleeps", sleep(5)),
      beginAndEnd("yields", yieldNow()),
    ];
    for (const fiber of fibers) fiber.addCallback(() => {});
    world.settle();
    const outcomes = () => fibers.map(({ outcome }) => outcome?.status === "rejected" && (outcome.reason.code ?? outcome.reason.message));
    assertEquals(outcomes(), ["EINVAL", "its own", "EINVAL", "EINVAL"]);
    resolve();
    world.pass(5);
    assertEquals([begun, outcomes()], [["returns", "throws", "sleeps", "yields"], ["EINVAL", "its own", "EINVAL", "EINVAL"]]);
  }),
);

Deno.test(
  "A body may be a function that makes an operation",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    const waiting = world.spawn(() => future);
    const sleeping = world.spawn(() => sleep(10));
    world.settle();
    world.pass(5);
    assertEquals([waiting.status, sleeping.status], ["suspended", "suspended"]);
    resolve(6);
    world.pass(5);
    assertEquals([waiting.result(), sleeping.result()], [6, undefined]);
  }),
);

Deno.test(
  "A body may be cancelled in an operation that is all of it",
  simulated((world) => {
    const fiber = world.spawn(() => suspend());
    world.settle();
    fiber.cancel("why");
    world.settle();
    const error = errorOf(() => fiber.result());
    assertInstanceOf(error, CancelledError);
    assertEquals(error.reason, "why");
  }),
);

Deno.test(
  "A hand-written operation composes by yield* of others",
  simulated((world) => {
    class Twice implements Operation<string> {
      *[Symbol.iterator](): Generator<Suspension, string, unknown> {
        yield* sleep(1);
        yield* sleep(1);
        return "twice";
      }
    }
    const twice = new Twice();
    const value = world.run(function* () {
      return [yield* twice, yield* twice];
    });
    assertEquals(value, ["twice", "twice"]);
  }),
);

Deno.test(
  "An operation started before its fiber could run is refused, and not started then",
  simulated((world) => {
    const operation = sleep(1);
    assertEquals(errorOf(() => operation[Symbol.iterator]().next()).code, "ESRCH");
    assertStrictEquals(world.run(() => operation), undefined);
  }),
);

Deno.test(
  "Operations nest a thousand levels deep",
  simulated((world) => {
    function* deep(level: number): Operation<number> {
      if (level === 0) yield* sleep(1);
      return level === 0 ? 0 : 1 + (yield* deep(level - 1));
    }
    assertEquals(world.run(() => deep(1_000)), 1_000);
  }),
);

Deno.test(
  "The error of an interruption names the line that waited",
  simulated((world) => {
    const fiber = spawn(function* namedInTheStack() {
      yield* sleep(10);
    }, { loop: world.loop });
    world.settle();
    fiber.cancel();
    world.settle();
    assertEquals(/namedInTheStack/.test(errorOf(() => fiber.result()).stack!), true);
  }),
);
