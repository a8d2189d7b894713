/**
 * Which source the poller means by a token.
 *
 * @module
 */

import type { Poller } from "./kernel/kernel.ts";
import { ONESHOT, type SourceNode } from "./source_node.ts";

/** One handle that the poller watches for a source. */
export class Watch {
  readonly node: SourceNode;
  handle: number;
  events: number;
  /** Its place in the table while it is registered; −1: it is not. */
  token: number = -1;

  constructor(node: SourceNode, handle: number, events: number) {
    this.node = node;
    this.handle = handle;
    this.events = events;
  }
}

/** The registered watches of one loop. */
export class WatchTable {
  readonly #poller: Poller;
  readonly #watches: (Watch | undefined)[] = [];
  readonly #free: number[] = [];

  constructor(poller: Poller) {
    this.#poller = poller;
  }

  /** Whose token it is; `undefined` when it has gone meanwhile. */
  get(token: number): Watch | undefined {
    return this.#watches[token];
  }

  /** Registers, or registers anew with what the watch says now. */
  register(watch: Watch): number {
    const oneshot = watch.node.mode === ONESHOT;
    if (watch.token >= 0) return this.#poller.rewatch(watch.handle, watch.events, oneshot, watch.token);
    const token = this.reserve(watch);
    const result = this.#poller.watch(watch.handle, watch.events, oneshot, token);
    if (result < 0) this.release(watch);
    return result;
  }

  /** Moves the registration to another handle; on failure nothing has changed. */
  move(watch: Watch, handle: number): number {
    const result = this.#poller.watch(handle, watch.events, watch.node.mode === ONESHOT, watch.token);
    if (result < 0) return result;
    this.#poller.unwatch(watch.handle);
    watch.handle = handle;
    return 0;
  }

  unregister(watch: Watch): void {
    if (watch.token < 0) return;
    // The handle may be closed already, and then the kernel has forgotten it by itself.
    this.#poller.unwatch(watch.handle);
    this.release(watch);
  }

  /** A token without a registration, for a completion. */
  reserve(watch: Watch): number {
    const token = this.#free.pop() ?? this.#watches.length;
    this.#watches[token] = watch;
    return watch.token = token;
  }

  release(watch: Watch): void {
    this.#watches[watch.token] = undefined;
    this.#free.push(watch.token);
    watch.token = -1;
  }
}
