/**
 * Sources that are told when the realtime clock is set (sd-event, section 19).
 *
 * @module
 */

import { check } from "./errno.ts";
import { IoEvent } from "./flags.ts";
import type { LoopCore } from "./loop_core.ts";
import type { PlainCallback, QueuedOptions, QueuedSource } from "./source.ts";
import { nodeOf, QueuedHandle } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import { setPending } from "./source_lifecycle.ts";
import type { SourceNode } from "./source_node.ts";
import { queuedOptions, requireCallback, requireOptions } from "./validate.ts";
import { Watch } from "./watch_table.ts";

/** Told each time that somebody sets the realtime clock; several settings before its turn, and while it is off, make one call. */
export interface TimeChangeSource extends QueuedSource {
  /** Always `"time-change"`. */
  readonly type: "time-change";
}

const kind = new SourceKind({
  name: "time-change",
  kernelFed: true,
  invoke(node) {
    const handle = node.owner as TimeChangeHandle;
    handle.takeNote();
    return handle.callback(handle);
  },
  goOnline: (node) => register(node),
  modeChanged: (node) => register(node),
  goOffline: (node) => node.core!.watches.unregister((node.owner as TimeChangeHandle).watch),
  ready: (node) => setPending(node.core!, node),
  release: (node) => (node.owner as TimeChangeHandle).close(),
});

function register(node: SourceNode): number {
  return node.core!.watches.register((node.owner as TimeChangeHandle).watch);
}

/** What the system has to say beside the fact. */
const noise = new Uint8Array(8);

class TimeChangeHandle extends QueuedHandle implements TimeChangeSource {
  declare readonly node: SourceNode;
  declare readonly callback: (source: TimeChangeSource) => unknown;
  declare readonly watch: Watch;
  readonly #kernel: LoopCore["kernel"];

  constructor(core: LoopCore, handle: number, callback: PlainCallback | null | undefined, options: QueuedOptions | undefined) {
    super();
    this.node = nodeOf(core, kind, this, "on", options);
    this.#kernel = core.kernel;
    this.watch = new Watch(this.node, handle, IoEvent.IN);
    this.callback = callback ?? (() => core.exit(0));
    this.connectWith(core, options, "watch the realtime clock");
  }

  /** From now on the next setting counts. */
  takeNote(): void {
    this.#kernel.tryRead(this.watch.handle, noise);
  }

  close(): void {
    this.#kernel.close(this.watch.handle);
  }

  override get type(): "time-change" {
    return "time-change";
  }
}

/** See `EventLoop.addTimeChange`. */
export function addTimeChange(core: LoopCore, callback?: PlainCallback | null, options?: QueuedOptions): TimeChangeSource {
  requireCallback(callback, "watch the realtime clock");
  requireOptions(options, queuedOptions, "watch the realtime clock");
  core.requireLive("watch the realtime clock");
  const handle = check(core.kernel.openTimeChange(), (code) => `Cannot watch the realtime clock: ${code}`);
  try {
    return new TimeChangeHandle(core, handle, callback, options);
  } catch (error) {
    core.kernel.close(handle);
    throw error;
  }
}
