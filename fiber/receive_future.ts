/**
 * An item that is to come, and who takes it.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { Future, onAccount } from "../future/future.ts";
import { FULFILLED, FutureCore, type FutureKind, REJECTED, UNRESOLVED } from "../future/future_core.ts";
import { cancelWaiting, waitFutureCore } from "./wait_operation.ts";
import type { WaitQueue } from "./wait_queue.ts";

/** What items come from. */
export interface Reception<T> {
  readonly queue: WaitQueue<void, T>;
  /** Nothing will come any more. */
  readonly isExhausted: boolean;
  /** Nobody takes this item. */
  drop(item: T): void;
}

/** Stands behind a future whose item was taken. Before that it is the waiter, or nothing. */
const TAKEN: unknown = Object.freeze({});

function markTaken(future: FutureCore): void {
  future.backing = TAKEN;
}

const kind: FutureKind = { name: "receive", cancel: cancelWaiting, read: markTaken };

/** Receives by a future. */
export let receiveFutureOf: <T>(reception: Reception<T>) => ReceiveFuture<T>;

/**
 * An item of a channel: whoever reads its value has taken it, whether by `yield*`, `await`, `result()`, `outcome` or a
 * group that it decides, and has to look after it.
 *
 * One that nobody reads is to be disposed, so that the item is not lost unseen: while it is pending it leaves the queue, and later the
 * item goes to the channel's `onDrop`. Cancelled while it is pending, it leaves the queue at once and no item is given to it.
 *
 * @typeParam T The item.
 *
 * @example Taking once
 * ```ts
 * import { Channel } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const dropped: string[] = [];
 * const jobs = new Channel<string>({ capacity: 1, onDrop: (job) => dropped.push(job) });
 * using job = jobs.receive();
 * jobs.tryPush("first");
 * assertEquals(job.take(), "first");
 * {
 *   using _unused = jobs.receive();
 *   jobs.tryPush("second");
 * }
 * assertEquals(dropped, ["second"]);
 * ```
 */
export class ReceiveFuture<T> extends Future<T> implements Disposable {
  readonly #future: FutureCore;
  readonly #reception: Reception<T>;
  /** A promise was made of it: that has the item. */
  #isPromised = false;

  static {
    receiveFutureOf = <T>(reception: Reception<T>) => new ReceiveFuture<T>(waitFutureCore(reception.queue, undefined, kind), reception);
  }

  /** Not for users: see `receive`. */
  protected constructor(core: object, reception: object) {
    if (!(core instanceof FutureCore)) throw new SystemError("EINVAL", "Cannot make a ReceiveFuture by new: use receive()");
    super(core);
    onAccount(core);
    this.#future = core;
    this.#reception = reception as Reception<T>;
  }

  /**
   * The item, once.
   *
   * @throws {SystemError} EBUSY while it is pending, ESTALE when it was taken; what it was rejected with.
   */
  take(): T {
    const { state, backing } = this.#future;
    if (state === FULFILLED && (backing === TAKEN || this.#isPromised)) {
      throw new SystemError("ESTALE", "Cannot take the item of a receive: somebody has taken it");
    }
    return this.result();
  }

  /** As of any promise, which takes the item. */
  override then<A = T, B = never>(
    ok?: ((value: T) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isPromised = true;
    return super.then(ok, failed);
  }

  /** As of any promise, which takes the item. */
  override finally(settled?: (() => void) | null): Promise<T> {
    this.#isPromised = true;
    return super.finally(settled);
  }

  /** Nobody is to have the item: see above. */
  [Symbol.dispose](): void {
    const future = this.#future;
    future.observed = true;
    if (future.state === UNRESOLVED) future.cancel(undefined);
    if (future.state === REJECTED || future.backing === TAKEN || this.#isPromised) return;
    markTaken(future);
    this.#reception.drop(future.content as T);
  }
}
