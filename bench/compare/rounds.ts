/**
 * The rounds of a comparison.
 *
 * @module
 */

import type { Patience, Sample } from "./meters.ts";
import { Collector, type Result } from "./results.ts";
import type { Scenario } from "./scenarios.ts";
import type { Participant } from "./sides.ts";

/**
 * Lets all sides do all scenarios so many times. Within a round those who do the same work come right after each other, and every other
 * round the other way round: whatever changes on the machine meanwhile favours nobody.
 */
export async function playRounds(
  scenarios: readonly Scenario[],
  sides: readonly Participant[],
  options: { rounds: number; patience: Patience; onProgress: (text: string) => void },
): Promise<readonly Result[]> {
  const collector = new Collector();
  for (let round = 0; round < options.rounds; round++) {
    for (const scenario of scenarios) {
      const playing = sides.filter(({ name, works }) => works.has(scenario.work) && (scenario.sides?.includes(name) ?? true));
      for (const side of round % 2 === 0 ? playing : playing.toReversed()) {
        options.onProgress(`round ${round + 1} of ${options.rounds}: ${scenario.name}, ${side.title}`);
        const samples = await side.measure(scenario, options.patience);
        requireDone(scenario, side, samples);
        collector.add(scenario.name, side.name, samples);
      }
    }
  }
  return collector.results();
}

/** What was not done must not be compared. */
function requireDone({ name, done }: Scenario, { title }: Participant, samples: readonly Sample[]): void {
  for (const sample of samples) {
    if (sample.done !== done) throw new Error(`Cannot compare '${name}': ${title} should have done ${done}, and did ${sample.done}`);
  }
}
