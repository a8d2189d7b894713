/**
 * co: generators over promises. It has no queue of its own, each step is a promise's callback; and neither primitives, cancellation nor deadlines.
 *
 * @module
 */

import untyped from "co";
import { range, Sleepers, Switches } from "../checks.ts";
import type { Side } from "../side.ts";

type Steps<T = void> = Generator<unknown, T, unknown>;

/** It brings no types. */
const co = untyped as <T, A extends unknown[]>(body: (...args: A) => Steps<T>, ...args: A) => Promise<T>;

const TASKS = 100;
const resolved = Promise.resolve(1);

// deno-lint-ignore require-yield
function* value(i: number): Steps<number> {
  return i;
}

function nest(depth: number): () => Steps<number> {
  if (depth === 0) {
    return function* leaf() {
      yield resolved;
      return 1;
    };
  }
  const inner = nest(depth - 1);
  return function* level() {
    return (yield* inner()) + 1;
  };
}

export const side: Side = {
  works: {
    start: () => co(value, 1),

    yield: (n) =>
      co(function* () {
        let count = 0;
        for (; count < n; count++) yield resolved;
        return count;
      }),

    async yield_100(n) {
      const switches = new Switches();
      function* task(id: number): Steps {
        for (let i = 0; i < n / TASKS; i++) {
          switches.see(id);
          yield resolved;
        }
      }
      await Promise.all(range(TASKS).map((id) => co(task, id)));
      return switches.count;
    },

    spawn_join: (n) =>
      co(function* () {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += (yield co(value, i)) as number;
        return sum;
      }),

    spawn_join_fresh: (n) =>
      co(function* () {
        let sum = 0;
        for (let i = 0; i < n; i++) {
          sum += (yield co(function* () {
            return i;
          })) as number;
        }
        return sum;
      }),

    spawn_many: (n) =>
      co(function* () {
        const values = (yield range(n).map((i) => co(value, i))) as number[];
        return values.reduce((a, b) => a + b);
      }),

    await_resolved: (n) =>
      co(function* () {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += (yield resolved) as number;
        return sum;
      }),

    deep_call: (n) =>
      co(function* () {
        const call = nest(15);
        let sum = 0;
        for (let i = 0; i < n; i++) sum += yield* call();
        return sum;
      }),

    async sleep_many(n) {
      const sleepers = new Sleepers(n);
      function* task(duration: number): Steps {
        const started = performance.now();
        yield new Promise((resolve) => setTimeout(resolve, duration));
        sleepers.wake(started, duration);
      }
      await Promise.all(sleepers.durations.map((duration) => co(task, duration)));
      return sleepers.woken;
    },
  },

  park(n) {
    const gate = Promise.withResolvers<void>();
    let woken = 0;
    function* task(): Steps {
      yield gate.promise;
      woken++;
    }
    const tasks = range(n).map(() => co(task));
    return {
      async release() {
        gate.resolve();
        await Promise.all(tasks);
        return woken;
      },
    };
  },

  spin: (spinning) =>
    co(function* () {
      while (spinning()) yield resolved;
    }),
};
