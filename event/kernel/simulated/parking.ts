/**
 * Pollers that wait inside the host.
 *
 * @module
 */

import type { Usec } from "../../time.ts";
import type { ParkingPlace, Sleeper } from "../emulated/sleeper.ts";
import { inNextTurn } from "./host.ts";
import type { Timeline } from "./timeline.ts";
import type { VirtualClocks } from "./virtual_clocks.ts";

/**
 * The parked pollers of one kernel.
 *
 * Nothing is decided on the spot: what might concern a parked poller asks for a look, and a turn of the host later, when its microtasks
 * are through, everybody who has a reason is woken. When nobody has one and time may jump, it does. A loop that is not parked then is
 * not running either, unless it waits for a turn of the host, which `mayJump` knows of.
 */
export class Parking implements ParkingPlace {
  readonly #clocks: VirtualClocks;
  readonly #timeline: Timeline;
  readonly #mayJump: () => boolean;
  readonly #parked = new Set<Sleeper>();
  #cancelLook: (() => void) | undefined;

  constructor(clocks: VirtualClocks, timeline: Timeline, mayJump: () => boolean) {
    this.#clocks = clocks;
    this.#timeline = timeline;
    this.#mayJump = mayJump;
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
  }

  /** Nothing is kept for anybody. */
  letGo(): void {}

  lookSoon(): void {
    if (this.#parked.size > 0) this.#cancelLook ??= inNextTurn(() => this.#look());
  }

  #look(): void {
    this.#cancelLook = undefined;
    this.#timeline.runDue();
    const restless = [...this.#parked].filter((sleeper) => sleeper.restless);
    if (restless.length === 0 && !this.#jump()) return;
    for (const sleeper of restless) {
      if (!this.#parked.has(sleeper)) continue;
      this.remove(sleeper);
      sleeper.wakeUp();
    }
    this.lookSoon();
  }

  /** Lets time pass up to the next thing that can happen; `false`: it may not, or nothing can. */
  #jump(): boolean {
    const next = this.#nextDeadline();
    if (next === Infinity || !this.#mayJump()) return false;
    this.#timeline.advanceTo(next);
    return true;
  }

  #nextDeadline(): Usec {
    let next = this.#timeline.next();
    for (const sleeper of this.#parked) next = Math.min(next, sleeper.parkLimit);
    return Math.max(next, this.#clocks.monotonic);
  }
}
