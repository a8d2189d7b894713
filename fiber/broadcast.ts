/**
 * Each item to everybody who listens.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { ChannelCore } from "./channel_core.ts";
import { currentCore } from "./fiber.ts";
import { requireItem } from "./item_channel.ts";
import { type PrimitiveOptions, requireCount, titleOf } from "./primitive.ts";
import { Receiver } from "./receiver.ts";
import { Ring } from "./ring.ts";

/** How a broadcast is made. */
export interface BroadcastOptions extends PrimitiveOptions {
  /** How many items lie ready for each subscriber at most. */
  capacity: number;
  /** What a subscriber that is too slow misses: `"drop-oldest"` (default), or `"drop-latest"`. */
  overflow?: "drop-oldest" | "drop-latest";
}

/** What a broadcast tells of itself. */
export interface BroadcastStatistics {
  /** How many items lie ready for each subscriber at most. */
  readonly capacity: number;
  /** How many listen. */
  readonly subscribers: number;
  /** The most that ever listened at once. */
  readonly mostSubscribers: number;
  /** How many items were published. */
  readonly published: number;
  /** The most items that lie ready for any subscriber. */
  readonly longest: number;
}

/** What a subscription tells of itself. */
export interface SubscriptionStatistics {
  /** How many items lie ready for it at most. */
  readonly capacity: number;
  /** How many do. */
  readonly size: number;
  /** The most that ever did. */
  readonly mostItems: number;
  /** How many items it has missed, because there was no room. */
  readonly missed: number;
  /** How many wait for an item. */
  readonly waiters: number;
  /** The most that ever waited at once. */
  readonly mostWaiters: number;
}

/**
 * One who listens to a broadcast. Disposed, it does so no more.
 *
 * @typeParam T The items.
 */
export class Subscription<T extends NonNullable<unknown>> extends Receiver<T> implements Disposable {
  readonly #core: ChannelCore<T>;
  readonly #leave: (core: ChannelCore<T>) => void;

  /** Not for users: see `subscribe`. */
  constructor(core: object, leave: (core: never) => void) {
    if (!(core instanceof ChannelCore)) throw new SystemError("EINVAL", "Cannot make a subscription by new: use subscribe()");
    super(core);
    this.#core = core;
    this.#leave = leave as (core: ChannelCore<T>) => void;
  }

  /** How many items lie ready for it. */
  get size(): number {
    return this.#core.buffer.size;
  }

  /** How many items it has missed, because there was no room. */
  get missed(): number {
    return this.#core.dropped;
  }

  /** What it is at now. */
  statistics(): SubscriptionStatistics {
    const { capacity, buffer, mostItems, dropped, queue } = this.#core;
    return { capacity, size: buffer.size, mostItems, missed: dropped, waiters: queue.size, mostWaiters: queue.mostWaiters };
  }

  /** Listens no more; who waits for an item gets EPIPE. */
  [Symbol.dispose](): void {
    this.#leave(this.#core);
    this.#core.dispose();
  }
}

/**
 * Each item to everybody who listens, from the moment when it began to listen.
 *
 * Publishing never waits. Each subscriber has a buffer of its own; one that is too slow misses items, and can tell how many. An item belongs to all
 * who get it.
 *
 * @typeParam T The items, anything but `undefined` and `null`.
 *
 * @example Two who listen
 * ```ts
 * import { Broadcast } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const news = new Broadcast<string>({ capacity: 1 });
 * using early = news.subscribe();
 * news.publish("first");
 * using late = news.subscribe();
 * news.publish("second");
 * assertEquals([early.tryPop(), late.tryPop()], ["second", "second"]);
 * assertEquals([early.missed, late.missed], [1, 0]);
 * ```
 */
export class Broadcast<T extends NonNullable<unknown>> implements Disposable {
  readonly #loop: LoopCore;
  readonly #title: string;
  readonly #capacity: number;
  readonly #overflow: "drop-oldest" | "drop-latest";
  readonly #subscribers: Set<ChannelCore<T>> = new Set();
  #closed = false;
  #published = 0;
  #mostSubscribers = 0;

  /**
   * Makes one that nobody listens to.
   *
   * @throws {SystemError} EINVAL for a capacity that is no whole number from 1 up, an overflow that does not drop, an unknown option.
   */
  constructor(options: BroadcastOptions) {
    const { loop, capacity, overflow = "drop-oldest" } = options;
    this.#title = titleOf("broadcast", options, ["capacity", "overflow"]);
    this.#capacity = requireCount(capacity, `make ${this.#title} with capacity`);
    if (overflow !== "drop-oldest" && overflow !== "drop-latest") {
      throw new SystemError("EINVAL", `Cannot make ${this.#title} with overflow '${overflow}': it takes "drop-oldest" or "drop-latest"`);
    }
    this.#overflow = overflow;
    this.#loop = currentCore(loop);
  }

  /** Nothing can be published any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Listens from now on.
   *
   * @throws {SystemError} EPIPE when it is closed.
   */
  subscribe(): Subscription<T> {
    this.#requireOpen("subscribe to");
    const core = new ChannelCore<T>(this.#loop, {
      title: `subscription to ${this.#title}`,
      capacity: this.#capacity,
      overflow: this.#overflow,
      buffer: new Ring<T>(),
      onDrop: undefined,
    });
    this.#mostSubscribers = Math.max(this.#mostSubscribers, this.#subscribers.add(core).size);
    return new Subscription<T>(core, (left) => void this.#subscribers.delete(left));
  }

  /**
   * Gives it to everybody who listens now, in the order in which they began to.
   *
   * @returns To how many.
   * @throws {SystemError} EPIPE when it is closed, EINVAL for `undefined` and `null`.
   */
  publish(item: T): number {
    this.#requireOpen("publish to");
    requireItem(item, this.#title, "publish");
    this.#published++;
    for (const subscriber of this.#subscribers) subscriber.offer(item);
    return this.#subscribers.size;
  }

  #requireOpen(action: string): void {
    if (this.#closed) throw new SystemError("EPIPE", `Cannot ${action} ${this.#title}: it is closed`);
  }

  /** Nothing can be published any more. What lies ready can be received still. */
  close(): void {
    this.#closed = true;
    for (const subscriber of this.#subscribers) subscriber.close();
    this.#subscribers.clear();
  }

  /** What it is at now. */
  statistics(): BroadcastStatistics {
    const longest = [...this.#subscribers].reduce((most, { buffer }) => Math.max(most, buffer.size), 0);
    return {
      capacity: this.#capacity,
      subscribers: this.#subscribers.size,
      mostSubscribers: this.#mostSubscribers,
      published: this.#published,
      longest,
    };
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }
}
