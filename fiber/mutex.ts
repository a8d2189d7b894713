/**
 * Mutual exclusion.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { current } from "../future/current.ts";
import { type Future, newFutureOf } from "../future/future.ts";
import { currentCore } from "./fiber.ts";
import type { FiberCore } from "./fiber_core.ts";
import { addHold, currentOwner, Hold, type Lock, refreshPriority, removeHold } from "./lock.ts";
import { disposed, type FairOptions, isByPriority, titleOf } from "./primitive.ts";
import { type SelectableOperation, waitFutureCore, WaitOperation } from "./wait_operation.ts";
import { WAIT, type Waiter, WaitQueue } from "./wait_queue.ts";

/** What a mutex tells of itself. */
export interface MutexStatistics {
  /** The name of the fiber that holds it; `undefined` when nobody or no fiber does. */
  readonly holder: string | undefined;
  /** Somebody holds it. */
  readonly locked: boolean;
  /** How many wait for it. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
}

/** The request of a lock: `undefined`, or what a condition had given back for a while. */
type LockRequest = Hold | undefined;

/** See {@linkcode Mutex}. */
export class MutexCore implements Lock {
  readonly name: string;
  readonly title: string;
  readonly queue: WaitQueue<LockRequest, Hold>;
  readonly lendsPriority: boolean = true;
  holder: Hold | undefined = undefined;
  #disposed = false;

  constructor(core: LoopCore, title: string, options: FairOptions) {
    this.title = title;
    this.name = options.name ?? title;
    this.queue = new WaitQueue<LockRequest, Hold>(core, {
      attempt: (_request, fiber) => this.#attempt(fiber),
      changed: () => refreshPriority(this.holder?.fiber),
      takeBack: (hold) => this.release(hold),
    }, { title, byPriority: isByPriority(options, title), lock: this });
  }

  *holders(): Generator<FiberCore> {
    if (this.holder?.fiber !== undefined) yield this.holder.fiber;
  }

  #attempt(fiber: FiberCore | undefined): Hold | typeof WAIT {
    if (this.holder === undefined) return this.#take(new Hold(this, fiber));
    if (fiber === undefined || this.holder.fiber !== fiber) return WAIT;
    throw new SystemError("EDEADLK", `Cannot lock ${this.title}: fiber '${fiber.name}' holds it already`);
  }

  #take(hold: Hold): Hold {
    this.holder = hold;
    addHold(hold);
    return hold;
  }

  tryLock(): Hold | undefined {
    this.queue.requireOpen();
    return this.holder === undefined ? this.#take(new Hold(this, currentOwner(this.queue))) : undefined;
  }

  release(hold: Hold): void {
    if (this.holder !== hold) return;
    removeHold(hold);
    this.holder = undefined;
    const { first } = this.queue;
    if (first === undefined) return;
    this.#handTo(first);
    refreshPriority(hold.fiber);
  }

  #handTo(waiter: Waiter): void {
    const hold = this.#take((waiter.request as LockRequest) ?? new Hold(this, waiter.fiber));
    waiter.queue.grant(waiter, hold);
    refreshPriority(hold.fiber);
  }

  /** Lets one who waits elsewhere have the lock, or wait for it here. */
  admit(waiter: Waiter): void {
    const closed = this.queue.closedBy;
    if (closed !== undefined) waiter.queue.fail(waiter, closed);
    else if (this.holder === undefined) this.#handTo(waiter);
    else waiter.queue.requeue(waiter, this.queue);
  }

  /** The hold of the fiber that runs; EPERM when it has none. */
  requireHeld(action: string): Hold {
    const { holder } = this;
    if (holder !== undefined && holder.fiber !== undefined && holder.fiber === current) return holder;
    throw new SystemError("EPERM", `Cannot ${action} ${this.title}: ${describeHolder(holder)}`);
  }

  ownerDied(hold: Hold): void {
    this.holder = undefined;
    const { name } = hold.fiber!;
    this.queue.close(() =>
      new SystemError(
        "EOWNERDEAD",
        `Cannot lock ${this.title}: fiber '${name}' ended while it held it; put right what it guards, then recover() it`,
      )
    );
  }

  /** A mutex that was disposed stays so. */
  recover(): void {
    if (this.#disposed) this.queue.requireOpen();
    this.queue.reopen();
  }

  dispose(): void {
    this.#disposed = true;
    this.queue.close(disposed(this.title));
  }
}

function describeHolder(holder: Hold | undefined): string {
  if (holder === undefined) return "it is not locked";
  if (holder.fiber === undefined) return "it is held by no fiber, dispose what locked it";
  return `fiber '${holder.fiber.name}' holds it`;
}

/** The core of a mutex, for what builds on it. */
export let mutexCoreOf: (mutex: Mutex) => MutexCore;

/**
 * One at a time.
 *
 * Waiters are served first come, first served, or by priority; unlocking hands the lock straight to the next one, so nobody who comes
 * later gets in between. Whoever holds it runs at the best priority among those who wait for it, until it lets go; if it waits for another
 * mutex itself, so does whoever holds that one.
 *
 * A lock belongs to the fiber that took it. One that ends without giving it back is reported to `onError` by name; all who wait, and whoever
 * comes later, get EOWNERDEAD until somebody calls {@linkcode Mutex.recover}. What `lockFuture` took belongs to no fiber, only to whoever
 * has the object.
 *
 * A circle of fibers that wait for one another's locks, or for one another's end, is found when it would be closed: that `lock`, or that
 * wait for a fiber, throws EDEADLK, and names all of them. Only where it is certain: no fiber of the circle, and none that it belongs to, has a
 * deadline, a signal or rivals in a `race` or an `any` that may interrupt it, and none waits for several things.
 *
 * @example Two fibers and one account
 * ```ts
 * import { all, Mutex, run, yieldNow } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * let balance = 10;
 * await run(function* () {
 *   const account = new Mutex({ name: "account" });
 *   function* withdraw() {
 *     using _lock = yield* account.lock();
 *     const before = balance;
 *     yield* yieldNow();
 *     balance = before - 1;
 *   }
 *   yield* all([withdraw, withdraw]);
 * });
 * assertEquals(balance, 8);
 * ```
 */
export class Mutex implements Disposable {
  readonly #core: MutexCore;

  static {
    mutexCoreOf = (mutex) => mutex.#core;
  }

  /**
   * Makes one that nobody holds.
   *
   * @throws {SystemError} EINVAL for an unknown option.
   */
  constructor(options: FairOptions = {}) {
    const title = titleOf("mutex", options, ["fair"]);
    this.#core = new MutexCore(currentCore(options.loop), title, options);
  }

  /** Somebody holds it. */
  get locked(): boolean {
    return this.#core.holder !== undefined;
  }

  /**
   * Takes it if nobody holds it, for the current fiber if there is one. Never waits.
   *
   * @returns Disposed, it is unlocked; `undefined`: somebody holds it.
   * @throws {SystemError} EPIPE when it was disposed, EOWNERDEAD.
   */
  tryLock(): Disposable | undefined {
    return this.#core.tryLock();
  }

  /**
   * Takes it, when its turn has come. Suspends only while somebody else holds it, and where it is always free now and then, to let others run.
   *
   * Interrupted, the fiber has left the queue and holds nothing. If it was handed the lock before it ran again, it holds it, and the interruption
   * comes at the next suspension.
   *
   * @returns Disposed, it is unlocked: `using _lock = yield* mutex.lock()`.
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber; EDEADLK when the fiber holds it already, or when that would close a circle; EOWNERDEAD, see above;
   * EPIPE when it was disposed; EINVAL on another loop's fiber; EBUSY when somebody's `resume` woke the fiber.
   */
  lock(): SelectableOperation<Disposable> {
    return new WaitOperation<LockRequest, Hold>(this.#core.queue, undefined);
  }

  /**
   * Takes it for no fiber, when its turn has come: for callbacks and async code.
   *
   * Cancelled while it waits, it has left the queue.
   *
   * @returns Its value, disposed, unlocks: `using _lock = await mutex.lockFuture()`.
   * @throws {SystemError} EPIPE when it was disposed, EOWNERDEAD; a pending future is rejected with them.
   */
  lockFuture(): Future<Disposable> {
    return newFutureOf<Disposable>(waitFutureCore(this.#core.queue, undefined));
  }

  /**
   * Unlocks what the current fiber has locked, and hands it to the next one. What was locked by it need not be disposed any more.
   *
   * @throws {SystemError} EPERM when the current fiber does not hold it.
   */
  unlock(): void {
    this.#core.release(this.#core.requireHeld("unlock"));
  }

  /**
   * After EOWNERDEAD, when what it guards has been put right: it can be locked again.
   *
   * @throws {SystemError} EPIPE when it was disposed.
   */
  recover(): void {
    this.#core.recover();
  }

  /** What it is at now. */
  statistics(): MutexStatistics {
    const { holder, queue } = this.#core;
    return { holder: holder?.fiber?.name, locked: holder !== undefined, waiters: queue.size, mostWaiters: queue.mostWaiters };
  }

  /** All who wait get EPIPE, as whoever comes later. Whoever holds it may finish. */
  [Symbol.dispose](): void {
    this.#core.dispose();
  }
}
