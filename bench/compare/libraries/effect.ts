/**
 * Effect: values that describe effects, interpreted on fibers; written by `Effect.gen`, as its users do. A fiber gives way through the host,
 * and is made to after 2048 steps.
 *
 * @module
 */

import { Deferred, Effect, Fiber, Queue, Semaphore } from "effect";
import { equal, Gauge, hostTurn, range, Sleepers, Switches } from "../checks.ts";
import type { Side } from "../side.ts";

const TASKS = 100;

function nest(depth: number): () => Effect.Effect<number> {
  if (depth === 0) {
    return () =>
      Effect.gen(function* () {
        yield* Effect.yieldNow;
        return 1;
      });
  }
  const inner = nest(depth - 1);
  return () =>
    Effect.gen(function* () {
      return (yield* inner()) + 1;
    });
}

/** Forks them as children of the fiber that runs, then joins all. */
function forkAndJoin<A>(effects: Effect.Effect<A>[]): Effect.Effect<A[]> {
  return Effect.gen(function* () {
    const fibers: Fiber.Fiber<A>[] = [];
    for (const effect of effects) fibers.push(yield* Effect.forkChild(effect));
    return yield* Fiber.joinAll(fibers);
  });
}

function passItems(n: number, capacity: number): Promise<number> {
  return Effect.runPromise(Effect.gen(function* () {
    const queue = yield* Queue.bounded<number>(capacity);
    const consume = Effect.gen(function* () {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += yield* Queue.take(queue);
      return sum;
    });
    const produce = Effect.gen(function* () {
      for (let i = 0; i < n; i++) yield* Queue.offer(queue, i);
      return 0;
    });
    const [sum] = yield* forkAndJoin<number>([consume, produce]);
    return sum;
  }));
}

function acquireInTurn(n: number, permits: number): Promise<number> {
  return Effect.runPromise(Effect.gen(function* () {
    const semaphore = yield* Semaphore.make(permits);
    const gauge = new Gauge(permits);
    const task = Effect.gen(function* () {
      for (let i = 0; i < n / TASKS; i++) {
        yield* semaphore.take(1);
        gauge.enter();
        yield* Effect.yieldNow;
        gauge.leave();
        yield* semaphore.release(1);
      }
    });
    yield* forkAndJoin(range(TASKS).map(() => task));
    return gauge.verify();
  }));
}

export const side: Side = {
  works: {
    start: () => Effect.runPromise(Effect.succeed(1)),

    yield: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        let count = 0;
        for (; count < n; count++) yield* Effect.yieldNow;
        return count;
      })),

    yield_100: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        const switches = new Switches();
        const task = (id: number) =>
          Effect.gen(function* () {
            for (let i = 0; i < n / TASKS; i++) {
              switches.see(id);
              yield* Effect.yieldNow;
            }
          });
        yield* forkAndJoin(range(TASKS).map(task));
        return switches.count;
      })),

    spawn_join: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += yield* Fiber.join(yield* Effect.forkChild(Effect.sync(() => i)));
        return sum;
      })),

    spawn_join_fresh: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        let sum = 0;
        for (let i = 0; i < n; i++) {
          const child = Effect.gen(function* () {
            return yield* Effect.succeed(i);
          });
          sum += yield* Fiber.join(yield* Effect.forkChild(child));
        }
        return sum;
      })),

    spawn_many: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        const values = yield* forkAndJoin(range(n).map((i) => Effect.sync(() => i)));
        return values.reduce((a, b) => a + b);
      })),

    await_resolved: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        const resolved = Deferred.makeUnsafe<number>();
        Deferred.doneUnsafe(resolved, Effect.succeed(1));
        let sum = 0;
        for (let i = 0; i < n; i++) sum += yield* Deferred.await(resolved);
        return sum;
      })),

    deep_call: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        const call = nest(15);
        let sum = 0;
        for (let i = 0; i < n; i++) sum += yield* call();
        return sum;
      })),

    channel_1: (n) => passItems(n, 1),
    channel_1024: (n) => passItems(n, 1024),

    mutex_uncontended: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        const mutex = yield* Semaphore.make(1);
        let held = 0;
        for (let i = 0; i < n; i++) {
          yield* mutex.take(1);
          held++;
          yield* mutex.release(1);
        }
        return held;
      })),

    mutex_contended: (n) => acquireInTurn(n, 1),
    semaphore_contended: (n) => acquireInTurn(n, 10),

    sleep_many: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        const sleepers = new Sleepers(n);
        const task = (duration: number) =>
          Effect.gen(function* () {
            const started = performance.now();
            yield* Effect.sleep(duration);
            sleepers.wake(started, duration);
          });
        yield* forkAndJoin(sleepers.durations.map(task));
        return sleepers.woken;
      })),

    async cancel(n, watch) {
      let parked = 0;
      let cleaned = 0;
      const task = Effect.suspend(() => {
        parked++;
        return Effect.never;
      }).pipe(Effect.ensuring(Effect.sync(() => void cleaned++)));
      const parent = Effect.runFork(forkAndJoin(range(n).map(() => task)));
      while (parked < n) await hostTurn();
      equal(cleaned, 0, "cleaned up before the cancellation");
      watch.start();
      await Effect.runPromise(Fiber.interrupt(parent));
      watch.stop();
      return cleaned;
    },

    timeout_scope: (n) =>
      Effect.runPromise(Effect.gen(function* () {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += yield* Effect.timeout(Effect.sync(() => 1), 1000);
        return sum;
      })),
  },

  async park(n) {
    const gate = Deferred.makeUnsafe<void>();
    let parked = 0;
    let woken = 0;
    const task = Effect.gen(function* () {
      parked++;
      yield* Deferred.await(gate);
      woken++;
    });
    const parent = Effect.runPromise(forkAndJoin(range(n).map(() => task)));
    while (parked < n) await hostTurn(20);
    return {
      async release() {
        Deferred.doneUnsafe(gate, Effect.void);
        await parent;
        return woken;
      },
    };
  },

  spin: (spinning) =>
    Effect.runPromise(Effect.gen(function* () {
      const resolved = Deferred.makeUnsafe<void>();
      Deferred.doneUnsafe(resolved, Effect.void);
      while (spinning()) yield* Deferred.await(resolved);
    })),
};
