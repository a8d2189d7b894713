/**
 * Telling interruptions from other errors.
 *
 * @module
 */

import { CancelledError } from "../future/interruption.ts";
import { requireFiber } from "../future/operation.ts";
import { TimeoutError } from "./timeout_scope.ts";

/**
 * For `catch` clauses that must let interruptions pass: whether the error is one, by its class. An error that only has the same code is not.
 */
export function isInterruption(error: unknown): error is CancelledError | TimeoutError {
  return error instanceof CancelledError || error instanceof TimeoutError;
}

/**
 * Throws the interruption that is queued for the fiber, if one is: for loops that seldom suspend.
 *
 * @throws {CancelledError} When the fiber was cancelled.
 * @throws {TimeoutError} When a deadline of the fiber has passed.
 * @throws {SystemError} ESRCH off a fiber.
 */
export function checkInterrupted(): void {
  requireFiber().checkInterrupted();
}
