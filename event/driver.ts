/**
 * Driving a loop while the host stays alive.
 *
 * While there is work the loop dispatches synchronously, and the host gets its turns in between: microtasks after a dispatch that
 * settled a promise, a turn for its tasks every millisecond, a turn for its timers and sockets every few. (With turns for tasks
 * alone the host's sockets starve.) With nothing to do the driver lingers for a moment, because a park costs as much as that, then
 * parks: one call of the kernel's that ends when there is something to poll for. It lingers by polling, so that an answer that is on
 * its way is seen at once; after a stretch of work, beside which it is little to be woken, by a nap in the kernel, which may last as
 * long as that work. Whatever host code does meanwhile that concerns the loop ends the park too. The call itself may outlive the
 * park; the next park takes it over, and a driving promise settles only after it has ended, or it would keep the process alive.
 *
 * @module
 */

import { SystemError } from "./errno.ts";
import type { LoopCore } from "./loop_core.ts";
import { FINISHED, INITIAL } from "./loop_state.ts";
import { ClockIndex, type Usec } from "./time.ts";
import { withResolvers } from "./with_resolvers.ts";

/** After so much busy time the host's tasks get a turn, and after so much its timers and sockets. Microseconds. */
const TASKS_AFTER: Usec = 1_000;
const IO_AFTER: Usec = 8_000;
/** The first turn of a drive may come so much later: at a program's start nothing is compiled yet, which must not be taken for work. */
const FIRST_LATER: Usec = 4_000;
/** After so much without one, a wait is used to give the timers and sockets their turn: a park is one, and a short one. */
const PARK_AFTER: Usec = 4_000;
/** How long to linger before parking, and after how much work not by polling. */
const LINGER: Usec = 50;
const NAP_AFTER: Usec = 20;
/** And how often at the most: virtual time stands still meanwhile. */
const MOST_POLLS = 256;
/** How many microtasks deep a promise may lie that is worth waiting for before polling. */
const PROMISE_STEPS = 4;
/** However little time they take: a simulated clock stands still meanwhile. */
const MOST_BETWEEN_TURNS = 4_096;
/** The most dispatches between two looks at the clock; fewer where they take long. */
const MOST_DISPATCHES = 16;

/** See the head of this module. One a loop. */
export class Driver {
  readonly #core: LoopCore;
  /** Told once, when this drive has ended. */
  readonly released: (() => void)[] = [];
  /** When the host last had a turn of each kind. */
  #lastTasks: Usec = 0;
  #lastIo: Usec = 0;
  #lastLook: Usec = 0;
  /** When the loop's last wait ended: later by what turns of the host have taken since. */
  #lastWait: Usec = 0;
  /** When the last drive ended. */
  #lastDrive: Usec = -Infinity;
  /** Dispatches until the next look at the clock. */
  #credit = 0;
  #stride = 1;
  /** The host's tasks are due. */
  #turnIsDue = false;
  /** Dispatches since the host's last turn, roughly. */
  #sinceTurn = 0;
  /** Host code changed something of the loop's while promises had time to settle. */
  #changed = false;
  /** The kernel's call ended, as far as anybody has noticed. */
  #callEnded = false;

  constructor(core: LoopCore) {
    this.#core = core;
  }

  /** Makes this the one driver until the promise settles; EBUSY when there is another. */
  async drive<T>(body: () => Promise<T>): Promise<T> {
    const core = this.#core;
    core.driven = true;
    core.poller.onWake = () => {
      this.#callEnded = true;
      core.unpark?.();
    };
    const now = this.#now();
    // One drive right after another is one stretch of work: it gave the host no turn.
    if (now - this.#lastDrive > TASKS_AFTER) {
      this.#hostHadTurn(now);
      this.#lastTasks += FIRST_LATER;
    }
    try {
      return await body();
    } finally {
      await this.#endCall();
      this.#lastDrive = this.#now();
      core.poller.onWake = undefined;
      core.driven = false;
      for (const tell of this.released.splice(0)) tell();
    }
  }

  /** Iterates until the loop has finished, or `done` says so. */
  async loop(done?: () => boolean): Promise<number> {
    const core = this.#core;
    while (core.state !== FINISHED && !done?.()) {
      let count = core.iteratePlainly(this.#credit, done);
      if (count === 0) {
        if (!core.prepare()) {
          const changed = core.hostWaits > 0 && await this.#letPromisesSettle();
          if (!this.#linger(Infinity) && !changed) await this.#park(Infinity);
          this.#lastWait = this.#now();
          if (!core.finishWait()) continue;
        }
        core.dispatch();
        count = 1;
      }
      if (this.#hostIsDue(count)) await this.#giveTurns();
    }
    return core.exitCode;
  }

  /** One iteration. */
  async run(timeout: Usec): Promise<boolean> {
    const core = this.#core;
    if (!core.prepare() && !await this.wait(timeout)) return false;
    core.dispatch();
    if (this.#hostIsDue(1)) await this.#giveTurns();
    return true;
  }

  /** As `LoopCore.wait`, giving the host the time. */
  async wait(timeout: Usec): Promise<boolean> {
    const core = this.#core;
    const end = this.#now() + timeout;
    if (!this.#linger(timeout)) await this.#park(end - this.#now());
    this.#lastWait = this.#now();
    return core.finishWait();
  }

  /** What is waited for may have been settled already, some steps of the host's away. Whether host code changed anything meanwhile. */
  async #letPromisesSettle(): Promise<boolean> {
    const core = this.#core;
    this.#changed = false;
    core.unpark = this.#noteChange;
    for (let step = 0; step < PROMISE_STEPS && !this.#changed; step++) await undefined;
    core.unpark = undefined;
    return this.#changed;
  }

  readonly #noteChange = (): void => {
    this.#changed = true;
  };

  /** Waits for a moment without a turn of the host: whether that ended the wait. */
  #linger(timeout: Usec): boolean {
    const start = this.#now();
    const nap = Math.min(this.#longestNap(start), timeout);
    return (nap > 0 ? this.#core.gather(nap) : this.#spin(start, timeout)) || this.#now() - start >= timeout;
  }

  /** How long the thread may sleep: 0 where polling or parking is better. */
  #longestNap(now: Usec): Usec {
    const { hostWaits, poller } = this.#core;
    const worked = now - this.#lastWait;
    if (worked < NAP_AFTER || hostWaits > 0 || !poller.canNap || now - this.#lastIo > PARK_AFTER) return 0;
    return Math.max(0, Math.min(Math.max(worked, LINGER), TASKS_AFTER - (now - this.#lastTasks)));
  }

  /** Polls for a moment, once where more would see nothing else. */
  #spin(start: Usec, timeout: Usec): boolean {
    const { poller } = this.#core;
    const end = start + Math.min(LINGER, timeout);
    let polls = poller.seesArrivals ? MOST_POLLS : 1;
    do {
      if (this.#core.gather(0)) return true;
    } while (--polls > 0 && this.#now() < end);
    return false;
  }

  /** Rests until the kernel calls, or host code changes something of the loop's, then polls. */
  async #park(timeout: Usec): Promise<void> {
    const core = this.#core;
    if (timeout !== Infinity) core.poller.limitPark(timeout);
    const { promise, resolve } = withResolvers<void>();
    core.unpark = () => {
      core.unpark = undefined;
      resolve();
    };
    this.#callEnded = false;
    core.poller.park();
    await promise;
    if (this.#callEnded) this.#hostHadTurn(this.#now());
    else if (this.#now() - this.#lastTasks >= TASKS_AFTER) {
      this.#turnIsDue = true;
      await this.#giveTurns();
    }
    core.gather(0);
    if (timeout !== Infinity) core.poller.limitPark(Infinity);
  }

  /** After so many dispatches: is the host to have a turn? The clock is looked at now and then only. */
  #hostIsDue(dispatches: number): boolean {
    this.#credit -= dispatches;
    if (this.#credit <= 0) {
      const now = this.#now();
      this.#sinceTurn += this.#stride;
      this.#pace(now);
      this.#turnIsDue ||= now - this.#lastTasks >= TASKS_AFTER || this.#sinceTurn >= MOST_BETWEEN_TURNS;
    }
    return this.#turnIsDue || this.#core.settledPromise;
  }

  /** Lets the host run what is due. */
  async #giveTurns(): Promise<void> {
    const core = this.#core;
    if (core.settledPromise) {
      core.settledPromise = false;
      await undefined;
    }
    if (!this.#turnIsDue) return;
    this.#turnIsDue = false;
    this.#sinceTurn = 0;
    const start = this.#now();
    const io = start - this.#lastIo >= IO_AFTER;
    await core.kernel.turn(io ? "io" : "tasks");
    this.#lastTasks = this.#lastLook = this.#now();
    this.#lastWait += this.#lastTasks - start;
    if (io) this.#lastIo = this.#lastTasks;
  }

  /** Looks about four times as often as turns are due, however long the dispatches take. */
  #pace(now: Usec): void {
    const spent = now - this.#lastLook;
    if (spent > TASKS_AFTER / 2) this.#stride = Math.max(1, this.#stride >> 2);
    else if (spent < TASKS_AFTER / 8) this.#stride = Math.min(MOST_DISPATCHES, this.#stride * 2);
    this.#lastLook = now;
    this.#credit = this.#stride;
  }

  #hostHadTurn(now: Usec): void {
    this.#lastTasks = this.#lastIo = now;
    this.#lastLook = this.#lastWait = now;
    this.#turnIsDue = false;
  }

  /** Brings the outstanding call of the kernel's to its end. */
  async #endCall(): Promise<void> {
    const { poller } = this.#core;
    if (!poller.parked) return;
    const { promise, resolve } = withResolvers<void>();
    poller.onWake = () => poller.parked || resolve();
    poller.wake();
    await promise;
  }

  #now(): Usec {
    return this.#core.kernel.now(ClockIndex.monotonic);
  }
}

/** Throws unless a driving call may begin: EBUSY while there is one already. */
export function requireUndriven(core: LoopCore, action: string): void {
  if (core.driven) {
    throw new SystemError(
      "EBUSY",
      `Cannot ${action} loop '${core.name}': it is driven already, by a promise that has not settled or from a callback of its own`,
    );
  }
}

/** Iterates until the loop has finished, blocking the thread. */
export function loopBlocking(core: LoopCore): number {
  while (core.state !== FINISHED) {
    if (core.iteratePlainly(Infinity) === 0) runStepwise(core, Infinity);
  }
  return core.exitCode;
}

/** One iteration, blocking the thread. */
export function runBlocking(core: LoopCore, timeout: Usec): boolean {
  return core.iteratePlainly(1) === 1 || runStepwise(core, timeout);
}

function runStepwise(core: LoopCore, timeout: Usec): boolean {
  core.require(INITIAL, "run");
  if (!core.prepare() && !core.wait(timeout)) return false;
  core.dispatch();
  return true;
}
