/**
 * Names of hosts.
 *
 * @module
 */

import { check, errorCode, SystemError } from "../event/errno.ts";
import type { CompletionResult } from "../event/kernel/kernel.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { SourceKind } from "../event/source_kind.ts";
import { setPending } from "../event/source_lifecycle.ts";
import { Watch } from "../event/watch_table.ts";
import { AwaitOperation } from "../future/await.ts";
import { connectFuture, settled, sourceFuture } from "../future/event_future.ts";
import { type FutureCore, UNRESOLVED } from "../future/future_core.ts";
import type { Operation } from "../future/operation.ts";

/** A name that is being looked up; its watch is a token without a registration. */
class Query {
  readonly future: FutureCore;
  readonly hostname: string;
  readonly watch: Watch;
  result: CompletionResult | undefined = undefined;

  constructor(future: FutureCore, hostname: string, watch: Watch) {
    this.future = future;
    this.hostname = hostname;
    this.watch = watch;
  }
}

const kind = new SourceKind({
  name: "resolve",
  kernelFed: true,
  goOnline(node) {
    const { watches, poller } = node.core!;
    const { watch, hostname } = node.owner as Query;
    const result = poller.start({ kind: "resolve", hostname }, watches.reserve(watch));
    if (result < 0) watches.release(watch);
    return result;
  },
  goOffline(node) {
    const { watches, poller } = node.core!;
    const { watch } = node.owner as Query;
    poller.abandon(watch.token);
    watches.release(watch);
  },
  ready(node) {
    const query = node.owner as Query;
    query.result = node.core!.poller.takeCompletion(query.watch.token);
    setPending(node.core!, node);
  },
  invoke(node) {
    const { future, hostname, result } = node.owner as Query;
    settled(future);
    if (typeof result !== "number") return future.fulfil(result);
    const code = errorCode(-result);
    future.reject(new SystemError(code, `Cannot resolve '${hostname}': ${code === "ENOENT" ? "the name has no address" : code}`));
  },
});

/** The numeric addresses of a hostname, in the resolver's order. Interrupted, nothing is left behind. */
export function* resolve(core: LoopCore, hostname: string): Operation<readonly string[]> {
  if (core.blocking) {
    // What a kernel promises may take a turn of the host to come true.
    throw new SystemError(
      "EDEADLK",
      `Cannot resolve '${hostname}': loop '${core.name}' blocks the thread, drive it by loop() instead of loopSync()`,
    );
  }
  const { node, future } = sourceFuture(core, kind);
  node.owner = new Query(future, hostname, new Watch(node, -1, 0));
  check(connectFuture(future), (code) => `Cannot resolve '${hostname}': ${code}`, "getaddrinfo");
  try {
    return yield* new AwaitOperation<readonly string[]>(future);
  } finally {
    if (future.state === UNRESOLVED) future.cancel(undefined);
  }
}
