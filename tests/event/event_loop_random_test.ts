/**
 * Random programs of sources on the simulated kernel: what holds after each step, and that a seed is a run.
 *
 * @module
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { actorMakers } from "./_random_actors.ts";
import { RandomRun } from "./_random_run.ts";

/** `EVENT_SEED=7 EVENT_RUNS=1 deno task test tests/event/event_loop_random_test.ts` plays seed 7 alone; `deno task test:simulation` plays very many. */
const firstSeed = Number(Deno.env.get("EVENT_SEED") ?? 1);
const runs = Number(Deno.env.get("EVENT_RUNS") ?? 1_500);

/** Plays one; what fails says with which seed. */
function play(seed: number): RandomRun {
  const run = new RandomRun(seed, actorMakers);
  try {
    run.play();
  } catch (error) {
    throw new Error(`Seed ${seed} after:\n${run.trace.slice(-30).join("\n")}`, { cause: error });
  }
  return run;
}

Deno.test(`What a loop promises holds after each step of ${runs} random programs, from seed ${firstSeed} on`, () => {
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) play(seed);
});

Deno.test("One seed is one run to the letter, another seed another run", () => {
  for (let seed = firstSeed; seed < firstSeed + 50; seed++) {
    const trace = play(seed).trace.join("\n");
    assertEquals(play(seed).trace.join("\n"), trace);
    assertNotEquals(play(seed + 1).trace.join("\n"), trace);
  }
});
