/**
 * The timers of one clock.
 *
 * Arming needs two heads: the timer that is due first, and the one whose window closes first. Among timers of one accuracy both
 * orders are the same, so there is a heap for each accuracy in use, and the two heads are found among the heads of the heaps.
 * Timers that wait to be dispatched, and those that are off, are in no heap. A source whose rate limit was exceeded, of whatever type, waits in a
 * heap of its own for the end of its window.
 *
 * @module
 */

import { DueTimers } from "./due_timers.ts";
import { Prioq } from "./prioq.ts";
import { TimerHeap } from "./timer_heap.ts";
import type { QueueNode } from "./queue_node.ts";
import type { ClockIndex, Usec } from "./time.ts";

/** So many timers are worth more than a look each, and one in so many of those that wait; so many accuracies are worth remembering. */
const MANY = 16;

/** See the head of this module. */
export class ClockQueue {
  readonly clock: ClockIndex;
  /** What the kernel's wake-up is set to; `Infinity`: none, or it has fired. */
  armedAt: Usec = Infinity;
  /** Something changed since it was set. */
  needsArming: boolean = false;
  /** Counts the arrivals: of two timers for one moment the first comes first. */
  #arrivals: number = 0;
  /** A wake-up that belongs to no timer. */
  alsoAt: Usec = Infinity;
  /** Sources that wait for the end of a rate limit's window. */
  readonly suspended: TimerHeap = new TimerHeap(this, 0);
  readonly #heaps = new Map<number, TimerHeap>();
  /** How many heaps there may be before the empty ones are dropped. */
  #most: number = MANY;
  /** The one of the last arrival: most have the same accuracy as the one before. */
  #recent: TimerHeap | undefined = undefined;
  readonly #earliest = new Prioq<TimerHeap>(
    (a, b) => a.firstKey < b.firstKey || (a.firstKey === b.firstKey && a.first!.sequence < b.first!.sequence),
    (heap, index) => heap.earliestIndex = index,
  );
  readonly #latest = new Prioq<TimerHeap>(
    (a, b) => a.firstKey + a.accuracy < b.firstKey + b.accuracy,
    (heap, index) => heap.latestIndex = index,
  );

  constructor(clock: ClockIndex) {
    this.clock = clock;
  }

  get size(): number {
    return this.#earliest.size;
  }

  /** When the first timer is due; `Infinity` when none is. */
  get earliest(): Usec {
    return this.#earliest.first?.firstKey ?? Infinity;
  }

  /** When the first window closes. */
  get latest(): Usec {
    const heap = this.#latest.first;
    return heap === undefined ? Infinity : heap.firstKey + heap.accuracy;
  }

  /** Whose turn it is first. */
  get first(): QueueNode | undefined {
    return this.#earliest.first?.first;
  }

  /** The heap of those with this accuracy. */
  heapOf(accuracy: Usec): TimerHeap {
    if (this.#recent?.accuracy === accuracy) return this.#recent;
    let heap = this.#heaps.get(accuracy);
    if (heap === undefined) {
      if (this.#heaps.size >= this.#most) this.#forgetEmpty();
      this.#heaps.set(accuracy, heap = new TimerHeap(this, accuracy));
    }
    return this.#recent = heap;
  }

  /** Waits in a heap of this clock for `usec`. */
  add(heap: TimerHeap, node: QueueNode, usec: Usec): void {
    const firstBefore = heap.first;
    node.sequence = ++this.#arrivals;
    heap.add(node, usec);
    if (heap.first !== firstBefore) this.#headChanged(heap);
    this.needsArming = true;
  }

  /** Sets the wake-up that belongs to no timer; `Infinity` takes it back. */
  wakeAlsoAt(usec: Usec): void {
    this.alsoAt = usec;
    this.needsArming = true;
  }

  /** Takes it out of the heap that it is in. */
  remove(heap: TimerHeap, node: QueueNode): void {
    const firstBefore = heap.first;
    heap.remove(node);
    if (heap.first !== firstBefore) this.#headChanged(heap);
    this.needsArming = true;
  }

  /**
   * Takes out all that are due by then at once, if they are many, and a good part of all that wait: one by one each would go through its
   * heap. Not where a rate limit ends among them, since that may have a callback.
   */
  takeDue(now: Usec): DueTimers | undefined {
    if (this.suspended.firstKey <= now) return undefined;
    let size = 0;
    for (const heap of this.#earliest) {
      if (heap.firstKey <= now) size += heap.size;
    }
    if (!this.#areDue(Math.max(MANY, size / MANY), now)) return undefined;
    const due = new DueTimers(size);
    for (const heap of [...this.#earliest]) {
      if (heap.firstKey > now) continue;
      heap.takeDue(now, due);
      this.#headChanged(heap);
    }
    this.needsArming = true;
    return due;
  }

  /** Whether so many are due by then. */
  #areDue(count: number, now: Usec): boolean {
    for (const heap of this.#earliest) {
      if (heap.firstKey <= now) count -= heap.countDue(now, count);
      if (count <= 0) return true;
    }
    return false;
  }

  #headChanged(heap: TimerHeap): void {
    if (heap.earliestIndex < 0) {
      this.#earliest.add(heap);
      this.#latest.add(heap);
    } else if (heap.size === 0) {
      this.#earliest.removeAt(heap.earliestIndex);
      this.#latest.removeAt(heap.latestIndex);
    } else {
      this.#earliest.reposition(heap.earliestIndex);
      this.#latest.reposition(heap.latestIndex);
    }
  }

  /** Those that nobody waits in. Who waited in one, and comes back, still knows it: there may be another one of this accuracy by then. */
  #forgetEmpty(): void {
    for (const [accuracy, heap] of this.#heaps) {
      if (heap.size === 0) this.#heaps.delete(accuracy);
    }
    this.#most = Math.max(MANY, 2 * this.#heaps.size);
  }
}
