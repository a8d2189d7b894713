/**
 * p-queue: runs functions by priority, so many at a time, with deadlines. A spawn is `queue.add(work)`, a mutex a queue of one at a time.
 *
 * @module
 */

import PQueue from "p-queue";
import { equal, range } from "../checks.ts";
import type { Side } from "../side.ts";
import { isAbort, sendAway, takeTurns } from "./_waiting.ts";

// deno-lint-ignore require-await
async function value(i: number): Promise<number> {
  return i;
}

export const side: Side = {
  works: {
    async spawn_join(n) {
      const queue = new PQueue();
      let sum = 0;
      for (let i = 0; i < n; i++) sum += await queue.add(() => value(i));
      return sum;
    },

    async spawn_join_fresh(n) {
      const queue = new PQueue();
      let sum = 0;
      // deno-lint-ignore require-await
      for (let i = 0; i < n; i++) sum += await queue.add(async () => i);
      return sum;
    },

    async spawn_many(n) {
      const queue = new PQueue();
      const values = await Promise.all(range(n).map((i) => queue.add(() => value(i))));
      return values.reduce((a, b) => a + b);
    },

    async mutex_uncontended(n) {
      const queue = new PQueue({ concurrency: 1 });
      let held = 0;
      // deno-lint-ignore require-await
      const work = async () => void held++;
      for (let i = 0; i < n; i++) await queue.add(work);
      return held;
    },

    mutex_contended(n) {
      const queue = new PQueue({ concurrency: 1 });
      return takeTurns(n, 1, (work) => queue.add(work));
    },

    semaphore_contended(n) {
      const queue = new PQueue({ concurrency: 10 });
      return takeTurns(n, 10, (work) => queue.add(work));
    },

    async cancel(n, watch) {
      const queue = new PQueue({ concurrency: 1 });
      const gate = Promise.withResolvers<void>();
      const first = queue.add(() => gate.promise);
      const cleaned = await sendAway(n, watch, {
        wait: () => queue.add(() => value(0)),
        cancelAll: () => queue.clear(),
        isCancellation: isAbort,
      });
      gate.resolve();
      await first;
      return cleaned;
    },

    async timeout_scope(n) {
      const queue = new PQueue({ timeout: 1000 });
      let sum = 0;
      for (let i = 0; i < n; i++) sum += await queue.add(() => value(1));
      return sum;
    },
  },

  async park(n) {
    const queue = new PQueue({ concurrency: 1 });
    const gate = Promise.withResolvers<void>();
    let woken = 0;
    const first = queue.add(() => gate.promise);
    // deno-lint-ignore require-await
    const tasks = range(n).map(() => queue.add(async () => void woken++));
    await undefined;
    equal(queue.size, n, "parked");
    return {
      async release() {
        gate.resolve();
        await first;
        await Promise.all(tasks);
        return woken;
      },
    };
  },
};
