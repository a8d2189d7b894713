/**
 * Where a loop stands (sd-event, section 4).
 *
 * @module
 */

/** Where the loop stands. Host code sees `"initial"`, or `"armed"` while the loop is parked. */
export type LoopState = "initial" | "preparing" | "armed" | "pending" | "running" | "exiting" | "finished";

/** The states as the C interface numbers them. */
export const INITIAL = 0;
export const ARMED = 1;
export const PENDING = 2;
export const RUNNING = 3;
export const EXITING = 4;
export const FINISHED = 5;
export const PREPARING = 6;

/** Their names, by these numbers. */
export const loopStates: readonly LoopState[] = ["initial", "armed", "pending", "running", "exiting", "finished", "preparing"];
