/**
 * Items from one side to the other, the most important first.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { requireCallback, requirePriority } from "../event/validate.ts";
import { ChannelCore, type ItemBuffer } from "./channel_core.ts";
import { currentCore } from "./fiber.ts";
import { ItemChannel, requireCapacity } from "./item_channel.ts";
import { type PrimitiveOptions, titleOf } from "./primitive.ts";
import { Ring } from "./ring.ts";

/**
 * How a priority channel is made.
 *
 * @typeParam T The items.
 */
export interface PriorityChannelOptions<T> extends PrimitiveOptions {
  /** How many items lie in it at most. 0: none, each push waits for its pop. `Infinity`: a push never waits. */
  capacity: number;
  /** How important an item is: a whole number, smaller is more important. Always the same for the same item. */
  priorityOf: (item: T) => number;
  /** Gets each item that the channel owned and nobody takes, at the moment when that is known. */
  onDrop?: (item: T) => void;
}

/** A ring for each priority, in ascending order. */
class PriorityBuffer<T> implements ItemBuffer<T> {
  readonly #priorityOf: (item: T) => number;
  readonly #rings: { readonly priority: number; readonly items: Ring<T> }[] = [];
  size: number = 0;

  constructor(priorityOf: (item: T) => number) {
    this.#priorityOf = priorityOf;
  }

  push(item: T): void {
    this.#ringOf(this.#priorityOf(item)).push(item);
    this.size++;
  }

  shift(): T | undefined {
    const rings = this.#rings;
    if (this.size === 0) return undefined;
    this.size--;
    const { items } = rings[0];
    const item = items.shift();
    if (items.size === 0) rings.shift();
    return item;
  }

  #ringOf(priority: number): Ring<T> {
    const rings = this.#rings;
    let low = 0;
    let high = rings.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rings[middle].priority < priority) low = middle + 1;
      else high = middle;
    }
    if (rings[low]?.priority !== priority) rings.splice(low, 0, { priority, items: new Ring<T>() });
    return rings[low].items;
  }
}

/**
 * A channel that gives out the most important item first, and among equals the one that was pushed first.
 *
 * When it is full, of the pushes that wait the one with the most important item is let in first. Whoever waits for an item is served
 * first come, first served. In all else it is as `Channel` is.
 *
 * @typeParam T The items, anything but `undefined` and `null`.
 *
 * @example Urgent things first
 * ```ts
 * import { PriorityChannel } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = new PriorityChannel<string>({ capacity: 8, priorityOf: (job) => job.startsWith("urgent") ? 0 : 1 });
 * for (const job of ["one", "urgent two", "three"]) jobs.tryPush(job);
 * assertEquals([jobs.tryPop(), jobs.tryPop(), jobs.tryPop()], ["urgent two", "one", "three"]);
 * ```
 */
export class PriorityChannel<T extends NonNullable<unknown>> extends ItemChannel<T> {
  /**
   * Makes one that is open and empty. What `priorityOf` throws, and EINVAL where it answers no whole number, is thrown where the item is pushed.
   *
   * @throws {SystemError} EINVAL for a capacity that is no whole number from 0 up, nor `Infinity`; for an unknown option.
   */
  constructor(options: PriorityChannelOptions<T>) {
    const { loop, capacity, priorityOf, onDrop } = options;
    const title = titleOf("priority channel", options, ["capacity", "priorityOf", "onDrop"]);
    requireCapacity(capacity, title);
    requireCallback(onDrop, `make ${title}`);
    if (typeof priorityOf !== "function") throw new SystemError("EINVAL", `Cannot make ${title} without priorityOf: it takes a function`);
    const checked = (item: T) => requirePriority(priorityOf(item));
    super(
      new ChannelCore<T>(currentCore(loop), {
        title,
        capacity,
        overflow: "wait",
        buffer: new PriorityBuffer<T>(checked),
        onDrop,
        priorityOf: checked,
      }),
    );
  }
}
