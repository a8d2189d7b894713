/**
 * Pollers that wait inside the host.
 *
 * Nothing is decided on the spot: what might concern a parked poller asks for a look, and a turn of the host later everybody who has a
 * reason is woken. Until then one timer of the host stands for all wake-ups and limits. It only says when to look: whether a time has
 * come is for the clocks to say, since a timer may come early or late, and cannot be set further ahead than 24 days.
 *
 * That timer, or the turn that was asked for, is also what keeps the process alive while somebody is parked. Nothing else of this
 * kernel does: sockets, pipes of processes and listeners for signals do not.
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
/** No timer of the host tells that the realtime clock was set: while somebody waits for it, it is looked at so often. Microseconds. */
const realtimeLook: Usec = 1_000_000;

/** The parked pollers of one kernel. */
export class Parking implements ParkingPlace {
  readonly #host: Host;
  readonly #clocks: HostClocks;
  readonly #pollers: ReadonlySet<EmulatedPoller>;
  readonly #parked = new Set<Sleeper>();
  #cancelLook: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(host: Host, clocks: HostClocks, pollers: ReadonlySet<EmulatedPoller>) {
    this.#host = host;
    this.#clocks = clocks;
    this.#pollers = pollers;
  }

  add(sleeper: Sleeper): void {
    this.#parked.add(sleeper);
    this.lookSoon();
  }

  remove(sleeper: Sleeper): void {
    this.#parked.delete(sleeper);
    if (this.#parked.size > 0) return;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#stopTimer();
  }

  lookSoon(): void {
    if (this.#parked.size > 0) this.#cancelLook ??= this.#host.inNextTurn(() => this.#look());
  }

  /** Lets the wake-ups come that are due, of all pollers: one that nobody polls may be watched by another. */
  fireDue(): void {
    for (const { wakeups } of this.#pollers) wakeups.fireDue();
  }

  /** When there is something to look for, on the monotonic clock: the time of a wake-up, or one to see whether a clock was set. */
  nextLook(): Usec {
    let next = Infinity;
    for (const { wakeups } of this.#pollers) {
      next = Math.min(next, wakeups.next());
      const waitsForRealtime = wakeups.times.some((usec, clock) => usec !== Infinity && isRealtime(clock as 0));
      if (waitsForRealtime) next = Math.min(next, this.#clocks.monotonic + realtimeLook);
    }
    return next;
  }

  #look(): void {
    this.#cancelLook = undefined;
    this.#stopTimer();
    this.fireDue();
    for (const sleeper of [...this.#parked].filter((sleeper) => sleeper.restless)) {
      if (!this.#parked.has(sleeper)) continue;
      this.remove(sleeper);
      sleeper.wakeUp();
    }
    if (this.#parked.size > 0 && this.#cancelLook === undefined) this.#startTimer();
  }

  #startTimer(): void {
    let next = this.nextLook();
    for (const { parkLimit } of this.#parked) next = Math.min(next, parkLimit);
    const milliseconds = Math.ceil((next - this.#clocks.monotonic) / 1_000);
    this.#stopTimer();
    this.#cancelTimer = this.#host.startTimer(() => this.#look(), Math.min(Math.max(milliseconds, 0), longestDelay));
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
