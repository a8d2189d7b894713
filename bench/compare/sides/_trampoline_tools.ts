/**
 * Locks, channels and timers of the trampoline.
 *
 * @module
 */

import { Fifo } from "../fifo.ts";
import { current, drain, PARK, type Steps, type Task, wake } from "./_trampoline.ts";

/** Permits, handed to who waits longest. */
export class Semaphore {
  readonly #waiters = new Fifo<Task>();

  constructor(private permits: number) {}

  *acquire(): Steps<void> {
    if (this.permits > 0) {
      this.permits--;
    } else {
      this.#waiters.push(current);
      yield PARK;
    }
  }

  release(): void {
    const next = this.#waiters.shift();
    if (next) wake(next);
    else this.permits++;
  }
}

/** A queue of so many items. */
export class Channel<T> {
  readonly #items = new Fifo<T>();
  readonly #senders = new Fifo<Task>();
  readonly #receivers = new Fifo<Task>();

  constructor(private capacity: number) {}

  *send(item: T): Steps<void> {
    while (this.#items.length >= this.capacity) {
      this.#senders.push(current);
      yield PARK;
    }
    this.#items.push(item);
    const receiver = this.#receivers.shift();
    if (receiver) wake(receiver);
  }

  *receive(): Steps<T> {
    while (this.#items.length === 0) {
      this.#receivers.push(current);
      yield PARK;
    }
    const sender = this.#senders.shift();
    if (sender) wake(sender);
    return this.#items.shift()!;
  }
}

/** Somebody to be woken at a time of `performance.now()`. */
export interface Timer {
  readonly due: number;
  readonly task: Task;
  /** Its place in the heap. */
  place: number;
}

/** A binary heap that knows each timer's place, so that one can be taken out before it is due. */
export class Timers {
  readonly #heap: Timer[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(timer: Timer): void {
    this.#up(timer, this.#heap.length);
  }

  remove(timer: Timer): void {
    const last = this.#heap.pop()!;
    if (last === timer) return;
    if (timer.place > 0 && last.due < this.#heap[(timer.place - 1) >> 1].due) this.#up(last, timer.place);
    else this.#down(last, timer.place);
  }

  /** Runs tasks and timers until there is neither; one host timer at a time. */
  async run(): Promise<void> {
    for (;;) {
      drain();
      if (this.#heap.length === 0) return;
      const wait = this.#heap[0].due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      this.#wakeDue(performance.now());
    }
  }

  #wakeDue(now: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.due <= now; first = this.#heap[0]) {
      this.remove(first);
      wake(first.task);
    }
  }

  #up(timer: Timer, place: number): void {
    while (place > 0) {
      const parent = this.#heap[(place - 1) >> 1];
      if (parent.due <= timer.due) break;
      this.#put(parent, place);
      place = (place - 1) >> 1;
    }
    this.#put(timer, place);
  }

  #down(timer: Timer, place: number): void {
    const { length } = this.#heap;
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      if (child + 1 < length && this.#heap[child + 1].due < this.#heap[child].due) child++;
      if (this.#heap[child].due >= timer.due) break;
      this.#put(this.#heap[child], place);
      place = child;
    }
    this.#put(timer, place);
  }

  #put(timer: Timer, place: number): void {
    this.#heap[place] = timer;
    timer.place = place;
  }
}
