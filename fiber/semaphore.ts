/**
 * A number of permits.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { type Future, newFutureOf } from "../future/future.ts";
import { currentCore } from "./fiber.ts";
import { disposed, type FairOptions, isByPriority, requireCount, titleOf } from "./primitive.ts";
import { type SelectableOperation, waitFutureCore, WaitOperation } from "./wait_operation.ts";
import { WAIT, WaitQueue } from "./wait_queue.ts";

/** What a semaphore tells of itself. */
export interface SemaphoreStatistics {
  /** How many permits there are. */
  readonly permits: number;
  /** How many of them nobody holds; below zero after `resize` until enough were given back. */
  readonly available: number;
  /** The most permits that were ever held at once. */
  readonly mostTaken: number;
  /** How many wait. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
}

/** The permits, and who waits for some. */
class SemaphoreCore {
  readonly title: string;
  readonly queue: WaitQueue<number, Permits>;
  permits: number;
  taken: number = 0;
  mostTaken: number = 0;

  constructor(core: LoopCore, permits: number, title: string, options: FairOptions) {
    this.title = title;
    this.permits = permits;
    this.queue = new WaitQueue<number, Permits>(core, {
      attempt: (count) => this.queue.isFree && this.available >= this.requirePossible(count) ? this.#take(count) : WAIT,
      changed: () => this.#serve(),
      takeBack: (permits) => permits.release(),
    }, { title, byPriority: isByPriority(options, title) });
  }

  get available(): number {
    return this.permits - this.taken;
  }

  /** EINVAL for a request that could never be granted. */
  requirePossible(count: number): number {
    if (count <= this.permits) return count;
    throw this.#impossible(count);
  }

  #impossible(count: number): SystemError {
    return new SystemError("EINVAL", `Cannot acquire ${count} permits of ${this.title}: there are ${this.permits}`);
  }

  #take(count: number): Permits {
    this.taken += count;
    if (this.taken > this.mostTaken) this.mostTaken = this.taken;
    return new Permits(this, count);
  }

  /** In order, and only as far as all are served: a big request holds the smaller ones behind it back. */
  #serve(): void {
    const { queue } = this;
    for (let { first } = queue; first !== undefined; first = queue.first) {
      const count = first.request as number;
      if (count > this.available) return;
      queue.grant(first, this.#take(count));
    }
  }

  tryAcquire(count: number): Permits | undefined {
    const granted = this.queue.attempt(count, undefined);
    return granted === WAIT ? undefined : granted;
  }

  giveBack(count: number): void {
    this.taken -= count;
    this.#serve();
  }

  resize(permits: number): void {
    this.queue.requireOpen();
    this.permits = permits;
    for (const waiter of [...this.queue]) {
      const count = waiter.request as number;
      if (count > permits) this.queue.fail(waiter, () => this.#impossible(count));
    }
    this.#serve();
  }
}

/** Permits that were acquired. Disposed, all that are left are given back; twice does nothing. */
export class Permits implements Disposable {
  readonly #core: SemaphoreCore;
  #count: number;

  /** Not for users: see {@linkcode Semaphore}. */
  constructor(core: object, count: number) {
    if (!(core instanceof SemaphoreCore)) throw new SystemError("EINVAL", "Cannot make permits by new: acquire them of a semaphore");
    this.#core = core;
    this.#count = count;
  }

  /** How many are held. */
  get count(): number {
    return this.#count;
  }

  /**
   * Gives some of them back. Waiters are served in order.
   *
   * @param count Default: all that are left.
   * @throws {SystemError} EPERM for more than are held, EINVAL for what is no whole number from 1 up.
   */
  release(count: number = Math.max(this.#count, 1)): void {
    requireCount(count, `release permits of ${this.#core.title} in number`);
    if (count > this.#count) {
      throw new SystemError("EPERM", `Cannot release ${count} permits of ${this.#core.title}: ${this.#count} of them are held`);
    }
    this.#count -= count;
    this.#core.giveBack(count);
  }

  /** Gives back all that are left. */
  [Symbol.dispose](): void {
    if (this.#count > 0) this.release();
  }
}

/**
 * A number of permits: so many at once, whatever they stand for.
 *
 * Waiters are served first come, first served, or by priority; what is given back goes straight to the next one. A request that is
 * bigger than what is available holds all behind it back, so that it comes to its turn, and `tryAcquire` does not overtake it either.
 *
 * @example Two at a time
 * ```ts
 * import { all, msec, run, Semaphore, sleep } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const most = await run(function* () {
 *   const slots = new Semaphore(2);
 *   function* work() {
 *     using _slot = yield* slots.acquire();
 *     yield* sleep(msec(1));
 *   }
 *   yield* all([work, work, work]);
 *   return slots.statistics().mostTaken;
 * });
 * assertEquals(most, 2);
 * ```
 */
export class Semaphore implements Disposable {
  readonly #core: SemaphoreCore;

  /**
   * Makes one, all of whose permits are available.
   *
   * @param permits A whole number from 1 up.
   * @throws {SystemError} EINVAL for another number, or an unknown option.
   */
  constructor(permits: number, options: FairOptions = {}) {
    const title = titleOf("semaphore", options, ["fair"]);
    requireCount(permits, `make ${title} with permits`);
    this.#core = new SemaphoreCore(currentCore(options.loop), permits, title, options);
  }

  /** How many permits nobody holds; below zero after {@linkcode Semaphore.resize} until enough were given back. */
  get available(): number {
    return this.#core.available;
  }

  /**
   * Takes permits if they are available and nobody waits before. Never waits.
   *
   * @param n How many. Default: 1.
   * @returns Disposed, they are given back; `undefined`: they were not to be had.
   * @throws {SystemError} EINVAL for what is no whole number from 1 up, or more than there are; EPIPE when it was disposed.
   */
  tryAcquire(n: number = 1): Permits | undefined {
    return this.#core.tryAcquire(this.#require(n));
  }

  /**
   * Takes permits, when its turn has come and all of them are available. Suspends only if they are not to be had at once, and where they always are
   * now and then, to let others run.
   *
   * Interrupted, the fiber has left the queue and holds none, and those whom it held back are served. If it was handed them before it ran again,
   * it holds them, and the interruption comes at the next suspension.
   *
   * @param n How many. Default: 1.
   * @returns Disposed, they are given back: `using _slot = yield* slots.acquire()`.
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber; EINVAL for what is no whole number from 1 up, more than there are, another loop's fiber; EPIPE when it
   * was disposed; EBUSY when somebody's `resume` woke the fiber.
   */
  acquire(n: number = 1): SelectableOperation<Permits> {
    return new WaitOperation<number, Permits>(this.#core.queue, this.#require(n));
  }

  /**
   * Takes permits by a future, when its turn has come: for callbacks and async code. Cancelled while it waits, it has left the queue.
   *
   * @param n How many. Default: 1.
   * @returns Its value, disposed, gives them back: `using _slot = await slots.acquireFuture()`.
   * @throws {SystemError} As {@linkcode Semaphore.tryAcquire}; a pending future is rejected with EPIPE.
   */
  acquireFuture(n: number = 1): Future<Permits> {
    return newFutureOf<Permits>(waitFutureCore(this.#core.queue, this.#require(n)));
  }

  /**
   * Changes the number of permits. More of them serve waiters at once; if there are less than are held, those that are given back are
   * not handed out until the numbers fit. Who waits for more than there are now gets EINVAL.
   *
   * @param permits A whole number from 1 up.
   * @throws {SystemError} EINVAL for another number, EPIPE when it was disposed.
   */
  resize(permits: number): void {
    this.#core.resize(requireCount(permits, `resize ${this.#core.title} to`));
  }

  /** What it is at now. */
  statistics(): SemaphoreStatistics {
    const { permits, available, mostTaken, queue } = this.#core;
    return { permits, available, mostTaken, waiters: queue.size, mostWaiters: queue.mostWaiters };
  }

  /** All who wait get EPIPE, as whoever comes later. What is held may be given back as before. */
  [Symbol.dispose](): void {
    this.#core.queue.close(disposed(this.#core.title));
  }

  #require(n: number): number {
    return this.#core.requirePossible(requireCount(n, `acquire permits of ${this.#core.title} in number`));
  }
}
