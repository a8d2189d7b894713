/**
 * The command line.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type Scenario, scenarios } from "./scenarios.ts";
import type { Participant } from "./sides.ts";

/** What a comparison is asked for. */
export interface Options {
  readonly scenarios: readonly Scenario[];
  /** Empty: all. */
  readonly sides: readonly string[];
  readonly rounds: number;
  readonly clock: "cpu" | "wall";
  readonly json: string | undefined;
  readonly svg: string | undefined;
  /** Files of `json`, to be told of together instead of measuring anything. */
  readonly from: readonly string[];
}

/** What `--help` prints. */
export const usage = `Compares this package with others at the same work, side by side.

  --only <scenario>  these scenarios alone; may be given several times, and be the beginning of a name
  --side <side>      these sides alone; may be given several times
  --rounds <n>       how often each side does each work, in a process of its own; default 5
  --clock cpu|wall   what goals about time are judged by; default cpu, which other load on the machine moves least
  --json <file>      writes all that was measured
  --svg <file>       draws the chart
  --from <file>      measures nothing and tells of what --json wrote; may be given several times, for a comparison made in parts

Scenarios: ${scenarios.map(({ name }) => name).join(", ")}
`;

/** What the arguments ask for; `undefined`: for help. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true, default: [] },
      side: { type: "string", multiple: true, default: [] },
      rounds: { type: "string", default: "5" },
      clock: { type: "string", default: "cpu" },
      json: { type: "string" },
      svg: { type: "string" },
      from: { type: "string", multiple: true, default: [] },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const rounds = Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error(`Cannot play '${values.rounds}' rounds: it takes a whole number from 1 up`);
  }
  if (values.clock !== "cpu" && values.clock !== "wall") throw new Error(`Cannot time by '${values.clock}': it takes 'cpu' or 'wall'`);
  const { side: sides, clock, json, svg, from } = values;
  return { scenarios: chosen(values.only), sides, rounds, clock, json, svg, from };
}

function chosen(names: readonly string[]): readonly Scenario[] {
  for (const name of names) {
    if (!scenarios.some((scenario) => scenario.name.startsWith(name))) {
      throw new Error(`Cannot compare '${name}': there is no such scenario`);
    }
  }
  return names.length === 0 ? scenarios : scenarios.filter((scenario) => names.some((name) => scenario.name.startsWith(name)));
}

/** Those who are asked for. */
export function chosenSides(sides: readonly Participant[], names: readonly string[]): readonly Participant[] {
  for (const name of names) {
    if (!sides.some((side) => side.name === name)) {
      throw new Error(`Cannot compare with '${name}': not here, there are ${sides.map((side) => side.name).join(", ")}`);
    }
  }
  return names.length === 0 ? sides : sides.filter(({ name }) => names.includes(name));
}
