/**
 * Futures that resolve as soon as their priority allows (sd-future, section 6.1).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { coreOf, type EventLoop } from "../event/event_loop.ts";
import { SourceKind } from "../event/source_kind.ts";
import { connectFuture, requireNotExiting, settled, sourceFuture } from "./event_future.ts";
import type { FutureCore } from "./future_core.ts";
import { type Future, newFutureOf } from "./future.ts";
import type { Outcome } from "./operation.ts";

const kind = new SourceKind({
  name: "defer",
  alwaysPending: true,
  invoke(node) {
    const future = node.owner as FutureCore;
    const outcome = future.content as Outcome<unknown>;
    settled(future);
    if (outcome.status === "rejected") future.reject(outcome.reason);
    else future.fulfil(outcome.value);
  },
});

/**
 * Resolves with this outcome in the next iteration that its priority allows.
 *
 * @typeParam T Its value.
 * @throws {SystemError} ECANCELED when the loop is exiting, EINVAL for what is no outcome.
 */
export function deferFuture<T>(loop: EventLoop, outcome: Outcome<T>): Future<T> {
  const core = coreOf(loop);
  if (!["fulfilled", "rejected"].includes(outcome?.status)) {
    throw new SystemError(
      "EINVAL",
      'Cannot make a future of this outcome: it takes { status: "fulfilled", value } or { status: "rejected", reason }',
    );
  }
  requireNotExiting(core, "make a future");
  const { future } = sourceFuture(core, kind);
  future.content = outcome;
  connectFuture(future);
  return newFutureOf<T>(future);
}
