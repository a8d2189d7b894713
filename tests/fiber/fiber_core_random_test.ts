/**
 * The invariants of the specification, after each step of random programs.
 *
 * @module
 */

import fc from "fast-check";
import { steppedKernel, timedKernel } from "../kernel/portable/stepped_kernel.ts";
import { programs } from "./_random_program.ts";
import { ProgramRun } from "./_random_run.ts";

/** `FIBERS_SEED=7 deno task test:fibers` looks further. */
const seed = Number(Deno.env.get("FIBERS_SEED") ?? 260521);
const numRuns = Number(Deno.env.get("FIBERS_RUNS") ?? 5_000);

Deno.test(`The invariants hold after each step of ${numRuns} random programs, seed ${seed}`, () => {
  fc.assert(fc.property(programs(), (program) => new ProgramRun(program).run(program)), { seed, numRuns });
});

/** Few, since on the real host each must wait for its time: that the kernel does the same is what they are to show. */
const portableRuns = Number(Deno.env.get("FIBERS_PORTABLE_RUNS") ?? 100);

for (const [host, kernel] of [["a stepped host", steppedKernel], ["the real host", timedKernel]] as const) {
  Deno.test(`The invariants hold after each step of ${portableRuns} random programs on the portable kernel, on ${host}, seed ${seed}`, () => {
    fc.assert(fc.property(programs(), (program) => new ProgramRun(program, kernel()).run(program)), { seed, numRuns: portableRuns });
  });
}
