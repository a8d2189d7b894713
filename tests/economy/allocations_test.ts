/**
 * What operations allocate and leave behind, and what a parked fiber takes: a regression shows here without a stopwatch. Nothing is compiled
 * meanwhile, so the numbers are the same in each run; the bounds are a tenth above them. Whoever makes one smaller lowers its bound.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";

interface Costs {
  readonly costs: Readonly<Record<string, { readonly allocated: number; readonly left: number }>>;
  readonly parked: Readonly<Record<string, number>>;
}

/** Bytes an operation. */
const most: Readonly<Record<string, number>> = {
  yieldNow: 8,
  "spawn and join": 850,
  "a future that is resolved later": 590,
  "a free mutex": 610,
  "a deadline": 3800,
  "an item through a channel": 210,
};

/** Bytes a fiber. */
const mostParked: Readonly<Record<string, number>> = { suspend: 610, sleep: 700 };

async function measure(): Promise<Costs> {
  const flags = "--expose-gc,--no-opt,--no-maglev,--min-semi-space-size=128,--max-semi-space-size=128";
  const program = new URL("fixtures/allocations.ts", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", `--v8-flags=${flags}`, program],
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("Operations allocate no more than they did, and leave nothing behind", async () => {
  const { costs, parked } = await measure();
  assertEquals(Object.keys(costs), Object.keys(most));
  for (const [name, { allocated, left }] of Object.entries(costs)) {
    assertLess(allocated, most[name], `Bytes that ${name} allocates`);
    assertLess(left, 8, `Bytes that ${name} leaves behind`);
  }
  assertEquals(Object.keys(parked), Object.keys(mostParked));
  for (const [name, bytes] of Object.entries(parked)) assertLess(bytes, mostParked[name], `Bytes of a fiber that waits by ${name}`);
});
