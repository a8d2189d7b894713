/**
 * Compares this package with libsystemd in C, with other libraries, and with none, at the same work.
 *
 * @module
 */

import { compile } from "./compile.ts";
import { judge } from "./goals.ts";
import { chosenSides, type Options, parseOptions, usage } from "./options.ts";
import { jsonReport, type Report, textReport } from "./report.ts";
import { playRounds } from "./rounds.ts";
import { participants } from "./sides.ts";

const patience = { enoughMsec: 300, repetitions: 3, mostMsec: 2000 };

async function compare(options: Options): Promise<Report> {
  const folder = await Deno.makeTempDir();
  try {
    const programs = await compile(folder);
    const { scenarios, rounds, clock } = options;
    const sides = chosenSides(await participants(programs), options.sides);
    const results = await playRounds(scenarios, sides, { rounds, patience, onProgress: (text) => console.error(text) });
    return { scenarios, sides, results, verdicts: judge(results, clock), clock, missing: programs.missing };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const options = parseOptions(Deno.args);
if (options === undefined) {
  console.log(usage);
} else {
  const report = await compare(options);
  console.log(textReport(report));
  if (options.json !== undefined) await Deno.writeTextFile(options.json, jsonReport(report));
}
