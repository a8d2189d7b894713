/**
 * A place where all wait for the last.
 *
 * @module
 */

import { type Future, newFutureOf } from "../future/future.ts";
import type { Operation } from "../future/operation.ts";
import { currentCore } from "./fiber.ts";
import { disposed, type PrimitiveOptions, requireCount, titleOf } from "./primitive.ts";
import { waitFutureCore, WaitOperation } from "./wait_operation.ts";
import { WAIT, WaitQueue } from "./wait_queue.ts";

/** What a barrier tells of itself. */
export interface BarrierStatistics {
  /** How many have to come. */
  readonly parties: number;
  /** How many wait for the rest. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
  /** How often all have come. */
  readonly rounds: number;
}

/** Others may count on it as soon as it waits, so it is no case of `select`. */
class Arrival extends WaitOperation<void, number> {
  override get isSelectable(): boolean {
    return false;
  }
}

/**
 * A place where so many wait until all of them have come, round after round.
 *
 * The last to come does not wait, and lets the others go on in the order in which they came. One that is interrupted has not come: the
 * others wait for somebody else.
 *
 * @example In step
 * ```ts
 * import { all, Barrier, run } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * await run(function* () {
 *   const step = new Barrier(2);
 *   function* walk(name: string) {
 *     for (const foot of ["left", "right"]) {
 *       log.push(`${name} ${foot}`);
 *       yield* step.wait();
 *     }
 *   }
 *   yield* all([() => walk("a"), () => walk("b")]);
 * });
 * assertEquals(log.map((entry) => entry.slice(2)), ["left", "left", "right", "right"]);
 * ```
 */
export class Barrier implements Disposable {
  readonly #queue: WaitQueue<void, number>;
  readonly #parties: number;
  #rounds = 0;

  /**
   * Makes one.
   *
   * @param parties How many have to come: a whole number from 1 up.
   * @throws {SystemError} EINVAL for another number, or an unknown option.
   */
  constructor(parties: number, options: PrimitiveOptions = {}) {
    const title = titleOf("barrier", options);
    this.#parties = requireCount(parties, `make ${title} for parties in number`);
    this.#queue = new WaitQueue<void, number>(currentCore(options.loop), { attempt: () => this.#arrive() }, { title });
  }

  #arrive(): number | typeof WAIT {
    const queue = this.#queue;
    if (queue.size + 1 < this.#parties) return WAIT;
    this.#rounds++;
    for (let place = 0; queue.unpark(place); place++);
    return this.#parties - 1;
  }

  /**
   * Waits until all have come. Suspends for all but the last one, and for that one now and then where it always is the last, to let others run.
   *
   * Interrupted, the fiber has left the queue and does not count. If all had come before it ran again, that stands, and the interruption comes
   * at the next suspension.
   *
   * @returns Which it was of those who came, from 0: the last one has the number of parties less one.
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber; EPIPE when it was disposed; EINVAL on another loop's fiber; EBUSY when somebody's `resume` woke the
   * fiber.
   */
  wait(): Operation<number> {
    return new Arrival(this.#queue, undefined);
  }

  /**
   * Comes by a future: for callbacks and async code. Cancelled while it waits, it does not count.
   *
   * @throws {SystemError} EPIPE when it was disposed; a pending future is rejected with it.
   */
  waitFuture(): Future<number> {
    return newFutureOf<number>(waitFutureCore(this.#queue, undefined));
  }

  /** What it is at now. */
  statistics(): BarrierStatistics {
    const { size, mostWaiters } = this.#queue;
    return { parties: this.#parties, waiters: size, mostWaiters, rounds: this.#rounds };
  }

  /** All who wait get EPIPE, as whoever comes later. */
  [Symbol.dispose](): void {
    this.#queue.close(disposed(this.#queue.title));
  }
}
