/**
 * How a source comes, goes on- and offline, becomes pending, moves and goes (sd-event, sections 7 and 12).
 *
 * @module
 */

import type { LoopCore } from "./loop_core.ts";
import { OFF, SourceExtra, type SourceNode } from "./source_node.ts";
import type { Usec } from "./time.ts";

/** Takes a source up. On failure, a negative errno, it has left nothing behind. */
export function connect(core: LoopCore, node: SourceNode): number {
  const enabled = node.mode;
  node.mode = OFF;
  const result = enabled === OFF ? 0 : switchOn(core, node, enabled);
  if (result < 0) {
    node.core = undefined;
    return result;
  }
  core.sources.add(node);
  if (node.kind.post) core.posts.add(node);
  core.touch();
  return 0;
}

/** Off, on or oneshot. A negative errno leaves it as it was. */
export function setEnabled(core: LoopCore, node: SourceNode, enabled: number): number {
  const before = node.mode;
  if (before === enabled) return 0;
  let result = 0;
  if (enabled === OFF) {
    if (!node.rateLimited) goOffline(core, node);
    node.mode = OFF;
    clearPending(core, node);
  } else if (before !== OFF) {
    node.mode = enabled;
    if (!node.rateLimited) result = node.kind.modeChanged(node);
    if (result < 0) node.mode = before;
  } else {
    clearPending(core, node);
    result = switchOn(core, node, enabled);
  }
  core.prepares.changed(node);
  core.touch();
  return result;
}

function switchOn(core: LoopCore, node: SourceNode, enabled: number): number {
  node.mode = enabled;
  if (node.rateLimited) return 0;
  const result = goOnline(core, node);
  if (result < 0) node.mode = OFF;
  return result;
}

/** To be called when it is enabled and not rate-limited, for the first time or again. */
export function goOnline(core: LoopCore, node: SourceNode): number {
  const result = node.kind.goOnline(node);
  if (result < 0) return result;
  if (node.kind.kernelFed) core.fed.add(node.rank);
  if (node.isPending) core.enqueue(node);
  return 0;
}

/** Takes an online source out of all that would make it run; it still reads as enabled while this happens. */
export function goOffline(core: LoopCore, node: SourceNode): void {
  if (node.bucket !== undefined) core.dequeue(node);
  if (node.kind.kernelFed) core.fed.remove(node.rank);
  node.kind.goOffline(node);
}

/** An offline source waits on the clock of rate limits until `end`. It counts as fed by the kernel: only a look at the clocks wakes it. */
export function suspend(core: LoopCore, node: SourceNode, end: Usec): void {
  node.extra!.rateLimited = true;
  core.limitClock.add(core.limitClock.suspended, node, end);
  core.fed.add(node.rank);
}

/** It waits there no longer, and is still offline. */
export function resume(core: LoopCore, node: SourceNode): void {
  node.extra!.rateLimited = false;
  core.limitClock.remove(core.limitClock.suspended, node);
  core.fed.remove(node.rank);
}

/** It has something to deliver. */
export function setPending(core: LoopCore, node: SourceNode): void {
  if (node.isPending) return;
  node.isPending = true;
  node.pendingIteration = core.iteration;
  if (!node.online) return;
  node.kind.pendingChanged(node);
  core.enqueue(node);
}

/** It has nothing to deliver any more. Of what is always pending this says nothing. */
export function clearPending(core: LoopCore, node: SourceNode): void {
  if (!node.isPending || node.kind.alwaysPending) return;
  node.isPending = false;
  if (node.bucket !== undefined) core.dequeue(node);
  node.kind.pendingChanged(node);
}

/** A negative errno leaves it as it was. */
export function setPriority(core: LoopCore, node: SourceNode, priority: number): number {
  if (node.rank === priority) return 0;
  const result = node.kind.reprioritise(node, priority);
  if (result < 0) return result;
  const queued = node.bucket !== undefined;
  const counted = node.rateLimited || (node.kind.kernelFed && node.online);
  if (queued) core.dequeue(node);
  if (counted) core.fed.remove(node.rank);
  node.rank = priority;
  if (counted) core.fed.add(priority);
  if (queued) core.enqueue(node);
  core.prepares.changed(node);
  return 0;
}

/** Sets or, with `undefined`, removes its prepare callback. */
export function setPrepare(core: LoopCore, node: SourceNode, prepare: ((owner: unknown) => unknown) | undefined): void {
  if (prepare === undefined && node.extra?.prepare === undefined) return;
  const extra = node.extra ??= new SourceExtra();
  extra.prepare = prepare;
  if (prepare === undefined) core.prepares.remove(node);
  else core.prepares.add(node);
  core.touch();
}

/** Unties a source from the loop and gives back what it owns, after its callback if that runs at this moment. */
export function dispose(core: LoopCore, node: SourceNode): void {
  if (node.core === undefined) return;
  setEnabled(core, node, OFF);
  if (node.rateLimited) resume(core, node);
  node.kind.disconnect(node);
  setPrepare(core, node, undefined);
  core.posts.delete(node);
  core.sources.remove(node);
  node.core = undefined;
  core.touch();
  core.releaseWhenIdle(node);
}
