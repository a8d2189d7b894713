/**
 * A value, and who wants to know when it changes.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { currentCore } from "./fiber.ts";
import { requireItem } from "./item_channel.ts";
import { type PrimitiveOptions, titleOf } from "./primitive.ts";
import type { Reception } from "./receive_future.ts";
import { Receiver } from "./receiver.ts";
import { WAIT, WaitQueue } from "./wait_queue.ts";

/** What a watch tells of itself. */
export interface WatchStatistics {
  /** How many want to know of changes. */
  readonly subscribers: number;
  /** The most that ever did at once. */
  readonly mostSubscribers: number;
  /** How often the value has changed. */
  readonly changes: number;
}

/** What a subscription to a watch tells of itself. */
export interface WatchSubscriptionStatistics {
  /** There is a value that it has not seen. */
  readonly hasNews: boolean;
  /** How many wait for a change. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
}

/** The value of a watch, and its versions. */
interface Source<T> {
  readonly value: T;
  readonly version: number;
  readonly closed: boolean;
}

/** What one subscriber has seen of it. */
class WatchReception<T> implements Reception<T> {
  readonly queue: WaitQueue<void, T>;
  readonly #source: Source<T>;
  readonly #title: string;
  #seen = -1;
  #left = false;

  constructor(core: LoopCore, source: Source<T>, title: string) {
    this.#source = source;
    this.#title = title;
    this.queue = new WaitQueue<void, T>(core, { attempt: () => this.#attempt() }, { title });
  }

  #attempt(): T | typeof WAIT {
    if (this.isExhausted) throw this.#closedError();
    return this.hasNews ? this.#see() : WAIT;
  }

  #see(): T {
    this.#seen = this.#source.version;
    return this.#source.value;
  }

  #closedError(): SystemError {
    return new SystemError("EPIPE", `Cannot receive from ${this.#title}: it is closed`);
  }

  get hasNews(): boolean {
    return !this.#left && this.#seen !== this.#source.version;
  }

  get isExhausted(): boolean {
    return (this.#left || this.#source.closed) && !this.hasNews;
  }

  changed(): void {
    if (this.queue.size > 0) this.queue.unpark(this.#see());
  }

  /** It was seen, by nobody in particular. */
  drop(): void {}

  closed(): void {
    this.queue.failAll(() => this.#closedError());
  }

  leave(): void {
    this.#left = true;
    this.closed();
  }
}

/**
 * One who wants to know when a watched value changes: receives the value, and then each that it has not seen. Disposed, it does so no more.
 *
 * @typeParam T The value.
 */
export class WatchSubscription<T extends NonNullable<unknown>> extends Receiver<T> implements Disposable {
  readonly #reception: WatchReception<T>;
  readonly #leave: (reception: WatchReception<T>) => void;

  /** Not for users: see `subscribe`. */
  constructor(reception: object, leave: (reception: never) => void) {
    if (!(reception instanceof WatchReception)) throw new SystemError("EINVAL", "Cannot make a subscription by new: use subscribe()");
    super(reception);
    this.#reception = reception;
    this.#leave = leave as (reception: WatchReception<T>) => void;
  }

  /** What it is at now. */
  statistics(): WatchSubscriptionStatistics {
    const { hasNews, queue } = this.#reception;
    return { hasNews, waiters: queue.size, mostWaiters: queue.mostWaiters };
  }

  /** Wants to know no more; who waits for a change gets EPIPE. */
  [Symbol.dispose](): void {
    this.#leave(this.#reception);
    this.#reception.leave();
  }
}

/**
 * A value, and who wants to know when it changes. A subscriber that is slow sees only the latest, never one twice.
 *
 * @typeParam T The value, anything but `undefined` and `null`.
 *
 * @example A setting that others follow
 * ```ts
 * import { Watch } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const level = new Watch("info");
 * using changes = level.subscribe();
 * assertEquals(changes.tryPop(), "info");
 * level.value = "debug";
 * level.value = "error";
 * assertEquals([changes.tryPop(), changes.tryPop()], ["error", undefined]);
 * ```
 */
export class Watch<T extends NonNullable<unknown>> implements Disposable {
  readonly #core: LoopCore;
  readonly #title: string;
  readonly #subscribers: Set<WatchReception<T>> = new Set();
  readonly #source: { value: T; version: number; closed: boolean };
  #mostSubscribers = 0;

  /**
   * Makes one of this value.
   *
   * @throws {SystemError} EINVAL for `undefined` and `null`, or an unknown option.
   */
  constructor(value: T, options: PrimitiveOptions = {}) {
    this.#title = titleOf("watch", options);
    this.#core = currentCore(options.loop);
    this.#source = { value: requireItem(value, this.#title, "assign"), version: 0, closed: false };
  }

  /**
   * The value. Setting it to what it is already changes nothing; else all subscribers are told, in the order in which they began to listen.
   *
   * @throws {SystemError} EPIPE when it is closed and set, EINVAL for `undefined` and `null`.
   */
  get value(): T {
    return this.#source.value;
  }

  set value(value: T) {
    const source = this.#source;
    this.#requireOpen("set");
    requireItem(value, this.#title, "assign");
    if (Object.is(value, source.value)) return;
    source.value = value;
    source.version++;
    for (const subscriber of this.#subscribers) subscriber.changed();
  }

  /** Nothing will change any more. */
  get closed(): boolean {
    return this.#source.closed;
  }

  /**
   * One who wants to know: of the present value, and of each change from now on.
   *
   * @throws {SystemError} EPIPE when it is closed.
   */
  subscribe(): WatchSubscription<T> {
    this.#requireOpen("subscribe to");
    const reception = new WatchReception<T>(this.#core, this.#source, `subscription to ${this.#title}`);
    this.#mostSubscribers = Math.max(this.#mostSubscribers, this.#subscribers.add(reception).size);
    return new WatchSubscription<T>(reception, (left) => void this.#subscribers.delete(left));
  }

  #requireOpen(action: string): void {
    if (this.#source.closed) throw new SystemError("EPIPE", `Cannot ${action} ${this.#title}: it is closed`);
  }

  /** Nothing will change any more. A value that a subscriber has not seen can be received still. */
  close(): void {
    this.#source.closed = true;
    for (const subscriber of this.#subscribers) subscriber.closed();
    this.#subscribers.clear();
  }

  /** What it is at now. */
  statistics(): WatchStatistics {
    return { subscribers: this.#subscribers.size, mostSubscribers: this.#mostSubscribers, changes: this.#source.version };
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }
}
