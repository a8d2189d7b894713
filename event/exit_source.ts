/**
 * Sources that run when the loop exits (sd-event, section 13).
 *
 * @module
 */

import { SystemError } from "./errno.ts";
import type { LoopCore } from "./loop_core.ts";
import type { Source, SourceOptions } from "./source.ts";
import { nodeOf, SourceHandle } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import type { SourceNode } from "./source_node.ts";
import { requireOptions, sourceOptions } from "./validate.ts";

/** Told which source it belongs to. */
export type ExitCallback = (source: ExitSource) => void;

/** Dispatched once exit has been requested, in order of priority. One that is `"on"` keeps the loop from finishing until it is turned off. */
export interface ExitSource extends Source {
  /** Always `"exit"`. */
  readonly type: "exit";
}

const kind = new SourceKind({
  name: "exit",
  alwaysPending: true,
  exit: true,
  invoke(node) {
    const handle = node.owner as ExitHandle;
    return handle.callback(handle);
  },
});

class ExitHandle extends SourceHandle implements ExitSource {
  declare readonly node: SourceNode;
  declare readonly callback: (source: ExitSource) => unknown;

  constructor(core: LoopCore, callback: ExitCallback, options: SourceOptions | undefined) {
    super();
    this.node = nodeOf(core, kind, this, "oneshot", options);
    this.callback = callback;
    this.connect(core, "add an exit source");
  }

  override get type(): "exit" {
    return "exit";
  }
}

/** See `EventLoop.addExit`. */
export function addExit(core: LoopCore, callback: ExitCallback, options?: SourceOptions): ExitSource {
  if (typeof callback !== "function") {
    throw new SystemError("EINVAL", `Cannot add an exit source with a callback of type ${typeof callback}: it takes a function`);
  }
  requireOptions(options, sourceOptions, "add an exit source");
  core.requireLive("add an exit source");
  return new ExitHandle(core, callback, options);
}
