/**
 * How often a source may be dispatched (sd-event, section 11).
 *
 * @module
 */

import type { LoopCore } from "./loop_core.ts";
import { SystemError } from "./errno.ts";
import { goOffline, goOnline, resume, suspend } from "./source_lifecycle.ts";
import { OFF, type SourceNode } from "./source_node.ts";
import type { Usec } from "./time.ts";
import { requireUsec } from "./validate.ts";

/** At most `burst` dispatches in each window of `interval` microseconds, which opens with the first of them. */
export interface RateLimit {
  /** Microseconds. */
  readonly interval: Usec;
  /** How many callbacks run in one window. */
  readonly burst: number;
}

/** Counts the dispatches of one source against its limit. */
export class RateLimiter implements RateLimit {
  readonly interval: Usec;
  readonly burst: number;
  #count = 0;
  #begin: Usec = 0;

  constructor(limit: RateLimit) {
    this.interval = limit.interval;
    this.burst = limit.burst;
  }

  /** Counts an attempt at `now`: whether it may go on. */
  admit(now: Usec): boolean {
    if (this.#count === 0 || now - this.#begin > this.interval) {
      this.#begin = now;
      this.#count = 1;
      return true;
    }
    this.#count++;
    return this.#count <= this.burst;
  }

  /** When the open window ends. */
  get windowEnd(): Usec {
    return this.#begin + this.interval;
  }

  /** Closes the window. */
  reset(): void {
    this.#count = 0;
  }
}

/** What counts for this limit; `undefined` for none, which is what a zero in it means too. EINVAL for what are no whole numbers. */
export function limiterOf(limit: RateLimit | undefined): RateLimiter | undefined {
  if (limit === undefined) return undefined;
  const interval = requireUsec(limit.interval, "interval");
  if (!Number.isSafeInteger(limit.burst) || limit.burst < 0) {
    throw new SystemError("EINVAL", `Cannot use burst '${limit.burst}': it takes a whole number from 0 on`);
  }
  return interval === 0 || limit.burst === 0 ? undefined : new RateLimiter(limit);
}

/** Suspends a source until the open window ends. It stays enabled and pending. */
export function enterRateLimit(core: LoopCore, node: SourceNode): void {
  goOffline(core, node);
  suspend(core, node, node.extra!.rateLimit!.windowEnd);
  core.prepares.changed(node);
}

/** Ends the suspension: 1, or 0 where there is none. A negative errno: it could not go online, and stays suspended. */
export function leaveRateLimit(core: LoopCore, node: SourceNode): number {
  if (!node.rateLimited) return 0;
  const limiter = node.extra!.rateLimit!;
  resume(core, node);
  const result = node.mode === OFF ? 0 : goOnline(core, node);
  if (result < 0) {
    suspend(core, node, limiter.windowEnd);
    return result;
  }
  limiter.reset();
  core.prepares.changed(node);
  core.touch();
  return 1;
}
