/**
 * Promises of the host as futures.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { coreOf, type EventLoop } from "../event/event_loop.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { requireNotExiting } from "./event_future.ts";
import { FutureCore, type FutureKind, UNRESOLVED } from "./future_core.ts";
import { type Future, newFutureOf } from "./future.ts";
import { type CancelledError, cancelledError } from "./interruption.ts";

/** A promise, or a function that makes one and gets a signal which fires when the wait is cancelled. */
export type PromiseSource<T> = PromiseLike<T> | ((signal: AbortSignal) => PromiseLike<T>);

/** Waits for one promise on behalf of a future. */
class Bridge {
  readonly #future: FutureCore;
  readonly #abort: AbortController | undefined;
  #cancellation: CancelledError | undefined = undefined;

  constructor(future: FutureCore, source: PromiseSource<unknown>) {
    this.#future = future;
    this.#abort = typeof source === "function" ? new AbortController() : undefined;
    this.#countWait(1);
    try {
      const promise = typeof source === "function" ? source(this.#abort!.signal) : source;
      requireThenable(promise).then((value) => this.#settle(true, value), (error) => this.#settle(false, error));
    } catch (error) {
      this.#countWait(-1);
      throw error;
    }
  }

  /**
   * The first time aborts and leaves it to the promise to end; the second time lets go of it, as does the first without a signal, or in
   * the exit phase, which does not wait for the host.
   */
  cancel(reason: unknown): void {
    const isFirst = this.#cancellation === undefined;
    this.#cancellation ??= cancelledError(reason);
    if (isFirst) this.#abort?.abort(reason ?? this.#cancellation);
    const mayWait = isFirst && this.#abort !== undefined && !this.#future.core.exitRequested;
    if (mayWait || this.#future.state !== UNRESOLVED) return;
    this.#countWait(-1);
    this.#future.reject(this.#cancellation);
    this.#future.core.touch();
  }

  /** A value that came in spite of the abort counts; an error after it is taken for the cancellation. */
  #settle(fulfilled: boolean, content: unknown): void {
    const future = this.#future;
    if (future.state !== UNRESOLVED) return;
    this.#countWait(-1);
    if (fulfilled) future.fulfil(content);
    else future.reject(this.#cancellation ?? content);
    // Nothing but this wakes a loop that has nothing else to do, where nobody waits for the future: it may be idle now.
    future.core.touch();
  }

  #countWait(difference: number): void {
    const { core } = this.#future;
    core.hostWaits += difference;
    core.kernel.hostWaits += difference;
  }
}

const kind: FutureKind = {
  name: "promise",
  cancel: (future, reason) => (future.backing as Bridge).cancel(reason),
};

function requireThenable(promise: PromiseLike<unknown>): PromiseLike<unknown> {
  if (typeof promise?.then === "function") return promise;
  throw new SystemError("EINVAL", `Cannot wait for '${String(promise)}': it is not a promise`);
}

/** The core of a future of the promise's outcome. */
export function promiseFutureCore(core: LoopCore, source: PromiseSource<unknown>): FutureCore {
  requireNotExiting(core, "wait for a promise");
  const future = new FutureCore(core, kind, undefined);
  future.backing = new Bridge(future, source);
  return future;
}

/**
 * A promise as a future.
 *
 * Given a function, cancel aborts its signal and waits for the promise; a second cancel lets go, and in the exit phase the first. What the
 * promise rejects with after the abort is taken for the cancellation; a value that arrives nevertheless counts. A promise without a
 * function cannot be asked to end: cancel lets go at once.
 *
 * @typeParam T Its value.
 * @throws {SystemError} ECANCELED when the loop is exiting, EINVAL for what is no promise; what the function throws.
 */
export function promiseFuture<T>(loop: EventLoop, promise: PromiseSource<T>): Future<T> {
  return newFutureOf<T>(promiseFutureCore(coreOf(loop), promise));
}
