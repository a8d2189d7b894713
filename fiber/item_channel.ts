/**
 * What channels have in common, whatever the order in which they give their items out.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { type Future, newFutureOf } from "../future/future.ts";
import type { ChannelCore } from "./channel_core.ts";
import { Receiver } from "./receiver.ts";
import { type SelectableOperation, waitFutureCore, WaitOperation } from "./wait_operation.ts";

/** What a channel tells of itself. */
export interface ChannelStatistics {
  /** How many items lie in it at most. */
  readonly capacity: number;
  /** How many do. */
  readonly size: number;
  /** The most that ever did. */
  readonly mostItems: number;
  /** How many items were dropped. */
  readonly dropped: number;
  /** How many pushes wait. */
  readonly pushes: number;
  /** The most that ever waited at once. */
  readonly mostPushes: number;
  /** How many pops wait. */
  readonly pops: number;
  /** The most that ever waited at once. */
  readonly mostPops: number;
}

/**
 * What is pushed into, and received from: see `Channel` and `PriorityChannel`.
 *
 * @typeParam T The items, anything but `undefined` and `null`.
 */
export abstract class ItemChannel<T extends NonNullable<unknown>> extends Receiver<T> implements Disposable {
  readonly #core: ChannelCore<T>;

  /** Not for users. */
  protected constructor(core: object) {
    super(core);
    this.#core = core as ChannelCore<T>;
  }

  /** Nothing can be pushed any more. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /** How many items lie in it. */
  get size(): number {
    return this.#core.buffer.size;
  }

  /**
   * Pushes it if there is room, or an overflow that makes some. Never waits.
   *
   * @returns `false`: it is full, the item stays yours.
   * @throws {SystemError} EPIPE when it is closed, EINVAL for `undefined` and `null`: the item stays yours.
   */
  tryPush(item: T): boolean {
    requireItem(item, this.#core.title);
    this.#core.sends.requireOpen();
    return this.#core.offer(item);
  }

  /**
   * Pushes it. Suspends only while it is full and its overflow is `"wait"`, and where it always has room now and then, to let others run.
   *
   * Interrupted, the push has left the queue and the item was dropped. If it was received, or let into the buffer, before the fiber ran again, the push
   * has succeeded, and the interruption comes at the next suspension. As a case of `select` it leaves the item to you until it is chosen.
   *
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} ESRCH off a fiber, EINVAL for `undefined` and `null` or on another loop's fiber: the item stays yours. EPIPE when it is
   * closed, EBUSY when somebody's `resume` woke the fiber: the item was dropped.
   */
  push(item: T): SelectableOperation<void> {
    return new WaitOperation<T, void>(this.#core.sends, requireItem(item, this.#core.title));
  }

  /**
   * Pushes it by a future: for callbacks and async code. It has its place in the queue at once. Cancelled while it waits, it has left the
   * queue and the item was dropped.
   *
   * @throws {SystemError} EINVAL for `undefined` and `null`: the item stays yours. EPIPE when it is closed: the item was dropped; a pending
   * future is rejected with it.
   */
  send(item: T): Future<void> {
    return newFutureOf<void>(waitFutureCore(this.#core.sends, requireItem(item, this.#core.title)));
  }

  /** Nothing can be pushed any more: pushes that wait get EPIPE, then pops that wait. What lies in it can be received still. */
  close(): void {
    this.#core.close();
  }

  /**
   * Ties something to the channel: it is disposed when the channel is closed, or something else is attached. For whatever pushes into it, so that
   * no callback comes when nobody listens any more.
   *
   * @param resource `undefined`: nothing any more.
   * @throws {SystemError} EPIPE when it is closed, EINVAL for what is not disposable: it stays yours.
   */
  attach(resource: Disposable | undefined): void {
    this.#core.attach(resource);
  }

  /** What it is at now. */
  statistics(): ChannelStatistics {
    const { capacity, buffer, mostItems, dropped, sends, queue } = this.#core;
    return {
      capacity,
      size: buffer.size,
      mostItems,
      dropped,
      pushes: sends.size,
      mostPushes: sends.mostWaiters,
      pops: queue.size,
      mostPops: queue.mostWaiters,
    };
  }

  /** Closes it and drops what lies in it. */
  [Symbol.dispose](): void {
    this.#core.dispose();
  }
}

/** A capacity; EINVAL for anything else. */
export function requireCapacity(capacity: number, title: string): void {
  if (capacity === Infinity || (Number.isSafeInteger(capacity) && capacity >= 0)) return;
  throw new SystemError("EINVAL", `Cannot make ${title} with capacity '${capacity}': it takes a whole number from 0 up, or Infinity`);
}

/** An item; EINVAL for what tells that there is none. */
export function requireItem<T>(item: T, title: string, action: string = "push"): T {
  if (item !== undefined && item !== null) return item;
  throw new SystemError("EINVAL", `Cannot ${action} '${item}' to ${title}: it tells that there is no item`);
}
