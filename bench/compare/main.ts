/**
 * Compares this package with libsystemd in C, with other libraries, and with none, at the same work.
 *
 * @module
 */

import { compile } from "./compile.ts";
import { judge } from "./goals.ts";
import { chosenSides, type Options, parseOptions, usage } from "./options.ts";
import { drawChart } from "./chart.ts";
import { runProgram, scriptArgs } from "./processes.ts";
import { jsonReport, type Report, textReport } from "./report.ts";
import { type Result, Results } from "./results.ts";
import { playRounds } from "./rounds.ts";
import { participants } from "./sides.ts";

/** Speed that comes from mistakes is none. */
async function requireProbes(): Promise<number> {
  const { held, failed }: { held: number; failed: string[] } = JSON.parse(await runProgram(Deno.execPath(), scriptArgs("probes.ts")));
  if (failed.length > 0) throw new Error(`Cannot compare what is wrong: ${failed.join("; ")}`);
  return held;
}

const patience = { enoughMsec: 300, repetitions: 3, mostMsec: 3000 };

async function compare(options: Options): Promise<Report> {
  const folder = await Deno.makeTempDir();
  try {
    console.error(`${await requireProbes()} probes of what must not be traded for speed hold`);
    const programs = await compile(folder);
    const { scenarios, rounds } = options;
    const sides = chosenSides(await participants(programs), options.sides);
    const results = await playRounds(scenarios, sides, { rounds, patience, onProgress: (text) => console.error(text) });
    return reportOf(options, new Results(results), programs.missing);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What was compared before, as far as it is asked for. */
async function recall(options: Options): Promise<Report> {
  const names = new Set(options.scenarios.map(({ name }) => name));
  const comparisons: { results: Result[]; missing: string[] }[] = [];
  for (const file of options.from) comparisons.push(JSON.parse(await Deno.readTextFile(file)));
  const results = comparisons.map((each) => each.results.filter(({ scenario }) => names.has(scenario)));
  return reportOf(options, new Results(...results), comparisons.flatMap(({ missing }) => missing));
}

function reportOf({ scenarios, clock }: Options, results: Results, missing: readonly string[]): Report {
  return { scenarios, results, verdicts: judge(results, clock), clock, missing };
}

const options = parseOptions(Deno.args);
if (options === undefined) {
  console.log(usage);
} else {
  const report = options.from.length === 0 ? await compare(options) : await recall(options);
  console.log(textReport(report));
  if (options.json !== undefined) await Deno.writeTextFile(options.json, jsonReport(report));
  if (options.svg !== undefined) await Deno.writeTextFile(options.svg, drawChart(report));
}
