/**
 * Microseconds and the clocks that count them.
 *
 * @module
 */

/** Microseconds, an absolute time on a clock or a span. `Infinity` is "never". Whole numbers up to 2^53. */
export type Usec = number;

/**
 * Milliseconds as {@linkcode Usec}.
 *
 * @param n How many milliseconds; fractions are rounded to a whole microsecond.
 * @returns The same span in microseconds.
 */
export function msec(n: number): Usec {
  return Math.round(n * 1_000);
}

/**
 * Seconds as {@linkcode Usec}.
 *
 * @param n How many seconds; fractions are rounded to a whole microsecond.
 * @returns The same span in microseconds.
 */
export function sec(n: number): Usec {
  return Math.round(n * 1_000_000);
}

/**
 * The five clocks. `realtime` can be set, `monotonic` stands still during suspend, `boottime` goes on; the two
 * `-alarm` clocks wake a suspended machine and need CAP_WAKE_ALARM.
 */
export type Clock = "realtime" | "monotonic" | "boottime" | "realtime-alarm" | "boottime-alarm";

/** A clock as the loop and the kernel number it: an index into tables of five, in the order in which clocks are armed. */
export const ClockIndex = {
  realtime: 0,
  boottime: 1,
  monotonic: 2,
  "realtime-alarm": 3,
  "boottime-alarm": 4,
} as const;

/** 0 to 4, see {@linkcode ClockIndex}. */
export type ClockIndex = typeof ClockIndex[Clock];

/** The clocks' names by their index. */
export const clockNames: readonly Clock[] = ["realtime", "boottime", "monotonic", "realtime-alarm", "boottime-alarm"];
