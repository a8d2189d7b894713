// deno-lint-ignore-file require-yield
/**
 * What is said to those that misuse futures and fibers: the table of the specification (section 19), row by row, where types do not rule a row
 * out. Operations off a fiber and bodies that are none are in tests/future/operation_test.ts.
 *
 * @module
 */

import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  all,
  allSettled,
  any,
  cancelWait,
  Channel,
  deferFuture,
  type EventLoop,
  Fiber,
  Future,
  FutureGroup,
  main,
  Mutex,
  type Operation,
  race,
  relativeTimeFuture,
  runNested,
  scope,
  settled,
  spawn,
  suspend,
  SystemError,
  timeoutScope,
} from "@sd/fibers";
import { errorOf, simulated, Simulation } from "../_simulation.ts";

/** What a body gets that does this. */
function errorOnFiber(world: Simulation, misuse: () => Operation<unknown>): SystemError {
  const error = world.run(function* () {
    try {
      yield* misuse();
    } catch (error) {
      return error;
    }
    return undefined;
  });
  assertInstanceOf(error, SystemError);
  return error;
}

/** As a body, what throws without a suspension. */
const calls = (call: () => unknown) =>
  function* (): Operation<void> {
    call();
  };

/** A pending future of another loop. */
function withForeigner(test: (foreign: Future<void>, other: EventLoop) => SystemError): SystemError {
  const other = new Simulation();
  const error = test(Future.withResolvers<void>(other.loop).future, other.loop);
  assertEquals(other.end(), { reported: [], left: [] });
  return error;
}

function pending(world: Simulation): Future<void> {
  return Future.withResolvers<void>(world.loop).future;
}

function resolved(world: Simulation): Future<void> {
  const { future, resolve } = Future.withResolvers<void>(world.loop);
  resolve();
  return future;
}

function cancelledGroup(world: Simulation): FutureGroup {
  const group = FutureGroup.all(world.loop);
  group.add(Future.withResolvers<void>(world.loop, { cancel() {} }).future);
  group.cancel();
  return group;
}

/** By row: what is done, and what is said. */
const rows: Record<string, [misuse: (world: Simulation) => SystemError, message: string]> = {
  "any: no loop": [
    () => errorOf(() => Future.withResolvers(undefined as never)),
    "EINVAL: Cannot use 'undefined' as a loop: it takes an EventLoop",
  ],
  "any: something else than a loop": [
    () => errorOf(() => spawn(suspend, { loop: {} as never })),
    "EINVAL: Cannot use '[object Object]' as a loop: it takes an EventLoop",
  ],
  "any: no future": [
    (world) => errorOnFiber(world, () => cancelWait(undefined as never)),
    "EINVAL: Cannot use 'undefined' as a future: it is none, make one of a promise by promiseFuture()",
  ],
  "any: a promise for a future": [
    (world) => errorOnFiber(world, () => cancelWait(Promise.resolve() as never)),
    "EINVAL: Cannot use '[object Promise]' as a future: it is none, make one of a promise by promiseFuture()",
  ],
  "any: no callback": [
    (world) => errorOf(() => pending(world).addCallback(undefined as never)),
    "EINVAL: Cannot add a callback of type undefined to a future: it takes a function",
  ],
  "any: no outcome": [
    (world) => errorOf(() => deferFuture(world.loop, 5 as never)),
    `EINVAL: Cannot make a future of this outcome: it takes { status: "fulfilled", value } or { status: "rejected", reason }`,
  ],
  "resolve: resolved already": [
    (world) => {
      const { resolve } = Future.withResolvers<void>(world.loop);
      resolve();
      return errorOf(resolve);
    },
    "ESTALE: Cannot resolve a future a second time: its outcome stands",
  ],
  "result: pending": [
    (world) => errorOf(() => pending(world).result()),
    "EBUSY: Cannot read the result of a future: it is pending, wait for it first",
  ],
  "setPriority: resolved": [
    (world) => errorOf(() => resolved(world).setPriority(1)),
    "ESTALE: Cannot set the priority of a future: it is resolved",
  ],
  "setPriority: unsupported": [
    (world) => errorOf(() => pending(world).setPriority(1)),
    "EOPNOTSUPP: Cannot set the priority of this future: nothing stands behind it that has one",
  ],
  "setPriority: a fiber that has ended": [
    (world) => {
      const fiber = world.spawn(function* ended() {});
      world.settle();
      return errorOf(() => fiber.setPriority(1));
    },
    "ESTALE: Cannot set the priority of fiber 'ended': it has ended",
  ],
  "newFiber: the loop is exiting": [
    (world) => {
      world.exit();
      return errorOf(() => world.spawn(suspend));
    },
    "ECANCELED: Cannot spawn a fiber: loop 'loop' is exiting",
  ],
  "newTime: the loop is exiting": [
    (world) => {
      world.exit();
      return errorOf(() => relativeTimeFuture(world.loop, 1));
    },
    "ECANCELED: Cannot wait for a time: loop 'loop' is exiting",
  ],
  "group.add: itself": [
    (world) => {
      const group = FutureGroup.all(world.loop);
      return errorOf(() => group.add(group));
    },
    "EINVAL: Cannot add a group to itself: it would wait for itself",
  ],
  "group.add: of another loop": [
    (world) => withForeigner((foreign) => errorOf(() => FutureGroup.all(world.loop).add(foreign))),
    "EINVAL: Cannot add a future of loop 'loop' to a group of loop 'loop': bridge it by promiseFuture()",
  ],
  "group.add: no future": [
    (world) => errorOf(() => FutureGroup.all(world.loop).add(Promise.resolve() as never)),
    "EINVAL: Cannot add '[object Promise]' to a group: it is no future",
  ],
  "group.add: draining": [
    (world) => errorOf(() => cancelledGroup(world).add(pending(world))),
    "ESTALE: Cannot add to a group whose outcome is decided",
  ],
  "group.add: sealed": [
    (world) => {
      const group = FutureGroup.all(world.loop);
      group.add(pending(world));
      group.seal();
      return errorOf(() => group.add(pending(world)));
    },
    "ESTALE: Cannot add to a group that was sealed",
  ],
  "group.setPolicy: an unknown option": [
    (world) => errorOf(() => FutureGroup.all(world.loop, { ignoreError: true } as never)),
    "EINVAL: Cannot make a group with option 'ignoreError': there are ignoreErrors, open",
  ],
  "await: what is no future": [
    (world) => errorOnFiber(world, () => settled(undefined as never)),
    "EINVAL: Cannot wait for 'undefined': it is no future, use until() for a promise",
  ],
  "await: itself": [
    (world) => errorOnFiber(world, () => Fiber.current!),
    "EDEADLK: Cannot wait for the fiber that runs: it would never end",
  ],
  "await: of another loop": [
    (world) => withForeigner((foreign) => errorOnFiber(world, () => foreign)),
    "EINVAL: Cannot wait for a future of loop 'loop' on a fiber of loop 'loop': use until() to bridge them",
  ],
  "await: woken by an unrelated resume": [
    (world) => {
      const waiting = world.spawn(() => pending(world));
      waiting.addCallback(() => {});
      world.settle();
      waiting.resume();
      world.settle();
      return errorOf(() => waiting.result());
    },
    "EBUSY: The fiber was woken by somebody's resume() while it waited for a future",
  ],
  "a lock of another loop": [
    (world) =>
      withForeigner((_foreign, loop) => {
        using mutex = new Mutex({ loop });
        return errorOnFiber(world, () => mutex.lock());
      }),
    "EINVAL: Cannot wait for mutex of loop 'loop' on a fiber of loop 'loop': use until() with its future",
  ],
  "cancelWait: itself": [
    (world) => errorOnFiber(world, () => cancelWait(Fiber.current!)),
    "EDEADLK: Cannot cancel and wait for the fiber that runs: it would never end",
  ],
  "cancelWait: of another loop, and it does not end at once": [
    (world) =>
      withForeigner((_foreign, loop) => {
        const stubborn = Future.withResolvers<void>(loop, { cancel() {} }).future;
        return errorOnFiber(world, () => cancelWait(stubborn));
      }),
    "EINVAL: Cannot wait for a future of loop 'loop' on a fiber of loop 'loop': it did not end at once, do so on a fiber of its own loop",
  ],
  "cancel: its own fiber": [
    (world) => errorOnFiber(world, calls(() => Fiber.current!.cancel())),
    "EDEADLK: Cannot cancel fiber 'fiber' from itself: throw, or return",
  ],
  "timeout: no time": [
    (world) => errorOnFiber(world, calls(() => timeoutScope(-1))),
    "EINVAL: Cannot use timeout '-1': it takes whole microseconds from 0 to 2^53, or Infinity",
  ],
  "scope.add: of another loop": [
    (world) =>
      withForeigner((foreign) =>
        errorOnFiber(world, () =>
          scope(function* (children) {
            children.add(foreign);
          }))
      ),
    "EINVAL: Cannot add a future of loop 'loop' to a scope of loop 'loop': bridge it by promiseFuture()",
  ],
  "channel: capacity": [
    (world) => errorOf(() => new Channel({ loop: world.loop, capacity: -1 })),
    "EINVAL: Cannot make channel with capacity '-1': it takes a whole number from 0 up, or Infinity",
  ],
  "channel: no item": [
    (world) => errorOf(() => new Channel<object>({ loop: world.loop, capacity: 1 }).tryPush(undefined as never)),
    "EINVAL: Cannot push 'undefined' to channel: it tells that there is no item",
  ],
  "nested run: the fiber's own loop": [
    (world) => errorOnFiber(world, () => runNested(world.loop)),
    "EINVAL: Cannot run loop 'loop' on a fiber of loop 'loop': it runs already, or the fiber would not",
  ],
};

for (const [row, [misuse, message]] of Object.entries(rows)) {
  Deno.test(
    `Misuse, ${row}: ${message.split(":")[0]}, and says what to do`,
    simulated((world) => {
      const error = misuse(world);
      assertEquals(`${error.code}: ${error.message}`, message);
    }),
  );
}

Deno.test(
  "Misuse, all() and its like without an array: EINVAL, and says what to do",
  simulated((world) => {
    for (const [name, run] of Object.entries({ all, allSettled, any, race })) {
      for (const bodies of [undefined, suspend]) {
        const error = errorOnFiber(world, () => (run as (bodies: unknown) => Operation<unknown>)(bodies));
        assertEquals([error.code, error.message], ["EINVAL", `Cannot run ${name}() without an array: it takes one array of bodies`]);
      }
    }
  }),
);

Deno.test("Misuse, runMainFiber on a fiber, of the same loop or another: EBUSY, and says what to do", async () => {
  for (const other of [undefined, new Simulation()]) {
    const world = new Simulation();
    const failing = world.run(function* program() {
      return { promise: main(suspend, { loop: (other ?? world).loop }) };
    });
    const error = await failing.promise.catch((error: unknown) => error);
    assertInstanceOf(error, SystemError);
    assertEquals([error.code, error.message], [
      "EBUSY",
      "Cannot run a main fiber from fiber 'program': use spawn(), or loopNested() for another loop",
    ]);
    for (const each of [world, other]) assertEquals(each?.end() ?? { reported: [], left: [] }, { reported: [], left: [] });
  }
});
