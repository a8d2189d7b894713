/**
 * Stands in for the part of `@std/assert` that these tests use: the same names, the same signatures, the same strictness. With it
 * the tests run without a download; `deno task test:std` runs them on the real library.
 *
 * @module
 */

import nodeAssert from "node:assert/strict";
import { inspect } from "node:util";
import { equal } from "./equal.ts";

export { equal };

/** What a failed assertion throws. */
export class AssertionError extends Error {
  /** Makes one; the message says what was expected and what came. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** What is falsy. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** The class of the errors that are expected. */
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = new (...args: any[]) => E;

/** Any class at all. */
// deno-lint-ignore no-explicit-any
export type AnyConstructor = new (...args: any[]) => any;

/** Throws unless `expr` is truthy. */
export function assert(expr: unknown, msg: string = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Throws unless `expr` is falsy. */
export function assertFalse(expr: unknown, msg: string = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** Throws. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/** Throws: control must never come here. */
export function unreachable(msg?: string): never {
  throw new AssertionError(`Unreachable${suffix(msg)}`);
}

/** Throws unless `actual` is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) refuse(`Expected actual: "${actual}" to not be null or undefined`, msg);
}

/** Throws unless the values are equal, deeply. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) throw new AssertionError(`Values are not equal${suffix(msg)}\n${difference(actual, expected)}`);
}

/** Throws if the values are equal, deeply. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) refuse(`Expected actual: ${inspect(actual)} not to be: ${inspect(expected)}`, msg);
}

/** Throws unless it is the very same value, by `Object.is`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw new AssertionError(`Values are not strictly equal${suffix(msg)}\n${difference(actual, expected)}`);
}

/** Throws if it is the very same value, by `Object.is`. */
export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  if (Object.is(actual, expected)) refuse(`Expected "actual" to not be strictly equal to: ${inspect(actual)}`, msg);
}

/** Throws unless the numbers differ by at most `tolerance`; default: a ten millionth of what is expected. */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const limit = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (Math.abs(expected - actual) <= limit) return;
  refuse(`Expected actual: "${actual}" to be close to "${expected}": more than "${limit}" apart`, msg);
}

/** Throws unless `actual` is greater. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) throw new AssertionError(msg ?? `Expect ${inspect(actual)} > ${inspect(expected)}`);
}

/** Throws unless `actual` is greater or equal. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) throw new AssertionError(msg ?? `Expect ${inspect(actual)} >= ${inspect(expected)}`);
}

/** Throws unless `actual` is less. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) throw new AssertionError(msg ?? `Expect ${inspect(actual)} < ${inspect(expected)}`);
}

/** Throws unless `actual` is less or equal. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) throw new AssertionError(msg ?? `Expect ${inspect(actual)} <= ${inspect(expected)}`);
}

/** Throws unless `actual` is an instance of the class. */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg: string = "",
): asserts actual is InstanceType<T> {
  if (!(actual instanceof expectedType)) refuse(`Expected ${inspect(actual)} to be an instance of "${expectedType.name}"`, msg);
}

/** Throws unless the string matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) refuse(`Expected actual: "${actual}" to match: "${expected}"`, msg);
}

/** Throws unless the string contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) refuse(`Expected actual: "${actual}" to contain: "${expected}"`, msg);
}

/** Throws unless each value of `expected` is in `actual`, by deep equality. */
export function assertArrayIncludes<T>(actual: ArrayLike<T> & object, expected: ArrayLike<T> & object, msg?: string): void {
  const missing = Array.from(expected).filter((item) => !Array.from(actual).some((candidate) => equal(candidate, item)));
  if (missing.length > 0) refuse(`Expected actual: ${inspect(actual)} to include: ${inspect(expected)}, missing: ${inspect(missing)}`, msg);
}

/**
 * Throws unless `actual` holds at least what `expected` holds: of the objects in it only the properties that are expected, of the
 * arrays only as many items, each looked at in the same way, whatever their prototypes. All else must be equal, deeply.
 */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  if (!holds(actual, expected)) throw new AssertionError(`Values are not equal${suffix(msg)}\n${difference(actual, expected)}`);
}

/** Throws unless `fn` throws; answers with what was thrown. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Throws unless `fn` throws an error of this class whose message includes `msgIncludes`; answers with it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  errorClassOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const message = typeof errorClassOrMsg === "string" ? errorClassOrMsg : msg;
  try {
    fn();
  } catch (error) {
    return expectedError(error, errorClassOrMsg, msgIncludes, message);
  }
  refuse("Expected function to throw", message);
}

/** Throws unless `fn` returns a promise that rejects; answers with what it rejects with. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Throws unless `fn` returns a promise that rejects with an error of this class whose message includes `msgIncludes`; answers with it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  errorClassOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const message = typeof errorClassOrMsg === "string" ? errorClassOrMsg : msg;
  const promise = promiseOf(fn);
  if (promise === undefined) refuse("Function throws when expected to reject", message);
  try {
    await promise;
  } catch (error) {
    return expectedError(error, errorClassOrMsg, msgIncludes, message);
  }
  refuse("Expected function to reject", message);
}

/** What `fn` returns, if that is a promise; throwing on the spot is not rejecting. */
function promiseOf(fn: () => PromiseLike<unknown>): PromiseLike<unknown> | undefined {
  try {
    const promise = fn();
    return typeof promise === "object" && typeof promise?.then === "function" ? promise : undefined;
  } catch {
    return undefined;
  }
}

function expectedError(error: unknown, errorClass: ErrorClass<Error> | string | undefined, includes?: string, msg?: string): unknown {
  if (typeof errorClass !== "function") return error;
  if (!(error instanceof errorClass)) refuse(`Expected error to be instance of "${errorClass.name}", but was ${inspect(error)}`, msg);
  if (includes !== undefined && !error.message.includes(includes)) {
    refuse(`Expected error message to include ${JSON.stringify(includes)}, but got ${JSON.stringify(error.message)}`, msg);
  }
  return error;
}

function holds(actual: unknown, expected: unknown): boolean {
  if (!isContainer(actual) || !isContainer(expected)) return equal(actual, expected);
  return Reflect.ownKeys(expected).every((key) => {
    if (key === "length" && Array.isArray(expected)) return expected.length <= (actual as unknown[]).length;
    return Object.hasOwn(actual, key) && holds(Reflect.get(actual, key), Reflect.get(expected, key));
  });
}

/** An object that is looked into property by property. */
function isContainer(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return !(value instanceof RegExp || value instanceof Date || value instanceof Map || value instanceof Set || ArrayBuffer.isView(value));
}

/** The two values side by side, the lines that differ marked. */
function difference(actual: unknown, expected: unknown): string {
  return new nodeAssert.AssertionError({ actual, expected, operator: "deepStrictEqual" }).message;
}

function refuse(message: string, msg: string | undefined): never {
  throw new AssertionError(`${message}${suffix(msg)}`);
}

function suffix(msg: string | undefined): string {
  return msg ? `: ${msg}` : ".";
}
