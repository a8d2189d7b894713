/**
 * Waiting without a lock that is held.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  Condition,
  EventLoop,
  type Fiber,
  Mutex,
  type Operation,
  run,
  sleep,
  suspend,
  type SystemError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { codeOf, simulated, Simulation } from "../_simulation.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

function open(world: Simulation): { mutex: Mutex; condition: Condition } {
  const mutex = new Mutex({ loop: world.loop, name: "m" });
  return { mutex, condition: new Condition(mutex) };
}

/** Waits, and tells by whose name the mutex is held afterwards, or the error with the same. */
function spawnWaiter(
  { mutex, condition }: { mutex: Mutex; condition: Condition },
  world: Simulation,
  log: string[],
  name: string,
): Fiber<void> {
  return world.spawn(function* () {
    using _lock = yield* mutex.lock();
    try {
      yield* condition.wait();
      log.push(`${name} notified`);
    } catch (error) {
      log.push(`${name} ${(error as SystemError).code}`);
    }
    assertEquals(mutex.statistics().holder, name);
    yield* yieldNow();
  }, { name });
}

Deno.test(
  "Condition.wait() gives the mutex back, and holds it again by the same object",
  simulated((world) => {
    const { mutex, condition } = open(world);
    const fiber = world.spawn(function* () {
      using lock = yield* mutex.lock();
      yield* condition.wait();
      assertEquals(mutex.locked, true);
      lock[Symbol.dispose]();
      assertEquals(mutex.locked, false);
    });
    world.settle();
    assertEquals([mutex.locked, condition.statistics().waiters], [false, 1]);
    condition.notify();
    assertEquals([mutex.locked, condition.statistics().waiters], [true, 0]);
    world.settle();
    assertEquals([fiber.result(), mutex.locked], [undefined, false]);
  }),
);

Deno.test(
  "Condition.notify() takes the oldest, notify(n) so many, and notifyAll() all, one after the other",
  simulated((world) => {
    const place = open(world);
    const log: string[] = [];
    for (const name of "abcdef") spawnWaiter(place, world, log, name);
    world.settle();
    place.condition.notify();
    world.settle();
    assertEquals(log, ["a notified"]);
    place.condition.notify(2);
    world.settle();
    assertEquals(log, ["a notified", "b notified", "c notified"]);
    place.condition.notifyAll();
    place.condition.notifyAll();
    world.settle();
    assertEquals(log.slice(3), ["d notified", "e notified", "f notified"]);
    assertEquals([codeOf(() => place.condition.notify(0)), codeOf(() => place.condition.notify(NaN))], ["EINVAL", "EINVAL"]);
  }),
);

Deno.test(
  "Who is notified waits for the mutex before going on",
  simulated((world) => {
    const place = open(world);
    const log: string[] = [];
    spawnWaiter(place, world, log, "a");
    world.settle();
    const lock = place.mutex.tryLock()!;
    place.condition.notify();
    world.settle();
    assertEquals([log, place.mutex.statistics().waiters], [[], 1]);
    lock[Symbol.dispose]();
    world.settle();
    assertEquals(log, ["a notified"]);
  }),
);

Deno.test(
  "Condition.wait() that is interrupted waits for the mutex before it throws",
  simulated((world) => {
    const place = open(world);
    const log: string[] = [];
    const fiber = spawnWaiter(place, world, log, "a");
    world.settle();
    const lock = place.mutex.tryLock()!;
    fiber.cancel();
    world.settle();
    assertEquals([log, place.condition.statistics().waiters, place.mutex.statistics().waiters], [[], 0, 1]);
    lock[Symbol.dispose]();
    world.settle();
    assertEquals([log, place.mutex.locked], [["a ECANCELED"], false]);
  }),
);

Deno.test(
  "A notification that came before the interruption stands, and the interruption comes at the next suspension",
  simulated((world) => {
    const { mutex, condition } = open(world);
    const log: string[] = [];
    const fiber = world.spawn(function* () {
      using _lock = yield* mutex.lock();
      yield* condition.wait();
      log.push("notified");
      try {
        yield* sleep(1);
      } catch (error) {
        log.push((error as SystemError).code);
      }
    });
    world.settle();
    const lock = mutex.tryLock()!;
    condition.notify();
    fiber.cancel();
    world.settle();
    lock[Symbol.dispose]();
    world.settle();
    assertEquals(log, ["notified", "ECANCELED"]);
  }),
);

Deno.test(
  "An interrupted waiter takes no notification from the others",
  simulated((world) => {
    const place = open(world);
    const log: string[] = [];
    const [a] = ["a", "b"].map((name) => spawnWaiter(place, world, log, name));
    world.settle();
    a.cancel();
    world.settle();
    place.condition.notify();
    world.settle();
    assertEquals(log, ["a ECANCELED", "b notified"]);
  }),
);

Deno.test(
  "Condition.wait() whose deadline passes holds the mutex when it throws",
  simulated((world) => {
    const { mutex, condition } = open(world);
    const log: string[] = [];
    const fiber = world.spawn(function* () {
      using _lock = yield* mutex.lock();
      yield* withTimeout(10, () => condition.wait(), function* () {
        log.push(`timed out, ${mutex.locked}`);
      });
    });
    world.settle();
    world.pass(20);
    assertEquals([fiber.result(), log, mutex.locked], [undefined, ["timed out, true"], false]);
  }),
);

const disturbances: [string, (world: Simulation, fiber: Fiber<unknown>) => void][] = [
  ["after", (world, fiber) => {
    world.pass(20);
    fiber.cancel();
  }],
  ["before", (world, fiber) => {
    fiber.cancel();
    world.settle();
    world.pass(20);
  }],
];
for (const [order, disturb] of disturbances) {
  Deno.test(
    `A cancellation ${order} a deadline that passes while the mutex is waited for is what is thrown`,
    simulated((world) => {
      const { mutex, condition } = open(world);
      const fiber = world.spawn(() =>
        withTimeout(10, function* (): Operation<string> {
          using _lock = yield* mutex.lock();
          try {
            yield* condition.wait();
            return "notified";
          } catch (error) {
            return (error as SystemError).code;
          }
        })
      );
      world.settle();
      const lock = mutex.tryLock()!;
      disturb(world, fiber);
      world.settle();
      lock[Symbol.dispose]();
      world.settle();
      assertEquals(fiber.result(), "ECANCELED");
    }),
  );
}

Deno.test(
  "Condition.wait() by who does not hold the mutex is EPERM",
  simulated((world) => {
    const { mutex, condition } = open(world);
    const code = world.run(function* () {
      try {
        yield* condition.wait();
      } catch (error) {
        return (error as SystemError).code;
      }
      return "";
    });
    assertEquals(code, "EPERM");
    const holder = world.spawn(function* () {
      using _lock = yield* mutex.lock();
      yield* suspend();
    });
    world.settle();
    assertEquals(codeOf(() => condition.waitFuture({ [Symbol.dispose]() {} })), "EPERM");
    holder.resume();
    world.settle();
  }),
);

Deno.test("A condition that is disposed fails its waiters without the mutex", () => {
  const world = new Simulation();
  const { mutex, condition } = open(world);
  const code = world.spawn(function* () {
    using _lock = yield* mutex.lock();
    try {
      yield* condition.wait();
    } catch (error) {
      assertEquals(mutex.locked, false);
      return (error as SystemError).code;
    }
    return "";
  });
  world.settle();
  condition[Symbol.dispose]();
  world.settle();
  assertEquals([code.result(), codeOf(() => condition.notify())], ["EPIPE", "EPIPE"]);
  assertEquals(world.end(), { reported: [], left: [] });
});

Deno.test("Condition.waitFuture() serves async code", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  const mutex = new Mutex({ loop });
  const condition = new Condition(mutex);
  let ready = false;
  const consumer = (async () => {
    using lock = await mutex.lockFuture();
    while (!ready) assert(await condition.waitFuture(lock) === lock);
    assertEquals(mutex.locked, true);
  })();
  await run(function* () {
    while (condition.statistics().waiters === 0) yield* sleep(1);
    using _lock = yield* mutex.lock();
    ready = true;
    condition.notify();
  }, { loop });
  const driven = loop.loop();
  await consumer;
  loop.exit();
  await driven;
  assertEquals(mutex.locked, false);
});
