/**
 * Waiting without a lock that is held.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  CancelledError,
  Condition,
  EventLoop,
  Fiber,
  Future,
  Mutex,
  type Operation,
  run,
  sleep,
  suspend,
  SystemError,
  timeoutScope,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { codeOf, simulated, Simulation } from "../_simulation.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

function open(world: Simulation): { mutex: Mutex; condition: Condition } {
  const mutex = new Mutex({ loop: world.loop, name: "m" });
  return { mutex, condition: new Condition(mutex) };
}

function* codeThrown(operation: Operation<unknown>): Operation<string | undefined> {
  try {
    yield* operation;
    return undefined;
  } catch (error) {
    return (error as SystemError).code;
  }
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
  "Of what interrupts Condition.wait() while the mutex is waited for, that counts which would count in any other wait",
  simulated((world) => {
    const interrupt: Record<string, (fiber: Fiber<unknown>) => void> = {
      first: (fiber) => void fiber.cancel("first"),
      second: (fiber) => void fiber.cancel("second"),
      deadline: () => world.pass(20),
      resume: (fiber) => fiber.resume(),
      error: (fiber) => fiber.resumeWithError(new SystemError("EIO", "error")),
      other: (fiber) => fiber.resumeWithError(new SystemError("EPROTO", "other")),
    };
    const expected: [of: string, is: string][] = [
      ["first second", "Cancelled: first"],
      ["first resume", "Cancelled: first"],
      ["first error", "Cancelled: first"],
      ["deadline resume", "The deadline has passed"],
      ["deadline error", "The deadline has passed"],
      ["error first", "Cancelled: first"],
      ["error deadline", "The deadline has passed"],
      ["error other", "other"],
      ["resume error", "error"],
      ["resume", "The fiber was woken by somebody's resume() while it waited in a queue"],
      ["error", "error"],
    ];
    for (const [of, is] of expected) {
      const { mutex, condition } = open(world);
      const fiber = world.spawn(function* () {
        using _lock = yield* mutex.lock();
        using _deadline = timeoutScope(10);
        let message = "nothing";
        try {
          yield* condition.wait();
        } catch (error) {
          message = (error as Error).message;
        }
        const next = yield* codeThrown(yieldNow());
        return [message, next, mutex.statistics().holder];
      }, { name: "holder" });
      world.settle();
      const lock = mutex.tryLock()!;
      for (const way of of.split(" ")) {
        interrupt[way](fiber);
        world.settle();
      }
      assertEquals([fiber.state, condition.statistics().waiters, mutex.statistics().waiters], ["pending", 0, 1], of);
      lock[Symbol.dispose]();
      world.settle();
      assertEquals(fiber.result(), [is, undefined, "holder"], of);
    }
  }),
);

Deno.test(
  "Once it was notified nothing takes that away, and what came meanwhile comes at the next suspension, a stray resume not at all",
  simulated((world) => {
    const interrupt: Record<string, (fiber: Fiber<unknown>) => void> = {
      nothing: () => {},
      ECANCELED: (fiber) => void fiber.cancel(),
      ETIME: () => world.pass(20),
      resume: (fiber) => fiber.resume(),
    };
    for (const [way, act] of Object.entries(interrupt)) {
      for (const isHeld of [true, false]) {
        const { mutex, condition } = open(world);
        const fiber = world.spawn(function* () {
          using _lock = yield* mutex.lock();
          using _deadline = timeoutScope(10);
          // After all that may be queued for it.
          Fiber.current!.setPriority(5);
          yield* condition.wait();
          const next = way.startsWith("E") ? yield* codeThrown(yieldNow()) : undefined;
          // Nothing is left to end this one.
          return [next, yield* suspend()];
        });
        world.settle();
        const lock = isHeld ? mutex.tryLock() : undefined;
        condition.notify();
        act(fiber);
        if (isHeld) world.settle();
        lock?.[Symbol.dispose]();
        world.settle();
        assertEquals(fiber.status, "suspended", `${way}, ${isHeld}`);
        fiber.resume("woken");
        world.settle();
        assertEquals(fiber.result(), [way.startsWith("E") ? way : undefined, "woken"], `${way}, ${isHeld}`);
      }
    }
  }),
);

Deno.test(
  "A deadline that passes after the notification, while the mutex is waited for, is forgotten with its scope",
  simulated((world) => {
    const { mutex, condition } = open(world);
    const fiber = world.spawn(function* () {
      using _lock = yield* mutex.lock();
      yield* withTimeout(10, () => condition.wait());
      return yield* codeThrown(yieldNow());
    });
    world.settle();
    const lock = mutex.tryLock()!;
    condition.notify();
    world.pass(20);
    lock[Symbol.dispose]();
    world.settle();
    assertEquals(fiber.result(), undefined);
  }),
);

Deno.test(
  "What is queued when Condition.wait() begins is thrown at once: interruptions before wrong use, values and errors after it",
  simulated((world) => {
    const queue: [(fiber: Fiber<unknown>) => void, whereHeld: string, whereNot: string][] = [
      [(fiber) => fiber.resumeWithError(new CancelledError()), "ECANCELED", "ECANCELED"],
      [() => world.kernel.advance(20), "ETIME", "ETIME"],
      [(fiber) => fiber.resume(), "EBUSY", "EPERM"],
      [(fiber) => fiber.resumeWithError(new SystemError("EIO")), "EIO", "EPERM"],
    ];
    for (const [act, whereHeld, whereNot] of queue) {
      for (const isHeld of [true, false]) {
        const { mutex, condition } = open(world);
        const target = Future.withResolvers<void>(world.loop);
        const fiber: Fiber<unknown> = world.spawn(function* () {
          using _deadline = timeoutScope(10);
          fiber.setPriority(5);
          const lock = isHeld ? mutex.tryLock() : undefined;
          if (whereHeld === "ETIME") {
            // It completes, and leaves the deadline queued.
            yield* target.future;
          } else {
            act(fiber);
          }
          const { iteration } = world.loop;
          const code = yield* codeThrown(condition.wait());
          const seen = [code, world.loop.iteration - iteration, mutex.locked];
          lock?.[Symbol.dispose]();
          return seen;
        });
        world.settle();
        if (whereHeld === "ETIME") {
          target.resolve();
          act(fiber);
          world.settle();
        }
        assertEquals([fiber.result(), mutex.statistics().mostWaiters], [[isHeld ? whereHeld : whereNot, 0, isHeld], 0]);
      }
    }
  }),
);

for (const [end, code] of [["disposed", "EPIPE"], ["left by its holder's end", "EOWNERDEAD"]]) {
  Deno.test(
    `Who is notified, or gives up, when the mutex was ${end} gets ${code}, and does not hold it`,
    simulated((world) => {
      for (const act of ["notify", "cancel"]) {
        const { mutex, condition } = open(world);
        const fiber = world.spawn(function* () {
          using _lock = yield* mutex.lock();
          const code = yield* codeThrown(condition.wait());
          return [code, mutex.locked];
        });
        world.settle();
        if (end === "disposed") mutex[Symbol.dispose]();
        else world.spawn(() => mutex.lock());
        world.settle();
        if (act === "notify") condition.notify();
        else fiber.cancel();
        world.settle();
        assertEquals([fiber.result(), condition.statistics().waiters], [[code, false], 0], act);
        assertEquals(world.takeReports().length, end === "disposed" ? 0 : 1);
      }
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
