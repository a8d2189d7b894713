/**
 * What was measured: a value for each round, of each measure, side and scenario.
 *
 * @module
 */

import type { Sample } from "./meters.ts";
import { median } from "./statistics.ts";

/** One cell of the tables. */
export interface Result {
  readonly scenario: string;
  readonly side: string;
  readonly measure: string;
  /** A value a round: the median of the repetitions in one process. */
  readonly rounds: readonly number[];
}

/** Times and bytes are better when they are less; these are better when they are more. */
const moreIsBetter: ReadonlySet<string> = new Set(["rate", "timers"]);

/** See the head of this module. */
export class Results {
  readonly #rounds = new Map<string, { scenario: string; side: string; measure: string; rounds: number[] }>();

  /** Takes in what one process has measured in one round. */
  add(scenario: string, side: string, samples: readonly Sample[]): void {
    for (const measure of Object.keys(samples[0].values)) {
      const key = [scenario, side, measure].join();
      const result = this.#rounds.getOrInsertComputed(key, () => ({ scenario, side, measure, rounds: [] }));
      result.rounds.push(median(samples.map(({ values }) => values[measure])));
    }
  }

  all(): Result[] {
    return [...this.#rounds.values()];
  }

  rounds(scenario: string, side: string, measure: string): readonly number[] | undefined {
    return this.#rounds.get([scenario, side, measure].join())?.rounds;
  }

  /**
   * How many times as good the first side is as the second, round by round: both were measured next to each other, so that what else the
   * machine did is in both.
   */
  ratios(scenario: string, measure: string, side: string, against: string): number[] | undefined {
    const mine = this.rounds(scenario, side, measure);
    const theirs = this.rounds(scenario, against, measure);
    if (mine === undefined || theirs === undefined) return undefined;
    const pairs = mine.slice(0, theirs.length).map((value, round) => [value, theirs[round]]);
    return pairs.map(([ours, other]) => moreIsBetter.has(measure) ? ours / other : other / ours);
  }
}
