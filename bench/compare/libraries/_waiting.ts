/**
 * What all libraries do alike that let async functions wait in line.
 *
 * @module
 */

import { equal, Gauge, range } from "../checks.ts";
import type { Stopwatch } from "../side.ts";

const TASKS = 100;

/** So many tasks that take turns, each through `enter`, which runs what it is given when there is room. */
export async function takeTurns(n: number, permits: number, enter: (work: () => Promise<void>) => Promise<unknown>): Promise<number> {
  const gauge = new Gauge(permits);
  const work = async () => {
    gauge.enter();
    await undefined;
    gauge.leave();
  };
  await Promise.all(
    range(TASKS).map(async () => {
      for (let i = 0; i < n / TASKS; i++) await enter(work);
    }),
  );
  return gauge.verify();
}

/** Tasks that wait in line, all of which `cancelAll` sends away with an error that `isCancellation` knows. */
export async function sendAway(
  n: number,
  watch: Stopwatch,
  line: { wait: () => Promise<unknown>; cancelAll: () => void; isCancellation: (error: unknown) => boolean },
): Promise<number> {
  let cleaned = 0;
  let cancelled = 0;
  const tasks = range(n).map(async () => {
    try {
      await line.wait();
    } finally {
      cleaned++;
    }
  });
  const caught = tasks.map((task) =>
    task.catch((error: unknown) => {
      if (line.isCancellation(error)) cancelled++;
    })
  );
  await undefined;
  equal(cleaned, 0, "cleaned up before the cancellation");
  watch.start();
  line.cancelAll();
  await Promise.all(caught);
  watch.stop();
  equal(cancelled, n, "cancelled");
  return cleaned;
}

/** Names its errors so that they can be told apart. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
