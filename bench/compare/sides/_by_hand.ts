/**
 * Locks and channels on promises, the least that a careful user writes by hand: the platform has none.
 *
 * @module
 */

import { Fifo } from "../fifo.ts";

/** Permits, handed to who waits longest. */
export class Semaphore {
  readonly #waiters = new Fifo<() => void>();

  constructor(private permits: number) {}

  acquire(): Promise<void> | undefined {
    if (this.permits === 0) return new Promise((resolve) => this.#waiters.push(resolve));
    this.permits--;
    return undefined;
  }

  release(): void {
    const next = this.#waiters.shift();
    if (next) next();
    else this.permits++;
  }
}

/** A queue of so many items. */
export class Channel<T> {
  readonly #items = new Fifo<T>();
  readonly #receivers = new Fifo<(item: T) => void>();
  readonly #senders = new Fifo<() => void>();

  constructor(private capacity: number) {}

  send(item: T): Promise<void> | undefined {
    const receiver = this.#receivers.shift();
    if (receiver) return void receiver(item);
    this.#items.push(item);
    return this.#items.length <= this.capacity ? undefined : new Promise((resolve) => this.#senders.push(resolve));
  }

  receive(): Promise<T> | T {
    if (this.#items.length === 0) return new Promise((resolve) => this.#receivers.push(resolve));
    this.#senders.shift()?.();
    return this.#items.shift()!;
  }
}

/** The work's value, or an error when it takes too long; the work goes on then. */
export async function withTimeout<T>(work: Promise<T>, msec: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("It took too long")), msec);
    });
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
