/**
 * Being told once when a descriptor is ready, without taking anything from it.
 *
 * @module
 */

import { check } from "../event/errno.ts";
import { SourceKind } from "../event/source_kind.ts";
import { connect, dispose, setPending, setPriority } from "../event/source_lifecycle.ts";
import { ONESHOT, PlainNode, type SourceNode } from "../event/source_node.ts";
import { Watch } from "../event/watch_table.ts";
import type { FiberCore } from "./fiber_core.ts";
import type { PollEntry } from "./poll.ts";

const kind = new SourceKind({
  name: "readiness",
  kernelFed: true,
  goOnline: (node) => node.core!.watches.register((node.owner as Readiness).watch),
  goOffline: (node) => node.core!.watches.unregister((node.owner as Readiness).watch),
  ready(node, events) {
    (node.owner as Readiness).revents |= events;
    setPending(node.core!, node);
  },
  invoke: (node) => (node.owner as Readiness).told(),
  release(node) {
    const { core, watch } = node.owner as Readiness;
    core.kernel.close(watch.handle);
  },
});

/** A watch of a duplicate: the caller's descriptor stays the caller's, and others may wait for it too. */
export class Readiness {
  readonly core: FiberCore["core"];
  readonly watch: Watch;
  /** What it is ready for. */
  revents: number = 0;
  readonly #node: SourceNode;
  readonly #told: () => void;

  /** Watches at the fiber's priority. Throws what the kernel refuses. */
  constructor({ core, priority }: FiberCore, { fd, events }: PollEntry, told: () => void) {
    const duplicate = check(core.kernel.duplicate(fd), (code) => `Cannot wait for fd ${fd}: ${code}`, "fcntl");
    const node = new PlainNode(core, kind, ONESHOT, priority);
    node.owner = this;
    this.core = core;
    this.watch = new Watch(node, duplicate, events);
    this.#node = node;
    this.#told = told;
    const result = connect(core, node);
    if (result < 0) core.kernel.close(duplicate);
    check(result, (code) => `Cannot wait for fd ${fd}: ${code}`, "epoll_ctl");
  }

  told(): void {
    this.dispose();
    this.#told();
  }

  /** Watches no more; twice does nothing. */
  dispose(): void {
    dispose(this.core, this.#node);
  }

  setPriority(priority: number): void {
    if (this.#node.core !== undefined) setPriority(this.core, this.#node, priority);
  }
}
