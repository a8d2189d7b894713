/**
 * What all sides prove their work by, and the data that they work on.
 *
 * @module
 */

/** Ends the run: what was not done must not be timed. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: expected ${expected}, got ${actual}`);
}

/** The sum of 0 to n - 1: what somebody has who saw each item once. */
export function sumTo(n: number): number {
  return n * (n - 1) / 2;
}

/** 0 to n - 1. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** So many whole numbers from `low` to `high`, the same on each side: xorshift32. */
export function randoms(n: number, low: number, high: number): number[] {
  let state = 0x2545f491;
  return Array.from({ length: n }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return low + (state >>> 0) % (high - low + 1);
  });
}

/** Lets the host run its timers and its I/O. */
export function hostTurn(msec = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, msec));
}

/** Counts how often another task had its turn: tasks that do not take turns are no comparison. */
export class Switches {
  count = 0;
  #last = -1;

  see(id: number): void {
    if (id === this.#last) return;
    this.#last = id;
    this.count++;
  }
}

/** Sees to it that never more than so many are inside, and that so many were at some time. */
export class Gauge {
  entered = 0;
  #inside = 0;
  #peak = 0;

  constructor(readonly limit: number) {}

  enter(): void {
    this.entered++;
    this.#peak = Math.max(this.#peak, ++this.#inside);
    if (this.#inside > this.limit) throw new Error(`${this.#inside} are inside where ${this.limit} may be`);
  }

  leave(): void {
    this.#inside--;
  }

  /** How often somebody was inside. */
  verify(): number {
    equal(this.#inside, 0, "still inside");
    equal(this.#peak, this.limit, "inside at once, at most");
    return this.entered;
  }
}

/** Sees to it that no sleeper wakes early; host timers are whole milliseconds, and may be one and a half early. */
export class Sleepers {
  woken = 0;
  readonly durations: readonly number[];

  constructor(n: number) {
    this.durations = randoms(n, 1, 50);
  }

  wake(started: number, msec: number): void {
    const early = msec - (performance.now() - started);
    if (early > 1.5) throw new Error(`A sleeper of ${msec} ms woke ${early} ms early`);
    this.woken++;
  }
}
