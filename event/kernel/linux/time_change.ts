/**
 * Being told when somebody sets the realtime clock.
 *
 * The kernel tells the owner of a timer whose time may have lost its sense by that. So this is a timer for the last time that there is: it never
 * fires, but each time the clock is set its descriptor becomes readable, and the next read, which fails with ECANCELED, makes it wait again.
 *
 * @module
 */

import type { Result } from "../kernel.ts";
import { close } from "./descriptors.ts";
import { addressOf, fixedWords, libc, result } from "./libc.ts";

const CLOCK_REALTIME = 0;
const TFD_NONBLOCK_CLOEXEC = 0x8_0800;
const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;

/** A struct itimerspec: no interval, then the greatest number of seconds. */
const theLastTime = fixedWords(8, [0, 0, 0, 0, -1, 0x7fff_ffff]);

/** A descriptor that is readable once the realtime clock was set. */
export function openTimeChange(): Result {
  const timer = result(libc.timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK_CLOEXEC));
  if (timer < 0) return timer;
  const answer = result(libc.timerfd_settime(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, addressOf(theLastTime), 0n));
  if (answer === 0) return timer;
  close(timer);
  return answer;
}
