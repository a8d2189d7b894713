/**
 * The queue of what can be dispatched: by priority, then by pending iteration, then first in, first out.
 *
 * Most arrivals are the latest of their priority, so each priority has a list and the common case is to append to it. An arrival
 * with an older key (a defer source that is enabled again keeps the iteration of its last dispatch) looks for its place a few steps
 * from either end; where that does not find it, it goes to a small heap beside the list, and the head is the better of the two.
 * What is offline is not in the queue at all, which is the same as sorting it last: a queue whose best entry is offline has
 * nothing to dispatch.
 *
 * @module
 */

import { Prioq } from "./prioq.ts";
import type { QueueNode } from "./queue_node.ts";

/** How far an arrival looks for its place from either end of the list. */
const REACH = 8;

/** All that waits at one priority. */
export class Bucket {
  readonly queue: PendingQueue;
  readonly priority: number;
  head: QueueNode | undefined = undefined;
  tail: QueueNode | undefined = undefined;
  overflow: Prioq<QueueNode> | undefined = undefined;
  /** Where it stands among the buckets of its queue; −1: it does not. It may be empty all the same. */
  index: number = -1;

  constructor(queue: PendingQueue, priority: number) {
    this.queue = queue;
    this.priority = priority;
  }

  get first(): QueueNode | undefined {
    const spilled = this.overflow?.first;
    if (spilled === undefined) return this.head;
    return this.head === undefined || earlier(spilled, this.head) ? spilled : this.head;
  }
}

function earlier(a: QueueNode, b: QueueNode): boolean {
  if (a.pendingIteration !== b.pendingIteration) return a.pendingIteration < b.pendingIteration;
  return a.sequence < b.sequence;
}

function storeIndex(node: QueueNode, index: number): void {
  node.heapIndex = index;
}

/** See the head of this module. */
export class PendingQueue {
  /** The best priority first. The empty ones are dropped when they come to the front, but the last: it will be needed again. */
  readonly #listed: Prioq<Bucket> = new Prioq((a, b) => a.priority < b.priority, (bucket, index) => bucket.index = index);
  readonly #buckets = new Map<number, Bucket>();
  /** The bucket of the last arrival, as long as it is listed: most have the same priority as the one before. */
  #latest: Bucket | undefined = undefined;
  /** How many have ever come: the sequence number of the last arrival. */
  arrivals: number = 0;

  /** What goes first, or nothing. */
  get first(): QueueNode | undefined {
    const listed = this.#listed;
    for (let bucket = listed.first; bucket !== undefined; bucket = listed.first) {
      const node = bucket.first;
      if (node !== undefined || listed.size === 1) return node;
      listed.removeAt(0);
      if (bucket === this.#latest) this.#latest = undefined;
    }
    return undefined;
  }

  /** Puts it in its place; it must not be in a queue or a list. What seldom happens stands elsewhere: this is compiled into the code of its callers. */
  add(node: QueueNode): void {
    const latest = this.#latest;
    const bucket = latest !== undefined && latest.priority === node.rank ? latest : this.#bucketOf(node.rank);
    node.bucket = bucket;
    node.sequence = ++this.arrivals;
    const { tail } = bucket;
    if (tail === undefined) {
      bucket.head = bucket.tail = node;
    } else if (node.pendingIteration >= tail.pendingIteration) {
      node.previous = tail;
      tail.next = node;
      bucket.tail = node;
    } else {
      insertEarlier(bucket, node);
    }
  }

  /** Takes it out; it must be in this queue. */
  remove(node: QueueNode): void {
    const bucket = node.bucket!;
    node.bucket = undefined;
    if (node.heapIndex >= 0) {
      bucket.overflow!.removeAt(node.heapIndex);
      return;
    }
    const { previous, next } = node;
    if (previous === undefined) bucket.head = next;
    else previous.next = next;
    if (next === undefined) bucket.tail = previous;
    else next.previous = previous;
    node.previous = node.next = undefined;
  }

  /** Another one waits in the place of one that is in this queue. */
  replace(node: QueueNode, other: QueueNode): void {
    const bucket = other.bucket = node.bucket!;
    other.pendingIteration = node.pendingIteration;
    other.sequence = node.sequence;
    if (node.heapIndex >= 0) {
      node.bucket = undefined;
      bucket.overflow!.replaceAt(node.heapIndex, other);
      return;
    }
    const { previous } = node;
    this.remove(node);
    insertAfter(bucket, previous, other);
  }

  /** Everything in it, in no promised order. */
  *[Symbol.iterator](): Generator<QueueNode> {
    for (const bucket of this.#listed) {
      for (let node = bucket.head; node !== undefined; node = node.next) yield node;
    }
    for (const bucket of this.#listed) {
      const spilled = bucket.overflow;
      if (spilled !== undefined) yield* spilled;
    }
  }

  /** Lists it, too. */
  #bucketOf(priority: number): Bucket {
    let bucket = this.#buckets.get(priority);
    if (bucket === undefined) {
      if (this.#buckets.size >= 1024) this.#forgetEmpty();
      bucket = new Bucket(this, priority);
      this.#buckets.set(priority, bucket);
    }
    if (bucket.index < 0) this.#listed.add(bucket);
    this.#latest = bucket;
    return bucket;
  }

  #forgetEmpty(): void {
    for (const [priority, bucket] of this.#buckets) {
      if (bucket.index < 0) this.#buckets.delete(priority);
    }
  }
}

function insertAfter(bucket: Bucket, previous: QueueNode | undefined, node: QueueNode): void {
  const next = previous === undefined ? bucket.head : previous.next;
  node.previous = previous;
  node.next = next;
  if (previous === undefined) bucket.head = node;
  else previous.next = node;
  if (next === undefined) bucket.tail = node;
  else next.previous = node;
}

/** Its key is below the tail's. An arrival's sequence is the highest, so it goes behind its equals. */
function insertEarlier(bucket: Bucket, node: QueueNode): void {
  if (node.pendingIteration < bucket.head!.pendingIteration) return insertAfter(bucket, undefined, node);
  let back = bucket.tail!.previous;
  let front = bucket.head!;
  for (let step = 0; step < REACH; step++) {
    if (back!.pendingIteration <= node.pendingIteration) return insertAfter(bucket, back, node);
    back = back!.previous;
    const next = front.next!;
    if (next.pendingIteration > node.pendingIteration) return insertAfter(bucket, front, node);
    front = next;
  }
  bucket.overflow ??= new Prioq(earlier, storeIndex);
  bucket.overflow.add(node);
}
