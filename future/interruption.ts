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
    super("ECANCELED", reason === undefined ? "Cancelled" : `Cancelled: ${reason instanceof Error ? reason.message : String(reason)}`);
    this.reason = reason;
  }

  /** `"CancelledError"`. */
  override get name(): string {
    return "CancelledError";
  }
}
