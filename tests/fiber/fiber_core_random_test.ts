/**
 * The invariants of the specification, after each step of random programs.
 *
 * @module
 */

import fc from "fast-check";
import { programs } from "./_random_program.ts";
import { ProgramRun } from "./_random_run.ts";

/** `FIBERS_SEED=7 deno task test:fibers` looks further. */
const seed = Number(Deno.env.get("FIBERS_SEED") ?? 260521);
const numRuns = Number(Deno.env.get("FIBERS_RUNS") ?? 5_000);

Deno.test(`The invariants hold after each step of ${numRuns} random programs, seed ${seed}`, () => {
  fc.assert(fc.property(programs(), (program) => new ProgramRun(program).run(program)), { seed, numRuns });
});
