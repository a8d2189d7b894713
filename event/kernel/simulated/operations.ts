/**
 * The operations that one poller has begun.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { COMPLETED, type CompletionResult, type Result } from "../kernel.ts";

/** Operations by their token. In this world they are complete as soon as they are begun, and the next poll says so. */
export class Operations {
  readonly #results = new Map<number, CompletionResult>();
  readonly #unreported = new Set<number>();

  /** Whether a poll would report one. */
  get hasUnreported(): boolean {
    return this.#unreported.size > 0;
  }

  /** The tokens of those whose result was not taken. */
  get tokens(): Iterable<number> {
    return this.#results.keys();
  }

  /** Adds one with its result. */
  start(token: number, result: CompletionResult): Result {
    if (this.#results.has(token)) return -Errno.EEXIST;
    this.#results.set(token, result);
    this.#unreported.add(token);
    return 0;
  }

  /** Fills the batch with tokens that were not reported yet; how many. */
  report(tokens: Int32Array, events: Int32Array): number {
    let count = 0;
    for (const token of this.#unreported) {
      if (count === tokens.length) break;
      this.#unreported.delete(token);
      tokens[count] = token;
      events[count++] = COMPLETED;
    }
    return count;
  }

  /** The result, once, after it was reported. */
  take(token: number): CompletionResult | undefined {
    if (this.#unreported.has(token)) return undefined;
    const result = this.#results.get(token);
    this.#results.delete(token);
    return result;
  }

  /** Forgets it. */
  abandon(token: number): void {
    this.#results.delete(token);
    this.#unreported.delete(token);
  }
}
