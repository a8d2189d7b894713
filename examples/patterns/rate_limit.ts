#!/usr/bin/env -S deno run
/**
 * Rate limiting by a token bucket: a semaphore holds the tokens, a timer brings them back.
 *
 * Ten lines, three at once and then one each 100 ms:
 *
 *     deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6 examples/patterns/rate_limit.ts
 *
 * @module
 */

import { EventLoop, main, msec, type Operation, type Permits, Semaphore, type TimeSource, type Usec } from "@sd/fibers";

/** What a bucket is like. */
export interface TokenBucketOptions {
  /** How many tokens it holds when it is full, as it is at first. */
  burst: number;
  /** One comes back each time that this has passed. */
  intervalUsec: Usec;
}

/** Lets through a burst, and then so many in a time. Disposed, who waits and who comes later gets EPIPE. */
export class TokenBucket implements Disposable {
  readonly #tokens: Semaphore;
  readonly #spent: Permits[] = [];
  readonly #refill: TimeSource;
  readonly #intervalUsec: Usec;

  constructor(loop: EventLoop, { burst, intervalUsec }: TokenBucketOptions) {
    this.#intervalUsec = intervalUsec;
    this.#tokens = new Semaphore(burst, { loop });
    // Off as long as the bucket is full: an idle daemon is not woken.
    this.#refill = loop.addTimeRelative("monotonic", 0, () => this.#bringBack(), { enabled: "off", accuracy: 1 });
  }

  /** How many can be had at once. */
  get available(): number {
    return this.#tokens.available;
  }

  /** Takes tokens, when its turn has come and there are so many. Interrupted, none was taken. */
  *take(count: number = 1): Operation<void> {
    this.#spent.push(yield* this.#tokens.acquire(count));
    if (this.#refill.enabled === "off") this.#arm(() => this.#refill.setRelative(this.#intervalUsec));
  }

  /** Takes tokens if there are so many and nobody waits: `false` says that the caller has to turn the request down. */
  tryTake(count: number = 1): boolean {
    const permits = this.#tokens.tryAcquire(count);
    if (permits === undefined) return false;
    this.#spent.push(permits);
    if (this.#refill.enabled === "off") this.#arm(() => this.#refill.setRelative(this.#intervalUsec));
    return true;
  }

  #bringBack(): void {
    const [oldest] = this.#spent;
    oldest.release(1);
    if (oldest.count === 0) this.#spent.shift();
    // From the time that was asked for, and not from now: being late once does not lower the rate.
    if (this.#spent.length > 0) this.#arm(() => this.#refill.usec += this.#intervalUsec);
  }

  #arm(setTime: () => void): void {
    setTime();
    this.#refill.enabled = "oneshot";
  }

  [Symbol.dispose](): void {
    this.#refill[Symbol.dispose]();
    this.#tokens[Symbol.dispose]();
  }
}

/** Says the lines as fast as the bucket lets them through. */
export function* sayAll(lines: Iterable<string>, bucket: TokenBucket, say: (line: string) => void): Operation<void> {
  for (const line of lines) {
    yield* bucket.take();
    say(line);
  }
}

if (import.meta.main) {
  Deno.exit(
    await main(function* () {
      using bucket = new TokenBucket(EventLoop.default(), { burst: 3, intervalUsec: msec(100) });
      yield* sayAll(Array.from({ length: 10 }, (_, number) => `line ${number + 1}`), bucket, console.log);
    }),
  );
}
