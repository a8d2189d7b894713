/**
 * Nodes without a loop, for the tests of the queues.
 *
 * @module
 */

import type { LoopCore } from "../../event/loop_core.ts";
import { SourceKind } from "../../event/source_kind.ts";
import { ON, PlainNode, type SourceNode } from "../../event/source_node.ts";

const kind = new SourceKind({ name: "node of a test", invoke() {} });

/** A node that is pending since this iteration, as far as a queue can tell. */
export function pendingNode(priority: number, pendingIteration: number): SourceNode {
  const node = new PlainNode({ iteration: pendingIteration } as LoopCore, kind, ON, priority);
  node.isPending = true;
  return node;
}
