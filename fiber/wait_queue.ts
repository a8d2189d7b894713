/**
 * The one queue under all primitives: who waits, in which order, and how a wait ends.
 *
 * A primitive says by its rule which requests it serves at once; the others wait here. It hands what it has to give straight to
 * the first waiter, so nobody who comes later can take it in between. Who waits is a fiber, a future or a case of a `select`; the
 * queue does not tell them apart. A waiter is told that its wait has ended, and never runs inline: however many are released at once,
 * nothing recurses, and the primitive's state is its own until it returns.
 *
 * First in first out, or the more important first and among equals first in first out. There is a list for each rank, which without
 * priorities is one list.
 *
 * @module
 */

import { Census } from "../event/census.ts";
import type { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { inheritedPriority } from "../future/event_future.ts";
import type { FiberCore } from "./fiber_core.ts";
import type { Lock } from "./lock.ts";

/** How a wait stands. */
export const WAITING = 0;
export const GRANTED = 1;
export const FAILED = 2;

/** What a rule answers when a request has to wait. */
export const WAIT: unique symbol = Symbol("wait");

/** Makes the error that a wait ends with: each waiter gets its own, so that its stack is that of whoever waited. */
export type MakeError = () => SystemError;

/**
 * What a primitive does with requests.
 *
 * @typeParam R What is asked for.
 * @typeParam T What is granted.
 */
export interface WaitRule<R, T> {
  /** Serves it at once, answers WAIT, or throws what stands against it. `fiber`: who asks; `undefined` for a future. */
  attempt(request: R, fiber: FiberCore | undefined): T | typeof WAIT;
  /** How important a request is; smaller is more important. Default: as its fiber. */
  priorityOf?(request: R): number;
  /** Somebody began to wait, left unserved, or changed places: perhaps others can be served, or somebody has to hurry. */
  changed?(): void;
  /** The request came to nothing: what it brought is to be dropped. */
  refused?(request: R): void;
  /** What was granted reached nobody. */
  takeBack?(granted: T): void;
}

/** How a queue is made. */
export interface WaitQueueOptions {
  /** Whom waiters wait for, in error messages: "mutex 'accounts'". */
  readonly title: string;
  /** The more important first. Default: `false`, first in first out. */
  readonly byPriority?: boolean;
  /** Those who wait here wait for the fibers that hold this. */
  readonly lock?: Lock;
}

/** Who waits. */
export abstract class Waiter {
  declare queue: WaitQueue;
  declare readonly request: unknown;
  /** The fiber that waits; `undefined` for a future. */
  declare readonly fiber: FiberCore | undefined;
  declare priority: number;
  declare state: number;
  /** What was granted, or what makes the error. */
  declare content: unknown;
  /** What it brought stays its own until it is granted something. */
  declare readonly keepsRequest: boolean;
  /** The list that it stands in, and its neighbours there. */
  declare rank: Rank | undefined;
  declare previous: Waiter | undefined;
  declare next: Waiter | undefined;

  constructor(queue: WaitQueue, request: unknown, fiber: FiberCore | undefined, keepsRequest: boolean = false) {
    this.queue = queue;
    this.request = request;
    this.fiber = fiber;
    this.priority = queue.priorityOf(request);
    this.state = WAITING;
    this.content = undefined;
    this.keepsRequest = keepsRequest;
    this.rank = undefined;
    this.previous = undefined;
    this.next = undefined;
  }

  /** Its wait has ended: to pass that on, and to run nobody's code. */
  abstract ended(): void;
}

/** Those of one priority, or all, in order of arrival. */
class Rank {
  readonly priority: number;
  first: Waiter | undefined = undefined;
  last: Waiter | undefined = undefined;

  constructor(priority: number) {
    this.priority = priority;
  }

  append(waiter: Waiter): void {
    const { last } = this;
    waiter.rank = this;
    waiter.previous = last;
    if (last === undefined) this.first = waiter;
    else last.next = waiter;
    this.last = waiter;
  }

  remove(waiter: Waiter): void {
    const { previous, next } = waiter;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.last = previous;
    else next.previous = previous;
    waiter.rank = waiter.previous = waiter.next = undefined;
  }
}

/** The rules of queues that somebody left. What one of them does may make others leave theirs: they come after it, and nothing recurses. */
const abandoned: { changed?(): void }[] = [];
let isLooking = false;

/** After `withdraw`: perhaps others can be served now. */
export function lookAfter(): void {
  if (isLooking) return;
  isLooking = true;
  try {
    for (let i = 0; i < abandoned.length; i++) abandoned[i].changed!();
  } finally {
    isLooking = false;
    abandoned.length = 0;
  }
}

/** See the head of this module. */
export class WaitQueue<R = unknown, T = unknown> {
  readonly core: LoopCore;
  readonly title: string;
  readonly lock: Lock | undefined;
  readonly #rule: WaitRule<R, T>;
  readonly #byPriority: boolean;
  /** Ascending; without priorities one that stays. */
  readonly #ranks: Rank[];
  /** Kept where somebody has to hurry because of those who wait. */
  readonly #census: Census | undefined;
  #size = 0;
  #mostWaiters = 0;
  #closed: MakeError | undefined = undefined;

  constructor(core: LoopCore, rule: WaitRule<R, T>, { title, byPriority = false, lock }: WaitQueueOptions) {
    this.core = core;
    this.title = title;
    this.lock = lock;
    // All rules are of one shape, whatever their primitive wrote down: reading from them costs the same for all.
    const { attempt, priorityOf, changed, refused, takeBack } = rule;
    this.#rule = { attempt, priorityOf, changed, refused, takeBack };
    this.#byPriority = byPriority;
    this.#ranks = byPriority ? [] : [new Rank(0)];
    this.#census = lock && new Census();
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** The most that ever waited at once. */
  get mostWaiters(): number {
    return this.#mostWaiters;
  }

  /** Who is served next. */
  get first(): Waiter | undefined {
    return this.#ranks[0]?.first;
  }

  /** The best priority among those who wait; `Infinity` when nobody does. Only for queues of a lock. */
  get best(): number {
    return this.#census!.best;
  }

  /** Whether a request that came now would be served next: no waiter goes before it. */
  get isFree(): boolean {
    const { first } = this;
    return first === undefined || (this.#byPriority && inheritedPriority() < first.priority);
  }

  /** What a new request of this kind counts as. */
  priorityOf(request: unknown): number {
    return this.#rule.priorityOf?.(request as R) ?? inheritedPriority();
  }

  /** All who wait, in order. */
  *[Symbol.iterator](): Generator<Waiter> {
    for (const rank of this.#ranks) {
      for (let waiter = rank.first; waiter !== undefined; waiter = waiter.next) yield waiter;
    }
  }

  /** Serves the request at once, or answers WAIT: then it is to be parked. Throws when the queue is closed, and what the rule throws. */
  attempt(request: R, fiber: FiberCore | undefined): T | typeof WAIT {
    return this.#closed === undefined ? this.#rule.attempt(request, fiber) : this.#refuseClosed(request);
  }

  #refuseClosed(request: R): never {
    this.refuse(request);
    throw this.#closed!();
  }

  /** The request came to nothing before it could wait. */
  refuse(request: R): void {
    this.#rule.refused?.(request);
  }

  /** The last that the waiter's side knows of what it was granted: nobody will use it. */
  takeBack(granted: T): void {
    this.#rule.takeBack?.(granted);
  }

  /** Puts a waiter at the end of its rank. */
  park(waiter: Waiter): void {
    this.#census?.add(waiter.priority);
    this.#rankOf(waiter.priority).append(waiter);
    if (++this.#size > this.#mostWaiters) this.#mostWaiters = this.#size;
    this.#rule.changed?.();
  }

  /** Hands this to the first waiter. `false`: nobody waits. */
  unpark(value: T): boolean {
    const { first } = this;
    if (first === undefined) return false;
    this.grant(first, value);
    return true;
  }

  /** Hands this to everybody who waits now. */
  unparkAll(value: T): void {
    while (this.unpark(value));
  }

  /** Hands this to one who waits here. */
  grant(waiter: Waiter, value: T): void {
    this.#end(waiter, GRANTED, value);
  }

  /** One who waits here is not to wait any longer. */
  fail(waiter: Waiter, error: MakeError): void {
    this.#end(waiter, FAILED, error);
  }

  /** Nobody who waits now is to wait any longer. */
  failAll(error: MakeError): void {
    for (let waiter = this.first; waiter !== undefined; waiter = this.first) {
      this.#end(waiter, FAILED, error);
      this.#drop(waiter);
    }
  }

  /** Nobody may begin to wait, nor be served at once. */
  shut(error: MakeError): void {
    this.#closed = error;
  }

  /** Nobody is to wait, now or later. */
  close(error: MakeError): void {
    this.shut(error);
    this.failAll(error);
  }

  /** Why nobody may wait here. */
  get closedBy(): MakeError | undefined {
    return this.#closed;
  }

  /** Throws when nobody may wait here. */
  requireOpen(): void {
    if (this.#closed !== undefined) throw this.#closed();
  }

  /** Takes back `shut` and `close`. */
  reopen(): void {
    this.#closed = undefined;
  }

  /** One who waits here gives up, and takes nothing along. Its side knows, and is not told. */
  cancel(waiter: Waiter): void {
    this.withdraw(waiter);
    this.#drop(waiter);
    lookAfter();
  }

  /** As `cancel`, of one of several who leave together: those who stay are looked after when all have left, by `lookAfter`. */
  withdraw(waiter: Waiter): void {
    this.#leave(waiter);
    if (this.#rule.changed !== undefined) abandoned.push(this.#rule);
  }

  #drop(waiter: Waiter): void {
    if (!waiter.keepsRequest) this.refuse(waiter.request as R);
  }

  /** Moves one who waits here to another queue, to its end, without waking it. */
  requeue(waiter: Waiter, other: WaitQueue): void {
    this.#leave(waiter);
    waiter.queue = other;
    other.park(waiter);
  }

  /** The fiber of one who waits here has another priority now. */
  reprioritise(waiter: Waiter, priority: number): void {
    if (this.#rule.priorityOf !== undefined || waiter.priority === priority) return;
    this.#census?.remove(waiter.priority);
    this.#census?.add(priority);
    if (this.#byPriority) {
      this.#unlink(waiter);
      this.#rankOf(priority).append(waiter);
    }
    waiter.priority = priority;
    this.#rule.changed?.();
  }

  #end(waiter: Waiter, state: number, content: unknown): void {
    this.#leave(waiter);
    waiter.state = state;
    waiter.content = content;
    waiter.ended();
  }

  #leave(waiter: Waiter): void {
    this.#census?.remove(waiter.priority);
    this.#unlink(waiter);
    this.#size--;
  }

  #unlink(waiter: Waiter): void {
    const rank = waiter.rank!;
    rank.remove(waiter);
    if (this.#byPriority && rank.first === undefined) this.#ranks.splice(this.#ranks.indexOf(rank), 1);
  }

  #rankOf(priority: number): Rank {
    const ranks = this.#ranks;
    if (!this.#byPriority) return ranks[0];
    let low = 0;
    let high = ranks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranks[middle].priority < priority) low = middle + 1;
      else high = middle;
    }
    if (ranks[low]?.priority !== priority) ranks.splice(low, 0, new Rank(priority));
    return ranks[low];
  }
}
