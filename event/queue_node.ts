/**
 * What waits in the loop's queues, as far as the queues know.
 *
 * There are four classes of it in all: every callback of a future is a node of one, a fiber is its own node, and so is a timer of the user's; every
 * other source is a node of the fourth. V8 reads a field of up to four classes at once, where a class for each of ten types would send it to a
 * lookup.
 *
 * Where users know a thing by the same name in another shape, it has a name of its own here: a handle may be a node.
 *
 * @module
 */

import type { Bucket } from "./pending_queue.ts";
import type { SourceKind } from "./source_kind.ts";

/** A source, or a task. */
export interface QueueNode {
  readonly kind: SourceKind;
  /** Its priority. */
  rank: number;
  /** The iteration in which it became pending; for those that always are: of its last dispatch, or of its making. */
  pendingIteration: number;
  /** Counts up with each arrival in a queue: first in, first out. */
  sequence: number;
  /** The queue it waits in, and its neighbours there. */
  bucket: Bucket | undefined;
  previous: QueueNode | undefined;
  next: QueueNode | undefined;
  /** Where it is in a bucket's overflow; −1: it is not. */
  heapIndex: number;
}
