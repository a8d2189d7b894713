import { assertEquals } from "@std/assert";
import { writeTimespec } from "../../../event/kernel/linux/clocks.ts";

Deno.test("writeTimespec() writes seconds and nanoseconds, 64 bits each, and never less than it was given", () => {
  const words = (usec: number) => {
    const words = new Int32Array(5);
    writeTimespec(words, 1, usec);
    return [...words];
  };
  assertEquals(words(0), [0, 0, 0, 0, 0]);
  assertEquals(words(1_000_002), [0, 1, 0, 2_000, 0]);
  assertEquals([words(0.2), words(999_999.5)], [[0, 0, 0, 1_000, 0], [0, 1, 0, 0, 0]]);
  assertEquals(words(2 ** 32 * 1_000_000 + 7_000_003), [0, 7, 1, 3_000, 0]);
});
