/**
 * Timers of one accuracy, ordered by when they are due.
 *
 * A heap with four children a node, its keys in an array of their own: comparing does not touch the timers, but where keys are
 * equal. Then the one that came first goes first, by its `sequence`.
 *
 * @module
 */

import type { ClockQueue } from "./clock_queue.ts";
import type { DueTimers } from "./due_timers.ts";
import type { QueueNode } from "./queue_node.ts";

/** See the head of this module. */
export class TimerHeap {
  readonly queue: ClockQueue;
  /** How much later than its key each of these may fire, in microseconds. */
  readonly accuracy: number;
  /** Where this heap sits among the heaps of its clock, by first key and by first deadline; −1: it is empty. */
  earliestIndex: number = -1;
  latestIndex: number = -1;
  size: number = 0;
  #keys: Float64Array = new Float64Array(4);
  #nodes: QueueNode[] = [];

  constructor(queue: ClockQueue, accuracy: number) {
    this.queue = queue;
    this.accuracy = accuracy;
  }

  /** The smallest key; `Infinity` when empty. */
  get firstKey(): number {
    return this.size === 0 ? Infinity : this.#keys[0];
  }

  get first(): QueueNode | undefined {
    return this.#nodes[0];
  }

  /** Is it in here? */
  has(node: QueueNode): boolean {
    return node.heapIndex >= 0 && this.#nodes[node.heapIndex] === node;
  }

  add(node: QueueNode, key: number): void {
    const index = this.size++;
    if (index === this.#keys.length) this.#grow();
    this.#up(index, node, key);
  }

  /** It must be in. */
  remove(node: QueueNode): void {
    const index = node.heapIndex;
    node.heapIndex = -1;
    const size = --this.size;
    const last = this.#nodes.pop()!;
    if (index === size) return;
    const key = this.#keys[size];
    if (index > 0 && before(key, last, this.#keys[(index - 1) >> 2], this.#nodes[(index - 1) >> 2])) this.#up(index, last, key);
    else this.#down(index, last, key);
  }

  /** Another one waits in the place of one that is in: its time. */
  replace(node: QueueNode, other: QueueNode): number {
    const index = node.heapIndex;
    node.heapIndex = -1;
    other.heapIndex = index;
    other.sequence = node.sequence;
    this.#nodes[index] = other;
    return this.#keys[index];
  }

  /** How many are due by then, at most so many. No more is looked at than these and their children. */
  countDue(now: number, most: number): number {
    const keys = this.#keys;
    const open = [0];
    let count = 0;
    for (let index = open.pop(); index !== undefined && count < most; index = open.pop()) {
      if (index >= this.size || keys[index] > now) continue;
      count++;
      open.push(4 * index + 1, 4 * index + 2, 4 * index + 3, 4 * index + 4);
    }
    return count;
  }

  /** Takes out all that are due by then, which takes as long as looking at each that is in here. */
  takeDue(now: number, due: DueTimers): void {
    const keys = this.#keys;
    const nodes = this.#nodes;
    let kept = 0;
    for (let i = 0; i < this.size; i++) {
      const node = nodes[i];
      if (keys[i] <= now) {
        node.heapIndex = -1;
        due.add(node, keys[i]);
      } else {
        node.heapIndex = kept;
        nodes[kept] = node;
        keys[kept++] = keys[i];
      }
    }
    nodes.length = this.size = kept;
    for (let i = (kept + 2) >> 2; i-- > 0;) this.#down(i, nodes[i], keys[i]);
  }

  #grow(): void {
    const keys = new Float64Array(this.#keys.length * 2);
    keys.set(this.#keys);
    this.#keys = keys;
  }

  #up(index: number, node: QueueNode, key: number): void {
    const keys = this.#keys;
    const nodes = this.#nodes;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      if (!before(key, node, keys[parent], nodes[parent])) break;
      keys[index] = keys[parent];
      (nodes[index] = nodes[parent]).heapIndex = index;
      index = parent;
    }
    keys[index] = key;
    nodes[index] = node;
    node.heapIndex = index;
  }

  #down(index: number, node: QueueNode, key: number): void {
    const keys = this.#keys;
    const nodes = this.#nodes;
    const size = this.size;
    for (;;) {
      const first = 4 * index + 1;
      if (first >= size) break;
      const end = Math.min(first + 4, size);
      let least = first;
      for (let child = first + 1; child < end; child++) {
        if (before(keys[child], nodes[child], keys[least], nodes[least])) least = child;
      }
      if (!before(keys[least], nodes[least], key, node)) break;
      keys[index] = keys[least];
      (nodes[index] = nodes[least]).heapIndex = index;
      index = least;
    }
    keys[index] = key;
    nodes[index] = node;
    node.heapIndex = index;
  }
}

function before(key: number, node: QueueNode, otherKey: number, other: QueueNode): boolean {
  return key < otherKey || (key === otherKey && node.sequence < other.sequence);
}
