/**
 * The timers of one clock.
 *
 * Arming needs two heads: the timer that is due first, and the one whose window closes first. Among timers of one accuracy both
 * orders are the same, so there is a heap for each accuracy in use, and the two heads are found among the heads of the heaps.
 * Timers that wait to be dispatched, and those that are off, are in no heap; a source whose rate limit was exceeded waits among
 * those of accuracy 0 for the end of its window.
 *
 * @module
 */

import { Prioq } from "./prioq.ts";
import { TimerHeap } from "./timer_heap.ts";
import type { SourceNode } from "./source_node.ts";
import type { ClockIndex, Usec } from "./time.ts";

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
  readonly #heaps = new Map<number, TimerHeap>();
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
  get first(): SourceNode | undefined {
    return this.#earliest.first?.first;
  }

  /** Waits for `usec`, within `accuracy` of it. */
  add(node: SourceNode, usec: Usec, accuracy: Usec): void {
    const heap = this.#recent?.accuracy === accuracy ? this.#recent : this.#heapOf(accuracy);
    const firstBefore = heap.first;
    node.sequence = ++this.#arrivals;
    heap.add(node, usec);
    this.#headChanged(heap, firstBefore);
    this.needsArming = true;
  }

  #heapOf(accuracy: Usec): TimerHeap {
    let heap = this.#heaps.get(accuracy);
    if (heap === undefined) this.#heaps.set(accuracy, heap = new TimerHeap(accuracy));
    return this.#recent = heap;
  }

  /** Sets the wake-up that belongs to no timer; `Infinity` takes it back. */
  wakeAlsoAt(usec: Usec): void {
    this.alsoAt = usec;
    this.needsArming = true;
  }

  /** Takes it out, if it is in. */
  remove(node: SourceNode): void {
    const heap = node.timers;
    if (heap === undefined) return;
    const firstBefore = heap.first;
    heap.remove(node);
    this.#headChanged(heap, firstBefore);
    this.needsArming = true;
  }

  #forget(heap: TimerHeap): void {
    this.#heaps.delete(heap.accuracy);
    if (this.#recent === heap) this.#recent = undefined;
  }

  #headChanged(heap: TimerHeap, firstBefore: SourceNode | undefined): void {
    if (heap.earliestIndex < 0) {
      this.#earliest.add(heap);
      this.#latest.add(heap);
    } else if (heap.size === 0) {
      this.#earliest.removeAt(heap.earliestIndex);
      this.#latest.removeAt(heap.latestIndex);
      if (this.#heaps.size > 16) this.#forget(heap);
    } else if (heap.first !== firstBefore) {
      this.#earliest.reposition(heap.earliestIndex);
      this.#latest.reposition(heap.latestIndex);
    }
  }
}
