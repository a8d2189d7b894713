/**
 * Many who read, or one who writes.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { type Future, newFutureOf } from "../future/future.ts";
import { currentCore } from "./fiber.ts";
import type { FiberCore } from "./fiber_core.ts";
import { addHold, currentOwner, Hold, holdOf, type Lock, removeHold } from "./lock.ts";
import { disposed, type FairOptions, isByPriority, titleOf } from "./primitive.ts";
import { type SelectableOperation, waitFutureCore, WaitOperation } from "./wait_operation.ts";
import { WAIT, WaitQueue } from "./wait_queue.ts";

/** What a lock for readers and writers tells of itself. */
export interface RwLockStatistics {
  /** How many read. */
  readonly readers: number;
  /** The most that ever read at once. */
  readonly mostReaders: number;
  /** Somebody writes. */
  readonly isWritten: boolean;
  /** The name of the fiber that writes; `undefined` when nobody or no fiber does. */
  readonly writer: string | undefined;
  /** How many wait, for either. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
}

type Mode = "read" | "write";

class RwLockCore implements Lock {
  readonly name: string;
  readonly title: string;
  readonly queue: WaitQueue<Mode, Hold>;
  readonly lendsPriority: boolean = false;
  readonly readers: Set<Hold> = new Set();
  mostReaders: number = 0;
  writer: Hold | undefined = undefined;
  #disposed = false;

  constructor(core: LoopCore, title: string, options: FairOptions) {
    this.title = title;
    this.name = options.name ?? title;
    this.queue = new WaitQueue<Mode, Hold>(core, {
      attempt: (mode, fiber) => this.#attempt(mode, fiber),
      changed: () => this.#serve(),
      takeBack: (hold) => this.release(hold),
    }, { title, byPriority: isByPriority(options, title), lock: this });
  }

  *holders(): Generator<FiberCore> {
    if (this.writer?.fiber !== undefined) yield this.writer.fiber;
    for (const { fiber } of this.readers) {
      if (fiber !== undefined) yield fiber;
    }
  }

  /** A reader does not overtake a writer who waits, or readers after readers would keep that one waiting for ever. */
  #attempt(mode: Mode, fiber: FiberCore | undefined): Hold | typeof WAIT {
    if (fiber !== undefined && holdOf(fiber, this) !== undefined) {
      throw new SystemError("EDEADLK", `Cannot lock ${this.title}: fiber '${fiber.name}' holds it already`);
    }
    return this.queue.isFree && this.#admits(mode) ? this.#take(mode, fiber) : WAIT;
  }

  #admits(mode: Mode): boolean {
    return this.writer === undefined && (mode === "read" || this.readers.size === 0);
  }

  #take(mode: Mode, fiber: FiberCore | undefined): Hold {
    const hold = new Hold(this, fiber);
    if (mode === "write") this.writer = hold;
    else if (this.readers.add(hold).size > this.mostReaders) this.mostReaders = this.readers.size;
    addHold(hold);
    return hold;
  }

  #serve(): void {
    const { queue } = this;
    for (let { first } = queue; first !== undefined; first = queue.first) {
      const mode = first.request as Mode;
      if (!this.#admits(mode)) return;
      queue.grant(first, this.#take(mode, first.fiber));
    }
  }

  tryTake(mode: Mode): Hold | undefined {
    this.queue.requireOpen();
    return this.queue.isFree && this.#admits(mode) ? this.#take(mode, currentOwner(this.queue)) : undefined;
  }

  release(hold: Hold): void {
    if (!this.#forget(hold)) return;
    removeHold(hold);
    this.#serve();
  }

  #forget(hold: Hold): boolean {
    if (this.readers.delete(hold)) return true;
    if (this.writer !== hold) return false;
    this.writer = undefined;
    return true;
  }

  /** Who only read has left nothing half done. */
  ownerDied(hold: Hold): void {
    const { name } = hold.fiber!;
    if (hold === this.writer) {
      this.queue.close(() =>
        new SystemError(
          "EOWNERDEAD",
          `Cannot lock ${this.title}: fiber '${name}' ended while it wrote; put right what it guards, then recover() it`,
        )
      );
    }
    this.#forget(hold);
    this.#serve();
  }

  recover(): void {
    if (this.#disposed) this.queue.requireOpen();
    this.queue.reopen();
  }

  dispose(): void {
    this.#disposed = true;
    this.queue.close(disposed(this.title));
  }
}

/**
 * Many who read, or one who writes.
 *
 * Waiters are served first come, first served, or by priority: a reader that comes after a waiting writer waits too, so neither side
 * starves. Readers who stand together are let in together.
 *
 * A lock belongs to the fiber that took it, which cannot take it once more, for reading neither (EDEADLK), as it would wait for itself as
 * soon as a writer stands in between. A fiber that ends while it writes is reported to `onError` by name; all who wait, and whoever comes
 * later, get EOWNERDEAD until somebody calls {@linkcode RwLock.recover}. One that ends while it reads is reported too, and the lock goes on.
 * A circle of waits is found when it would be closed, as with a mutex.
 *
 * @example Readers together
 * ```ts
 * import { all, run, RwLock, yieldNow } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const most = await run(function* () {
 *   const table = new RwLock();
 *   let together = 0;
 *   function* read() {
 *     using _lock = yield* table.read();
 *     together = Math.max(together, table.statistics().readers);
 *     yield* yieldNow();
 *   }
 *   yield* all([read, read, read]);
 *   return together;
 * });
 * assertEquals(most, 3);
 * ```
 */
export class RwLock implements Disposable {
  readonly #core: RwLockCore;

  /**
   * Makes one that nobody holds.
   *
   * @throws {SystemError} EINVAL for an unknown option.
   */
  constructor(options: FairOptions = {}) {
    const title = titleOf("read-write lock", options, ["fair"]);
    this.#core = new RwLockCore(currentCore(options.loop), title, options);
  }

  /**
   * Takes it for reading if nobody writes or waits, for the current fiber if there is one. Never waits.
   *
   * @returns Disposed, it is given back; `undefined`: it was not to be had.
   * @throws {SystemError} EPIPE when it was disposed, EOWNERDEAD.
   */
  tryRead(): Disposable | undefined {
    return this.#core.tryTake("read");
  }

  /**
   * Takes it for writing if nobody holds it or waits, for the current fiber if there is one. Never waits.
   *
   * @returns Disposed, it is given back; `undefined`: it was not to be had.
   * @throws {SystemError} EPIPE when it was disposed, EOWNERDEAD.
   */
  tryWrite(): Disposable | undefined {
    return this.#core.tryTake("write");
  }

  /**
   * Takes it for reading, when its turn has come. Suspends only while somebody writes or waits before, and where it is always free now and then, to
   * let others run.
   *
   * Interrupted, the fiber has left the queue and holds nothing. If it was handed the lock before it ran again, it holds it, and the interruption
   * comes at the next suspension.
   *
   * @returns Disposed, it is given back: `using _lock = yield* table.read()`.
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber; EDEADLK when the fiber holds it already, or when that would close a circle; EOWNERDEAD, see above;
   * EPIPE when it was disposed; EINVAL on another loop's fiber; EBUSY when somebody's `resume` woke the fiber.
   */
  read(): SelectableOperation<Disposable> {
    return new WaitOperation<Mode, Hold>(this.#core.queue, "read");
  }

  /** Takes it for writing, when its turn has come and nobody holds it. As {@linkcode RwLock.read} in all else. */
  write(): SelectableOperation<Disposable> {
    return new WaitOperation<Mode, Hold>(this.#core.queue, "write");
  }

  /**
   * Takes it for reading and for no fiber, when its turn has come: for callbacks and async code. Cancelled while it waits, it has left
   * the queue.
   *
   * @returns Its value, disposed, gives it back: `using _lock = await table.readFuture()`.
   * @throws {SystemError} EPIPE when it was disposed, EOWNERDEAD; a pending future is rejected with them.
   */
  readFuture(): Future<Disposable> {
    return newFutureOf<Disposable>(waitFutureCore(this.#core.queue, "read"));
  }

  /** Takes it for writing, as {@linkcode RwLock.readFuture} does for reading. */
  writeFuture(): Future<Disposable> {
    return newFutureOf<Disposable>(waitFutureCore(this.#core.queue, "write"));
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
  statistics(): RwLockStatistics {
    const { readers, mostReaders, writer, queue } = this.#core;
    return {
      readers: readers.size,
      mostReaders,
      isWritten: writer !== undefined,
      writer: writer?.fiber?.name,
      waiters: queue.size,
      mostWaiters: queue.mostWaiters,
    };
  }

  /** All who wait get EPIPE, as whoever comes later. Whoever holds it may finish. */
  [Symbol.dispose](): void {
    this.#core.dispose();
  }
}
