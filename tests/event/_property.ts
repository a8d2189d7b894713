/**
 * How often properties are tried. The same cases every time, unless the variable `FAST_CHECK_SEED` gives another seed.
 *
 * @module
 */

const seed = Number(Deno.env.get("FAST_CHECK_SEED") ?? 1);

/** The parameters for fast-check. */
export function runs(numRuns: number): { numRuns: number; seed: number } {
  return { numRuns, seed };
}
