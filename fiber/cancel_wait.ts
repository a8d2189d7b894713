/**
 * Ending what runs, and waiting until it has ended (sd-future, section 11).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { CANCEL, type CurrentFiber, EMPTY, type Interruption } from "../future/current.ts";
import { type Future, futureCoreOf } from "../future/future.ts";
import { FULFILLED, type FutureCore, UNRESOLVED } from "../future/future_core.ts";
import { reasonForAll } from "../future/interruption.ts";
import { BaseOperation, type Operation, requireFiber, type Suspension } from "../future/operation.ts";

/** Waits once, and returns the interruption that ended the wait instead of throwing it. */
class QuietWait extends BaseOperation<Interruption | undefined> {
  declare private readonly target: FutureCore;

  constructor(target: FutureCore) {
    super();
    this.target = target;
  }

  protected override start(fiber: CurrentFiber): boolean {
    if (this.target.state !== UNRESOLVED) return this.end(undefined);
    if (fiber.cell !== EMPTY) return this.end(fiber.takeInterruption());
    fiber.parkOn(this.target);
    return false;
  }

  protected override resume(fiber: CurrentFiber): boolean {
    fiber.unpark();
    return this.end(fiber.takeInterruption());
  }

  private end(interruption: Interruption | undefined): true {
    this.value = interruption;
    return true;
  }
}

/** Waits until the target has resolved, cancelling what `cancel` does after each interruption. They, and one that came before, come afterwards. */
export function* waitThrough(
  fiber: CurrentFiber,
  target: FutureCore,
  cancel: () => void,
  before?: Interruption,
): Generator<Suspension, void, unknown> {
  let held = before;
  while (target.state === UNRESOLVED) {
    const interruption = yield* new QuietWait(target);
    if (interruption === undefined) continue;
    if (held?.kind !== CANCEL) held = interruption;
    if (target.state === UNRESOLVED) cancel();
  }
  if (held !== undefined) fiber.restore(held);
}

/** As {@linkcode cancelWait}, of cores; `isOwner`: what they are waited for is no matter of choice. */
export function* cancelWaitCores(targets: readonly FutureCore[], isOwner: boolean): Generator<Suspension, void, unknown> {
  const fiber = requireFiber();
  if (targets.includes(fiber.future)) {
    throw new SystemError("EDEADLK", "Cannot cancel and wait for the fiber that runs: it would never end");
  }
  const cancelAll = () => {
    const pending = targets.filter(({ state }) => state === UNRESOLVED);
    const reason = reasonForAll(pending.length, undefined, { debug: fiber.core.debug });
    for (const target of pending) cancelQuietly(target, reason);
  };
  cancelAll();
  for (const target of targets) {
    if (target.state !== UNRESOLVED) continue;
    if (target.core !== fiber.core) {
      throw new SystemError(
        "EINVAL",
        `Cannot wait for a future of loop '${target.core.name}' on a fiber of loop '${fiber.core.name}': it did not end at once, do so on a fiber of its own loop`,
      );
    }
    if (!isOwner) fiber.requireNoCircle(target);
    yield* waitThrough(fiber, target, cancelAll);
  }
}

/** Ends what a fiber left behind, then ends as its body did. */
export function* afterChildren(children: readonly FutureCore[], state: number, content: unknown): Generator<Suspension, unknown, unknown> {
  yield* cancelWaitCores(children, true);
  if (state === FULFILLED) return content;
  throw content;
}

/** The wait goes on whatever a cancel says of itself. */
function cancelQuietly(target: FutureCore, reason: unknown): void {
  try {
    target.cancel(reason);
  } catch (error) {
    target.core.report(error, { kind: "future", name: "cancel" });
  }
}

/**
 * Cancels the futures and waits until they have ended, whatever interrupts the wait.
 *
 * Suspends unless all have ended at once. Each interruption of the wait cancels them once more (that is how a stubborn process comes to
 * its SIGKILL), and shows at the next suspension after the return: the sooner of two cancellations, a cancellation before a
 * timeout. What the futures came to is not told: look at their `outcome`.
 *
 * @throws {SystemError} ESRCH off a fiber; EDEADLK for the fiber that runs, or for one whose shielded wait certainly waits for this one (see
 * `Mutex`); EINVAL for what is no future and for one of another loop that does not end at the first cancel. What a cancel throws goes to `onError`.
 *
 * @example Ending a child before its resources go
 * ```ts
 * import { cancelWait, run, sec, sleep, spawn } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * function* child() {
 *   try {
 *     yield* sleep(sec(10));
 *   } finally {
 *     log.push("child ended");
 *   }
 * }
 * await run(function* () {
 *   const fiber = spawn(child);
 *   yield* sleep(1);
 *   yield* cancelWait(fiber);
 *   log.push("go on");
 * });
 * assertEquals(log, ["child ended", "go on"]);
 * ```
 */
export function cancelWait(...futures: Future<unknown>[]): Operation<void> {
  return cancelWaitCores(futures.map((future) => futureCoreOf(future)), false);
}
