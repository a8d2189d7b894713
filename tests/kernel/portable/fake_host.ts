/**
 * A host whose time and turns a test moves.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Host } from "../../../event/kernel/portable/host.ts";
import { PortableKernel } from "../../../event/kernel/portable/portable_kernel.ts";
import type { Poller } from "../../../event/kernel/kernel.ts";

/** A timer that the kernel has set. */
export interface FakeTimer {
  /** For how long, in milliseconds. */
  readonly milliseconds: number;
  /** When it comes, on the monotonic clock. */
  readonly at: number;
  readonly callback: () => void;
}

/** See the head of this module. */
export class FakeHost implements Host {
  /** What the clocks read. */
  monotonic = 5_000_000.25;
  realtime = 1_700_000_000_000;
  /** By how much the next timer that is set comes late; early, if less than 0. */
  lateness = 0;
  /** Which part of the time that it is to block the thread it does. */
  blockedShare = 1;
  mayBlock = true;
  readonly timers: FakeTimer[] = [];
  readonly turns: (() => void)[] = [];
  readonly blocks: number[] = [];

  monotonicMilliseconds(): number {
    return this.monotonic;
  }

  realtimeMilliseconds(): number {
    return this.realtime;
  }

  startTimer(callback: () => void, milliseconds: number): () => void {
    const timer = { milliseconds, at: this.monotonic + milliseconds + this.lateness, callback };
    this.lateness = 0;
    return addTo(this.timers, timer);
  }

  inNextTurn(callback: () => void): () => void {
    return addTo(this.turns, callback);
  }

  block(milliseconds: number): boolean {
    if (!this.mayBlock) return false;
    this.blocks.push(milliseconds);
    this.pass(Math.max(milliseconds * this.blockedShare, 0.001));
    return true;
  }

  /** Whether the process would end if nothing else kept it alive. */
  get isIdle(): boolean {
    return this.timers.length === 0 && this.turns.length === 0;
  }

  /** Lets time pass. */
  pass(milliseconds: number): void {
    this.monotonic += milliseconds;
    this.realtime += milliseconds;
  }

  /** Gives the turns that were asked for until now. */
  turn(): void {
    for (const callback of this.turns.splice(0)) callback();
  }

  /** Lets time pass until the next timer comes, and it come: for how long it was set. */
  comeTimer(): number {
    assert(this.timers.length > 0, "There are no timers");
    const next = this.timers.reduce((first, timer) => timer.at < first.at ? timer : first);
    this.timers.splice(this.timers.indexOf(next), 1);
    const { milliseconds, at, callback } = next;
    this.pass(Math.max(at - this.monotonic, 0));
    callback();
    return milliseconds;
  }

  /** Gives everything that is asked for, also what a promise or more away is, until `isDone`. */
  async run(isDone: () => boolean): Promise<void> {
    for (let round = 0; !isDone(); round++) {
      assert(round < 10_000, "It never happens");
      if (this.turns.length > 0) this.turn();
      else if (this.timers.length > 0) this.comeTimer();
      for (let step = 0; step < 20; step++) await undefined;
    }
  }
}

/** A kernel on such a host, with a poller. */
export function fakeKernel(): { host: FakeHost; kernel: PortableKernel; poller: Poller } {
  const host = new FakeHost();
  const kernel = new PortableKernel(host);
  return { host, kernel, poller: kernel.openPoller() };
}

function addTo<T>(list: T[], item: T): () => void {
  list.push(item);
  return () => {
    const index = list.indexOf(item);
    if (index >= 0) list.splice(index, 1);
  };
}
