/**
 * Futures, as users see them.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { coreOf, type EventLoop } from "../event/event_loop.ts";
import { requirePriority } from "../event/validate.ts";
import { AwaitOperation } from "./await.ts";
import { FULFILLED, FutureCore, type FutureKind, REJECTED, UNRESOLVED } from "./future_core.ts";
import { current } from "./current.ts";
import { promiseOf } from "./host_promise.ts";
import type { Operation, Outcome, Suspension } from "./operation.ts";
import { Slot } from "./slot.ts";
import { hostAccountOf } from "./unseen_failure.ts";

/**
 * The other end of a future, for whoever makes the result. Resolving twice throws ESTALE.
 *
 * @typeParam T The value.
 */
export interface Resolver<T> {
  /** The future. */
  readonly future: Future<T>;
  /** Fulfils it. */
  resolve(value: T): void;
  /** Rejects it. */
  reject(error: unknown): void;
}

/** What a future does on request. */
export interface FutureOperations {
  /** For error reports. Default: `"future"`. */
  name?: string;
  /** Called once per cancel of the pending future. Without it cancel rejects with `CancelledError` at once. */
  cancel?(reason: unknown): void;
  /** Without it `setPriority` is EOPNOTSUPP. */
  setPriority?(priority: number): void;
}

/** The core of a future, for the layers above. EINVAL for anything that is no future. */
export let futureCoreOf: (future: Future<unknown>) => FutureCore;
/** The handle of a core, made where there is none. */
export let futureOf: <T>(core: FutureCore) => Future<T>;
/** The handle of a callback. */
let futureSlotOf: (slot: Slot) => FutureSlot;

/**
 * sd_future: resolves once, tells whoever asked in a later iteration, never inline.
 *
 * `yield* future` on a fiber gives its value or throws its error, `await future` does the same in async code. It is a promise to the host, with
 * what follows from it: an async function that returns one, and `Promise.resolve`, wait for it; hand it over inside an object.
 * Promises made by `then` settle while the loop is driven; when the loop has finished or is disposed, those of a resolved future
 * settle at once and those of a pending one reject with ECANCELED.
 *
 * On a fiber: waiters are told in the order in which they came, the more important ones first. Interrupted, the wait ends and the
 * future goes on; if it resolved before the fiber runs again, its outcome counts and the interruption comes at the next suspension.
 * ESRCH off a fiber, EDEADLK for the fiber's own future and for a fiber that certainly waits for this one, EINVAL for one of another loop,
 * EBUSY when the fiber was woken by somebody else's `resume`.
 *
 * @typeParam T The value.
 *
 * @example A value made elsewhere
 * ```ts
 * import { EventLoop, Future, run } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const loop = EventLoop.default();
 * const answer = Future.withResolvers<number>(loop);
 * loop.addDefer(() => answer.resolve(42));
 * const value = await run(function* () {
 *   return yield* answer.future;
 * });
 * assertEquals(value, 42);
 * ```
 */
export class Future<T> implements Operation<T>, Promise<T>, AsyncDisposable {
  declare private readonly core: FutureCore;

  static {
    futureCoreOf = (future) => {
      if (future instanceof Future) return future.core;
      throw new SystemError("EINVAL", `Cannot use '${String(future)}' as a future: it is none, make one of a promise by promiseFuture()`);
    };
    futureOf = <T>(core: FutureCore) => heldHandle<Future<T>>(core) ?? new Future<T>(core);
    Object.defineProperty(this.prototype, Symbol.for("nodejs.util.inspect.custom"), {
      value(this: Future<unknown>): string {
        return this.core.inspect(this[Symbol.toStringTag]);
      },
    });
  }

  /** Not for users: futures are made by {@linkcode Future.withResolvers} and by the functions that return one. */
  protected constructor(core: object) {
    if (!(core instanceof FutureCore)) throw new SystemError("EINVAL", "Cannot make a future by new: use Future.withResolvers()");
    this.core = core;
    core.handle = this;
  }

  /**
   * A pending future and its other end.
   *
   * @typeParam T The value.
   * @param loop To which it belongs for its whole life.
   * @param operations What it does when it is cancelled.
   * @returns Both.
   */
  static withResolvers<T>(loop: EventLoop, operations?: FutureOperations): Resolver<T> {
    const core = new FutureCore(coreOf(loop), operations && kindOf(operations), undefined);
    return {
      future: newFutureOf<T>(core),
      resolve: (value) => core.fulfil(value),
      reject: (error) => core.reject(error),
    };
  }

  /** The loop to which it belongs. */
  get loop(): EventLoop {
    return this.core.core.loop;
  }

  /** Whether it has resolved. */
  get state(): "pending" | "resolved" {
    return this.core.state === UNRESOLVED ? "pending" : "resolved";
  }

  /** How it ended; `undefined` while it is pending. */
  get outcome(): Outcome<T> | undefined {
    return outcomeOf<T>(this.core);
  }

  /** The value, or throws the error. EBUSY while it is pending. */
  result(): T {
    return this.core.result() as T;
  }

  /**
   * Asks it to end. Nothing is waited for: see `cancelWait`.
   *
   * @param reason Goes down to what it waits for, and up in `CancelledError.reason`.
   * @returns Whether this asked newly: `false` when it has ended, or was asked already.
   * @throws {SystemError} EDEADLK for the fiber that runs.
   */
  cancel(reason?: unknown): boolean {
    return this.core.cancel(reason);
  }

  /**
   * Sets the priority of what stands behind it.
   *
   * @throws {SystemError} ESTALE when it is resolved, EOPNOTSUPP when nothing behind it has one, EINVAL for what is no whole number.
   */
  setPriority(priority: number): void {
    this.core.setPriority(requirePriority(priority));
  }

  /**
   * Calls back in a later iteration than the one in which it resolves, never inline, once. The callback has the priority of the
   * fiber that adds it. What it throws goes to the loop's `onError`. EINVAL for what is no function.
   */
  addCallback(callback: (future: Future<T>) => void): FutureSlot {
    if (typeof callback !== "function") {
      throw new SystemError("EINVAL", `Cannot add a callback of type ${typeof callback} to a future: it takes a function`);
    }
    return futureSlotOf(new Slot(this.core, () => callback(this)));
  }

  /** As of any promise. Its promise settles while the loop is driven. */
  then<A = T, B = never>(
    ok?: ((value: T) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return (promiseOf(this.core) as Promise<T>).then(ok, failed);
  }

  /** As of any promise. */
  catch<B = never>(failed?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.then(undefined, failed);
  }

  /** As of any promise. */
  finally(settled?: (() => void) | null): Promise<T> {
    return (promiseOf(this.core) as Promise<T>).finally(settled);
  }

  /** `"Future"`. */
  get [Symbol.toStringTag](): string {
    return "Future";
  }

  /** For `yield*`. */
  [Symbol.iterator](): Iterator<Suspension, T, unknown> {
    return new AwaitOperation<T>(this.core)[Symbol.iterator]();
  }

  /** In async code: cancels it and waits until it has ended, whatever its outcome. On a fiber use `cancelWait`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    await this.then(ignore, ignore);
  }
}

/** A callback that was added to a future. Disposed before it was called, it never will be. */
export class FutureSlot implements Disposable {
  readonly #slot: Slot;

  static {
    futureSlotOf = (slot) => new FutureSlot(slot);
  }

  private constructor(slot: Slot) {
    this.#slot = slot;
  }

  /** The future it was added to. */
  get future(): Future<unknown> {
    return futureOf(this.#slot.future);
  }

  /** The callback will not be called, even if the future has resolved. */
  [Symbol.dispose](): void {
    this.#slot.remove();
  }
}

function kindOf(operations: FutureOperations): FutureKind {
  return {
    name: operations.name,
    cancel: operations.cancel && ((_future, reason) => operations.cancel!(reason)),
    setPriority: operations.setPriority && ((_future, priority) => operations.setPriority!(priority)),
  };
}

function ignore(): void {}

/** What users hold of it, as far as somebody still does. */
export function heldHandle<F extends object>({ handle }: FutureCore): F | undefined {
  return (handle !== undefined && handle instanceof WeakRef ? handle.deref() : handle) as F | undefined;
}

/** The handle of a core that was just made for the code that runs, on whose account its failure is. */
export function newFutureOf<T>(core: FutureCore): Future<T> {
  onAccount(core);
  return futureOf<T>(core);
}

/** A failure of this future that nobody looks at is reported: on the account of the code that runs. */
export function onAccount(core: FutureCore): void {
  core.parent = current ?? hostAccountOf(core.core);
}

/** How a future ended; `undefined` while it is pending. */
export function outcomeOf<T>(core: FutureCore): Outcome<T> | undefined {
  core.observed = true;
  if (core.state === FULFILLED) return { status: "fulfilled", value: core.result() as T };
  if (core.state === REJECTED) return { status: "rejected", reason: core.content };
  return undefined;
}
