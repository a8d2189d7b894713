/**
 * Items from one side to the other, in order (sd-future, section 16).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { requireCallback, requireOptions } from "../event/validate.ts";
import { ChannelCore, type Overflow } from "./channel_core.ts";
import { currentCore } from "./fiber.ts";
import { ItemChannel, requireCapacity } from "./item_channel.ts";
import { type PrimitiveOptions, titleOf } from "./primitive.ts";
import { Ring } from "./ring.ts";

/**
 * How a channel is made.
 *
 * @typeParam T The items.
 */
export interface ChannelOptions<T> extends PrimitiveOptions {
  /** How many items lie in it at most. 0: none, each push waits for its pop. `Infinity`: a push never waits. */
  capacity: number;
  /**
   * What becomes of an item for which there is no room. `"wait"` (default): its push waits. `"drop-oldest"`: the oldest goes.
   * `"drop-latest"`: it goes itself.
   */
  overflow?: Overflow;
  /** Gets each item that the channel owned and nobody takes, at the moment when that is known. */
  onDrop?: (item: T) => void;
}

const overflows: readonly unknown[] = ["wait", "drop-oldest", "drop-latest"];
const channelOptions: readonly string[] = ["capacity", "overflow", "onDrop"];
const conflatedOptions: readonly string[] = ["loop", "name", "onDrop"];

/**
 * Items from any code of one loop to any other: fibers, callbacks, async code.
 *
 * First in first out. Whoever waits is served first come, first served: an item goes straight to the oldest waiting pop, and a pop that makes
 * room lets the oldest waiting push's item in, so nobody overtakes. Closed, it gives out what lies in it and then says EPIPE.
 *
 * An item belongs to the channel from the moment when `tryPush` says `true` or `send` or `push` runs, until somebody receives it. What nobody
 * receives goes to `onDrop`: the victims of the overflow, the item of a push that was interrupted or failed, what lies in a channel that
 * is disposed. `onDrop` is called at once; what it throws goes to the loop's `onError`.
 *
 * @typeParam T The items, anything but `undefined` and `null`.
 *
 * @example A producer and a consumer
 * ```ts
 * import { Channel, run, spawn } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const squares: number[] = [];
 * await run(function* () {
 *   const numbers = new Channel<number>({ capacity: 2 });
 *   const consumer = spawn(function* () {
 *     for (let n; (n = yield* numbers.next()) !== undefined;) squares.push(n * n);
 *   });
 *   for (let n = 1; n <= 4; n++) yield* numbers.push(n);
 *   numbers.close();
 *   yield* consumer;
 * });
 * assertEquals(squares, [1, 4, 9, 16]);
 * ```
 */
export class Channel<T extends NonNullable<unknown>> extends ItemChannel<T> {
  /**
   * Makes one that is open and empty.
   *
   * @throws {SystemError} EINVAL for a capacity that is no whole number from 0 up, nor `Infinity`; for one of 0 with an overflow that drops;
   * for an unknown option.
   */
  constructor(options: ChannelOptions<T>) {
    const { loop, capacity, overflow = "wait", onDrop } = options;
    const title = titleOf("channel", options, channelOptions);
    requireCapacity(capacity, title);
    if (!overflows.includes(overflow) || (capacity === 0 && overflow !== "wait")) {
      const remedy = capacity === 0 ? `of capacity 0 it takes "wait"` : `it takes "wait", "drop-oldest" or "drop-latest"`;
      throw new SystemError("EINVAL", `Cannot make ${title} with overflow '${overflow}': ${remedy}`);
    }
    requireCallback(onDrop, `make ${title}`);
    super(new ChannelCore<T>(currentCore(loop), { title, capacity, overflow, buffer: new Ring<T>(), onDrop }));
  }

  /**
   * One that holds only the newest item: a push never waits, and drops what nobody has received yet.
   *
   * @typeParam T The items.
   * @throws {SystemError} EINVAL for an unknown option.
   */
  static conflated<T extends NonNullable<unknown>>(options: Omit<ChannelOptions<T>, "capacity" | "overflow"> = {}): Channel<T> {
    requireOptions(options, conflatedOptions, "make a conflated channel");
    return new Channel<T>({ ...options, capacity: 1, overflow: "drop-oldest" });
  }
}
