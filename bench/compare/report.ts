/**
 * What was measured, as tables.
 *
 * @module
 */

import type { Verdict } from "./goals.ts";
import type { Results } from "./results.ts";
import type { Scenario } from "./scenarios.ts";
import { titleOf } from "./sides.ts";
import { spread } from "./statistics.ts";

/** What there is to tell. */
export interface Report {
  readonly scenarios: readonly Scenario[];
  readonly results: Results;
  readonly verdicts: readonly Verdict[];
  readonly clock: string;
  readonly missing: readonly string[];
}

/** Three digits that count. */
function digits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A value with its unit. */
export function quantity(value: number, measure: string): string {
  switch (measure) {
    case "rate":
      return `${digits(value / 1000)} k/s`;
    case "p50":
    case "p99":
      return `${digits(value)} us`;
    case "rss":
    case "heap":
      return `${value.toFixed(0)} B`;
    case "timers":
      return value.toFixed(0);
    default:
      if (value >= 1e6) return `${digits(value / 1e6)} ms`;
      return value >= 1000 ? `${digits(value / 1000)} us` : `${digits(value)} ns`;
  }
}

/** In Markdown, and to be read as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** Ratio, goal, and whether it is reached. */
export function goalTable({ verdicts, scenarios }: Report): string {
  const rows = verdicts.map(({ goal, measure, against, ratio, reached }) => {
    const show = (value: number) => against === undefined ? quantity(value, measure) : `${digits(value)}x`;
    return [
      scenarios.find(({ name }) => name === goal.scenario)!.title,
      measure,
      titleOf(goal.side),
      against === undefined ? "" : titleOf(against),
      show(ratio.median),
      `${show(ratio.least)} .. ${show(ratio.most)}`,
      `${against === undefined ? "<" : ">="} ${show(goal.factor)}`,
      reached ? "yes" : "NO",
    ];
  });
  return table(["work", "measure", "side", "against", "times as good", "spread", "goal", "reached"], rows);
}

/** All that was measured: medians, and the spread over the rounds. */
export function resultTable({ scenarios, results }: Report): string {
  const order = new Map(scenarios.map(({ name }, index) => [name, index]));
  const rows = results.all().toSorted((a, b) => order.get(a.scenario)! - order.get(b.scenario)! || a.measure.localeCompare(b.measure))
    .map(({ scenario, side, measure, rounds }) => {
      const { median, least, most } = spread(rounds);
      const show = (value: number) => quantity(value, measure);
      return [scenario, measure, titleOf(side), show(median), `${show(least)} .. ${show(most)}`];
    });
  return table(["scenario", "measure", "side", "median", "spread"], rows);
}

/** All of it, to be read. */
export function textReport(report: Report): string {
  const { verdicts, missing, clock } = report;
  const reached = verdicts.filter((verdict) => verdict.reached).length;
  return [
    ...missing,
    `Times by clock '${clock}'; a ratio is the median over the rounds, each of which has both sides next to each other.`,
    goalTable(report),
    `${reached} of ${verdicts.length} goals are reached.`,
    resultTable(report),
  ].join("\n\n");
}

/** All of it, for programs, and to be looked at again. */
export function jsonReport({ results, verdicts, clock, missing }: Report): string {
  const machine = { arch: Deno.build.arch, cpus: navigator.hardwareConcurrency, kernel: Deno.osRelease(), ...Deno.version };
  return JSON.stringify({ machine, clock, missing, verdicts, results: results.all() }, null, 1) + "\n";
}
