/**
 * Which calls go wrong, drawn from the seed.
 *
 * @module
 */

import type { SimulationOptions } from "./simulated_kernel.ts";
import { Random } from "./random.ts";

/** What can go wrong: an errno where a success was possible, or less done than was possible. */
export type Fault = keyof NonNullable<SimulationOptions["faults"]>;

/** The dice. A fault without a chance is never drawn for, so that it does not change how the others fall. */
export class Faults {
  readonly #random: Random;
  readonly #chances: Partial<Record<Fault, number>>;

  constructor(seed: number, chances: Partial<Record<Fault, number>>) {
    this.#random = new Random(seed);
    this.#chances = { ...chances };
  }

  /** Whether this fault happens now. */
  strikes(fault: Fault): boolean {
    const chance = this.#chances[fault] ?? 0;
    return chance > 0 && this.#random.next() < chance;
  }

  /** `count`, or if the fault happens fewer, at least 1. */
  shorten(fault: "short-read" | "short-write", count: number): number {
    return count > 1 && this.strikes(fault) ? this.#random.upTo(count - 1) : count;
  }
}
