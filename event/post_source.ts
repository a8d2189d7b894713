/**
 * Sources that run after others have (sd-event, section 9.7).
 *
 * @module
 */

import type { LoopCore } from "./loop_core.ts";
import type { PlainCallback, QueuedOptions, QueuedSource } from "./source.ts";
import { nodeOf, QueuedHandle } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import type { SourceNode } from "./source_node.ts";
import { queuedOptions, requireCallback, requireOptions } from "./validate.ts";

/** Becomes pending with every dispatch of another type of source; several before its turn make one run. */
export interface PostSource extends QueuedSource {
  /** Always `"post"`. */
  readonly type: "post";
}

const kind = new SourceKind({
  name: "post",
  post: true,
  invoke(node) {
    const handle = node.owner as PostHandle;
    return handle.callback(handle);
  },
});

class PostHandle extends QueuedHandle implements PostSource {
  declare readonly node: SourceNode;
  declare readonly callback: (source: PostSource) => unknown;

  constructor(core: LoopCore, callback: PlainCallback | null | undefined, options: QueuedOptions | undefined) {
    super();
    this.node = nodeOf(core, kind, this, "on", options);
    this.callback = callback ?? (() => core.exit(0));
    this.connectWith(core, options, "add a post source");
  }

  override get type(): "post" {
    return "post";
  }
}

/** See `EventLoop.addPost`. */
export function addPost(core: LoopCore, callback?: PlainCallback | null, options?: QueuedOptions): PostSource {
  requireCallback(callback, "add a post source");
  requireOptions(options, queuedOptions, "add a post source");
  core.requireLive("add a post source");
  return new PostHandle(core, callback, options);
}
