/**
 * The error of what was cancelled.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { ErrorOrigin } from "../event/error_origin.ts";

/** Who cancels: a fiber or another future, whose names are not written out before somebody wants to read them, or what it says. */
export type Canceller = string | { errorOrigin(): ErrorOrigin };

/** Who cancelled, in words. */
export function describeCanceller(by: Canceller | undefined): string | undefined {
  if (typeof by !== "object") return by;
  const { kind, name } = by.errorOrigin();
  return `${kind} '${name}'`;
}

/** Thrown at a suspension point: the fiber was cancelled. Also the outcome of a future that ended by being cancelled. Its code is ECANCELED. */
export class CancelledError extends SystemError {
  /** What `cancel` was given. */
  readonly reason: unknown;
  /**
   * Who cancelled a fiber: `"fiber 'main > serve'"` or `"future 'promise of main'"`, which is the one that called `cancel`, failed in the same scope or
   * group, or won the race; `"SIGTERM"`, `"an AbortSignal"`, `"exit of loop 'main'"`. `undefined`: code that runs on no fiber.
   */
  readonly by: string | undefined;

  /** Makes one with this reason, by whom. */
  constructor(reason?: unknown, by?: string) {
    super("ECANCELED", messageOf(reason, by));
    this.reason = reason;
    this.by = by;
  }

  /** `"CancelledError"`. */
  override get name(): string {
    return "CancelledError";
  }
}

function messageOf(reason: unknown, by: string | undefined): string {
  const head = by === undefined ? "Cancelled" : `Cancelled by ${by}`;
  return reason === undefined || reason === by ? head : `${head}: ${describe(reason)}`;
}

/** A cancellation must not be lost because its reason cannot be put into words. */
function describe(reason: unknown): string {
  if (reason instanceof Error) return reason.message;
  return typeof reason === "object" || typeof reason === "function" ? typeof reason : String(reason);
}
