/**
 * Waiting for a future without throwing its error (sd-future, section 10).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { AwaitOperation } from "../future/await.ts";
import { Future, futureCoreOf, outcomeOf } from "../future/future.ts";
import type { Operation, Outcome } from "../future/operation.ts";

class SettledOperation<T> extends AwaitOperation<Outcome<T>> {
  protected override finish(): boolean {
    this.value = outcomeOf<T>(this.target)!;
    return true;
  }
}

/**
 * Waits for a future and tells how it ended: only an interruption of the wait itself is thrown (sd_fiber_await).
 *
 * Suspends unless the future has resolved. Interrupted, the future goes on; had it resolved by then, its outcome is returned and the
 * interruption comes at the next suspension. Waiters are told in the order in which they came, the more important ones first.
 *
 * @typeParam T The future's value.
 * @returns The outcome.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for what is no future or one of another loop, EDEADLK for the fiber's own future
 * or when that would close a circle of fibers that wait for one another (see `Mutex`), EBUSY when
 * somebody's `resume` woke it.
 */
export function settled<T>(future: Future<T>): Operation<Outcome<T>> {
  if (!(future instanceof Future)) {
    throw new SystemError("EINVAL", `Cannot wait for '${String(future)}': it is no future, use until() for a promise`);
  }
  return new SettledOperation<T>(futureCoreOf(future));
}
