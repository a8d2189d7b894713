/**
 * What must have ended before the code that started it goes on: under `scope`, `all` and their like.
 *
 * @module
 */

import type { LoopCore } from "../event/loop_core.ts";
import { InterruptibleWait } from "../future/await.ts";
import { type CurrentFiber, ERROR, TIMEOUT } from "../future/current.ts";
import { FULFILLED, FutureCore, type FutureKind, REJECTED, UNRESOLVED } from "../future/future_core.ts";
import { CancelledError, type Canceller, reasonForAll } from "../future/interruption.ts";
import type { Operation, Suspension } from "../future/operation.ts";
import { Slot } from "../future/slot.ts";
import { waitThrough } from "./cancel_wait.ts";
import { type FiberOptions, spawnCore } from "./fiber.ts";
import { FiberCore } from "./fiber_core.ts";

/** What ends the others: the first failure, the first that ends in whatever way, the first success, nothing. */
export type Ending = "failure" | "first" | "success" | "none";

/** What is to be thrown; in a box, because it may be anything. */
export interface Failure {
  readonly error: unknown;
}

const kind: FutureKind = { behind: (future) => (future.backing as Nursery).last };

/** What has to end before a scope does. */
export class Nursery {
  readonly #owner: FiberCore;
  /** In order of spawning; those that ended well have left. */
  readonly #members: Set<FutureCore> = new Set();
  /** Those that were cancelled from here: that they end by it is no failure. */
  readonly #cancelled: Set<FutureCore> = new Set();
  #running = 0;
  /** Resolves when the last member has ended. */
  readonly ended: FutureCore;
  /** The first to end, or to succeed, when only that one counts. */
  winner: FutureCore | undefined = undefined;
  #failed: FutureCore | undefined = undefined;
  readonly #ending: Ending;

  constructor(owner: CurrentFiber, ending: Ending) {
    this.#owner = owner as FiberCore;
    this.#ending = ending;
    this.ended = new FutureCore(owner.core, kind, this);
  }

  get core(): LoopCore {
    return this.#owner.core;
  }

  spawn(body: () => Operation<unknown>, options: FiberOptions): FiberCore {
    const fiber = spawnCore(this.core, body, this.#owner, options);
    if (this.#ending === "first" || this.#ending === "success") fiber.markExpendable();
    this.add(fiber);
    return fiber;
  }

  add(member: FutureCore): void {
    this.#members.add(member);
    this.#running++;
    new Slot(member, () => this.#memberEnded(member));
    if (this.#failed !== undefined) this.#cancel(member, undefined, this.#failed);
  }

  cancel(reason: unknown, options: { by?: Canceller; spared?: FutureCore } = {}): void {
    const { by, spared } = options;
    const shared = reasonForAll(this.#running, reason, { by, debug: this.core.debug });
    for (const member of this.#members) {
      if (member !== spared && member.state === UNRESOLVED) this.#cancel(member, shared, by);
    }
  }

  #cancel(member: FutureCore, reason: unknown, by: Canceller | undefined): void {
    this.#cancelled.add(member);
    try {
      member.cancel(reason, by);
    } catch (error) {
      this.core.report(error, { kind: "future", name: "cancel" });
    }
  }

  #memberEnded(member: FutureCore): void {
    this.#running--;
    if (this.#ending === "first" || this.#ending === "success") this.#decideWinner(member);
    else if (!this.#hasFailed(member)) this.#forget(member);
    else if (this.#ending === "failure" && this.#failed === undefined) this.#decideFailed();
    if (this.#running === 0 && this.ended.state === UNRESOLVED) this.ended.fulfil(undefined);
  }

  /** Several may have ended by now: the first in order counts. */
  #decideWinner(member: FutureCore): void {
    if (this.winner !== undefined || !this.#mayWin(member)) return;
    this.winner = first(this.#members, (candidate) => this.#mayWin(candidate));
    this.cancel(undefined, { by: this.winner });
  }

  /** It has ended in the way that counts, whether or not that was delivered. */
  #mayWin({ state }: FutureCore): boolean {
    return this.#ending === "success" ? state === FULFILLED : this.#ending === "first" && state !== UNRESOLVED;
  }

  #decideFailed(): void {
    this.#failed = first(this.#members, (member) => this.#hasFailed(member));
    this.cancel(this.#failed!.content, { by: this.#failed });
  }

  #forget(member: FutureCore): void {
    this.#members.delete(member);
    this.#cancelled.delete(member);
  }

  #hasFailed(member: FutureCore): boolean {
    return member.state === REJECTED && !(member.content instanceof CancelledError && this.#wasCancelled(member));
  }

  #wasCancelled(member: FutureCore): boolean {
    return this.#cancelled.has(member) || (member instanceof FiberCore && member.cancelled);
  }

  /** The failure that is to be thrown. All others are reported; where only success counts, those of members that were cancelled from here. */
  takeFailure(): Failure | undefined {
    const failed = this.#failed;
    for (const member of this.#members) {
      const isExpected = this.#ending === "success" && !this.#cancelled.has(member);
      if (member !== failed && member !== this.winner && !isExpected && this.#hasFailed(member)) this.#report(member);
    }
    return failed && { error: failed.content };
  }

  #report(member: FutureCore): void {
    this.core.report(member.content, member instanceof FiberCore ? member.errorOrigin() : { kind: "future", name: "member of a scope" });
  }

  /** The last member that runs, if there is just one. */
  get last(): FutureCore | undefined {
    return this.#running === 1 ? first(this.#members, ({ state }) => state === UNRESOLVED) : undefined;
  }

  /** Nobody is left: a member that is added now would be lost. */
  get isOver(): boolean {
    return this.ended.state !== UNRESOLVED;
  }

  /**
   * Waits until all have ended. An interruption cancels them, and comes at the next suspension, unless they ended before it did; so
   * does any other wake-up of the owner, which is a failure. One that comes when there is a winner already does not take that away.
   */
  *join(): Generator<Suspension, { interrupted: boolean; disturbance?: Failure }, unknown> {
    const owner = this.#owner;
    if (this.#running === 0) {
      if (!this.isOver) this.ended.fulfil(undefined);
      return { interrupted: false };
    }
    const interruption = yield* new InterruptibleWait(this.ended);
    if (interruption === undefined) return { interrupted: false };
    const { kind, content, by } = interruption;
    const isDecided = first(this.#members, (member) => this.#mayWin(member)) !== undefined;
    const cancel = () => this.cancel(kind === TIMEOUT ? undefined : content, { by });
    cancel();
    yield* waitThrough(owner, this.ended, cancel, kind === ERROR ? undefined : interruption);
    return kind === ERROR ? { interrupted: false, disturbance: { error: content } } : { interrupted: !isDecided };
  }
}

function first<T>(items: Iterable<T>, matches: (item: T) => boolean): T | undefined {
  for (const item of items) {
    if (matches(item)) return item;
  }
  return undefined;
}
