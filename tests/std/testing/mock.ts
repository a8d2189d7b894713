/**
 * Stands in for the part of `@std/testing/mock` that these tests use: functions and methods that note how they are called.
 *
 * @module
 */

import { assertEquals, AssertionError } from "@std/assert";

/** What went wrong with the spy itself. */
export class MockError extends Error {
  /** Makes one. */
  constructor(message: string) {
    super(message);
    this.name = "MockError";
  }
}

/** One call: what came in, and what came out. */
export interface SpyCall<Self, Args extends unknown[], Return> {
  /** The arguments. */
  args: Args;
  /** What it returned, if it did. */
  returned?: Return;
  /** What `this` was, if anything. */
  self?: Self;
  /** What it threw, if it did. */
  error?: Error;
}

/** A function that notes its calls. */
export interface Spy<Self, Args extends unknown[], Return> {
  (this: Self, ...args: Args): Return;
  /** The function that does the work. */
  original: (this: Self, ...args: Args) => Return;
  /** The calls, oldest first. */
  calls: SpyCall<Self, Args, Return>[];
  /** Whether the method is itself again. */
  restored: boolean;
  /** Makes the method itself again. */
  restore(): void;
}

/** A method that notes its calls until the spy is restored or disposed of. */
export interface MethodSpy<Self, Args extends unknown[], Return> extends Spy<Self, Args, Return>, Disposable {}

/** What a call is expected to have been; what is left out is not looked at. */
export interface ExpectedSpyCall<Self, Args extends unknown[], Return> {
  /** The arguments. */
  args?: [...Args, ...unknown[]];
  /** What `this` was. */
  self?: Self;
  /** What it returned. */
  returned?: Return;
}

// deno-lint-ignore no-explicit-any
type Method<Self, Key extends keyof Self> = Self[Key] extends (...args: infer Args extends any[]) => infer Return
  ? MethodSpy<Self, Args, Return>
  : never;

/** A spy that does nothing. */
// deno-lint-ignore no-explicit-any
export function spy<Self = any, Args extends unknown[] = any[], Return = undefined>(): Spy<Self, Args, Return>;
/** A spy that calls `func`. */
export function spy<Self, Args extends unknown[], Return>(func: (this: Self, ...args: Args) => Return): Spy<Self, Args, Return>;
/** A spy in the place of a method, which it calls. */
export function spy<Self, Key extends keyof Self>(self: Self, property: Key): Method<Self, Key>;
export function spy(target?: object, property?: PropertyKey): unknown {
  if (property !== undefined) return methodSpy(target as object, property);
  return functionSpy((target ?? (() => {})) as AnyFunction);
}

/** Throws unless the spy was called so many times. */
export function assertSpyCalls<Self, Args extends unknown[], Return>(spy: Spy<Self, Args, Return>, expectedCalls: number): void {
  if (spy.calls.length === expectedCalls) return;
  throw new AssertionError(`Spy not called as much as expected: ${spy.calls.length} calls, expected ${expectedCalls}`);
}

/** Throws unless the call of this index was made, and was as expected. */
export function assertSpyCall<Self, Args extends unknown[], Return>(
  spy: Spy<Self, Args, Return>,
  callIndex: number,
  expected: ExpectedSpyCall<Self, Args, Return> = {},
): void {
  const call = spy.calls[callIndex];
  if (call === undefined) throw new AssertionError(`Spy not called as much as expected: ${spy.calls.length} calls, none at ${callIndex}`);
  if (expected.args) assertEquals<unknown>(call.args, expected.args, "Spy not called with expected args");
  if ("self" in expected) assertEquals<unknown>(call.self, expected.self, "Spy not called as method on expected self");
  if (!("returned" in expected)) return;
  if (call.error) throw new AssertionError(`Spy call did not return expected value, an error was thrown: ${call.error.message}`);
  assertEquals<unknown>(call.returned, expected.returned, "Spy call did not return expected value");
}

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
type AnySpy = Spy<unknown, unknown[], unknown>;

function functionSpy(original: AnyFunction): AnySpy {
  const calls: SpyCall<unknown, unknown[], unknown>[] = [];
  function noting(this: unknown, ...args: unknown[]): unknown {
    const call: SpyCall<unknown, unknown[], unknown> = { args };
    if (this) call.self = this;
    try {
      return call.returned = original.apply(this, args);
    } catch (error) {
      call.error = error as Error;
      throw error;
    } finally {
      calls.push(call);
    }
  }
  return Object.assign(noting, { original, calls, restored: false, restore: refuseToRestore });
}

function refuseToRestore(): never {
  throw new MockError("function cannot be restored");
}

function methodSpy(self: object, property: PropertyKey): AnySpy & Disposable {
  const original: unknown = Reflect.get(self, property);
  if (typeof original !== "function") throw new MockError("property is not an instance method");
  const own = Object.getOwnPropertyDescriptor(self, property);
  const spy = functionSpy(original as AnyFunction);
  spy.restore = () => {
    if (spy.restored) throw new MockError("instance method already restored");
    if (own) Object.defineProperty(self, property, own);
    else Reflect.deleteProperty(self, property);
    spy.restored = true;
  };
  Object.defineProperty(self, property, { configurable: true, enumerable: own?.enumerable, writable: own?.writable, value: spy });
  return Object.assign(spy, { [Symbol.dispose]: () => spy.restore() });
}
