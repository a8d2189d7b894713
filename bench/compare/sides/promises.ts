/**
 * No library: async functions, and what a user writes by hand on top of them.
 *
 * @module
 */

import { equal, Gauge, range, Sleepers, Switches } from "../checks.ts";
import type { Side } from "../side.ts";
import { Channel, Semaphore, withTimeout } from "./_by_hand.ts";

const TASKS = 100;

/** Async, so that there is a promise; it has nothing to wait for. */
// deno-lint-ignore require-await
async function value(i: number): Promise<number> {
  return i;
}

function nest(depth: number): () => Promise<number> {
  if (depth === 0) {
    return async function leaf() {
      await undefined;
      return 1;
    };
  }
  const inner = nest(depth - 1);
  return async function level() {
    return await inner() + 1;
  };
}

async function passItems(n: number, capacity: number): Promise<number> {
  const channel = new Channel<number>(capacity);
  async function produce(): Promise<void> {
    for (let i = 0; i < n; i++) await channel.send(i);
  }
  async function consume(): Promise<number> {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += await channel.receive();
    return sum;
  }
  const [sum] = await Promise.all([consume(), produce()]);
  return sum;
}

async function acquireInTurn(n: number, permits: number): Promise<number> {
  const semaphore = new Semaphore(permits);
  const gauge = new Gauge(permits);
  await Promise.all(
    range(TASKS).map(async () => {
      for (let i = 0; i < n / TASKS; i++) {
        await semaphore.acquire();
        gauge.enter();
        await undefined;
        gauge.leave();
        semaphore.release();
      }
    }),
  );
  return gauge.verify();
}

export const side: Side = {
  works: {
    start: () => value(1),

    async yield(n) {
      let count = 0;
      for (; count < n; count++) await undefined;
      return count;
    },

    async yield_100(n) {
      const switches = new Switches();
      await Promise.all(
        range(TASKS).map(async (id) => {
          for (let i = 0; i < n / TASKS; i++) {
            switches.see(id);
            await undefined;
          }
        }),
      );
      return switches.count;
    },

    async spawn_join(n) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += await value(i);
      return sum;
    },

    async spawn_join_fresh(n) {
      let sum = 0;
      // deno-lint-ignore require-await
      for (let i = 0; i < n; i++) sum += await (async () => i)();
      return sum;
    },

    async spawn_many(n) {
      const values = await Promise.all(range(n).map(value));
      return values.reduce((a, b) => a + b);
    },

    async await_resolved(n) {
      const resolved = Promise.resolve(1);
      let sum = 0;
      for (let i = 0; i < n; i++) sum += await resolved;
      return sum;
    },

    async deep_call(n) {
      const call = nest(15);
      let sum = 0;
      for (let i = 0; i < n; i++) sum += await call();
      return sum;
    },

    channel_1: (n) => passItems(n, 1),
    channel_1024: (n) => passItems(n, 1024),

    async mutex_uncontended(n) {
      const mutex = new Semaphore(1);
      let held = 0;
      for (let i = 0; i < n; i++) {
        await mutex.acquire();
        held++;
        mutex.release();
      }
      return held;
    },

    mutex_contended: (n) => acquireInTurn(n, 1),
    semaphore_contended: (n) => acquireInTurn(n, 10),

    async sleep_many(n) {
      const sleepers = new Sleepers(n);
      await Promise.all(sleepers.durations.map(async (duration) => {
        const started = performance.now();
        await new Promise<void>((resolve) => setTimeout(resolve, duration));
        sleepers.wake(started, duration);
      }));
      return sleepers.woken;
    },

    async cancel(n, watch) {
      const controller = new AbortController();
      const { signal } = controller;
      let cleaned = 0;
      let cancelled = 0;
      const tasks = range(n).map(async () => {
        try {
          await new Promise<never>((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason), { once: true });
          });
        } finally {
          cleaned++;
        }
      });
      const caught = tasks.map((task) => task.catch(() => void cancelled++));
      await undefined;
      equal(cleaned, 0, "cleaned up before the cancellation");
      watch.start();
      controller.abort();
      await Promise.all(caught);
      watch.stop();
      equal(cancelled, n, "cancelled");
      return cleaned;
    },

    async timeout_scope(n) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += await withTimeout(value(1), 1000);
      return sum;
    },
  },

  park(n) {
    const gate = Promise.withResolvers<void>();
    let woken = 0;
    const tasks = range(n).map(async () => {
      await gate.promise;
      woken++;
    });
    return {
      async release() {
        gate.resolve();
        await Promise.all(tasks);
        return woken;
      },
    };
  },

  async spin(spinning) {
    const resolved = Promise.resolve();
    while (spinning()) await resolved;
  },
};
