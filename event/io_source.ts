/**
 * Sources that wait for a descriptor (sd-event, section 9.1).
 *
 * @module
 */

import { check, SystemError } from "./errno.ts";
import { IoEvent } from "./flags.ts";
import type { LoopCore } from "./loop_core.ts";
import type { LimitedOptions, LimitedSource } from "./source.ts";
import { LimitedHandle, nodeOf } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import { clearPending, setPending } from "./source_lifecycle.ts";
import type { SourceNode } from "./source_node.ts";
import { limitedOptions, requireCallback, requireFd, requireOptions } from "./validate.ts";
import { Watch } from "./watch_table.ts";

/** Told what the descriptor is ready for, an `IoEvent` word. */
export type IoCallback = (revents: number, source: IoSource) => void;

/** What `EventLoop.addIo` takes besides. `enabled` defaults to `"on"`. */
export interface IoOptions extends LimitedOptions {
  /** Close the descriptor with the source. Default: `false`. */
  ownsFd?: boolean;
}

/** Waits for a descriptor. */
export interface IoSource extends LimitedSource {
  /** Always `"io"`. */
  readonly type: "io";
  /** The descriptor. Setting moves the registration; what it owned is closed. Throws EBADF, and what the kernel refuses. */
  fd: number;
  /** The descriptor is closed with the source. */
  ownsFd: boolean;
  /** What it waits for, an `IoEvent` word. Setting another one, or any with ET, clears `pending`. Throws EINVAL, ESTALE. */
  events: number;
  /** What is ready and not delivered yet; `undefined` when nothing is pending. */
  readonly revents: number | undefined;
}

const ALLOWED = (IoEvent.IN | IoEvent.OUT | IoEvent.PRI | IoEvent.ERR | IoEvent.HUP | IoEvent.RDHUP | IoEvent.ET) >>> 0;

function requireEvents(events: number, action: string): number {
  const word = events >>> 0;
  if ((word === events || (word | 0) === events) && (word & ~ALLOWED) === 0) return word;
  throw new SystemError("EINVAL", `Cannot ${action} for events '${events}': it takes a word of IoEvent flags`);
}

const ioOptions = [...limitedOptions, "ownsFd"];

const kind = new SourceKind({
  name: "io",
  kernelFed: true,
  rateLimitable: true,
  invoke(node) {
    const handle = node.owner as IoHandle;
    return handle.callback(handle.stored, handle);
  },
  goOnline: (node) => register(node),
  modeChanged: (node) => register(node),
  goOffline(node) {
    node.core!.watches.unregister((node.owner as IoHandle).watch);
  },
  ready(node, events) {
    const handle = node.owner as IoHandle;
    handle.stored = node.isPending ? handle.stored | events : events;
    setPending(node.core!, node);
  },
  release(node) {
    (node.owner as IoHandle).closeOwned();
  },
});

function register(node: SourceNode): number {
  return node.core!.watches.register((node.owner as IoHandle).watch);
}

class IoHandle extends LimitedHandle implements IoSource {
  declare readonly node: SourceNode;
  declare readonly watch: Watch;
  declare readonly callback: (revents: number, source: IoSource) => unknown;
  readonly #kernel: LoopCore["kernel"];
  stored: number = 0;
  ownsFd: boolean;

  constructor(core: LoopCore, fd: number, events: number, callback: IoCallback | null | undefined, options: IoOptions | undefined) {
    super();
    this.node = nodeOf(core, kind, this, "on", options);
    this.#kernel = core.kernel;
    this.watch = new Watch(this.node, fd, events);
    this.callback = callback ?? (() => core.exit(0));
    this.ownsFd = false;
    this.connectWith(core, options, `watch fd ${fd}`);
    this.ownsFd = options?.ownsFd ?? false;
  }

  override connect(core: LoopCore, action: string): this {
    try {
      return super.connect(core, action);
    } catch (error) {
      throw explain(error, this.watch.handle, action);
    }
  }

  get fd(): number {
    return this.watch.handle;
  }

  set fd(fd: number) {
    const action = `move ${this.title} to`;
    requireFd(fd, action);
    const core = this.connectedCore("move");
    const old = this.watch.handle;
    if (fd === old) return;
    if (this.watch.token < 0) this.watch.handle = fd;
    else {
      try {
        check(core.watches.move(this.watch, fd), (code) => `Cannot ${action} fd ${fd}: ${code}`);
      } catch (error) {
        throw explain(error, fd, `${action} fd ${fd}`);
      }
    }
    if (this.ownsFd) this.#kernel.close(old);
  }

  get events(): number {
    return this.watch.events;
  }

  set events(value: number) {
    const events = requireEvents(value, `watch fd ${this.fd}`);
    const core = this.liveCore("change the events of");
    const { watch } = this;
    if (events === watch.events && (events & IoEvent.ET) === 0) return;
    const before = watch.events;
    watch.events = events;
    if (watch.token >= 0) {
      const result = core.watches.register(watch);
      if (result < 0) watch.events = before;
      check(result, (code) => `Cannot watch fd ${this.fd} for events '${value}': ${code}`);
    }
    clearPending(core, this.node);
  }

  get revents(): number | undefined {
    return this.pending ? this.stored : undefined;
  }

  closeOwned(): void {
    if (this.ownsFd) this.#kernel.close(this.watch.handle);
  }

  override get type(): "io" {
    return "io";
  }
}

/** The causes that a descriptor's owner can mend. */
function explain(error: unknown, fd: number, action: string): unknown {
  if (!(error instanceof SystemError)) return error;
  if (error.code === "EEXIST") {
    return new SystemError("EEXIST", `Cannot ${action}: already watched by this loop, duplicate the descriptor instead`);
  }
  if (error.code === "EPERM") {
    return new SystemError("EPERM", `Cannot ${action}: a regular file or directory is always ready, read it directly`);
  }
  if (error.code === "EBADF") return new SystemError("EBADF", `Cannot ${action}: ${fd} is not an open descriptor`);
  return error;
}

/** See `EventLoop.addIo`. */
export function addIo(core: LoopCore, fd: number, events: number, callback?: IoCallback | null, options?: IoOptions): IoSource {
  requireFd(fd, "watch");
  const word = requireEvents(events, `watch fd ${fd}`);
  requireCallback(callback, `watch fd ${fd}`);
  requireOptions(options, ioOptions, `watch fd ${fd}`);
  core.requireLive(`watch fd ${fd}`);
  return new IoHandle(core, fd, word, callback, options);
}
