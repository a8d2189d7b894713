/**
 * Turns of the host's own event loop.
 *
 * @module
 */

/** Calls back in a turn of its own, after all microtasks; the result takes the call back. */
export function inNextTurn(callback: () => void): () => void {
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}

/** Calls back after the host has looked at its timers and sockets. */
export function afterTimers(callback: () => void): void {
  setTimeout(callback, 0);
}
