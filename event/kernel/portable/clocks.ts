/**
 * The clocks that the host has.
 *
 * @module
 */

import { ClockIndex, type Usec } from "../../time.ts";
import type { Clocks } from "../emulated/wakeups.ts";
import type { Host } from "./host.ts";

/**
 * Two clocks for five names: of a clock that goes on while the machine sleeps the host knows nothing, so boottime reads as monotonic.
 *
 * The host's realtime clock counts milliseconds. The microseconds in between are the monotonic clock's, so that it goes forward steadily
 * unless it is set, and is never off by a millisecond.
 */
export class HostClocks implements Clocks {
  readonly #host: Host;
  /** What realtime was ahead of monotonic when it was last read. */
  #realtimeLead: Usec = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  get monotonic(): Usec {
    return Math.floor(this.#host.monotonicMilliseconds() * 1_000);
  }

  now(clock: ClockIndex): Usec {
    return isRealtime(clock) ? this.#realtime() : this.monotonic;
  }

  toMonotonic(clock: ClockIndex, usec: Usec): Usec {
    if (usec === Infinity || !isRealtime(clock)) return usec;
    return usec - this.#realtime() + this.monotonic;
  }

  #realtime(): Usec {
    const monotonic = this.monotonic;
    const earliest = Math.floor(this.#host.realtimeMilliseconds()) * 1_000;
    const usec = Math.min(Math.max(monotonic + this.#realtimeLead, earliest), earliest + 999);
    this.#realtimeLead = usec - monotonic;
    return usec;
  }
}

/** Whether somebody can set this clock. */
export function isRealtime(clock: ClockIndex): boolean {
  return clock === ClockIndex.realtime || clock === ClockIndex["realtime-alarm"];
}

/** Whether wake-ups by this clock can be had: nobody here wakes the machine. */
export function serves(clock: ClockIndex): boolean {
  return clock === ClockIndex.monotonic || clock === ClockIndex.realtime || clock === ClockIndex.boottime;
}
