/**
 * How time and memory grow with the number of sources, timers, fibers and waiters.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { crowds } from "./crowds.ts";
import { drawGrowth } from "./growth_chart.ts";
import { runProgram, scriptArgs } from "./processes.ts";
import { quantity, table } from "./report.ts";
import type { Growth } from "./run_crowd.ts";
import { median } from "./statistics.ts";

const SIZES = [10, 1000, 100_000, 1_000_000];

const usage = `Measures how time and memory grow with the number of ${Object.keys(crowds).join(", ")}.

  --rounds <n>   how often, in a process of its own each; default 3
  --json <file>  writes all that was measured
  --svg <file>   draws it
`;

async function measure(crowd: string, n: number): Promise<Growth> {
  const args = scriptArgs("run_crowd.ts", crowd, String(n));
  return JSON.parse(await runProgram(Deno.execPath(), [args[0], "--v8-flags=--max-old-space-size=8192", ...args.slice(1)]));
}

/** The medians over the rounds. */
function middle(rounds: readonly Growth[]): Growth {
  const of = (key: Exclude<keyof Growth, "crowd">) => median(rounds.map((growth) => growth[key]));
  const [make, work, end] = [of("make"), of("work"), of("end")];
  return { crowd: rounds[0].crowd, n: rounds[0].n, make, work, end, heapBytes: of("heapBytes") };
}

async function measureAll(rounds: number): Promise<Growth[]> {
  const all: Growth[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const crowd of Object.keys(crowds)) {
      for (const n of SIZES) {
        console.error(`round ${round + 1} of ${rounds}: ${n} ${crowd}`);
        all.push(await measure(crowd, n));
      }
    }
  }
  return [...Map.groupBy(all, ({ crowd, n }) => `${n} ${crowd}`).values()].map(middle);
}

function growthTable(all: readonly Growth[]): string {
  const time = (nsec: number) => quantity(nsec, "cpu");
  const rows = all.map(({ crowd, n, make, work, end, heapBytes }) => [
    ...[crowd, String(n), time(make), `${time(work)} ${crowds[crowd].work}`, time(end)],
    quantity(heapBytes, "heap"),
  ]);
  return table(["of", "so many", "made", "put to work", "ended", "heap"], rows);
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
    svg: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(usage);
} else {
  const all = await measureAll(Number(values.rounds));
  console.log(growthTable(all));
  if (values.json !== undefined) await Deno.writeTextFile(values.json, JSON.stringify(all, null, 1) + "\n");
  if (values.svg !== undefined) await Deno.writeTextFile(values.svg, drawGrowth(all));
}
