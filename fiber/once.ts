/**
 * A value that is made once, by whoever asks first.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { inheritedPriority } from "../future/event_future.ts";
import type { Future } from "../future/future.ts";
import { type Operation, operationOf, type Runnable } from "../future/operation.ts";
import { rootOf } from "./family.ts";
import { currentCore, fiberOf, spawnCore } from "./fiber.ts";
import type { FiberCore } from "./fiber_core.ts";
import { disposed, type PrimitiveOptions, titleOf } from "./primitive.ts";
import { WaitOperation } from "./wait_operation.ts";
import { WAIT, type Waiter, WaitQueue } from "./wait_queue.ts";

/** What a once tells of itself. */
export interface OnceStatistics {
  /** It has its value. */
  readonly isMade: boolean;
  /** The name of the fiber that makes the value; `undefined` when nobody does. */
  readonly maker: string | undefined;
  /** How many wait for it. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
}

/** Whoever is answered this is to make the value. */
const YOUR_TURN = Symbol("your turn");

/** Whoever asks gets this, unless it is to make it. */
interface Made<T> {
  readonly value: T;
}

/**
 * A value that is made when it is first asked for, once; all others wait for it.
 *
 * It is made on the fiber of the one who asks first. If that fails or is interrupted, its fiber gets the error, and the oldest one that
 * waits makes it anew.
 *
 * @typeParam T The value.
 *
 * @example One connection for all
 * ```ts
 * import { all, msec, Once, run, sleep } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * let made = 0;
 * const values = await run(function* () {
 *   const shared = new Once(function* () {
 *     yield* sleep(msec(1));
 *     return ++made;
 *   });
 *   return yield* all([() => shared.get(), () => shared.get()]);
 * });
 * assertEquals(values, [1, 1]);
 * ```
 */
export class Once<T> implements Disposable {
  readonly #make: () => Operation<T>;
  readonly #queue: WaitQueue<void, Made<T> | typeof YOUR_TURN>;
  #made: Made<T> | undefined = undefined;
  #maker: FiberCore | undefined = undefined;

  /**
   * Makes one that has no value.
   *
   * @param make What makes the value, each time that it has to be tried.
   * @throws {SystemError} EINVAL for an unknown option.
   */
  constructor(make: () => Operation<T>, options: PrimitiveOptions = {}) {
    const title = titleOf("once", options);
    this.#make = make;
    this.#queue = new WaitQueue<void, Made<T> | typeof YOUR_TURN>(currentCore(options.loop), {
      attempt: (_request, fiber) => this.#attempt(fiber!),
      takeBack: (granted) => granted === YOUR_TURN && this.#passOn(),
    }, { title });
  }

  /** The value, if it was made. */
  get value(): T | undefined {
    return this.#made?.value;
  }

  #attempt(fiber: FiberCore): Made<T> | typeof YOUR_TURN | typeof WAIT {
    if (this.#made !== undefined) return this.#made;
    if (this.#maker === fiber) {
      throw new SystemError("EDEADLK", `Cannot wait for ${this.#queue.title}: fiber '${fiber.name}' is making it`);
    }
    if (this.#maker !== undefined) return WAIT;
    this.#maker = fiber;
    return YOUR_TURN;
  }

  /** It was not made: the next one tries. */
  #passOn(): void {
    const first: Waiter | undefined = this.#queue.first;
    this.#maker = first?.fiber;
    if (first !== undefined) this.#queue.grant(first, YOUR_TURN);
  }

  /**
   * The value. Suspends while it is being made, here or on another fiber, and where it is asked for again and again now and then, to let others run.
   *
   * Interrupted while it waits, the fiber has left the queue; while it makes the value, the next one who waits makes it.
   *
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber; EDEADLK while the fiber is making it; EPIPE when it was disposed; EINVAL on another loop's fiber;
   * EBUSY when somebody's `resume` woke the fiber. What making it throws is thrown as it is, on the fiber that made it.
   */
  *get(): Operation<T> {
    const answer = yield* new WaitOperation<void, Made<T> | typeof YOUR_TURN>(this.#queue, undefined);
    if (answer !== YOUR_TURN) return answer.value;
    try {
      this.#made = { value: yield* operationOf(this.#make as Runnable<T>) };
    } finally {
      if (this.#made === undefined) this.#passOn();
    }
    this.#maker = undefined;
    this.#queue.unparkAll(this.#made);
    return this.#made.value;
  }

  /**
   * The value by a future: for callbacks and async code. A floating fiber asks for it, with the priority of the one that runs, and makes it if its turn
   * comes. Cancelled, that fiber is, as {@linkcode Once.get} says.
   *
   * @throws {SystemError} EPIPE when it was disposed, ECANCELED when the loop is exiting. A pending future is rejected with what `get` throws.
   *
   * @example In async code
   * ```ts
   * import { EventLoop, Once, sleep } from "@sd/fibers";
   * import { assertEquals } from "@std/assert";
   *
   * const loop = EventLoop.default();
   * const shared = new Once(function* () {
   *   yield* sleep(1);
   *   return "made";
   * }, { loop });
   * const value = shared.getFuture().finally(() => loop.exit());
   * await loop.loop();
   * assertEquals(await value, "made");
   * ```
   */
  getFuture(): Future<T> {
    const queue = this.#queue;
    queue.requireOpen();
    const options = { name: queue.title, priority: inheritedPriority() };
    return fiberOf<T>(spawnCore(queue.core, () => this.get(), rootOf(queue.core), options));
  }

  /** What it is at now. */
  statistics(): OnceStatistics {
    const { size, mostWaiters } = this.#queue;
    return { isMade: this.#made !== undefined, maker: this.#maker?.name, waiters: size, mostWaiters };
  }

  /** All who wait get EPIPE, as whoever comes later. */
  [Symbol.dispose](): void {
    this.#queue.close(disposed(this.#queue.title));
  }
}
