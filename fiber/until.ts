/**
 * Waiting for a promise of the host.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { InterruptibleWait } from "../future/await.ts";
import { ERROR, type Interruption, TIMEOUT } from "../future/current.ts";
import { FULFILLED } from "../future/future_core.ts";
import { type Operation, requireFiber } from "../future/operation.ts";
import { promiseFutureCore, type PromiseSource } from "../future/promise_future.ts";
import { waitThrough } from "./cancel_wait.ts";
import { Checkpoint } from "./checkpoint.ts";
import { TimeoutError, type TimeoutScopeCore } from "./timeout_scope.ts";

/**
 * Waits for any promise, a future of another loop too.
 *
 * Always suspends. Given a function, an interruption aborts the signal that the function got and waits for the promise to end: what it rejects
 * with then counts as the interruption, a value that comes nevertheless is returned and the interruption comes at the next suspension.
 * A second interruption lets go of it, in the exit phase the first. A promise without a function is let go of at once; what becomes of it is lost.
 *
 * @typeParam T What it is fulfilled with.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for what is no promise, EDEADLK while the loop blocks the thread, ECANCELED when the loop is
 * exiting. What the promise rejects with is thrown as it is.
 *
 * @example A fetch under a deadline
 * ```ts
 * import { run, sec, until, withTimeout } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const text = await run(() =>
 *   withTimeout(sec(5), function* () {
 *     const response = yield* until((signal) => fetch("data:,hello", { signal }));
 *     return yield* until(response.text());
 *   })
 * );
 * assertEquals(text, "hello");
 * ```
 */
export function* until<T>(promise: PromiseSource<T>): Operation<T> {
  const fiber = requireFiber();
  yield* new Checkpoint();
  if (fiber.core.blocking) {
    throw new SystemError(
      "EDEADLK",
      `Cannot wait for a promise: loop '${fiber.core.name}' blocks the thread, drive it by loop() instead of loopSync()`,
    );
  }
  const future = promiseFutureCore(fiber.core, promise);
  const interruption = yield* new InterruptibleWait(future);
  if (interruption === undefined) return future.result() as T;
  const cancel = () => void future.cancel(reasonOf(interruption));
  cancel();
  const isError = interruption.kind === ERROR;
  yield* waitThrough(fiber, future, cancel, isError ? undefined : interruption);
  if (isError) throw interruption.content;
  if (future.state === FULFILLED) return future.content as T;
  throw fiber.takeError();
}

/** What the promise's signal is told. */
function reasonOf({ kind, content }: Interruption): unknown {
  return kind === TIMEOUT ? new TimeoutError((content as TimeoutScopeCore).handle) : content;
}
