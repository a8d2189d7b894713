/**
 * Where a fiber stands (sd-future, section 8).
 *
 * @module
 */

export const INITIAL = 0;
export const READY = 1;
export const RUNNING = 2;
export const SUSPENDED_FIBER = 3;
export const COMPLETED = 4;

/** Where a fiber stands. `"ready"`: it waits for its turn. */
export type FiberStatus = "initial" | "ready" | "running" | "suspended" | "completed";

/** The names, by number. */
export const statusNames: readonly FiberStatus[] = ["initial", "ready", "running", "suspended", "completed"];
