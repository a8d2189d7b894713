/**
 * What the two loops have in common, as far as they can be compared: the calls of sd-event with their results as numbers, zero or more for
 * success and a negated errno for failure.
 *
 * @module
 */

/** The types of source that scripts play with. */
export type PlanType = "io" | "time" | "signal" | "defer" | "post" | "exit";

/** What a source is added with. Of the fields that belong to another type nothing is read. */
export interface SourcePlan {
  readonly type: PlanType;
  /** Without one, the loop exits when the source is dispatched. */
  readonly hasCallback: boolean;
  readonly fd: number;
  readonly events: number;
  /** 0 to 4, as `ClockIndex` numbers them. */
  readonly clock: number;
  /** The time is counted from now on. */
  readonly relative: boolean;
  readonly usec: number;
  readonly accuracy: number;
  readonly signal: number;
}

/** What a loop tells of. Sources go by the numbers that they were added with. */
export interface Listener {
  /** A main callback, with what it was told; the answer is its result, negative for a failure. */
  main(source: number, told: number): number;
  prepare(source: number): number;
  destroyed(source: number): void;
  /** Something that no script brings about. */
  unexpected(error: unknown): void;
}

/** One loop. Times are in microseconds, `Infinity` is never; states and `enabled` are numbered as in C. */
export interface Subject {
  prepare(): number;
  /** Without waiting. */
  wait(): number;
  dispatch(): number;
  /** Without waiting. */
  run(): number;
  loop(): number;
  exit(code: number): number;
  state(): number;
  iteration(): number;
  exitCode(): number | undefined;
  /** Unties what is left and frees all. */
  close(): void;

  add(source: number, plan: SourcePlan): number;
  /** Drops the one reference that there is. */
  dispose(source: number): void;
  setEnabled(source: number, value: number): number;
  setPriority(source: number, value: number): number;
  setPrepare(source: number, on: boolean): number;
  setExitOnFailure(source: number, on: boolean): number;
  setRateLimit(source: number, intervalUsec: number, burst: number): number;
  leaveRateLimit(source: number): number;
  setTime(source: number, usec: number): number;
  setTimeRelative(source: number, usec: number): number;
  setAccuracy(source: number, usec: number): number;
  setEvents(source: number, events: number): number;
  setFd(source: number, fd: number): number;

  enabled(source: number): number;
  priority(source: number): number;
  pending(source: number): number;
  rateLimited(source: number): number;
  revents(source: number): number;
}

/** The states as C numbers them, and their names by these numbers. */
export const INITIAL = 0;
export const ARMED = 1;
export const PENDING = 2;
export const FINISHED = 5;
export const stateNames: readonly string[] = ["initial", "armed", "pending", "running", "exiting", "finished", "preparing"];

/** What is asked for is not there. */
export const ENODATA = -61;
