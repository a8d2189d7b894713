/**
 * The error of what was cancelled.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { ErrorOrigin } from "../event/error_origin.ts";
import { current } from "./current.ts";

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

/** What {@linkcode reasonForAll} has made. */
const shared = new WeakSet<CancelledError>();

/** The error of one that is cancelled for this reason; one that was made already is passed on. */
export function cancelledError(reason: unknown, by?: Canceller): CancelledError {
  return reason instanceof CancelledError ? reason : new CancelledError(reason, describeCanceller(by));
}

/**
 * What to cancel several with at once: one error for all of them, made here and now. To make one takes the engine longer than all the rest of a
 * cancellation. Whoever debugs gets one for each, with the stack of its wait.
 */
export function reasonForAll(count: number, reason: unknown, options: { by?: Canceller; debug: boolean }): unknown {
  if (count <= 1 || options.debug || reason instanceof CancelledError) return reason;
  const error = cancelledError(reason, options.by ?? current);
  shared.add(error);
  return error;
}

/** The reason behind an error for all: for who is no fiber, and does not throw it. */
export function reasonBehind(reason: unknown): unknown {
  return reason instanceof CancelledError && shared.has(reason) ? reason.reason : reason;
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
