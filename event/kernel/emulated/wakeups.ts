/**
 * The wake-ups of one poller.
 *
 * @module
 */

import type { ClockIndex, Usec } from "../../time.ts";

/** What tells the time. */
export interface Clocks {
  /** The monotonic clock. */
  readonly monotonic: Usec;
  /** The time on a clock. */
  now(clock: ClockIndex): Usec;
  /** When, on the monotonic clock, `clock` will read `usec`, if nobody sets it meanwhile. */
  toMonotonic(clock: ClockIndex, usec: Usec): Usec;
}

/** One wake-up a clock, absolute, that fires once. */
export class Wakeups {
  /** The wake-ups that have come and were not taken yet, one bit a clock. */
  fired = 0;
  /** By clock; Infinity where none is armed. */
  readonly times: Usec[] = [Infinity, Infinity, Infinity, Infinity, Infinity];
  readonly #clocks: Clocks;
  readonly #onFire: () => void;

  /** `onFire` is told each time that one or more have come. */
  constructor(clocks: Clocks, onFire: () => void) {
    this.#clocks = clocks;
    this.#onFire = onFire;
  }

  /** Replaces the wake-up of this clock, also one that has come and was not taken. */
  set(clock: ClockIndex, usec: Usec): void {
    this.fired &= ~(1 << clock);
    this.times[clock] = usec;
    this.fireDue();
  }

  /** When the next one comes, on the monotonic clock. */
  next(): Usec {
    let next = Infinity;
    for (let clock = 0; clock < this.times.length; clock++) {
      const usec = this.times[clock];
      if (usec !== Infinity) next = Math.min(next, this.#clocks.toMonotonic(clock as ClockIndex, usec));
    }
    return next;
  }

  /** Fires what has come by now. */
  fireDue(): void {
    const before = this.fired;
    for (let clock = 0; clock < this.times.length; clock++) {
      const usec = this.times[clock];
      if (usec === Infinity || usec > this.#clocks.now(clock as ClockIndex)) continue;
      this.times[clock] = Infinity;
      this.fired |= 1 << clock;
    }
    if (this.fired !== before) this.#onFire();
  }

  /** The bits of those that have come since the last call. */
  takeFired(): number {
    const fired = this.fired;
    this.fired = 0;
    return fired;
  }
}
