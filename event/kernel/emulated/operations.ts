/**
 * The operations that one poller has begun.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { COMPLETED, type CompletionResult, type Result } from "../kernel.ts";

/** What goes on of an operation, where it can be ended early. */
export interface Task {
  /** Asks it to end; what it comes to is told all the same. */
  stop(): void;
  /** Ends it, and nobody wants to know what it comes to. */
  abandon(): void;
}

/** One that was begun: what it came to, once that is known. */
export interface Operation {
  result: CompletionResult | undefined;
  task: Task | undefined;
}

/** Operations by their token. When one is complete, the next poll says so. */
export class Operations {
  readonly #operations = new Map<number, Operation>();
  readonly #unreported = new Set<number>();

  /** Whether a poll would report one. */
  get hasUnreported(): boolean {
    return this.#unreported.size > 0;
  }

  /** Whether one is under way. */
  get hasUnfinished(): boolean {
    return [...this.#operations.values()].some(({ result }) => result === undefined);
  }

  /** The tokens of those whose result was not taken. */
  get tokens(): Iterable<number> {
    return this.#operations.keys();
  }

  /** Adds one that is under way. */
  start(token: number): Operation | Result {
    if (this.#operations.has(token)) return -Errno.EEXIST;
    const operation: Operation = { result: undefined, task: undefined };
    this.#operations.set(token, operation);
    return operation;
  }

  /** It is done. `false`: nobody wants to know any more. */
  complete(token: number, operation: Operation, result: CompletionResult): boolean {
    if (this.#operations.get(token) !== operation) return false;
    operation.result = result;
    operation.task = undefined;
    this.#unreported.add(token);
    return true;
  }

  /** Asks it to end early. */
  stop(token: number): void {
    this.#operations.get(token)?.task?.stop();
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
    const result = this.#operations.get(token)?.result;
    if (result !== undefined) this.#operations.delete(token);
    return result;
  }

  /** Forgets it. */
  abandon(token: number): void {
    this.#operations.get(token)?.task?.abandon();
    this.#operations.delete(token);
    this.#unreported.delete(token);
  }
}
