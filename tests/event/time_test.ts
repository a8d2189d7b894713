/**
 * Spans of time.
 *
 * @module
 */

import { msec, sec } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { ClockIndex, clockNames } from "../../event/time.ts";

Deno.test("msec() and sec() count in microseconds, and round to whole ones", () => {
  assertEquals([msec(2), msec(0.25), msec(0.001_6), sec(3), sec(0.000_001_6), sec(1.1)], [2_000, 250, 2, 3_000_000, 2, 1_100_000]);
  assertEquals([msec(Infinity), sec(Infinity)], [Infinity, Infinity]);
});

Deno.test("The names of clocks stand in the order of their numbers", () => {
  assertEquals(clockNames.map((name) => ClockIndex[name]), [0, 1, 2, 3, 4]);
});
