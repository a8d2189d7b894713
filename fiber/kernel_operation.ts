/**
 * Waiting for what a kernel can only promise: a name, a whole file.
 *
 * @module
 */

import { Errno, errorCode, SystemError } from "../event/errno.ts";
import type { CompletionResult, KernelOperation } from "../event/kernel/kernel.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { SourceKind } from "../event/source_kind.ts";
import { setPending } from "../event/source_lifecycle.ts";
import { Watch } from "../event/watch_table.ts";
import { InterruptibleWait } from "../future/await.ts";
import { ERROR } from "../future/current.ts";
import { connectFuture, requireNotExiting, settled, sourceFuture } from "../future/event_future.ts";
import { FULFILLED, type FutureCore } from "../future/future_core.ts";
import { type Operation, requireFiber } from "../future/operation.ts";
import { waitThrough } from "./cancel_wait.ts";

/** An operation under way; its watch is a token without a registration. */
class Completion {
  readonly future: FutureCore;
  readonly operation: KernelOperation;
  readonly watch: Watch;
  isStopped = false;
  result: CompletionResult | undefined = undefined;

  constructor(future: FutureCore, operation: KernelOperation, watch: Watch) {
    this.future = future;
    this.operation = operation;
    this.watch = watch;
  }

  /**
   * The first time asks it to end and leaves the rest to it; the second time lets go of it, as does the first when it cannot be stopped, or when
   * exit was requested: what the kernel reports is not served any more then.
   */
  end(): void {
    const { core } = this.future;
    if (this.isStopped || this.operation.kind === "resolve" || core.exitRequested) return void this.future.cancel(undefined);
    this.isStopped = true;
    core.poller.stop(this.watch.token);
  }
}

const kind = new SourceKind({
  name: "operation",
  kernelFed: true,
  goOnline(node) {
    const { watches, poller } = node.core!;
    const { watch, operation } = node.owner as Completion;
    const result = poller.start(operation, watches.reserve(watch));
    if (result < 0) watches.release(watch);
    return result;
  },
  goOffline(node) {
    const { watches, poller } = node.core!;
    const { watch } = node.owner as Completion;
    poller.abandon(watch.token);
    watches.release(watch);
  },
  ready(node) {
    const completion = node.owner as Completion;
    completion.result = node.core!.poller.takeCompletion(completion.watch.token);
    setPending(node.core!, node);
  },
  invoke(node) {
    const { future, result, isStopped } = node.owner as Completion;
    settled(future);
    // What it came to in spite of being stopped counts.
    if (isStopped && result === -Errno.ECANCELED) future.cancel(undefined);
    else future.fulfil(result);
  },
});

/**
 * What an operation of the kernel comes to, a negated errno where it is refused. Interrupted, it is asked to end and waited for, if it can
 * be stopped; it is let go of when not, at the second interruption, and in the exit phase.
 *
 * @param action As errors name it: `resolve 'localhost'`.
 */
export function* perform(core: LoopCore, operation: KernelOperation, action: string): Operation<CompletionResult> {
  const fiber = requireFiber();
  requireHost(core, action);
  requireNotExiting(core, action);
  const { node, future } = sourceFuture(core, kind);
  const completion = new Completion(future, operation, new Watch(node, -1, 0));
  node.owner = completion;
  const refused = connectFuture(future);
  if (refused < 0) return refused;
  const interruption = yield* new InterruptibleWait(future);
  if (interruption === undefined) return future.result() as CompletionResult;
  completion.end();
  const isError = interruption.kind === ERROR;
  yield* waitThrough(fiber, future, () => completion.end(), isError ? undefined : interruption);
  if (isError) throw interruption.content;
  if (future.state === FULFILLED) return future.content as CompletionResult;
  throw fiber.takeError();
}

/** What a kernel promises may take a turn of the host to come true. */
function requireHost(core: LoopCore, action: string): void {
  if (!core.blocking) return;
  throw new SystemError(
    "EDEADLK",
    `Cannot ${action}: loop '${core.name}' blocks the thread, drive it by loop() instead of loopSync()`,
  );
}

/** The error of an operation that came to `result`, a negated errno: `causes` has what says more than the code. */
export function operationError(action: string, result: number, causes: Readonly<Record<string, string>>): SystemError {
  const code = errorCode(-result);
  return new SystemError(code, `Cannot ${action}: ${causes[code] ?? code}`);
}
