/**
 * The five clocks, moved by hand.
 *
 * @module
 */

import { ClockIndex, type Usec } from "../../time.ts";
import type { Clocks } from "../emulated/wakeups.ts";

/** Where the clocks start: far apart, so that a time of one clock taken for a time of another is far off. */
const monotonicStart: Usec = 1_000_000_000;
const boottimeStart: Usec = 5_000_000_000;
const realtimeStart: Usec = 1_700_000_000_000_000;

/** All clocks go on together; the realtime clock can be set besides. The alarm clocks read as the clocks they are based on. */
export class VirtualClocks implements Clocks {
  /** The monotonic clock, by which the simulation's own schedule goes. */
  monotonic: Usec = monotonicStart;
  #realtimeOffset: Usec = realtimeStart - monotonicStart;

  now(clock: ClockIndex): Usec {
    return this.monotonic + this.#offset(clock);
  }

  toMonotonic(clock: ClockIndex, usec: Usec): Usec {
    return usec - this.#offset(clock);
  }

  /** Steps the realtime clock alone. */
  setRealtime(usec: Usec): void {
    this.#realtimeOffset = usec - this.monotonic;
  }

  #offset(clock: ClockIndex): Usec {
    switch (clock) {
      case ClockIndex.realtime:
      case ClockIndex["realtime-alarm"]:
        return this.#realtimeOffset;
      case ClockIndex.boottime:
      case ClockIndex["boottime-alarm"]:
        return boottimeStart - monotonicStart;
      default:
        return 0;
    }
  }
}
