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

/** See the head of this module: of one comparison, or of several that were made one after the other. */
export class Results {
  readonly #comparisons: (readonly Result[])[] = [];

  constructor(...comparisons: (readonly Result[])[]) {
    this.#comparisons = comparisons;
  }

  all(): Result[] {
    return this.#comparisons.flat();
  }

  /** The latest, where several comparisons have it. */
  rounds(scenario: string, side: string, measure: string): readonly number[] | undefined {
    return this.#comparisons.map((results) => find(results, scenario, side, measure)).findLast((rounds) => rounds !== undefined);
  }

  /**
   * How many times as good the first side is as the second, round by round: both were measured next to each other, so that what else the
   * machine did is in both.
   */
  ratios(scenario: string, measure: string, side: string, against: string): number[] | undefined {
    for (const results of this.#comparisons.toReversed()) {
      const mine = find(results, scenario, side, measure);
      const theirs = find(results, scenario, against, measure);
      if (mine !== undefined && theirs !== undefined) return divide(mine, theirs, moreIsBetter.has(measure));
    }
    return undefined;
  }
}

function find(results: readonly Result[], scenario: string, side: string, measure: string): readonly number[] | undefined {
  return results.find((each) => each.scenario === scenario && each.side === side && each.measure === measure)?.rounds;
}

function divide(mine: readonly number[], theirs: readonly number[], isMoreBetter: boolean): number[] {
  return mine.map((value, round) => isMoreBetter ? value / theirs[round] : theirs[round] / value);
}

/** Gathers what is measured. */
export class Collector {
  readonly #results = new Map<string, Result & { readonly rounds: number[] }>();

  /** Takes in what one process has measured in one round. */
  add(scenario: string, side: string, samples: readonly Sample[]): void {
    for (const measure of Object.keys(samples[0].values)) {
      const result = this.#results.getOrInsertComputed([scenario, side, measure].join(), () => ({ scenario, side, measure, rounds: [] }));
      result.rounds.push(median(samples.map(({ values }) => values[measure])));
    }
  }

  results(): readonly Result[] {
    return [...this.#results.values()];
  }
}
