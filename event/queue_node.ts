/**
 * What waits in the loop's queues, as far as the queues know.
 *
 * There are three classes of it in all: every source is a node of one, every callback of a future of another, and a fiber is its own node. V8
 * reads a field of up to four classes at once, where a class for each of ten types would send it to a lookup.
 *
 * @module
 */

import type { Bucket } from "./pending_queue.ts";
import type { SourceKind } from "./source_kind.ts";

/** A source, or a task. */
export interface QueueNode {
  readonly kind: SourceKind;
  priority: number;
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
