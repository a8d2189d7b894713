/**
 * Waiting for somebody's `resume` (sd-future, section 9).
 *
 * @module
 */

import { type CurrentFiber, EMPTY, ERROR } from "../future/current.ts";
import { BaseOperation, type Operation } from "../future/operation.ts";

class SuspendOperation extends BaseOperation<unknown> {
  protected override start(fiber: CurrentFiber): boolean {
    if (fiber.cell !== EMPTY) return this.end(fiber);
    fiber.park();
    return false;
  }

  protected override resume(fiber: CurrentFiber): boolean {
    fiber.resumed();
    return this.end(fiber);
  }

  private end(fiber: CurrentFiber): true {
    if (fiber.cell >= ERROR) throw fiber.takeError();
    this.value = fiber.takeValue();
    return true;
  }
}

/** What it comes to is read at once, so one serves all. */
const operation = new SuspendOperation();

/**
 * Suspends the fiber until somebody wakes it. What was queued for it while it ran ends this at once.
 *
 * A fiber that is suspended like this does not keep the loop from being idle.
 *
 * @returns What `Fiber.resume` was given; what `Fiber.resumeWithError` was given is thrown.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber.
 */
export function suspend(): Operation<unknown> {
  return operation;
}
