/**
 * Children that end before the code that spawned them goes on.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { requireOptions } from "../event/validate.ts";
import type { CurrentFiber } from "../future/current.ts";
import { type Future, futureCoreOf } from "../future/future.ts";
import { type Operation, requireBody, requireFiber, type Runnable, type Suspension } from "../future/operation.ts";
import { Checkpoint } from "./checkpoint.ts";
import { type Fiber, fiberOf, type FiberOptions } from "./fiber.ts";
import type { FiberCore } from "./fiber_core.ts";
import { type Failure, Nursery } from "./nursery.ts";
import { shield } from "./shield.ts";

/** What a child may say of itself: where it belongs is settled. */
const childOptions: readonly string[] = ["name", "priority", "signal", "onDestroy"];

/** What a scope's body gets. Using it after the scope has ended throws ESTALE. */
export interface Scope {
  /**
   * Starts a child. Its failure cancels the scope. EINVAL for an unknown option, and what `spawn` refuses.
   *
   * @typeParam U What the child returns.
   */
  spawn<U>(body: () => Operation<U>, options?: Omit<FiberOptions, "loop" | "floating" | "group">): Fiber<U>;
  /**
   * Takes a future in: it is cancelled and waited for with the rest, and its failure is the scope's. EINVAL for one of another loop.
   *
   * @typeParam F The future's type.
   */
  add<F extends Future<unknown>>(future: F): F;
  /** Clean-up that may suspend: it runs after the children have ended, last in first out, shielded. Its failure is the scope's. */
  defer(cleanup: Runnable<unknown>): void;
  /** Cancels the children, not the body. */
  cancelChildren(reason?: unknown): void;
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
 * @throws {SystemError} ESRCH off a fiber, EINVAL for a body that is no function. What the body or a child throws is thrown as it is.
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
  requireBody(body, "open a scope for");
  yield* new Checkpoint();
  const nursery = new Nursery(owner, "failure");
  const cleanups: Runnable<unknown>[] = [];
  const requireOpen = () => {
    if (nursery.isOver) throw new SystemError("ESTALE", "Cannot use a scope that has ended: what is added to it would never be waited for");
  };
  const bodyFiber: FiberCore = nursery.spawn(() =>
    body({
      spawn<U>(child: () => Operation<U>, options: FiberOptions = {}): Fiber<U> {
        requireOpen();
        requireOptions(options, childOptions, "spawn a child");
        return fiberOf<U>(nursery.spawn(child, options));
      },
      add<F extends Future<unknown>>(future: F): F {
        requireOpen();
        const core = futureCoreOf(future);
        if (core.core !== owner.core) {
          throw new SystemError(
            "EINVAL",
            `Cannot add a future of loop '${core.core.name}' to a scope of loop '${owner.core.name}': bridge it by promiseFuture()`,
          );
        }
        nursery.add(core);
        return future;
      },
      defer(cleanup) {
        requireOpen();
        cleanups.push(cleanup);
      },
      cancelChildren: (reason) => nursery.cancel(reason, { spared: bodyFiber }),
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
