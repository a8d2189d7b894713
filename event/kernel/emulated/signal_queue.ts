/**
 * The signals that wait for one poller.
 *
 * @module
 */

import type { Result, SignalRecord } from "../kernel.ts";

/** The first signal that is kept as often as it is sent. */
const firstRealtime = 32;

/** Who gets which signals of this process. */
export interface SignalClaims {
  /** Lets the queue have what arrives of this signal. */
  claim(signal: number, queue: SignalQueue): Result;
  /** Takes the claim back, with the records that wait. */
  release(signal: number, queue: SignalQueue): void;
  /** Which signals the queue has claimed. */
  claimedBy(queue: SignalQueue): number[];
}

/** The records of one poller: they arrive, `drain` makes them visible, `take` hands them out. */
export class SignalQueue {
  readonly #waiting = new Map<number, SignalRecord[]>();
  #arrived: SignalRecord[] = [];
  readonly #onArrival: () => void;

  /** `onArrival` is told of each record. */
  constructor(onArrival: () => void) {
    this.#onArrival = onArrival;
  }

  /** How many visible records wait. */
  get size(): number {
    let size = 0;
    for (const records of this.#waiting.values()) size += records.length;
    return size;
  }

  /** Whether there is something to drain. */
  get hasArrivals(): boolean {
    return this.#arrived.length > 0;
  }

  /** Adds a record; a classic signal of which one waits already is merged with that. */
  arrive(record: SignalRecord): void {
    if (record.signal < firstRealtime && this.#has(record.signal)) return;
    this.#arrived.push(record);
    this.#onArrival();
  }

  /** Makes visible what has arrived. */
  drain(): void {
    for (const record of this.#arrived) {
      const records = this.#waiting.get(record.signal);
      if (records === undefined) this.#waiting.set(record.signal, [record]);
      else records.push(record);
    }
    this.#arrived = [];
  }

  /** The oldest visible record of the lowest signal in the set. */
  take(set: readonly number[]): SignalRecord | undefined {
    const signal = Math.min(...set.filter((each) => this.#waiting.has(each)));
    const records = this.#waiting.get(signal);
    if (records?.length === 1) this.#waiting.delete(signal);
    return records?.shift();
  }

  /** Whether a visible record of the set waits. */
  has(set: readonly number[]): boolean {
    return set.some((signal) => this.#waiting.has(signal));
  }

  /** Throws away all records of this signal. */
  drop(signal: number): void {
    this.#waiting.delete(signal);
    this.#arrived = this.#arrived.filter((record) => record.signal !== signal);
  }

  #has(signal: number): boolean {
    return this.#waiting.has(signal) || this.#arrived.some((record) => record.signal === signal);
  }
}
