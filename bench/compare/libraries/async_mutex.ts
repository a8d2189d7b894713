/**
 * async-mutex: a mutex and a semaphore on promises. It has no tasks, scopes, sleeps or channels.
 *
 * @module
 */

import { E_CANCELED, Mutex, Semaphore, withTimeout } from "async-mutex";
import { range } from "../checks.ts";
import type { Side } from "../side.ts";
import { sendAway, takeTurns } from "./_waiting.ts";

export const side: Side = {
  works: {
    async mutex_uncontended(n) {
      const mutex = new Mutex();
      let held = 0;
      for (let i = 0; i < n; i++) {
        const release = await mutex.acquire();
        held++;
        release();
      }
      return held;
    },

    mutex_contended(n) {
      const mutex = new Mutex();
      return takeTurns(n, 1, async (work) => {
        const release = await mutex.acquire();
        await work();
        release();
      });
    },

    semaphore_contended(n) {
      const semaphore = new Semaphore(10);
      return takeTurns(n, 10, async (work) => {
        const [, release] = await semaphore.acquire();
        await work();
        release();
      });
    },

    async cancel(n, watch) {
      const mutex = new Mutex();
      const release = await mutex.acquire();
      const cleaned = await sendAway(n, watch, {
        wait: () => mutex.acquire(),
        cancelAll: () => mutex.cancel(),
        isCancellation: (error) => error === E_CANCELED,
      });
      release();
      return cleaned;
    },

    async timeout_scope(n) {
      const mutex = withTimeout(new Mutex(), 1000);
      let held = 0;
      for (let i = 0; i < n; i++) {
        const release = await mutex.acquire();
        held++;
        release();
      }
      return held;
    },
  },

  async park(n) {
    const mutex = new Mutex();
    const release = await mutex.acquire();
    let woken = 0;
    const tasks = range(n).map(async () => {
      const done = await mutex.acquire();
      woken++;
      done();
    });
    return {
      async release() {
        release();
        await Promise.all(tasks);
        return woken;
      },
    };
  },
};
