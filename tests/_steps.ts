/**
 * Numbered steps: a wrong interleaving names the step that came too early or too late.
 *
 * @module
 */

import { assertEquals, AssertionError } from "@std/assert";

/** Counts the steps of one test. What goes wrong inside a callback or a fiber is told again by `finish`, so that it cannot get lost. */
export class Steps {
  #last = 0;
  #failure: AssertionError | undefined = undefined;

  /** This is step number `step`. */
  expect(step: number): void {
    this.#last++;
    if (this.#last === step) return;
    this.#failure ??= new AssertionError(`Step ${step} came as the ${this.#last}. one`);
    throw this.#failure;
  }

  /** This is the last step. */
  finish(step: number): void {
    if (this.#failure !== undefined) throw this.#failure;
    assertEquals(++this.#last, step, `The test ended at step ${this.#last} instead of ${step}`);
  }
}
