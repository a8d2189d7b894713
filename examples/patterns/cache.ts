#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * Readers and writers: a cache with one refresher. Readers may wait in the middle of reading and see one state all the same.
 *
 * The machine's load, read by two readers and refreshed each 100 ms, until there are ten lines:
 *
 *     deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6 examples/patterns/cache.ts
 *
 * It needs the Linux kernel, for Deno itself lets nobody read in `/proc` who may not do everything.
 *
 * @module
 */

import { isInterruption, main, msec, type Operation, readTextFile, RwLock, scope, sleep, type Usec } from "@sd/fibers";

/** Entries that somebody reads while somebody else renews them. */
export class Cache<T> {
  readonly #lock = new RwLock();
  readonly #entries = new Map<string, T>();
  readonly #load: () => Operation<Iterable<readonly [string, T]>>;

  /** @param load Gets all entries anew; it may take its time, and fail. */
  constructor(load: () => Operation<Iterable<readonly [string, T]>>) {
    this.#load = load;
  }

  /** Reads: nothing changes until `body` has ended. Waits while somebody writes, or waits to. */
  *read<R>(body: (entries: ReadonlyMap<string, T>) => Operation<R>): Operation<R> {
    using _shared = yield* this.#lock.read();
    return yield* body(this.#entries);
  }

  /** Loads, which disturbs no reader, and then changes the entries, which waits for those who read. Interrupted or failed, nothing has changed. */
  *refresh(): Operation<void> {
    const loaded = new Map(yield* this.#load());
    using _alone = yield* this.#lock.write();
    this.#entries.clear();
    for (const [key, value] of loaded) this.#entries.set(key, value);
  }

  /** Refreshes for ever. A failure is told of and what was there stays: better old than nothing. */
  *keepFresh(periodUsec: Usec, onFailure: (error: unknown) => void): Operation<never> {
    while (true) {
      yield* sleep(periodUsec);
      try {
        yield* this.refresh();
      } catch (error) {
        if (isInterruption(error)) throw error;
        onFailure(error);
      }
    }
  }
}

/** Lets `body` use a cache that is filled, and refreshed as long as that runs. */
export function* withFreshCache<T, R>(
  cache: Cache<T>,
  periodUsec: Usec,
  body: () => Operation<R>,
  onFailure: (error: unknown) => void = console.error,
): Operation<R> {
  // Without a first filling there is nothing to serve, so a failure is thrown.
  yield* cache.refresh();
  return yield* scope(function* (children) {
    children.spawn(() => cache.keepFresh(periodUsec, onFailure), { name: "refresher" });
    const result = yield* body();
    children.cancelChildren();
    return result;
  });
}

function* loadFigures(): Operation<Iterable<readonly [string, string]>> {
  const [one, five, fifteen] = (yield* readTextFile("/proc/loadavg")).split(" ");
  return [["1 minute", one], ["5 minutes", five], ["15 minutes", fifteen]];
}

if (import.meta.main) {
  Deno.exit(
    await main(function* () {
      const cache = new Cache(loadFigures);
      yield* withFreshCache(cache, msec(100), function* () {
        for (let line = 1; line <= 10; line++) {
          yield* cache.read(function* (figures) {
            for (const [span, load] of figures) {
              console.log(`${line} ${span}: ${load}`);
              yield* sleep(msec(5)); // A client that takes its time.
            }
          });
        }
      });
    }),
  );
}
