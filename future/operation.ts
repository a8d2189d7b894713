/**
 * What fibers run: operations, and the tokens that cross `yield` between a fiber and its loop.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { current, type CurrentFiber } from "./current.ts";

/** Opaque: what crosses `yield` between a fiber and the loop. */
export interface Suspension {
  /** Nobody but this module makes one. */
  readonly suspension: never;
}

/**
 * What a fiber can `yield*`, once: it suspends the fiber it runs on and returns a T. Iterated by anything else (for-of, spread, a
 * bare `yield`) it throws EINVAL, "use yield*"; off a fiber, ESRCH.
 *
 * @typeParam T What it returns.
 */
export interface Operation<T> {
  /** For `yield*`. */
  [Symbol.iterator](): Iterator<Suspension, T, unknown>;
}

/**
 * What runs on the spot: an operation, or a function that makes one (`function* () { ... }`).
 *
 * @typeParam T What it returns.
 */
export type Runnable<T> = Operation<T> | (() => Operation<T>);

/** What a runnable returns. */
export type Returned<R> = R extends () => Operation<infer T> ? T : R extends Operation<infer T> ? T : never;

/** How something ended. */
export type Outcome<T> = PromiseSettledResult<T>;

/**
 * What the iterators of operations answer. Whoever iterates by `yield*` reads an answer before anything else can happen, so two objects do for all, and
 * the places that read them see one class.
 */
class Step {
  declare readonly done: boolean;
  declare value: unknown;

  constructor(done: boolean, value: unknown) {
    this.done = done;
    this.value = value;
  }
}

/** Of an operation that suspends its fiber. The value is nobody else's: where `yield*` makes a new result of each, as on Bun, that is left to tell. */
export const SUSPENDED: Step = new Step(false, Object.freeze({}));

/** Of one that has ended. Its value is kept no longer than the fiber's turn. */
const ENDED: Step = new Step(true, undefined);

/** The fiber's turn is over. */
export function forgetResult(): void {
  ENDED.value = undefined;
}

/** The value of an operation whose iterator was asked for, and that has not taken its first step. */
const FRESH: unknown = Object.freeze({});

/** What the loop resumes a fiber with: anything else was not sent by the loop. */
export const RESUMED: unknown = Object.freeze({});

/**
 * An operation that is its own iterator: suspending allocates nothing besides it.
 *
 * The loop resumes with a token that nobody else has, so a step without it is a first one.
 *
 * @typeParam T What it returns.
 */
export abstract class BaseOperation<T> implements Operation<T> {
  /** What it came to; until its first step, whether `yield*` has asked for its iterator. */
  declare value: T | undefined;

  constructor() {
    this.value = undefined;
  }

  /** The first step. `true`: it has ended, with `value`. */
  protected abstract start(fiber: CurrentFiber): boolean;

  /** The fiber was woken. `true`: it has ended, with `value`. */
  protected abstract resume(fiber: CurrentFiber): boolean;

  /** It will not be resumed: undo what waits. */
  protected abandon(fiber: CurrentFiber): void {
    fiber.unpark();
  }

  [Symbol.iterator](): Iterator<Suspension, T, unknown> {
    this.value = FRESH as T;
    return this as unknown as Iterator<Suspension, T, unknown>;
  }

  /** The iterator's step. */
  next(signal?: unknown): IteratorResult<Suspension, T> {
    const hasEnded = signal === RESUMED ? this.resume(current!) : this.begin();
    if (!hasEnded) return SUSPENDED as unknown as IteratorResult<Suspension, T>;
    ENDED.value = this.value;
    this.value = undefined;
    return ENDED as unknown as IteratorResult<Suspension, T>;
  }

  /** A loop over it was left early, or a pattern had enough. */
  return(value?: unknown): { done: true; value: unknown } {
    if (current === undefined || !current.parked) return { done: true, value };
    this.abandon(current);
    throw useYieldStar();
  }

  private begin(): boolean {
    if (current === undefined) throw offFiber();
    if (current.parked) {
      this.abandon(current);
      throw useYieldStar();
    }
    // Somebody who has not asked for the iterator comes through a generator that is suspended in it.
    if (this.value !== FRESH) throw startedTwice();
    this.value = undefined;
    return this.start(current);
  }
}

/** The fiber that runs, and may start an operation. ESRCH off a fiber; EINVAL while another operation of it is under way. */
export function requireFiber(): CurrentFiber {
  if (current === undefined) throw offFiber();
  if (!current.parked) return current;
  current.unpark();
  throw useYieldStar();
}

function offFiber(): SystemError {
  return new SystemError("ESRCH", "Cannot run an operation off a fiber: use yield* in the body of a fiber");
}

/** What a bare `yield`, of this value, a for-of over an operation and their like get. */
export function useYieldStar(value?: unknown): SystemError {
  if (isPromise(value)) return new SystemError("EINVAL", "Cannot wait for a promise by yield: use yield* until() with it");
  return new SystemError("EINVAL", "Cannot suspend the fiber by anything but yield*: use yield* with the operation");
}

function startedTwice(): SystemError {
  return new SystemError("EINVAL", "Cannot run a generator on two fibers: it is suspended on one, call the generator function for each");
}

/** No future: that is an operation, too. */
function isPromise(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value && !(Symbol.iterator in value);
}

/** The operation behind a runnable; EINVAL when there is none, as for an async function. */
export function operationOf<T>(body: Runnable<T>): Operation<T> {
  const operation = typeof body === "function" ? body() : body;
  // A string has an iterator, too.
  if (typeof operation === "object" && operation?.[Symbol.iterator] !== undefined) return operation;
  throw new SystemError("EINVAL", `Cannot run ${describeNoOperation(operation, typeof body === "function")}`);
}

function describeNoOperation(value: unknown, isReturned: boolean): string {
  if (typeof (value as PromiseLike<unknown> | undefined)?.then === "function") {
    return "an async function on a fiber: use function*, and until() for its promises";
  }
  if (typeof value === "object" && value !== null && Symbol.asyncIterator in value) {
    return "an async generator on a fiber: use function*, and until() for its promises";
  }
  const what = isReturned ? `a body that returns '${String(value)}'` : `'${String(value)}'`;
  return `${what} on a fiber: the body is to be a generator function, or to return an operation`;
}

/** A function, which is to make an operation when it is called; EINVAL for anything else. */
export function requireBody(body: unknown, action: string): void {
  if (typeof body === "function") return;
  throw new SystemError(
    "EINVAL",
    `Cannot ${action} '${String(body)}': the body is a function that makes an operation, as function* () { ... }`,
  );
}
