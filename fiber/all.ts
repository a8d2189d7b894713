/**
 * Several bodies at once, known beforehand: all of them, or the first.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { outcomeOf } from "../future/future.ts";
import {
  type Operation,
  operationOf,
  type Outcome,
  requireFiber,
  type Returned,
  type Runnable,
  type Suspension,
} from "../future/operation.ts";
import { Checkpoint } from "./checkpoint.ts";
import type { FiberCore } from "./fiber_core.ts";
import { type Ending, Nursery } from "./nursery.ts";

/** What came of them. */
interface Run {
  readonly fibers: readonly FiberCore[];
  readonly winner: FiberCore | undefined;
}

/** Runs them until all have ended. Throws the failure that counts, or the interruption. */
function* runAll(name: string, ending: Ending, bodies: readonly Runnable<unknown>[]): Generator<Suspension, Run, unknown> {
  const owner = requireFiber();
  if (!Array.isArray(bodies)) throw new SystemError("EINVAL", `Cannot run ${name}() without an array: it takes one array of bodies`);
  yield* new Checkpoint();
  if (bodies.length === 0 && (ending === "first" || ending === "success")) {
    throw new SystemError("EINVAL", `Cannot run ${name}() without bodies: nothing would ever end`);
  }
  const nursery = new Nursery(owner, ending);
  const fibers = bodies.map((body, index) => nursery.spawn(() => operationOf(body), { name: nameOf(body, `${name}[${index}]`) }));
  const { interrupted, disturbance } = yield* nursery.join();
  const isTold = ending === "none" && !interrupted && disturbance === undefined;
  const failure = (isTold ? undefined : nursery.takeFailure()) ?? disturbance;
  if (failure !== undefined) throw failure.error;
  if (interrupted) owner.checkInterrupted();
  return { fibers, winner: nursery.winner as FiberCore | undefined };
}

function nameOf(body: Runnable<unknown>, otherwise: string): string {
  return (typeof body === "function" && body.name) || otherwise;
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
 * @throws {SystemError} ESRCH off a fiber, EINVAL for what is no array. What a body throws is thrown as it is.
 */
export function* all<const R extends readonly Runnable<unknown>[]>(bodies: R): Operation<{ -readonly [K in keyof R]: Returned<R[K]> }> {
  const { fibers } = yield* runAll("all", "failure", bodies);
  return fibers.map((fiber) => fiber.result()) as { -readonly [K in keyof R]: Returned<R[K]> };
}

/**
 * Runs the bodies at once, each on a fiber of its own, until all have ended, well or badly.
 *
 * A failure cancels nobody. Interrupted, all are cancelled and waited for; failures, of which nobody would hear then, are reported.
 *
 * @typeParam R The bodies.
 * @returns How they ended, in order.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for what is no array.
 *
 * @example Whatever becomes of each
 * ```ts
 * import { allSettled, run, sleep } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * function* failing() {
 *   yield* sleep(1);
 *   throw new Error("failed");
 * }
 * const outcomes = await run(() => allSettled([failing, sleep(2)]));
 * assertEquals(outcomes.map(({ status }) => status), ["rejected", "fulfilled"]);
 * ```
 */
export function* allSettled<const R extends readonly Runnable<unknown>[]>(
  bodies: R,
): Operation<{ -readonly [K in keyof R]: Outcome<Returned<R[K]>> }> {
  const { fibers } = yield* runAll("allSettled", "none", bodies);
  return fibers.map((fiber) => outcomeOf(fiber)!) as { -readonly [K in keyof R]: Outcome<Returned<R[K]>> };
}

/**
 * Runs the bodies at once, each on a fiber of its own, until the first has ended, well or badly; the others are cancelled and waited for.
 *
 * If several have ended by then, the one that stands first counts. Failures of the others are reported. Interrupted, all are
 * cancelled and waited for; once the first has ended that counts, and the interruption comes at the next suspension.
 *
 * @typeParam R The bodies.
 * @returns What the first returned.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for no bodies at all and for what is no array. What the first throws is thrown as it is.
 */
export function* race<const R extends readonly Runnable<unknown>[]>(bodies: R): Operation<Returned<R[number]>> {
  const { winner } = yield* runAll("race", "first", bodies);
  return winner!.result() as Returned<R[number]>;
}

/**
 * Runs the bodies at once, each on a fiber of its own, until the first has ended well; the others are cancelled and waited for.
 *
 * If several have ended well by then, the one that stands first counts. Failures before that are no matter; those of bodies that were
 * cancelled are reported. Interrupted, all are cancelled and waited for; once the first has ended well that counts, and the interruption
 * comes at the next suspension.
 *
 * @typeParam R The bodies.
 * @returns What the first that ended well returned.
 * @throws {AggregateError} When all have failed: their errors, in order.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for no bodies at all and for what is no array.
 *
 * @example The first server that answers
 * ```ts
 * import { any, run, sleep } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * function* ask(server: string, usec: number) {
 *   yield* sleep(usec);
 *   if (server === "broken") throw new Error("no answer");
 *   return server;
 * }
 * const answer = await run(() => any([() => ask("broken", 1), () => ask("quick", 10), () => ask("slow", 1e9)]));
 * assertEquals(answer, "quick");
 * ```
 */
export function* any<const R extends readonly Runnable<unknown>[]>(bodies: R): Operation<Returned<R[number]>> {
  const { fibers, winner } = yield* runAll("any", "success", bodies);
  if (winner === undefined) {
    throw new AggregateError(
      fibers.map(({ content }) => content),
      `Cannot get a value from any of ${fibers.length} bodies: all have failed`,
    );
  }
  return winner.result() as Returned<R[number]>;
}
