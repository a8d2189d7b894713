/**
 * Whose child a fiber is.
 *
 * All fibers of a loop that have not ended form a tree: under each fiber those that it spawned, under the loop those that nobody
 * on it did, and the floating ones. When exit is asked for, the loop unwinds its own; they in turn end theirs.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore, LoopWatcher } from "../event/loop_core.ts";
import type { FutureCore } from "../future/future_core.ts";
import { CancelledError } from "../future/interruption.ts";
import { type FailureOwner, reportSoon } from "../future/unseen_failure.ts";
import type { FiberCore } from "./fiber_core.ts";

/** A fiber, or the loop. */
export interface FiberParent extends FailureOwner {
  readonly parent?: FiberParent | undefined;
  /** It is known that something may interrupt it, and end its children. */
  readonly mayBeInterrupted?: boolean;
  firstChild: FiberCore | undefined;
}

/** The loop, as the parent of its fibers. */
class Root implements FiberParent, LoopWatcher {
  firstChild: FiberCore | undefined = undefined;
  exitError: CancelledError | undefined = undefined;

  futureFailed(child: FutureCore): void {
    reportSoon(child);
  }

  exitRequested(): void {
    for (const fiber of childrenOf(this).reverse()) fiber.unwind();
  }

  ended(): void {
    const stranded = childrenOf(this).reverse();
    for (const fiber of stranded) {
      for (const child of childrenOf(fiber).reverse()) stranded.push(child);
      fiber.strand();
    }
  }
}

const roots = new WeakMap<LoopCore, Root>();

/** The loop, as a parent. */
export function rootOf(core: LoopCore): FiberParent {
  return ownRootOf(core);
}

/** What a fiber gets that is to end because its loop exits: the same error for all, but for whoever debugs. */
export function exitErrorOf(core: LoopCore): CancelledError {
  return core.debug ? exitError(core) : ownRootOf(core).exitError ??= exitError(core);
}

/** Such an error of its own. */
export function exitError(core: LoopCore): CancelledError {
  return new CancelledError(new SystemError("ECANCELED", `Loop '${core.name}' is exiting`), `exit of loop '${core.name}'`);
}

function ownRootOf(core: LoopCore): Root {
  let root = roots.get(core);
  if (root === undefined) {
    roots.set(core, root = new Root());
    core.watchers.add(root);
  }
  return root;
}

/** Makes a fiber a child, the youngest first. */
export function joinFamily(parent: FiberParent, child: FiberCore): void {
  const { firstChild } = parent;
  child.parent = parent;
  child.nextSibling = firstChild;
  if (firstChild !== undefined) firstChild.previousSibling = child;
  parent.firstChild = child;
}

/** It has ended. It still knows whose child it was. */
export function leaveFamily(parent: FiberParent, child: FiberCore): void {
  const { previousSibling, nextSibling } = child;
  if (previousSibling === undefined) parent.firstChild = nextSibling;
  else previousSibling.nextSibling = nextSibling;
  if (nextSibling !== undefined) nextSibling.previousSibling = previousSibling;
  child.previousSibling = child.nextSibling = undefined;
}

/** The children of a fiber, or of the loop, that have not ended. */
export function childrenOf(fiber: FiberParent): FiberCore[] {
  const children: FiberCore[] = [];
  for (let child = fiber.firstChild; child !== undefined; child = child.nextSibling) children.push(child);
  return children;
}

/** A body that fails could not wait for its children, but one that returns could have. */
export function reportLeftBehind(fiber: FiberCore, children: readonly FiberCore[]): void {
  const message = `Fiber '${fiber.name}' returned with children running: ${namesOf(children)}; wait for them, or spawn them in a scope`;
  fiber.core.report(new SystemError("EBUSY", message), fiber.errorOrigin());
}

/** For a message: "'a', 'b'". */
function namesOf(fibers: readonly FiberCore[]): string {
  return fibers.map((fiber) => `'${fiber.name}'`).join(", ");
}
