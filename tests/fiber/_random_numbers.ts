/**
 * Numbers that look like chance and are the same every time.
 *
 * @module
 */

/** Whole numbers below a limit, by seed. */
export type Random = (limit: number) => number;

/** Those of a seed. */
export function randomBy(seed: number): Random {
  let state = seed;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    return (state >> 8) % limit;
  };
}
