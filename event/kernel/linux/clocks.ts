/**
 * Reading clocks, and times as the system calls take them.
 *
 * @module
 */

import type { ClockIndex, Usec } from "../../time.ts";
import type { Handle, Result } from "../kernel.ts";
import { type Address, addressOf, failure, fixedWords, libc } from "./libc.ts";

/** What the kernel calls the five clocks, for a timer on them. */
export const timerClockIds: readonly number[] = [0, 7, 1, 8, 9];

/** What to read for each: the alarm clocks show the time of the clocks they are based on. */
const clockIds: readonly number[] = [0, 7, 1, 0, 7];

/** A struct timespec: seconds and nanoseconds, each in 64 bits. */
const time = fixedWords(4);
let timeAddress: Address | undefined;

/** A struct itimerspec: the interval of a timer that fires again and again, which stays 0, then when it fires. */
const timerTime = fixedWords(8);
let timerTimeAddress: Address | undefined;

/** The time on a clock. */
export function now(clock: ClockIndex): Usec {
  libc.clock_gettime(clockIds[clock], timeAddress ??= addressOf(time));
  return (time[1] * 0x1_0000_0000 + (time[0] >>> 0)) * 1_000_000 + Math.trunc(time[2] / 1_000);
}

/** Whether timers on a clock do what they are for: without a real-time clock to wake the machine, the alarm clocks cannot be read. */
export function serves(clock: ClockIndex): boolean {
  return libc.clock_gettime(timerClockIds[clock], timeAddress ??= addressOf(time)) === 0;
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

/** Sets when a timer is to fire, once: `Infinity` is never, and what has passed is 1 ns, since 0 would be never. */
export function setTimer(timer: Handle, flags: number, usec: Usec): Result {
  timerTime.fill(0);
  if (usec !== Infinity) {
    if (usec > 0) writeTimespec(timerTime, 4, usec);
    else timerTime[6] = 1;
  }
  return libc.timerfd_settime(timer, flags, timerTimeAddress ??= addressOf(timerTime), 0n) < 0 ? failure() : 0;
}
