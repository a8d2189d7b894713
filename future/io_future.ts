/**
 * Futures of a descriptor's readiness (sd-future, section 6.3).
 *
 * @module
 */

import { check, errorCode, systemError } from "../event/errno.ts";
import { coreOf, type EventLoop } from "../event/event_loop.ts";
import { IoEvent } from "../event/flags.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { SourceKind } from "../event/source_kind.ts";
import { setPending } from "../event/source_lifecycle.ts";
import { requireFd } from "../event/validate.ts";
import { Watch } from "../event/watch_table.ts";
import { connectFuture, requireNotExiting, settled, sourceFuture } from "./event_future.ts";
import type { FutureCore } from "./future_core.ts";
import { type Future, newFutureOf } from "./future.ts";

const ENOTSOCK = -88;

/** A watch of a duplicate, which it owns: several may wait for one descriptor, and the caller's stays the caller's. */
class Readiness {
  readonly future: FutureCore;
  readonly watch: Watch;
  revents: number = 0;

  constructor(future: FutureCore, watch: Watch) {
    this.future = future;
    this.watch = watch;
  }
}

const kind = new SourceKind({
  name: "io",
  kernelFed: true,
  goOnline: (node) => node.core!.watches.register((node.owner as Readiness).watch),
  goOffline: (node) => node.core!.watches.unregister((node.owner as Readiness).watch),
  ready(node, events) {
    (node.owner as Readiness).revents |= events;
    setPending(node.core!, node);
  },
  invoke(node) {
    const { future, watch, revents } = node.owner as Readiness;
    const error = (revents & IoEvent.ERR) === 0 ? 0 : future.core.kernel.socketError(watch.handle);
    settled(future);
    if (error < 0 && error !== ENOTSOCK) future.reject(systemError(error, `The descriptor holds an error: ${errorCode(-error)}`));
    else future.fulfil(revents);
  },
  release(node) {
    const { future, watch } = node.owner as Readiness;
    future.core.kernel.close(watch.handle);
  },
});

/** The core of a future of readiness. Throws what the kernel refuses. */
export function ioFutureCore(core: LoopCore, fd: number, events: number): FutureCore {
  const duplicate = check(core.kernel.duplicate(fd), (code) => `Cannot wait for fd ${fd}: ${code}`, "fcntl");
  const { node, future } = sourceFuture(core, kind);
  node.owner = new Readiness(future, new Watch(node, duplicate, events));
  const result = connectFuture(future);
  if (result < 0) core.kernel.close(duplicate);
  check(result, (code) => `Cannot wait for fd ${fd}: ${code}`, "epoll_ctl");
  return future;
}

/**
 * Resolves once with what the descriptor is ready for, an `IoEvent` word; rejects with the error that a socket holds.
 *
 * @param fd Stays yours, and may be closed or waited for by others meanwhile.
 * @param events An `IoEvent` word.
 * @throws {SystemError} ECANCELED when the loop is exiting, EBADF, EPERM for a regular file.
 */
export function ioFuture(loop: EventLoop, fd: number, events: number): Future<number> {
  const core = coreOf(loop);
  requireFd(fd, "wait for");
  requireNotExiting(core, `wait for fd ${fd}`);
  return newFutureOf<number>(ioFutureCore(core, fd, events));
}
