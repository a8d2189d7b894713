/**
 * Waiting, without a lock that is held, until what it guards has changed.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { requireOptions } from "../event/validate.ts";
import { CANCEL, type CurrentFiber, EMPTY, ERROR, type Interruption, TIMEOUT, VALUE } from "../future/current.ts";
import { type Future, newFutureOf } from "../future/future.ts";
import { BaseOperation, type Operation } from "../future/operation.ts";
import type { FiberCore } from "./fiber_core.ts";
import { Hold } from "./lock.ts";
import { type Mutex, type MutexCore, mutexCoreOf } from "./mutex.ts";
import { disposed, type FairOptions, isByPriority, requireCount, titleOf } from "./primitive.ts";
import { FiberWaiter, requireSameLoop, waitFutureCore, wokenError } from "./wait_operation.ts";
import { FAILED, type MakeError, WAIT, WAITING, WaitQueue } from "./wait_queue.ts";

/** What a condition tells of itself. */
export interface ConditionStatistics {
  /** How many wait to be notified. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
}

/**
 * Gives the lock back, waits for the notification, then for the lock, in one suspension: whoever notifies moves the waiter from the one
 * queue to the other. However the wait ends, the fiber waits for the lock before it goes on, and what interrupts it meanwhile is kept.
 */
class ConditionOperation extends BaseOperation<void> {
  readonly #queue: WaitQueue<Hold, Hold>;
  readonly #mutex: MutexCore;
  #kept: Interruption | undefined = undefined;
  /** It gave up before it was notified. */
  #gaveUp = false;

  constructor(queue: WaitQueue<Hold, Hold>, mutex: MutexCore) {
    super();
    this.#queue = queue;
    this.#mutex = mutex;
  }

  protected override start(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    requireSameLoop(fiber, this.#queue);
    if (fiber.cell >= TIMEOUT) throw fiber.takeError();
    this.#queue.requireOpen();
    const hold = this.#mutex.requireHeld("wait without");
    if (fiber.cell !== EMPTY) throw wokenError(fiber);
    const waiter = new FiberWaiter(this.#queue, hold, fiber);
    fiber.parkFor(waiter);
    this.#queue.park(waiter);
    this.#mutex.release(hold);
    return false;
  }

  protected override resume(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    const waiter = fiber.waiter as FiberWaiter;
    if (waiter.state === WAITING && !this.#waitOn(fiber, waiter)) return false;
    fiber.waiter = undefined;
    fiber.unpark();
    if (fiber.cell === VALUE) fiber.takeValue();
    if (this.#kept !== undefined) fiber.restore(this.#kept);
    if (waiter.state === FAILED) throw (waiter.content as MakeError)();
    if (this.#gaveUp) throw fiber.takeError();
    this.value = undefined;
    return true;
  }

  /** Something else has woken the fiber. `true`: it got the lock at once. */
  #waitOn(fiber: FiberCore, waiter: FiberWaiter): boolean {
    const isNotified = waiter.queue !== this.#queue;
    if (!(isNotified && fiber.cell === VALUE)) this.#keep(fiber);
    else fiber.takeValue();
    if (!isNotified) {
      this.#gaveUp = true;
      this.#mutex.admit(waiter);
    }
    if (waiter.state !== WAITING) return true;
    fiber.park();
    return false;
  }

  #keep(fiber: FiberCore): void {
    const next = fiber.cell >= TIMEOUT ? fiber.takeInterruption()! : { kind: ERROR, content: wokenError(fiber) };
    const kept = this.#kept;
    if (kept === undefined || (kept.kind !== CANCEL && next.kind >= kept.kind)) this.#kept = next;
  }
}

/**
 * Waits, without a mutex that is held, until somebody says that what it guards has changed, and then for the mutex.
 *
 * Whoever is notified is not promised that things are as it wants them: another one may have had the mutex in between. So it is always `while`
 * and not `if`. Waiters are notified first come, first served, or by priority, and get the mutex in that order. Who notifies need not hold
 * the mutex; a notification that nobody waits for is forgotten.
 *
 * @example Waiting until there is enough
 * ```ts
 * import { Condition, Mutex, run, spawn } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * let level = 0;
 * await run(function* () {
 *   const tank = new Mutex();
 *   const risen = new Condition(tank);
 *   const consumer = spawn(function* () {
 *     using _lock = yield* tank.lock();
 *     while (level < 3) yield* risen.wait();
 *     level -= 3;
 *   });
 *   for (let i = 0; i < 4; i++) {
 *     using _lock = yield* tank.lock();
 *     level++;
 *     risen.notify();
 *   }
 *   yield* consumer;
 * });
 * assertEquals(level, 1);
 * ```
 */
export class Condition implements Disposable {
  readonly #mutex: MutexCore;
  readonly #queue: WaitQueue<Hold, Hold>;

  /**
   * Makes one for this mutex, on its loop.
   *
   * @throws {SystemError} EINVAL for an unknown option.
   */
  constructor(mutex: Mutex, options: Omit<FairOptions, "loop"> = {}) {
    // It has its mutex's loop.
    requireOptions(options, ["name", "fair"], "make a condition");
    const title = titleOf("condition", options, ["fair"]);
    const core = mutexCoreOf(mutex);
    this.#mutex = core;
    this.#queue = new WaitQueue<Hold, Hold>(core.queue.core, {
      attempt(hold) {
        core.release(hold);
        return WAIT;
      },
    }, { title, byPriority: isByPriority(options, title) });
  }

  /**
   * Gives the mutex back, waits to be notified, and for the mutex. Always suspends.
   *
   * Interrupted before it was notified, the fiber waits for the mutex and then the interruption is thrown; a notification that came before stands,
   * and the interruption comes at the next suspension. In each case the fiber holds the mutex again, by the same object as before.
   *
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber; EPERM when the fiber does not hold the mutex; EINVAL on another loop's fiber; EBUSY when somebody's
   * `resume` woke the fiber. EPIPE when the condition or the mutex was disposed and EOWNERDEAD: then it does not hold the mutex.
   */
  wait(): Operation<void> {
    return new ConditionOperation(this.#queue, this.#mutex);
  }

  /**
   * The same by a future, for what `lockFuture` gave. Cancelled while it waits, it does not hold the mutex any more.
   *
   * @param lock What locks the mutex; it does again when the future is fulfilled, with it.
   * @throws {SystemError} EPERM when it does not lock the mutex; EPIPE when the condition was disposed; a pending future is rejected with EPIPE and
   * EOWNERDEAD.
   */
  waitFuture(lock: Disposable): Future<Disposable> {
    this.#queue.requireOpen();
    if (!(lock instanceof Hold) || this.#mutex.holder !== lock || lock.fiber !== undefined) {
      throw new SystemError(
        "EPERM",
        `Cannot wait without ${this.#mutex.title}: that is not what lockFuture() gave, or does not lock it any more`,
      );
    }
    return newFutureOf<Disposable>(waitFutureCore(this.#queue, lock));
  }

  /**
   * Notifies the next ones who wait.
   *
   * @param n How many. Default: 1.
   * @throws {SystemError} EINVAL for what is no whole number from 1 up, EPIPE when it was disposed.
   */
  notify(n: number = 1): void {
    requireCount(n, `notify waiters of ${this.#queue.title} in number`);
    this.#notify(n);
  }

  /**
   * Notifies all who wait now. They get the mutex one after the other.
   *
   * @throws {SystemError} EPIPE when it was disposed.
   */
  notifyAll(): void {
    this.#notify(this.#queue.size);
  }

  #notify(n: number): void {
    const queue = this.#queue;
    queue.requireOpen();
    for (let { first } = queue; first !== undefined && n > 0; { first } = queue, n--) this.#mutex.admit(first);
  }

  /** What it is at now. */
  statistics(): ConditionStatistics {
    return { waiters: this.#queue.size, mostWaiters: this.#queue.mostWaiters };
  }

  /** All who wait to be notified get EPIPE, without the mutex, as whoever comes later. */
  [Symbol.dispose](): void {
    this.#queue.close(disposed(this.#queue.title));
  }
}
