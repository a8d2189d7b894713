/**
 * Pollers that wait inside the host.
 *
 * Nothing is decided on the spot: what might concern a parked poller asks for a look, and a turn of the host later everybody who has a
 * reason is woken. Until then one timer of the host stands for all wake-ups and limits. It only says when to look: whether a time has
 * come is for the clocks to say, since a timer may come early or late, and cannot be set further ahead than 24 days. So one that comes
 * early enough is left as it is from park to park: most parks end by something else, and a timer costs the host more than all the rest.
 *
 * A turn for tasks alone comes at once, but Deno looks at its sockets only when it gets round to its timers too. A loop that works gives it
 * the time; one that is woken again and again, because it and host code hand each other work, takes each wake-up for a sign that the host
 * had some. So when looks follow upon each other for a while and the host brings nothing, one comes by a timer.
 *
 * That timer, or the turn that was asked for, is also what keeps the process alive while somebody is parked, and it ends when nobody
 * waits to be woken any more. Nothing else of this kernel does: sockets, pipes of processes and listeners for signals do not.
 *
 * @module
 */

import type { Usec } from "../../time.ts";
import type { EmulatedPoller } from "../emulated/poller.ts";
import type { ParkingPlace, Sleeper } from "../emulated/sleeper.ts";
import type { Host } from "./host.ts";
import type { HostClocks } from "./clocks.ts";
import { isRealtime } from "./clocks.ts";

/** Further ahead a timer of the host cannot be set. Milliseconds. */
const longestDelay = 0x7fff_ffff;
/** Timers of the host come by the millisecond. */
const timerPrecision: Usec = 1_000;
/** No timer of the host tells that the realtime clock was set: while somebody waits for it, it is looked at so often. Microseconds. */
const realtimeLook: Usec = 1_000_000;
/** After so long without a sign that the host looks at its sockets it gets the time for it; a rest of so long is such a sign. Microseconds. */
const ioAfter: Usec = 8_000;
const longRest: Usec = 1_000;

/** The parked pollers of one kernel. */
export class Parking implements ParkingPlace {
  readonly #host: Host;
  readonly #clocks: HostClocks;
  readonly #pollers: ReadonlySet<EmulatedPoller>;
  readonly #parked = new Set<Sleeper>();
  #cancelLook: (() => void) | undefined;
  /** The look that was asked for comes by a timer. */
  #givesIo = false;
  /** When the host last looked at its timers and sockets, as far as is known; and when it did beyond doubt. */
  #lastIo: Usec = -Infinity;
  #lastSign: Usec = -Infinity;
  /** When a park last ended, and since when there is nothing to do but to wait. */
  #lastEnd: Usec = -Infinity;
  #restingSince: Usec = Infinity;
  #cancelTimer: (() => void) | undefined;
  /** When that timer is to come. */
  #timerUsec: Usec = Infinity;

  constructor(host: Host, clocks: HostClocks, pollers: ReadonlySet<EmulatedPoller>) {
    this.#host = host;
    this.#clocks = clocks;
    this.#pollers = pollers;
  }

  add(sleeper: Sleeper): void {
    this.#parked.add(sleeper);
    // It has not been woken for a while: so it was busy, and gave the host its time itself.
    const now = this.#clocks.monotonic;
    if (now - this.#lastEnd >= ioAfter) this.#lastIo = now;
    // A look before it rests is a turn in which the host shows that it still looks at its sockets. While it does so anyway none is needed.
    if (sleeper.restless || now - this.#lastSign >= ioAfter) this.lookSoon();
    else if (this.#cancelLook === undefined) this.#rest(now);
  }

  remove(sleeper: Sleeper): void {
    if (this.#parked.delete(sleeper)) this.#lastEnd = this.#clocks.monotonic;
    if (this.#parked.size > 0) return;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#restingSince = Infinity;
    this.letGo();
  }

  letGo(): void {
    if (this.#parked.size > 0) return;
    for (const { onWake } of this.#pollers) if (onWake !== undefined) return;
    this.#stopTimer();
  }

  lookSoon(fromHost: boolean = false): void {
    if (this.#parked.size === 0) return;
    const now = this.#clocks.monotonic;
    if (fromHost) this.#lastSign = now;
    if (fromHost || now - this.#restingSince >= longRest) this.#lastIo = now;
    if (this.#cancelLook !== undefined && !(fromHost && this.#givesIo)) return;
    this.#cancelLook?.();
    this.#givesIo = now - this.#lastIo >= ioAfter;
    this.#cancelLook = this.#givesIo ? this.#host.startTimer(() => this.#lookByTimer(), 0) : this.#host.inNextTurn(() => this.#look());
  }

  /** Lets the wake-ups come that are due, of all pollers: one that nobody polls may be watched by another. */
  fireDue(): void {
    for (const { wakeups } of this.#pollers) wakeups.fireDue();
  }

  /** When there is something to look for, on the monotonic clock: the time of a wake-up, or one to see whether a clock was set. */
  nextLook(): Usec {
    let next = Infinity;
    for (const { wakeups } of this.#pollers) {
      const usec = wakeups.next();
      if (usec === Infinity) continue;
      const waitsForRealtime = wakeups.times.some((usec, clock) => usec !== Infinity && isRealtime(clock as 0));
      next = Math.min(next, usec, waitsForRealtime ? this.#clocks.monotonic + realtimeLook : Infinity);
    }
    return next;
  }

  #lookByTimer(): void {
    this.#lastIo = this.#lastSign = this.#clocks.monotonic;
    this.#look();
  }

  #look(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#givesIo = false;
    this.#restingSince = Infinity;
    this.fireDue();
    for (const sleeper of [...this.#parked].filter((sleeper) => sleeper.restless)) {
      if (!this.#parked.has(sleeper)) continue;
      this.remove(sleeper);
      sleeper.wakeUp();
    }
    if (this.#parked.size > 0 && this.#cancelLook === undefined) this.#rest(this.#clocks.monotonic);
  }

  /** Leaves it to the timer to look. */
  #rest(now: Usec): void {
    this.#restingSince = now;
    let next = this.nextLook();
    for (const { parkLimit } of this.#parked) next = Math.min(next, parkLimit);
    if (this.#cancelTimer !== undefined && this.#timerUsec < next + timerPrecision) return;
    this.#stopTimer();
    const milliseconds = Math.min(Math.max(Math.ceil((next - now) / timerPrecision), 0), longestDelay);
    this.#timerUsec = now + milliseconds * timerPrecision;
    this.#cancelTimer = this.#host.startTimer(() => {
      this.#cancelTimer = undefined;
      this.#lookByTimer();
    }, milliseconds);
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
