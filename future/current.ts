/**
 * The fiber that runs, as far as the layer below fibers must know it: who waits, on which loop, at which priority.
 *
 * @module
 */

import type { LoopCore } from "../event/loop_core.ts";
import type { ErrorOrigin } from "../event/error_origin.ts";
import type { FutureCore } from "./future_core.ts";
import type { Canceller } from "./interruption.ts";
import type { FailureOwner } from "./unseen_failure.ts";

/** What lies in a fiber's cell: nothing, a value, an ordinary error, an expired deadline, a cancellation. Ascending precedence, but that values and errors are equals. */
export const EMPTY = 0;
export const VALUE = 1;
export const ERROR = 2;
export const TIMEOUT = 3;
export const CANCEL = 4;

/** See the head of this module. */
export interface CurrentFiber extends FailureOwner {
  readonly core: LoopCore;
  readonly priority: number;
  /** The names down to it. */
  readonly path: string;
  errorOrigin(): ErrorOrigin;
  /** The future that is its own outcome. */
  readonly future: FutureCore;
  /** What it waits for. */
  readonly awaiting: FutureCore | undefined;
  /** One of its operations is under way: no other may start. */
  readonly parked: boolean;
  /** What lies in its cell. */
  readonly cell: number;
  /** Suspends it until somebody fills the cell. */
  park(): void;
  /** Suspends it until the target resolves, or somebody fills the cell. */
  parkOn(target: FutureCore): void;
  /** EDEADLK when to wait for the target would certainly never end. */
  requireNoCircle(target: FutureCore): void;
  /** The loop woke it, and nothing will wake it any more: its operation goes on. */
  resumed(): void;
  /** Ends the suspension from the fiber's own side: what it waited for will not wake it any more. */
  unpark(): void;
  /** Empties the cell: the value, where it holds one. */
  takeValue(): unknown;
  /** Empties the cell, which holds an error or an interruption, and makes the error to throw. */
  takeError(): unknown;
  /** Throws ECANCELED or ETIME if one is queued. */
  checkInterrupted(): void;
  /** The cell and its content, to be put back by `restore`: for waits that outlast an interruption. */
  takeInterruption(): Interruption | undefined;
  restore(interruption: Interruption): void;
  cancel(reason: unknown, by?: Canceller): boolean;
}

/** A cancellation or an expired deadline that was taken out of a cell; for some waits also an `ERROR`. */
export interface Interruption {
  readonly kind: number;
  readonly content: unknown;
  /** Who cancelled. */
  readonly by?: Canceller;
}

/** The fiber that runs. */
export let current: CurrentFiber | undefined = undefined;

/** Enters a fiber, or leaves it for the one before. */
export function setCurrent(fiber: CurrentFiber | undefined): void {
  current = fiber;
}
