/**
 * p-limit: runs functions so many at a time. A spawn is `limit(work)`, a mutex a limit of one.
 *
 * @module
 */

import pLimit from "p-limit";
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
      const limit = pLimit(Infinity);
      let sum = 0;
      for (let i = 0; i < n; i++) sum += await limit(value, i);
      return sum;
    },

    async spawn_join_fresh(n) {
      const limit = pLimit(Infinity);
      let sum = 0;
      // deno-lint-ignore require-await
      for (let i = 0; i < n; i++) sum += await limit(async () => i);
      return sum;
    },

    async spawn_many(n) {
      const limit = pLimit(Infinity);
      const values = await Promise.all(range(n).map((i) => limit(value, i)));
      return values.reduce((a, b) => a + b);
    },

    async mutex_uncontended(n) {
      const limit = pLimit(1);
      let held = 0;
      const work = () => void held++;
      for (let i = 0; i < n; i++) await limit(work);
      return held;
    },

    mutex_contended(n) {
      const limit = pLimit(1);
      return takeTurns(n, 1, (work) => limit(work));
    },

    semaphore_contended(n) {
      const limit = pLimit(10);
      return takeTurns(n, 10, (work) => limit(work));
    },

    async cancel(n, watch) {
      const limit = pLimit({ concurrency: 1, rejectOnClear: true });
      const gate = Promise.withResolvers<void>();
      const first = limit(() => gate.promise);
      const cleaned = await sendAway(n, watch, {
        wait: () => limit(value, 0),
        cancelAll: () => limit.clearQueue(),
        isCancellation: isAbort,
      });
      gate.resolve();
      await first;
      return cleaned;
    },
  },

  async park(n) {
    const limit = pLimit(1);
    const gate = Promise.withResolvers<void>();
    let woken = 0;
    const first = limit(() => gate.promise);
    const tasks = range(n).map(() => limit(() => void woken++));
    await undefined;
    equal(limit.pendingCount, n, "parked");
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
