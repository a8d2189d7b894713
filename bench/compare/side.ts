/**
 * What a side is: the same works, done by one library.
 *
 * @module
 */

/** Between its two calls a work is timed; without them, all of it is. */
export interface Stopwatch {
  start(): void;
  stop(): void;
}

/** Does n operations; how many of them it has seen done, or the sum of what they gave. */
export type Work = (n: number, watch: Stopwatch) => number | Promise<number>;

/** Tasks that wait. */
export interface Parked {
  /** Wakes all of them and waits until they have ended: how many ran on. */
  release(): number | Promise<number>;
}

/** One library, or none. Left out is what it has no notion of. */
export interface Side {
  readonly works: Readonly<Record<string, Work>>;
  /** Makes so many tasks that wait for one thing. */
  readonly park?: (n: number) => Parked | Promise<Parked>;
  /** Goes on with work that is always ready, as long as it is told so. */
  readonly spin?: (spinning: () => boolean) => unknown;
}
