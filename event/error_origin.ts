/**
 * Where an error that has no other way out came from.
 *
 * @module
 */

import type { Source } from "./source.ts";

/** What `onError` is told about an error's origin. */
export interface ErrorOrigin {
  /** What failed: a source's callback, a future nobody looked at, a fiber, or the loop itself. */
  readonly kind: "source" | "future" | "fiber" | "loop";
  /** Its description or name. */
  readonly name: string;
  /** The source whose callback failed, if it was one. */
  readonly source?: Source;
}

/** Told of every error that has no other way out. */
export type ErrorHandler = (error: unknown, origin: ErrorOrigin) => void;

/** One line that names the origin, and the error with its stack. */
export function printError(error: unknown, origin: ErrorOrigin): void {
  console.error(`Error in ${origin.kind} '${origin.name}':`, error);
}
