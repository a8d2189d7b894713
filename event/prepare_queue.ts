/**
 * The sources with a prepare callback, and in which order these are called (sd-event, section 6.2).
 *
 * @module
 */

import { Prioq } from "./prioq.ts";
import type { LoopCore } from "./loop_core.ts";
import type { SourceNode } from "./source_node.ts";

/** See the head of this module. */
export class PrepareQueue {
  readonly #nodes: Prioq<SourceNode> = new Prioq(before, (node, index) => node.extra!.prepareIndex = index);

  get isEmpty(): boolean {
    return this.#nodes.first === undefined;
  }

  /** It has a prepare callback now, or another one. */
  add(node: SourceNode): void {
    if (node.extra!.prepareIndex < 0) this.#nodes.add(node);
  }

  remove(node: SourceNode): void {
    if (node.extra!.prepareIndex >= 0) this.#nodes.removeAt(node.extra!.prepareIndex);
  }

  /** It went on- or offline, or has another priority. */
  changed(node: SourceNode): void {
    if (node.extra !== undefined && node.extra.prepareIndex >= 0) this.#nodes.reposition(node.extra.prepareIndex);
  }

  /** Calls each online source once in this iteration, those too that the callbacks add. */
  run(core: LoopCore): void {
    for (;;) {
      const node = this.#nodes.first;
      if (node === undefined || !node.online || node.extra!.prepareIteration === core.iteration) return;
      node.extra!.prepareIteration = core.iteration;
      this.#nodes.reposition(node.extra!.prepareIndex);
      core.call(node, prepare);
    }
  }
}

function prepare(node: SourceNode): unknown {
  return node.extra!.prepare!(node.owner);
}

/** Online first, then who was prepared longest ago, then by priority. */
function before(a: SourceNode, b: SourceNode): boolean {
  if (a.online !== b.online) return a.online;
  const x = a.extra!.prepareIteration;
  const y = b.extra!.prepareIteration;
  return x !== y ? x < y : a.rank < b.rank;
}
