/**
 * Deadlines of a stretch of a fiber's code (sd-future, section 12).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { ClockIndex, type Usec } from "../event/time.ts";
import { later } from "../event/time_source.ts";
import { requireUsec } from "../event/validate.ts";
import { type FutureCore, UNRESOLVED } from "../future/future_core.ts";
import { type Operation, operationOf, requireFiber, type Runnable } from "../future/operation.ts";
import { Slot } from "../future/slot.ts";
import { letGo } from "../future/event_future.ts";
import { timeFutureCore } from "../future/time_future.ts";
import type { FiberCore } from "./fiber_core.ts";
import type { Shield } from "./shield.ts";

/** Thrown at a suspension point: a timeout scope expired, the outermost of those that had. Its code is ETIME. */
export class TimeoutError extends SystemError {
  /** Whose deadline it was. */
  readonly scope: TimeoutScope | undefined;

  /** Makes one of this scope. */
  constructor(scope?: TimeoutScope) {
    super("ETIME", "The deadline has passed");
    this.scope = scope;
  }

  /** `"TimeoutError"`. */
  override get name(): string {
    return "TimeoutError";
  }
}

/** One deadline of one fiber. */
export class TimeoutScopeCore {
  readonly #fiber: FiberCore;
  readonly #timer: FutureCore | undefined;
  readonly #slot: Slot | undefined;
  /** The one around it. */
  readonly outer: TimeoutScopeCore | undefined;
  /** The shield that it was opened in: that one does not hold it back. */
  readonly shield: Shield | undefined;
  readonly handle: TimeoutScope;
  #closed = false;
  #delivered = false;

  constructor(fiber: FiberCore, usec: Usec, handle: TimeoutScope) {
    this.#fiber = fiber;
    this.handle = handle;
    this.outer = fiber.deadline;
    this.shield = fiber.shield;
    fiber.deadline = this;
    // In the exit phase no timer fires any more, and every wait is refused as it is.
    if (usec === Infinity || fiber.core.exitRequested) return;
    const timer = timeFutureCore(fiber.core, ClockIndex.monotonic, later(fiber.core, ClockIndex.monotonic, usec), 1);
    this.#timer = timer;
    this.#slot = new Slot(timer, () => {
      if (!this.#delivered) fiber.expire(this);
    });
  }

  get expired(): boolean {
    return this.#timer !== undefined && this.#timer.state !== UNRESOLVED;
  }

  /** The fiber is told: of the outermost that has expired and was not told of before. */
  deliver(): TimeoutScope {
    let { handle } = this;
    for (let scope = this.#fiber.deadline; scope !== undefined; scope = scope.outer) {
      if (!scope.expired || scope.#delivered) continue;
      scope.#delivered = true;
      handle = scope.handle;
    }
    return handle;
  }

  /** In reverse order of opening, else EINVAL. Twice does nothing. */
  close(): void {
    if (this.#closed) return;
    const fiber = this.#fiber;
    if (fiber.deadline !== this) {
      throw new SystemError("EINVAL", `Cannot close a timeout scope of fiber '${fiber.name}': one that was opened in it is open still`);
    }
    this.#closed = true;
    fiber.deadline = this.outer;
    this.#slot?.remove();
    if (this.#timer === undefined) return;
    if (this.#timer.state === UNRESOLVED) letGo(this.#timer);
    else fiber.forgetTimeout(TimeoutScopeCore.untold(fiber));
  }

  /** Whether any of a fiber's open ones may still interrupt it. */
  static mayExpire(fiber: FiberCore): boolean {
    let scope = fiber.deadline;
    while (scope !== undefined && (scope.#timer === undefined || scope.#delivered)) scope = scope.outer;
    return scope !== undefined;
  }

  /** The innermost of a fiber's open ones that has expired, and that the fiber was not told of. */
  static untold(fiber: FiberCore): TimeoutScopeCore | undefined {
    let scope = fiber.deadline;
    while (scope !== undefined && (!scope.expired || scope.#delivered)) scope = scope.outer;
    return scope;
  }
}

let makeScope: (usec: Usec) => TimeoutScope;

/** An open deadline, see {@linkcode timeoutScope}. */
export class TimeoutScope implements Disposable {
  readonly #core: TimeoutScopeCore;

  static {
    makeScope = (usec) => new TimeoutScope(usec);
  }

  private constructor(usec: Usec) {
    this.#core = new TimeoutScopeCore(requireFiber() as FiberCore, usec, this);
  }

  /** The deadline has passed while the scope was open, whether or not the fiber was told in time. */
  get expired(): boolean {
    return this.#core.expired;
  }

  /** Closes it: an expiry that the fiber was not told of yet is forgotten. EINVAL out of order. */
  [Symbol.dispose](): void {
    this.#core.close();
  }
}

/**
 * Opens a deadline for what the fiber does until it is closed: `using _deadline = timeoutScope(msec(50))`.
 *
 * When it has passed, the next or current suspension throws `TimeoutError` with this scope, once; waits after that have no deadline, so
 * leave the scope. Scopes nest, and are closed in reverse order of opening. In the exit phase it does nothing.
 *
 * @param usec Microseconds from now; `Infinity` is none.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for what is no time, EOVERFLOW past 2^53.
 */
export function timeoutScope(usec: Usec): TimeoutScope {
  requireFiber();
  return makeScope(requireUsec(usec, "timeout"));
}

/**
 * Runs the body under a deadline.
 *
 * @typeParam T What the body returns.
 * @typeParam U What `otherwise` returns.
 * @param usec Microseconds from now; `Infinity` is none.
 * @param otherwise Runs, outside of the deadline, if it was this deadline that ended the body; without it that is thrown.
 * @throws {TimeoutError} When the deadline has passed; its `scope` is this one's.
 * @throws {SystemError} ESRCH off a fiber, EINVAL, EOVERFLOW.
 *
 * @example A default when it takes too long
 * ```ts
 * import { msec, run, sec, sleep, withTimeout } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const answer = await run(() =>
 *   withTimeout(msec(5), function* () {
 *     yield* sleep(sec(10));
 *     return "slow";
 *   }, function* () {
 *     return "default";
 *   })
 * );
 * assertEquals(answer, "default");
 * ```
 */
export function* withTimeout<T, U = never>(
  usec: Usec,
  body: Runnable<T>,
  otherwise?: Runnable<U>,
): Operation<T | U> {
  const scope = timeoutScope(usec);
  try {
    return yield* operationOf(body);
  } catch (error) {
    if (otherwise === undefined || !(error instanceof TimeoutError && error.scope === scope)) throw error;
  } finally {
    scope[Symbol.dispose]();
  }
  return yield* operationOf(otherwise);
}
