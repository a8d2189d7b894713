/**
 * Waiting until a number of things are done.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { type Future, newFutureOf } from "../future/future.ts";
import { currentCore } from "./fiber.ts";
import { disposed, type PrimitiveOptions, requireCount, titleOf } from "./primitive.ts";
import { type SelectableOperation, waitFutureCore, WaitOperation } from "./wait_operation.ts";
import { WAIT, WaitQueue } from "./wait_queue.ts";

/** What a wait group tells of itself. */
export interface WaitGroupStatistics {
  /** How many things are not done. */
  readonly count: number;
  /** How many wait for the end. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
}

/**
 * Counts things that are under way; whoever waits goes on when none is. For fibers, a scope does this and more.
 *
 * When the last thing is done all who wait go on, in the order in which they came, and also if something is added before they run.
 *
 * @example The last request
 * ```ts
 * import { msec, run, sleep, spawn, WaitGroup } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * let answered = 0;
 * await run(function* () {
 *   const requests = new WaitGroup();
 *   function* answer() {
 *     yield* sleep(msec(1));
 *     answered++;
 *     requests.done();
 *   }
 *   for (let i = 0; i < 3; i++) {
 *     requests.add();
 *     spawn(answer);
 *   }
 *   yield* requests.wait();
 * });
 * assertEquals(answered, 3);
 * ```
 */
export class WaitGroup implements Disposable {
  readonly #queue: WaitQueue<void, void>;
  #count = 0;

  /**
   * Makes one where nothing is under way.
   *
   * @throws {SystemError} EINVAL for an unknown option.
   */
  constructor(options: PrimitiveOptions = {}) {
    const title = titleOf("wait group", options);
    this.#queue = new WaitQueue<void, void>(currentCore(options.loop), { attempt: () => this.#count === 0 ? undefined : WAIT }, { title });
  }

  /** How many things are not done. */
  get count(): number {
    return this.#count;
  }

  /**
   * So many things more are under way.
   *
   * @param n Default: 1.
   * @throws {SystemError} EINVAL for what is no whole number from 1 up, EPIPE when it was disposed.
   */
  add(n: number = 1): void {
    requireCount(n, `add things to ${this.#queue.title} in number`);
    this.#queue.requireOpen();
    this.#count += n;
  }

  /**
   * One of them is done.
   *
   * @throws {SystemError} EPERM when none is under way.
   */
  done(): void {
    if (this.#count === 0) throw new SystemError("EPERM", `Cannot be done in ${this.#queue.title}: nothing is under way, add() it first`);
    if (--this.#count === 0) this.#queue.unparkAll();
  }

  /**
   * Waits until all are done. Suspends only while something is under way, and where nothing ever is now and then, to let others run.
   *
   * Interrupted, the fiber has left the queue. If all was done before it ran again, that stands, and the interruption comes at the next suspension.
   *
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber; EPIPE when it was disposed; EINVAL on another loop's fiber; EBUSY when somebody's `resume` woke the
   * fiber.
   */
  wait(): SelectableOperation<void> {
    return new WaitOperation<void, void>(this.#queue, undefined);
  }

  /**
   * Waits by a future: for callbacks and async code. Cancelled, it has left the queue.
   *
   * @throws {SystemError} EPIPE when it was disposed; a pending future is rejected with it.
   */
  waitFuture(): Future<void> {
    return newFutureOf<void>(waitFutureCore(this.#queue, undefined));
  }

  /** What it is at now. */
  statistics(): WaitGroupStatistics {
    return { count: this.#count, waiters: this.#queue.size, mostWaiters: this.#queue.mostWaiters };
  }

  /** All who wait get EPIPE, as whoever comes later. */
  [Symbol.dispose](): void {
    this.#queue.close(disposed(this.#queue.title));
  }
}
