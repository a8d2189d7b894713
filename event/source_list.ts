/**
 * The sources of a loop, in the order in which they came: a list through the nodes themselves, since timers come and go by the hundred thousand.
 *
 * @module
 */

import type { SourceNode } from "./source_node.ts";

/** See the head of this module. */
export class SourceList {
  /** The one that came first. */
  first: SourceNode | undefined = undefined;
  #last: SourceNode | undefined = undefined;

  add(node: SourceNode): void {
    const last = this.#last;
    node.previousSource = last;
    if (last === undefined) this.first = node;
    else last.nextSource = node;
    this.#last = node;
  }

  /** It must be in. */
  remove(node: SourceNode): void {
    const { previousSource, nextSource } = node;
    if (previousSource === undefined) this.first = nextSource;
    else previousSource.nextSource = nextSource;
    if (nextSource === undefined) this.#last = previousSource;
    else nextSource.previousSource = previousSource;
    node.previousSource = node.nextSource = undefined;
  }

  /** All of them; none may come or go meanwhile. */
  *[Symbol.iterator](): Generator<SourceNode> {
    for (let node = this.first; node !== undefined; node = node.nextSource) yield node;
  }
}
