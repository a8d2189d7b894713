/**
 * Where items come out: of channels of every kind.
 *
 * @module
 */

import type { FiberCore } from "./fiber_core.ts";
import { type ReceiveFuture, receiveFutureOf, type Reception } from "./receive_future.ts";
import { type SelectableOperation, WaitOperation } from "./wait_operation.ts";
import { WAIT } from "./wait_queue.ts";

/** As a pop, but the end is no error. */
class NextOperation<T> extends WaitOperation<void, T | undefined> {
  readonly #reception: Reception<T>;

  constructor(reception: Reception<T>) {
    super(reception.queue, undefined);
    this.#reception = reception;
  }

  override attempt(fiber: FiberCore): T | undefined | typeof WAIT {
    return this.#reception.isExhausted ? undefined : super.attempt(fiber);
  }

  protected override failed(): undefined {}
}

/** What items of a receiver come from. */
export let receptionOf: <T>(receiver: Receiver<T>) => Reception<T>;

/**
 * What one receives from: a channel, a subscription. Receivers that wait are served first come, first served.
 *
 * @typeParam T The items.
 */
export abstract class Receiver<T> implements AsyncIterable<T> {
  readonly #reception: Reception<T>;

  static {
    receptionOf = <T>(receiver: Receiver<T>) => receiver.#reception;
  }

  /** Not for users. */
  protected constructor(reception: object) {
    this.#reception = reception as Reception<T>;
  }

  /**
   * The next item, if it is there. Never waits.
   *
   * @returns `undefined`: none is there.
   * @throws {SystemError} EPIPE when it is closed and empty.
   */
  tryPop(): T | undefined {
    const item = this.#reception.queue.attempt(undefined, undefined);
    return item === WAIT ? undefined : item;
  }

  /**
   * The next item. Suspends only while none is there, and where one always is now and then, to let others run.
   *
   * Interrupted, the fiber has left the queue and took nothing. If an item was handed to it before it ran again, that is returned, and the
   * interruption comes at the next suspension.
   *
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber; EPIPE when it is closed and empty; EINVAL on another loop's fiber; EBUSY when somebody's `resume`
   * woke the fiber.
   */
  pop(): SelectableOperation<T> {
    return new WaitOperation<void, T>(this.#reception.queue, undefined);
  }

  /**
   * The next item, or `undefined` when it is closed and empty: `for (let item; (item = yield* jobs.next()) !== undefined;)`. As
   * {@linkcode Receiver.pop} in all else.
   */
  next(): SelectableOperation<T | undefined> {
    return new NextOperation<T>(this.#reception);
  }

  /**
   * The next item by a future: for callbacks and async code. It has its place in the queue at once.
   *
   * @throws {SystemError} EPIPE when it is closed and empty; a pending future is rejected with it.
   */
  receive(): ReceiveFuture<T> {
    return receiveFutureOf(this.#reception);
  }

  /** All items until it is closed and empty, in async code: `for await (const item of jobs)`. Leaving the loop leaves the rest where it is. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    while (!this.#reception.isExhausted) {
      const item = this.tryPop() ?? await this.#receiveOrEnd();
      if (item === undefined) return;
      yield item;
    }
  }

  async #receiveOrEnd(): Promise<T | undefined> {
    using future = this.receive();
    try {
      return await future;
    } catch (error) {
      if (this.#reception.isExhausted) return undefined;
      throw error;
    }
  }
}
