/**
 * Children that end before the code that spawned them goes on.
 *
 * @module
 */

import type { LoopCore } from "../event/loop_core.ts";
import { SystemError } from "../event/errno.ts";
import { InterruptibleWait } from "../future/await.ts";
import { type CurrentFiber, ERROR, TIMEOUT } from "../future/current.ts";
import { type Future, futureCoreOf } from "../future/future.ts";
import { FutureCore, REJECTED, UNRESOLVED } from "../future/future_core.ts";
import { CancelledError } from "../future/interruption.ts";
import { type Operation, operationOf, requireFiber, type Returned, type Runnable, type Suspension } from "../future/operation.ts";
import { Slot } from "../future/slot.ts";
import { waitThrough } from "./cancel_wait.ts";
import { type Fiber, fiberOf, type FiberOptions, spawnCore } from "./fiber.ts";
import { FiberCore } from "./fiber_core.ts";
import { shield } from "./shield.ts";
import { Checkpoint } from "./checkpoint.ts";

/** What a scope's body gets. Using it after the scope has ended throws ESTALE. */
export interface Scope {
  /**
   * Starts a child. Its failure cancels the scope.
   *
   * @typeParam U What the child returns.
   */
  spawn<U>(body: () => Operation<U>, options?: Omit<FiberOptions, "loop" | "floating" | "group">): Fiber<U>;
  /**
   * Takes a future in: it is cancelled and waited for with the rest, and its failure is the scope's.
   *
   * @typeParam F The future's type.
   */
  add<F extends Future<unknown>>(future: F): F;
  /** Clean-up that may suspend: it runs after the children have ended, last in first out, shielded. Its failure is the scope's. */
  defer(cleanup: Runnable<unknown>): void;
  /** Cancels the children, not the body. */
  cancelChildren(reason?: unknown): void;
}

/** What is to be thrown; in a box, because it may be anything. */
interface Failure {
  readonly error: unknown;
}

/** What has to end before a scope does. */
class Nursery {
  readonly #owner: FiberCore;
  /** In order of spawning; those that ended well have left. */
  readonly #members: Set<FutureCore> = new Set();
  /** Those that were cancelled from here: that they end by it is no failure. */
  readonly #cancelled: Set<FutureCore> = new Set();
  #running = 0;
  /** Resolves when the last member has ended. */
  readonly ended: FutureCore;
  /** The first to end, when only that one counts. */
  winner: FutureCore | undefined = undefined;
  #failed: FutureCore | undefined = undefined;
  readonly #firstWins: boolean;

  constructor(owner: CurrentFiber, options: { firstWins: boolean }) {
    this.#owner = owner as FiberCore;
    this.#firstWins = options.firstWins;
    this.ended = new FutureCore(owner.core, undefined, undefined);
  }

  get core(): LoopCore {
    return this.#owner.core;
  }

  spawn(body: () => Operation<unknown>, options: FiberOptions): FiberCore {
    const fiber = spawnCore(this.core, body, this.#owner, options);
    this.add(fiber);
    return fiber;
  }

  add(member: FutureCore): void {
    this.#members.add(member);
    this.#running++;
    new Slot(member, () => this.#memberEnded(member));
    if (this.#failed !== undefined) this.#cancel(member, undefined);
  }

  cancel(reason: unknown, spared?: FutureCore): void {
    for (const member of this.#members) {
      if (member !== spared && member.state === UNRESOLVED) this.#cancel(member, reason);
    }
  }

  #cancel(member: FutureCore, reason: unknown): void {
    this.#cancelled.add(member);
    try {
      member.cancel(reason);
    } catch (error) {
      this.core.report(error, { kind: "future", name: "cancel" });
    }
  }

  #memberEnded(member: FutureCore): void {
    this.#running--;
    if (this.#firstWins) this.#decideRace();
    else if (!this.#hasFailed(member)) this.#forget(member);
    else if (this.#failed === undefined) this.#decideFailed();
    if (this.#running === 0 && this.ended.state === UNRESOLVED) this.ended.fulfil(undefined);
  }

  /** Several may have ended by now: the first in order counts. */
  #decideRace(): void {
    if (this.winner !== undefined) return;
    this.winner = first(this.#members, (member) => member.state !== UNRESOLVED);
    this.cancel(undefined);
  }

  #decideFailed(): void {
    this.#failed = first(this.#members, (member) => this.#hasFailed(member));
    this.cancel(this.#failed!.content);
  }

  #forget(member: FutureCore): void {
    this.#members.delete(member);
    this.#cancelled.delete(member);
  }

  #hasFailed(member: FutureCore): boolean {
    return member.state === REJECTED && !(member.content instanceof CancelledError && this.#wasCancelled(member));
  }

  #wasCancelled(member: FutureCore): boolean {
    return this.#cancelled.has(member) || (member instanceof FiberCore && member.cancelled);
  }

  /** The failure that the scope throws. All others are reported. */
  takeFailure(): Failure | undefined {
    const failed = this.#failed;
    for (const member of this.#members) {
      if (member !== failed && member !== this.winner && this.#hasFailed(member)) this.#report(member);
    }
    return failed && { error: failed.content };
  }

  #report(member: FutureCore): void {
    this.core.report(member.content, member instanceof FiberCore ? member.errorOrigin() : { kind: "future", name: "member of a scope" });
  }

  /** Nobody is left: a member that is added now would be lost. */
  get isOver(): boolean {
    return this.ended.state !== UNRESOLVED;
  }

  /**
   * Waits until all have ended. An interruption cancels them, and comes at the next suspension, unless they ended before it did; so
   * does any other wake-up of the owner, which is a failure.
   */
  *join(): Generator<Suspension, { interrupted: boolean; disturbance?: Failure }, unknown> {
    const owner = this.#owner;
    if (this.#running === 0) {
      if (!this.isOver) this.ended.fulfil(undefined);
      return { interrupted: false };
    }
    const interruption = yield* new InterruptibleWait(this.ended);
    if (interruption === undefined) return { interrupted: false };
    const { kind, content } = interruption;
    const cancel = () => this.cancel(kind === TIMEOUT ? undefined : content);
    cancel();
    yield* waitThrough(owner, this.ended, cancel, kind === ERROR ? undefined : interruption);
    return kind === ERROR ? { interrupted: false, disturbance: { error: content } } : { interrupted: true };
  }
}

function first<T>(items: Iterable<T>, matches: (item: T) => boolean): T | undefined {
  for (const item of items) {
    if (matches(item)) return item;
  }
  return undefined;
}

/**
 * Runs the body with children that end before this does.
 *
 * The body runs on a fiber of its own, so that a child's failure never mixes with a cancellation from outside. This returns when the
 * body and all children have ended. The first failure, in order of spawning, cancels the rest and is thrown; later ones are reported to `onError`. A
 * child that ends with `CancelledError` because it was cancelled has not failed. Interrupted, body and children are cancelled and
 * waited for, then the interruption is thrown.
 *
 * @typeParam T What the body returns.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber. What the body or a child throws is thrown as it is.
 *
 * @example Children that the scope waits for
 * ```ts
 * import { msec, run, scope, sleep } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * await run(() =>
 *   scope(function* (children) {
 *     children.defer(function* () {
 *       yield* sleep(msec(1));
 *       log.push("cleaned up");
 *     });
 *     children.spawn(function* () {
 *       yield* sleep(msec(1));
 *       log.push("child");
 *     });
 *     log.push("body");
 *   })
 * );
 * assertEquals(log, ["body", "child", "cleaned up"]);
 * ```
 */
export function* scope<T>(body: (scope: Scope) => Operation<T>): Operation<T> {
  const owner = requireFiber();
  yield* new Checkpoint();
  const nursery = new Nursery(owner, { firstWins: false });
  const cleanups: Runnable<unknown>[] = [];
  const requireOpen = () => {
    if (nursery.isOver) throw new SystemError("ESTALE", "Cannot use a scope that has ended: what is added to it would never be waited for");
  };
  const bodyFiber: FiberCore = nursery.spawn(() =>
    body({
      spawn<U>(child: () => Operation<U>, options: FiberOptions = {}): Fiber<U> {
        requireOpen();
        return fiberOf<U>(nursery.spawn(child, options));
      },
      add<F extends Future<unknown>>(future: F): F {
        requireOpen();
        nursery.add(futureCoreOf(future));
        return future;
      },
      defer(cleanup) {
        requireOpen();
        cleanups.push(cleanup);
      },
      cancelChildren: (reason) => nursery.cancel(reason, bodyFiber),
    }), { name: body.name || "scope" });
  const { interrupted, disturbance } = yield* nursery.join();
  const failure = yield* cleanUp(owner, cleanups, nursery.takeFailure() ?? disturbance);
  if (failure !== undefined) throw failure.error;
  if (interrupted) owner.checkInterrupted();
  return bodyFiber.result() as T;
}

/** Runs them all, last in first out; the first failure is the answer, later ones are reported. */
function* cleanUp(
  owner: CurrentFiber,
  cleanups: Runnable<unknown>[],
  failure: Failure | undefined,
): Generator<Suspension, Failure | undefined, unknown> {
  while (cleanups.length > 0) {
    try {
      yield* shield(cleanups.pop()!);
    } catch (error) {
      if (failure === undefined) failure = { error };
      else owner.core.report(error, { kind: "fiber", name: (owner as FiberCore).path });
    }
  }
  return failure;
}

/**
 * Runs the bodies at once, each on a fiber of its own, until all have ended.
 *
 * The first failure, in order, cancels the others and is thrown when they have ended; later ones are reported. Interrupted, all are cancelled and
 * waited for.
 *
 * @typeParam R The bodies.
 * @returns What they return, in order.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber. What a body throws is thrown as it is.
 */
export function* all<const R extends readonly Runnable<unknown>[]>(bodies: R): Operation<{ -readonly [K in keyof R]: Returned<R[K]> }> {
  const owner = requireFiber();
  yield* new Checkpoint();
  const nursery = new Nursery(owner, { firstWins: false });
  const fibers = bodies.map((body, index) => nursery.spawn(() => operationOf(body), { name: nameOf(body, `all[${index}]`) }));
  const { interrupted, disturbance } = yield* nursery.join();
  const failure = nursery.takeFailure() ?? disturbance;
  if (failure !== undefined) throw failure.error;
  if (interrupted) owner.checkInterrupted();
  return fibers.map((fiber) => fiber.result()) as { -readonly [K in keyof R]: Returned<R[K]> };
}

/**
 * Runs the bodies at once, each on a fiber of its own, until the first has ended, well or badly; the others are cancelled and waited for.
 *
 * If several have ended by then, the one that stands first counts. Failures of the others are reported. Interrupted, all are
 * cancelled and waited for.
 *
 * @typeParam R The bodies.
 * @returns What the first returned.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for no bodies at all. What the first throws is thrown as it is.
 */
export function* race<const R extends readonly Runnable<unknown>[]>(bodies: R): Operation<Returned<R[number]>> {
  const owner = requireFiber();
  yield* new Checkpoint();
  if (bodies.length === 0) throw new SystemError("EINVAL", "Cannot race no bodies: nothing would ever end");
  const nursery = new Nursery(owner, { firstWins: true });
  bodies.forEach((body, index) => void nursery.spawn(() => operationOf(body), { name: nameOf(body, `race[${index}]`) }));
  const { interrupted, disturbance } = yield* nursery.join();
  nursery.takeFailure();
  if (disturbance !== undefined) throw disturbance.error;
  if (interrupted) owner.checkInterrupted();
  return nursery.winner!.result() as Returned<R[number]>;
}

function nameOf(body: Runnable<unknown>, otherwise: string): string {
  return (typeof body === "function" && body.name) || otherwise;
}
