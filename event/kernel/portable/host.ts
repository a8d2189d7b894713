/**
 * The host's time and turns: Deno's, Node's or Bun's, by what is the same on all of them.
 *
 * @module
 */

/** What the kernel needs of a host to live in it. A test may put in one that is slow. */
export interface Host {
  /** Milliseconds, with a fraction, that only go forward. */
  monotonicMilliseconds(): number;
  /** Milliseconds since 1970 by a clock that can be set. */
  realtimeMilliseconds(): number;
  /** Calls back after about so many milliseconds, and keeps the process alive until then; the result takes that back. */
  startTimer(callback: () => void, milliseconds: number): () => void;
  /** Calls back in a turn of its own, after all microtasks; as `startTimer` otherwise. */
  inNextTurn(callback: () => void): () => void;
  /** Blocks the thread for about so many milliseconds; `false` where that is not allowed. */
  block(milliseconds: number): boolean;
}

/** Nobody writes to it: whoever waits for that sleeps. */
const untouched = new Int32Array(new SharedArrayBuffer(4));

/** The host that this isolate lives in. */
export const realHost: Host = {
  monotonicMilliseconds: () => performance.timeOrigin + performance.now(),
  realtimeMilliseconds: () => Date.now(),
  startTimer: (callback, milliseconds) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
  inNextTurn: (callback) => {
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },
  block: (milliseconds) => {
    try {
      Atomics.wait(untouched, 0, 0, milliseconds);
      return true;
    } catch {
      return false;
    }
  },
};
