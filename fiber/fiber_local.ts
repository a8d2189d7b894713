/**
 * Values that belong to a fiber, and to those that it spawns.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { current } from "../future/current.ts";
import { type Operation, operationOf, requireFiber, type Runnable } from "../future/operation.ts";
import type { FiberCore } from "./fiber_core.ts";

/**
 * What a fiber has set. Fibers share it with those that they spawn, so it is never changed: setting makes another one. Few have any, none
 * has many.
 */
export type FiberLocals = ReadonlyMap<object, unknown>;

/**
 * A value for each fiber, for what all code that works on one request has to know, and no function should have to hand on: its number for
 * the log, who asked, a transaction.
 *
 * A fiber begins with the values that the fiber had that spawned it, at that time; what either sets later is its own. Code on no fiber, such
 * as callbacks of sources, has the default. Suspending changes nothing. Use one per module, made once: values are found by the instance.
 *
 * @typeParam T The value.
 *
 * @example Which request a line in the log is about
 * ```ts
 * import { all, FiberLocal, run, sleep } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const request = new FiberLocal("-");
 * const lines: string[] = [];
 * const log = (text: string) => lines.push(`${request.get()}: ${text}`);
 *
 * function* query() {
 *   yield* sleep(1);
 *   log("queried");
 * }
 * const handle = (id: string) => request.run(id, () => all([query, query]));
 * await run(function* () {
 *   yield* all([() => handle("a"), () => handle("b")]);
 *   log("done");
 * });
 * assertEquals(lines.toSorted(), ["-: done", "a: queried", "a: queried", "b: queried", "b: queried"]);
 * ```
 */
export class FiberLocal<T> {
  readonly #defaults: readonly [value?: T];

  /** Makes one. The default is for fibers without a value, and for code on no fiber; without one, there `get` throws. */
  constructor(...defaults: [value?: T]) {
    this.#defaults = defaults;
  }

  /**
   * The value of the fiber that runs, else the default.
   *
   * @throws {SystemError} ENODATA when there is neither.
   */
  get(): T {
    const locals = (current as FiberCore | undefined)?.locals;
    if (locals?.has(this)) return locals.get(this) as T;
    if (this.#defaults.length > 0) return this.#defaults[0] as T;
    throw new SystemError(
      "ENODATA",
      "Cannot get the value of a FiberLocal: the fiber that runs has none, set it or make it with a default",
    );
  }

  /**
   * Sets the value for the fiber that runs, and for those that it spawns from now on.
   *
   * @throws {SystemError} ESRCH off a fiber.
   */
  set(value: T): void {
    const fiber = requireFiber() as FiberCore;
    fiber.locals = new Map(fiber.locals).set(this, value);
  }

  /**
   * Runs the body with this value, on the same fiber, then puts the former one back, however the body ends.
   *
   * Suspends, and is interrupted, as its body is.
   *
   * @typeParam R What the body returns.
   * @throws {SystemError} ESRCH off a fiber, EINVAL for a body that is none. What the body throws is thrown as it is.
   */
  *run<R>(value: T, body: Runnable<R>): Operation<R> {
    const fiber = requireFiber() as FiberCore;
    const before = fiber.locals;
    this.set(value);
    try {
      return yield* operationOf(body);
    } finally {
      this.#putBack(fiber, before);
    }
  }

  /** This one only: the body may have set others. */
  #putBack(fiber: FiberCore, before: FiberLocals | undefined): void {
    const locals = new Map(fiber.locals);
    if (before?.has(this)) locals.set(this, before.get(this));
    else locals.delete(this);
    fiber.locals = locals.size === 0 ? undefined : locals;
  }
}
