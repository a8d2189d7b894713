/**
 * Reading clocks, and times as the system calls take them.
 *
 * @module
 */

import type { ClockIndex, Usec } from "../../time.ts";
import { libc } from "./libc.ts";

/** What the kernel calls the five clocks, for a timer on them. */
export const timerClockIds: readonly number[] = [0, 7, 1, 8, 9];

/** What to read for each: the alarm clocks show the time of the clocks they are based on. */
const clockIds: readonly number[] = [0, 7, 1, 0, 7];

/** A struct timespec: seconds and nanoseconds, each in 64 bits. */
const time = new Int32Array(4);

/** The time on a clock. */
export function now(clock: ClockIndex): Usec {
  libc.clock_gettime(clockIds[clock], time);
  return (time[1] * 0x1_0000_0000 + (time[0] >>> 0)) * 1_000_000 + Math.trunc(time[2] / 1_000);
}

/** Whether timers on a clock do what they are for: without a real-time clock to wake the machine, the alarm clocks cannot be read. */
export function serves(clock: ClockIndex): boolean {
  return libc.clock_gettime(timerClockIds[clock], time) === 0;
}

/** Writes a span or a time as a struct timespec, whose first half word is `words[at]`. It never says less than it was given. */
export function writeTimespec(words: Int32Array, at: number, usec: Usec): void {
  const whole = Math.ceil(usec);
  const seconds = Math.floor(whole / 1_000_000);
  words[at] = seconds;
  words[at + 1] = Math.floor(seconds / 0x1_0000_0000);
  words[at + 2] = (whole - seconds * 1_000_000) * 1_000;
  words[at + 3] = 0;
}

/** Writes when a timer is to fire, once, as a struct itimerspec: `Infinity` is never, and what has passed is 1 ns, since 0 would be never. */
export function writeTimerTime(spec: Int32Array, usec: Usec): void {
  spec.fill(0); // also the first half, the interval of a timer that fires again and again
  if (usec === Infinity) return;
  if (usec > 0) writeTimespec(spec, 4, usec);
  else spec[6] = 1;
}
