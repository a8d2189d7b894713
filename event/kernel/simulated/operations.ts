/**
 * The operations that one poller has begun.
 *
 * @module
 */

import { COMPLETED, type CompletionResult } from "../kernel.ts";
import type { FileTask } from "./file_task.ts";

/** Operations by their token. Some are complete as soon as they are begun, and the next poll says so; others are tasks at first. */
export class Operations {
  readonly #tasks = new Map<number, FileTask>();
  readonly #results = new Map<number, CompletionResult>();
  readonly #unreported = new Set<number>();

  /** Whether a poll would report one. */
  get hasUnreported(): boolean {
    return this.#unreported.size > 0;
  }

  /** The tokens of those whose result was not taken. */
  get tokens(): Iterable<number> {
    return [...this.#tasks.keys(), ...this.#results.keys()];
  }

  /** Whether the token is in use. */
  has(token: number): boolean {
    return this.#tasks.has(token) || this.#results.has(token);
  }

  /** Adds one that has begun. */
  begin(token: number, task: FileTask): void {
    this.#tasks.set(token, task);
  }

  /** What it came to. */
  complete(token: number, result: CompletionResult): void {
    this.#tasks.delete(token);
    this.#results.set(token, result);
    this.#unreported.add(token);
  }

  /** Asks it to end early. */
  stop(token: number): void {
    this.#tasks.get(token)?.stop();
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
    this.#tasks.get(token)?.abandon();
    this.#tasks.delete(token);
    this.#results.delete(token);
    this.#unreported.delete(token);
  }
}
