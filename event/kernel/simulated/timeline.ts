/**
 * What will happen in the simulated world, and when.
 *
 * @module
 */

import type { Usec } from "../../time.ts";
import type { VirtualClocks } from "./virtual_clocks.ts";
import type { Wakeups } from "../emulated/wakeups.ts";

/** An event of the simulated world; `action` plays the world and runs in the middle of whatever lets time pass. */
interface Event {
  readonly at: Usec;
  readonly action: () => void;
}

/** Time, with everything that waits for it. Events of the same time happen in the order in which they were asked for. */
export class Timeline {
  readonly #clocks: VirtualClocks;
  readonly #events: Event[] = [];
  readonly #wakeups = new Set<Wakeups>();

  constructor(clocks: VirtualClocks) {
    this.#clocks = clocks;
  }

  /** Lets the wake-ups fire when their time comes, until they are removed. */
  add(wakeups: Wakeups): void {
    this.#wakeups.add(wakeups);
  }

  /** Forgets the wake-ups. */
  remove(wakeups: Wakeups): void {
    this.#wakeups.delete(wakeups);
  }

  /** Lets `action` happen when so much time has passed; with 0 it happens when somebody next looks at the world. */
  after(usec: Usec, action: () => void): void {
    const at = this.#clocks.monotonic + usec;
    const later = this.#events.findIndex((event) => event.at > at);
    this.#events.splice(later < 0 ? this.#events.length : later, 0, { at, action });
  }

  /** When the next event or wake-up comes, on the monotonic clock; Infinity: never. */
  next(): Usec {
    let next = this.#events[0]?.at ?? Infinity;
    for (const wakeups of this.#wakeups) next = Math.min(next, wakeups.next());
    return next;
  }

  /** Lets happen what is due now. */
  runDue(): void {
    for (const wakeups of this.#wakeups) wakeups.fireDue();
    while (this.#events.length > 0 && this.#events[0].at <= this.#clocks.monotonic) this.#events.shift()!.action();
  }

  /** Lets time pass up to this point of the monotonic clock, stopping at everything that comes on the way. */
  advanceTo(monotonic: Usec): void {
    this.runDue();
    while (this.#clocks.monotonic < monotonic) {
      this.#clocks.monotonic = Math.max(this.#clocks.monotonic, Math.min(this.next(), monotonic));
      this.runDue();
    }
  }
}
