/**
 * Effection: operations as generators, structured scopes, cancellation by `iterator.return()`. Its run loop is synchronous: while there is work,
 * the host does not run.
 *
 * @module
 */

import { action, createQueue, type Operation, race, run, scoped, sleep, spawn, suspend, type Task, withResolvers } from "effection";
import { equal, hostTurn, range, Sleepers, Switches } from "../checks.ts";
import type { Side } from "../side.ts";

const TASKS = 100;

/**
 * Its cheapest way to give way: an action that is resolved while it is entered. The task goes to the end of the queue of its priority, so that its
 * siblings run first.
 */
const tick: Operation<void> = action<void>((resolve) => {
  resolve();
  return () => {};
});

/** The nearest to a bounded channel: a queue of items and one of free places. */
class Bounded<T> {
  readonly #items = createQueue<T, never>();
  readonly #places = createQueue<true, never>();

  constructor(capacity: number) {
    for (let i = 0; i < capacity; i++) this.#places.add(true);
  }

  *send(item: T): Operation<void> {
    yield* this.#places.next();
    this.#items.add(item);
  }

  *receive(): Operation<T> {
    const { value } = yield* this.#items.next();
    this.#places.add(true);
    return value as T;
  }
}

// deno-lint-ignore require-yield
function* value(i: number): Operation<number> {
  return i;
}

function nest(depth: number): () => Operation<number> {
  if (depth === 0) {
    return function* leaf() {
      yield* tick;
      return 1;
    };
  }
  const inner = nest(depth - 1);
  return function* level() {
    return (yield* inner()) + 1;
  };
}

function* spawnAndJoin<T>(bodies: (() => Operation<T>)[]): Operation<T[]> {
  const tasks: Task<T>[] = [];
  for (const body of bodies) tasks.push(yield* spawn(body));
  const results: T[] = [];
  for (const task of tasks) results.push(yield* task);
  return results;
}

function passItems(n: number, capacity: number): Promise<number> {
  return run(function* () {
    const channel = new Bounded<number>(capacity);
    const producer = yield* spawn(function* () {
      for (let i = 0; i < n; i++) yield* channel.send(i);
    });
    let sum = 0;
    for (let i = 0; i < n; i++) sum += yield* channel.receive();
    yield* producer;
    return sum;
  });
}

export const side: Side = {
  works: {
    start: () => run(() => value(1)),

    yield: (n) =>
      run(function* () {
        let count = 0;
        for (; count < n; count++) yield* tick;
        return count;
      }),

    yield_100: (n) =>
      run(function* () {
        const switches = new Switches();
        function* task(id: number): Operation<void> {
          for (let i = 0; i < n / TASKS; i++) {
            switches.see(id);
            yield* tick;
          }
        }
        yield* spawnAndJoin(range(TASKS).map((id) => () => task(id)));
        return switches.count;
      }),

    spawn_join: (n) =>
      run(function* () {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += yield* (yield* spawn(() => value(i)));
        return sum;
      }),

    spawn_join_fresh: (n) =>
      run(function* () {
        let sum = 0;
        for (let i = 0; i < n; i++) {
          sum += yield* (yield* spawn(function* () {
            return i;
          }));
        }
        return sum;
      }),

    spawn_many: (n) =>
      run(function* () {
        const values = yield* scoped(() => spawnAndJoin(range(n).map((i) => () => value(i))));
        return values.reduce((a, b) => a + b);
      }),

    await_resolved: (n) =>
      run(function* () {
        const resolved = withResolvers<number>();
        resolved.resolve(1);
        let sum = 0;
        for (let i = 0; i < n; i++) sum += yield* resolved.operation;
        return sum;
      }),

    deep_call: (n) =>
      run(function* () {
        const call = nest(15);
        let sum = 0;
        for (let i = 0; i < n; i++) sum += yield* call();
        return sum;
      }),

    channel_1: (n) => passItems(n, 1),
    channel_1024: (n) => passItems(n, 1024),

    sleep_many: (n) =>
      run(function* () {
        const sleepers = new Sleepers(n);
        function* task(duration: number): Operation<void> {
          const started = performance.now();
          yield* sleep(duration);
          sleepers.wake(started, duration);
        }
        yield* spawnAndJoin(sleepers.durations.map((duration) => () => task(duration)));
        return sleepers.woken;
      }),

    async cancel(n, watch) {
      let parked = 0;
      let cleaned = 0;
      function* task(): Operation<void> {
        parked++;
        try {
          yield* suspend();
        } finally {
          cleaned++;
        }
      }
      const parent = run(() => spawnAndJoin(range(n).map(() => task)));
      await hostTurn();
      equal(parked, n, "parked");
      equal(cleaned, 0, "cleaned up before the cancellation");
      watch.start();
      await parent.halt();
      watch.stop();
      return cleaned;
    },

    timeout_scope: (n) =>
      run(function* () {
        let sum = 0;
        let late = 0;
        function* expire(): Operation<number> {
          yield* sleep(1000);
          return ++late;
        }
        for (let i = 0; i < n; i++) sum += yield* race([value(1), expire()]);
        equal(late, 0, "deadlines that passed");
        return sum;
      }),
  },

  async park(n) {
    const gate = withResolvers<void>();
    let woken = 0;
    let parked = 0;
    function* task(): Operation<void> {
      parked++;
      yield* gate.operation;
      woken++;
    }
    const parent = run(() => spawnAndJoin(range(n).map(() => task)));
    await hostTurn();
    equal(parked, n, "parked");
    return {
      async release() {
        gate.resolve();
        await parent;
        return woken;
      },
    };
  },

  spin: (spinning) =>
    run(function* () {
      const resolved = withResolvers<void>();
      resolved.resolve();
      while (spinning()) yield* resolved.operation;
    }),
};
