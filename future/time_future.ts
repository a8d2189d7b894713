/**
 * Futures of a time (sd-future, section 6.2).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { coreOf, type EventLoop } from "../event/event_loop.ts";
import type { LoopCore } from "../event/loop_core.ts";
import type { SourceKind } from "../event/source_kind.ts";
import { highOf, lowOf, type PlainNode } from "../event/source_node.ts";
import type { Clock, ClockIndex, Usec } from "../event/time.ts";
import { later, requireClock, timeKinds } from "../event/time_source.ts";
import { clockIndex, requireOptions, requireUsec } from "../event/validate.ts";
import { connectFuture, requireNotExiting, settled, sourceFuture } from "./event_future.ts";
import type { FutureCore } from "./future_core.ts";
import { type Future, newFutureOf } from "./future.ts";
import type { Outcome } from "./operation.ts";

/**
 * What a time future takes.
 *
 * @typeParam T Its value.
 */
export interface TimeFutureOptions<T> {
  /** How much later it may resolve, in microseconds. Default: 1. */
  accuracy?: Usec;
  /** What it resolves with. Default: fulfilled, with nothing. */
  outcome?: Outcome<T>;
}

const timeOptions = ["accuracy", "outcome"];
const relativeTimeOptions = [...timeOptions, "clock"];

const kinds: readonly SourceKind[] = timeKinds((node) => {
  const future = node.owner as FutureCore;
  const outcome = future.content as Outcome<unknown> | undefined;
  settled(future);
  if (outcome?.status === "rejected") future.reject(outcome.reason);
  else future.fulfil(outcome?.value);
}, false);

/** A future of a time, pending, and its source, which waits for none. */
export function bareTimeFuture(core: LoopCore, clock: ClockIndex): { node: PlainNode; future: FutureCore } {
  return sourceFuture(core, kinds[clock]);
}

/** The core of a future that is fulfilled with nothing at this time, or resolves with the outcome in its `content`. */
export function timeFutureCore(core: LoopCore, clock: ClockIndex, usec: Usec, accuracy: Usec): FutureCore {
  const { node, future } = sourceFuture(core, kinds[clock]);
  node.heap = core.clocks[clock].heapOf(accuracy);
  node.timeHigh = highOf(usec);
  node.timeLow = lowOf(usec);
  connectFuture(future);
  return future;
}

/**
 * Resolves at a time.
 *
 * @typeParam T Its value.
 * @param usec Absolute on the clock; `Infinity` is never.
 * @throws {SystemError} ECANCELED when the loop is exiting, EINVAL, EOPNOTSUPP (clock), EPERM (alarm clocks).
 */
export function timeFuture<T = void>(loop: EventLoop, clock: Clock, usec: Usec, options: TimeFutureOptions<T> = {}): Future<T> {
  requireOptions(options, timeOptions, "wait for a time");
  return newTimeFuture(loop, clock, usec, options);
}

function newTimeFuture<T>(loop: EventLoop, clock: Clock, usec: Usec, { accuracy = 1, outcome }: TimeFutureOptions<T>): Future<T> {
  const core = coreOf(loop);
  requireUsec(usec, "time");
  if (requireUsec(accuracy, "accuracy") === Infinity) {
    throw new SystemError("EINVAL", "Cannot use accuracy 'Infinity': a timer has to fire at some time");
  }
  requireNotExiting(core, "wait for a time");
  const future = timeFutureCore(core, requireClock(core, clock), usec, accuracy);
  future.content = outcome;
  return newFutureOf<T>(future);
}

/**
 * Resolves after a span from the loop's present.
 *
 * @typeParam T Its value.
 * @param usec Microseconds.
 * @throws {SystemError} EOVERFLOW for `Infinity`, and as {@linkcode timeFuture}. The clock defaults to monotonic.
 */
export function relativeTimeFuture<T = void>(
  loop: EventLoop,
  usec: Usec,
  options: TimeFutureOptions<T> & { clock?: Clock } = {},
): Future<T> {
  requireOptions(options, relativeTimeOptions, "wait for a time");
  const { clock = "monotonic" } = options;
  return newTimeFuture(loop, clock, later(coreOf(loop), clockIndex(clock), usec), options);
}
