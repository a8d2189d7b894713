/**
 * When to wake inside a window (sd-event, sections 10.1 and 10.2).
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { runs } from "./_property.ts";
import { chooseWakeup, DEFAULT_ACCURACY, perturbationOf } from "../../event/timer_window.ts";

const never = 2n ** 64n - 1n;

/** The text of section 10.2 in exact arithmetic. */
function chooseExactly(from: bigint, until: bigint, perturbation: bigint): bigint {
  if (from === 0n) return 0n;
  if (from === never) return never;
  if (until <= from + 1n) return from;
  for (const grid of [60_000_000n, 10_000_000n, 1_000_000n, 250_000n]) {
    let point = (until / grid) * grid + perturbation % grid;
    if (point >= until) {
      if (point < grid) return until;
      point -= grid;
    }
    if (point >= from) return point;
  }
  return until;
}

Deno.test("chooseWakeup() answers with the points of the specification", () => {
  const rows: [from: number, until: number, perturbation: number, wakeup: number][] = [
    [100_000_000, 100_250_000, 0, 100_000_000],
    [100_000_000, 100_250_000, 38_345_136, 100_095_136],
    [123_456_789, 123_456_790, 7, 123_456_789],
    [123_456_789, 123_706_789, 38_345_136, 123_595_136],
    [123_456_789, 124_956_789, 38_345_136, 124_345_136],
    [123_456_789, 135_456_789, 38_345_136, 128_345_136],
    [123_456_789, 193_456_789, 38_345_136, 158_345_136],
    [5_000, 255_000, 59_999_999, 255_000],
  ];
  for (const [from, until, perturbation, wakeup] of rows) {
    assertEquals(chooseWakeup(from, until, perturbation), wakeup, `from ${from} until ${until}`);
    assertEquals(chooseExactly(BigInt(from), BigInt(until), BigInt(perturbation)), BigInt(wakeup));
  }
});

const time = fc.oneof(fc.nat(2_000_000), fc.nat(200_000_000), fc.nat(2 ** 52));
const slack = fc.oneof(fc.nat(3), fc.nat(300_000), fc.nat(100_000_000), fc.nat(2 ** 52));
const perturbation = fc.nat(59_999_999);

// The sums on the way must be exact too, and they are up to one grid later.
const lastExact = Number.MAX_SAFE_INTEGER - 60_000_000;

Deno.test("chooseWakeup() is exact for all times that a double holds", () => {
  fc.assert(
    fc.property(time, slack, perturbation, (from, slack, perturbation) => {
      const until = Math.min(from + slack, lastExact);
      assertEquals(BigInt(chooseWakeup(from, until, perturbation)), chooseExactly(BigInt(from), BigInt(until), BigInt(perturbation)));
    }),
    runs(5_000),
  );
});

Deno.test("chooseWakeup() stays inside of the window", () => {
  fc.assert(
    fc.property(time, slack, perturbation, (from, slack, perturbation) => {
      const wakeup = chooseWakeup(from, from + slack, perturbation);
      assertEquals(wakeup >= from && wakeup <= from + slack, true);
    }),
    runs(2_000),
  );
});

Deno.test("chooseWakeup() is at once for 0, never for never, and not before the window of what may come at any time", () => {
  assertEquals(chooseWakeup(0, 60_000_000, 5), 0);
  assertEquals(chooseWakeup(0, Infinity, 5), 0);
  assertEquals(chooseWakeup(Infinity, Infinity, 5), Infinity);
  assertEquals(chooseWakeup(7, Infinity, 5) >= 7, true);
});

Deno.test("perturbationOf() folds the boot id into less than a minute", () => {
  const bootId = (hex: string) => Uint8Array.from(hex.match(/../g)!, (byte) => parseInt(byte, 16));
  const fold = (id: Uint8Array) => {
    const words = new BigUint64Array(id.slice().buffer);
    return Number((words[0] ^ words[1]) % 60_000_000n);
  };
  assertEquals(perturbationOf(bootId("0100000000000000" + "0200000000000000")), 3);
  assertEquals(perturbationOf(bootId("0087930300000000" + "0000000000000000")), 0);
  assertEquals(perturbationOf(bootId("0187930300000000" + "0000000000000000")), 1);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (id) => {
      assertEquals(perturbationOf(id), fold(id));
    }),
    runs(100),
  );
});

Deno.test("perturbationOf() is 0 where the machine has no boot id", () => {
  assertEquals(perturbationOf(undefined), 0);
  assertEquals(perturbationOf(new Uint8Array(3)), 0);
});

Deno.test("The accuracy of a timer that asks for none is 250 ms", () => {
  assertEquals(DEFAULT_ACCURACY, 250_000);
});
