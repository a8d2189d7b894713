/**
 * A buffer that grows with its content, against an array.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Ring } from "../../fiber/ring.ts";
import { randomBy } from "./_random_numbers.ts";

Deno.test("Ring gives out what was pushed, in order, however it was filled and emptied meanwhile", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = randomBy(seed);
    const ring = new Ring<number>();
    const items: number[] = [];
    for (let next = 0, round = 0; round < 40; round++) {
      // It begins somewhere else each time when it has to grow.
      for (let count = random(30); count > 0; count--) {
        ring.push(next);
        items.push(next++);
      }
      for (let count = random(35); count > 0; count--) assertEquals(ring.shift(), items.shift());
      assertEquals(ring.size, items.length);
    }
    while (items.length > 0) assertEquals(ring.shift(), items.shift());
    assertEquals([ring.size, ring.shift(), ring.size], [0, undefined, 0]);
  }
});
