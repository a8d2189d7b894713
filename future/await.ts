/**
 * Waiting for a future on a fiber (sd-future, section 10).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { CANCEL, type CurrentFiber, EMPTY, ERROR, type Interruption, TIMEOUT } from "./current.ts";
import { type FutureCore, UNRESOLVED } from "./future_core.ts";
import { BaseOperation } from "./operation.ts";

/** Ends when the target has resolved: with its value, or by throwing its error. */
export class AwaitOperation<T> extends BaseOperation<T> {
  declare protected readonly target: FutureCore;

  constructor(target: FutureCore) {
    super();
    this.target = target;
  }

  protected override start(fiber: CurrentFiber): boolean {
    requireAwaitable(fiber, this.target);
    fiber.requireNoCircle(this.target);
    return startWait(fiber, this.target) && this.finish();
  }

  protected override resume(fiber: CurrentFiber): boolean {
    finishWait(fiber, this.target);
    return this.finish();
  }

  protected finish(): boolean {
    this.value = this.target.result() as T;
    return true;
  }
}

/** Ends when the target has resolved, or with what came first, for waits that have something to undo: an interruption, or an `ERROR` to throw. */
export class InterruptibleWait extends BaseOperation<Interruption | undefined> {
  declare private readonly target: FutureCore;

  constructor(target: FutureCore) {
    super();
    this.target = target;
  }

  protected override start(fiber: CurrentFiber): boolean {
    if (fiber.cell !== EMPTY && this.target.state === UNRESOLVED) return this.resume(fiber);
    if (!startWait(fiber, this.target)) return false;
    this.value = undefined;
    return true;
  }

  protected override resume(fiber: CurrentFiber): boolean {
    this.value = undefined;
    if (this.target.state !== UNRESOLVED) {
      finishWait(fiber, this.target);
    } else {
      fiber.unpark();
      this.value = fiber.cell >= TIMEOUT ? fiber.takeInterruption() : { kind: ERROR, content: takeStray(fiber) };
    }
    return true;
  }
}

/** EDEADLK for the fiber's own future, EINVAL for one of another loop. */
export function requireAwaitable(fiber: CurrentFiber, target: FutureCore): void {
  if (target === fiber.future) throw new SystemError("EDEADLK", "Cannot wait for the fiber that runs: it would never end");
  if (target.core !== fiber.core) {
    throw new SystemError(
      "EINVAL",
      `Cannot wait for a future of loop '${target.core.name}' on a fiber of loop '${fiber.core.name}': use until() to bridge them`,
    );
  }
}

/** `true`: there is nothing to wait for, the target has resolved. Throws what lies in the fiber's cell instead of waiting. */
export function startWait(fiber: CurrentFiber, target: FutureCore): boolean {
  if (target.state !== UNRESOLVED) return true;
  if (fiber.cell !== EMPTY) {
    finishWait(fiber, target);
    return true;
  }
  fiber.parkOn(target);
  return false;
}

/**
 * The fiber was woken. If the target has resolved that counts, and an interruption stays queued for the next suspension: what
 * the target did, taking an item out of a channel, say, it has done.
 */
export function finishWait(fiber: CurrentFiber, target: FutureCore): void {
  endWait(fiber, target.state !== UNRESOLVED);
}

/** The same for a wait that has no future. */
export function endWait(fiber: CurrentFiber, resolved: boolean): void {
  fiber.resumed();
  const { cell } = fiber;
  if (cell === CANCEL || cell === TIMEOUT) {
    if (!resolved) throw fiber.takeError();
  } else if (cell === ERROR || !resolved) {
    throw takeStray(fiber);
  } else {
    fiber.takeValue();
  }
}

/** What is to be thrown where a fiber was woken by somebody else than its wait. */
function takeStray(fiber: CurrentFiber): unknown {
  if (fiber.cell === ERROR) return fiber.takeError();
  fiber.takeValue();
  return new SystemError("EBUSY", "The fiber was woken by somebody's resume() while it waited for a future");
}
