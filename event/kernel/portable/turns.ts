/**
 * Turns for the host's own event loop.
 *
 * An immediate lets tasks and microtasks run, and timers that are due, but Deno goes round so fast then that its sockets starve. A timer
 * makes it look at them.
 *
 * @module
 */

/** Gives the host a turn: for its tasks, or for its timers and sockets too. */
export function turn(kind: "tasks" | "io"): Promise<void> {
  return new Promise((resolve) => {
    if (kind === "tasks") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
