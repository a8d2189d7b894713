import { assertEquals } from "@std/assert";
import { ByteQueue } from "../../../event/kernel/emulated/byte_queue.ts";

Deno.test("ByteQueue.give() keeps what it is given, and no more memory than that", () => {
  const queue = new ByteQueue();
  const whole = Uint8Array.of(1, 2, 3);
  const large = new Uint8Array(1_000).fill(4);
  queue.give(whole);
  queue.give(large.subarray(0, 2));
  whole.fill(9);
  large.fill(9);
  const buffer = new Uint8Array(9);
  assertEquals([queue.shift(buffer), ...buffer.subarray(0, 5)], [5, 9, 9, 9, 4, 4]);
});
