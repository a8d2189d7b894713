#!/usr/bin/env -S deno run --allow-read
/**
 * A bounded work pool: so many workers, a queue no longer than needed, and the first job that fails cancels the rest.
 *
 * The bytes of the files on the command line, four files at a time:
 *
 *     deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6 examples/patterns/work_pool.ts /etc/passwd /proc/cpuinfo
 *
 * @module
 */

import { Channel, main, type Operation, readFile, scope } from "@sd/fibers";

/**
 * Does all the jobs, and returns what came of them in their order.
 *
 * The queue is bounded too, so `jobs` may be a generator that has no end in sight. A job that fails ends the pool: it is thrown when the others,
 * cancelled, have cleaned up. Interrupted, the pool does the same.
 */
export function* workPool<T, R>(jobs: Iterable<T>, work: (job: T) => Operation<R>, workers: number): Operation<R[]> {
  const results: R[] = [];
  yield* scope(function* (children) {
    const queue = new Channel<{ index: number; job: T }>({ capacity: workers });
    for (let number = 1; number <= workers; number++) {
      children.spawn(function* () {
        for (let next; (next = yield* queue.next()) !== undefined;) results[next.index] = yield* work(next.job);
      }, { name: `worker ${number}` });
    }
    let index = 0;
    for (const job of jobs) yield* queue.push({ index: index++, job });
    // Those who wait for a job go home; the scope waits for those who have one.
    queue.close();
  });
  return results;
}

/** How many bytes each file has. */
export function countBytes(paths: readonly string[], workers: number): Operation<number[]> {
  return workPool(paths, function* (path) {
    return (yield* readFile(path)).length;
  }, workers);
}

if (import.meta.main) {
  Deno.exit(
    await main(function* () {
      const counts = yield* countBytes(Deno.args, 4);
      for (const [index, count] of counts.entries()) console.log(`${count} ${Deno.args[index]}`);
    }),
  );
}
