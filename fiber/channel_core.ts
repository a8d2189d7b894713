/**
 * What happens inside of a channel (sd-future, section 16).
 *
 * These always hold: a receive waits only while the buffer is empty and no send waits; a send waits only while the buffer is full and no
 * receive waits. So an item that is offered while somebody waits for one goes to that one directly, and a pop that makes room moves the
 * first waiting send's item in at once: nobody can overtake.
 *
 * The user's code, `onDrop` and the attached resource, runs when all this is in order again.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import type { Reception } from "./receive_future.ts";
import { WAIT, WaitQueue } from "./wait_queue.ts";

/** Where items lie. */
export interface ItemBuffer<T> {
  readonly size: number;
  push(item: T): void;
  /** The next one to be received. */
  shift(): T | undefined;
}

/** What becomes of an item that there is no room for. */
export type Overflow = "wait" | "drop-oldest" | "drop-latest";

/** How a channel works. */
export interface ChannelCoreOptions<T> {
  readonly title: string;
  readonly capacity: number;
  readonly overflow: Overflow;
  readonly buffer: ItemBuffer<T>;
  readonly onDrop: ((item: T) => void) | undefined;
  /** Waiting sends go by this, not by their fiber's priority; smaller is more important. */
  readonly priorityOf?: (item: T) => number;
}

/** See the head of this module. */
export class ChannelCore<T> implements Reception<T> {
  readonly #core: LoopCore;
  readonly #options: ChannelCoreOptions<T>;
  readonly buffer: ItemBuffer<T>;
  /** Receives that wait. */
  readonly queue: WaitQueue<void, T>;
  /** Sends that wait, with their items. */
  readonly sends: WaitQueue<T, void>;
  closed: boolean = false;
  mostItems: number = 0;
  dropped: number = 0;
  #attached: Disposable | undefined = undefined;

  constructor(core: LoopCore, options: ChannelCoreOptions<T>) {
    const { title, priorityOf, buffer } = options;
    this.#core = core;
    this.#options = options;
    this.buffer = buffer;
    this.queue = new WaitQueue<void, T>(core, {
      attempt: () => this.#take(),
      takeBack: (item) => this.drop(item),
    }, { title });
    this.sends = new WaitQueue<T, void>(core, {
      attempt: (item) => this.offer(item) ? undefined : WAIT,
      refused: (item) => this.drop(item),
      priorityOf,
    }, { title, byPriority: priorityOf !== undefined });
  }

  get title(): string {
    return this.#options.title;
  }

  get capacity(): number {
    return this.#options.capacity;
  }

  get isExhausted(): boolean {
    return this.closed && this.buffer.size === 0;
  }

  /** Hands it over, buffers it, or does with it what overflow says. `false`: it would have to wait. */
  offer(item: T): boolean {
    const { buffer } = this;
    const { capacity, overflow } = this.#options;
    if (this.queue.unpark(item)) return true;
    if (buffer.size < capacity) this.#store(item);
    else if (overflow === "wait") return false;
    else if (overflow === "drop-latest") this.drop(item);
    else {
      const oldest = buffer.shift()!;
      buffer.push(item);
      this.drop(oldest);
    }
    return true;
  }

  #store(item: T): void {
    this.buffer.push(item);
    if (this.buffer.size > this.mostItems) this.mostItems = this.buffer.size;
  }

  /** The first waiting send's item goes into the buffer before one comes out: for a moment it may hold one more than its capacity. */
  #take(): T | typeof WAIT {
    const { buffer, sends } = this;
    const { first } = sends;
    if (first !== undefined) {
      buffer.push(first.request as T);
      sends.grant(first, undefined);
    } else if (buffer.size === 0) {
      if (this.closed) throw this.closedError("pop from");
      return WAIT;
    }
    return buffer.shift()!;
  }

  closedError(action: string): SystemError {
    return new SystemError("EPIPE", `Cannot ${action} ${this.title}: it is closed`);
  }

  drop(item: T): void {
    this.dropped++;
    const { onDrop } = this.#options;
    if (onDrop !== undefined) this.#callUser(() => onDrop(item));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    const error = () => this.closedError("push to");
    this.sends.shut(error);
    this.#detach();
    this.sends.failAll(error);
    this.queue.failAll(() => this.closedError("pop from"));
  }

  dispose(): void {
    this.close();
    for (let item = this.buffer.shift(); item !== undefined; item = this.buffer.shift()) this.drop(item);
  }

  attach(resource: Disposable | undefined): void {
    if (resource !== undefined) this.#requireOpenFor(resource);
    this.#detach();
    if (resource !== undefined) this.#requireOpenFor(resource);
    this.#attached = resource;
  }

  #requireOpenFor(resource: Disposable): void {
    if (typeof resource?.[Symbol.dispose] !== "function") {
      throw new SystemError("EINVAL", `Cannot attach '${String(resource)}' to ${this.title}: it takes something disposable`);
    }
    if (this.closed) throw this.closedError("attach to");
  }

  #detach(): void {
    const resource = this.#attached;
    this.#attached = undefined;
    if (resource !== undefined) this.#callUser(() => resource[Symbol.dispose]());
  }

  /** What it throws must not keep the channel from finishing what it is at. */
  #callUser(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#core.report(error, { kind: "future", name: this.title });
    }
  }
}
