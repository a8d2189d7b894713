/**
 * The error of what was cancelled.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";

/** Thrown at a suspension point: the fiber was cancelled. Also the outcome of a future that ended by being cancelled. Its code is ECANCELED. */
export class CancelledError extends SystemError {
  /** What `cancel` was given. */
  readonly reason: unknown;

  /** Makes one with this reason. */
  constructor(reason?: unknown) {
    super("ECANCELED", reason === undefined ? "Cancelled" : `Cancelled: ${describe(reason)}`);
    this.reason = reason;
  }

  /** `"CancelledError"`. */
  override get name(): string {
    return "CancelledError";
  }
}

/** A cancellation must not be lost because its reason cannot be put into words. */
function describe(reason: unknown): string {
  if (reason instanceof Error) return reason.message;
  return typeof reason === "object" || typeof reason === "function" ? typeof reason : String(reason);
}
