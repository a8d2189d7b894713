/**
 * What futures of the loop's events have in common: a source of their own, at the priority of the fiber that asks (sd-future, section 6).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { FINISHED } from "../event/loop_state.ts";
import { connect, dispose, setPriority } from "../event/source_lifecycle.ts";
import type { SourceKind } from "../event/source_kind.ts";
import { ONESHOT, PlainNode, type SourceNode } from "../event/source_node.ts";
import { current } from "./current.ts";
import { FutureCore, type FutureKind, UNRESOLVED } from "./future_core.ts";
import { cancelledError } from "./interruption.ts";

/** ECANCELED once exit was asked for: nothing new would ever be dispatched. */
export function requireNotExiting(core: LoopCore, action: string): void {
  if (!core.exitRequested && core.state !== FINISHED) return;
  throw new SystemError("ECANCELED", `Cannot ${action}: loop '${core.name}' is exiting`);
}

/** The priority of what is made on behalf of the code that runs. */
export function inheritedPriority(): number {
  return current?.priority ?? 0;
}

/** A oneshot source and the future that it resolves; the kind's `invoke` is to call `settled` before it resolves. */
export function sourceFuture(core: LoopCore, sourceKind: SourceKind): { node: PlainNode; future: FutureCore } {
  const node = new PlainNode(core, sourceKind, ONESHOT, inheritedPriority());
  const future = new FutureCore(core, futureKind, node);
  node.owner = future;
  return { node, future };
}

/** Hands the source to the loop: 0, or a negative errno and nothing is left behind. */
export function connectFuture(future: FutureCore): number {
  return connect(future.core, future.backing as SourceNode);
}

/** Its source has done its work. */
export function settled(future: FutureCore): void {
  dispose(future.core, future.backing as SourceNode);
}

/**
 * Nobody waits for it any more: takes its source back. Resolved it is only where users hold it; the error of a cancellation that nobody sees would cost
 * more than all the rest.
 */
export function letGo(future: FutureCore): void {
  if (future.state !== UNRESOLVED) return;
  if (future.handle === undefined) settled(future);
  else future.cancel(undefined);
}

const futureKind: FutureKind = {
  name: "event",
  cancel(future, reason) {
    settled(future);
    future.reject(cancelledError(reason));
  },
  setPriority(future, priority) {
    setPriority(future.core, future.backing as SourceNode, priority);
  },
};
