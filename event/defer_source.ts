/**
 * Sources that are always ready (sd-event, section 9.6).
 *
 * @module
 */

import type { LoopCore } from "./loop_core.ts";
import type { LimitedOptions, LimitedSource, PlainCallback } from "./source.ts";
import { LimitedHandle, nodeOf } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import type { SourceNode } from "./source_node.ts";
import { limitedOptions, requireCallback, requireOptions } from "./validate.ts";

/** Always ready: while it is enabled the loop does not sleep. */
export interface DeferSource extends LimitedSource {
  /** Always `"defer"`. */
  readonly type: "defer";
}

const kind = new SourceKind({
  name: "defer",
  alwaysPending: true,
  rateLimitable: true,
  invoke(node) {
    const handle = node.owner as DeferHandle;
    return handle.callback(handle);
  },
});

class DeferHandle extends LimitedHandle implements DeferSource {
  declare readonly node: SourceNode;
  declare readonly callback: (source: DeferSource) => unknown;

  constructor(core: LoopCore, callback: PlainCallback | null | undefined, options: LimitedOptions | undefined) {
    super();
    this.node = nodeOf(core, kind, this, "oneshot", options);
    this.callback = callback ?? (() => core.exit(0));
    this.connectWith(core, options, "add a defer source");
  }

  override get type(): "defer" {
    return "defer";
  }
}

/** See `EventLoop.addDefer`. */
export function addDefer(core: LoopCore, callback?: PlainCallback | null, options?: LimitedOptions): DeferSource {
  requireCallback(callback, "add a defer source");
  requireOptions(options, limitedOptions, "add a defer source");
  core.requireLive("add a defer source");
  return new DeferHandle(core, callback, options);
}
