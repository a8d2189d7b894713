/**
 * The chart of the README: how many times as fast as others.
 *
 * @module
 */

import type { Report } from "./report.ts";
import type { Results } from "./results.ts";
import { libraries } from "./sides.ts";
import { median } from "./statistics.ts";
import { decades, element, label, logScale, picture, seriesClasses } from "./svg.ts";

const WIDTH = 900;
const LEFT = 370;
const TOP = 64;
const BAR = 9;
const GAP = 10;

/** Against whom, and which of our sides then. */
const series = [
  { title: "libsystemd in C", side: "blocking", against: ["c"] },
  { title: "the best library", side: "hosted", against: libraries },
  { title: "bare promises", side: "hosted", against: ["promises"] },
] as const;

interface Group {
  readonly title: string;
  /** One for each series; `undefined` where there is nothing to compare. */
  readonly ratios: readonly (number | undefined)[];
}

/** Bars from the line where both are the same: to the right, this package is faster. */
export function drawChart({ scenarios, results, clock }: Report): string {
  const groups = scenarios.filter(({ meter }) => meter === "time").map(({ name, title }): Group => ({
    title,
    ratios: series.map(({ side, against }) => worst(results, name, clock, side, against)),
  })).filter(({ ratios }) => ratios.some((ratio) => ratio !== undefined));
  const ratios = groups.flatMap((group) => group.ratios.filter((ratio) => ratio !== undefined));
  const range: [number, number] = [Math.min(0.1, ...ratios) / 1.7, Math.max(100, ...ratios) * 1.3];
  const x = logScale(range, [LEFT, WIDTH - 40]);
  const heights = groups.map((group) => group.ratios.filter((ratio) => ratio !== undefined).length * BAR + GAP);
  const height = TOP + heights.reduce((a, b) => a + b, 0) + 30;
  const bars: string[] = [];
  let y = TOP;
  for (const [index, group] of groups.entries()) {
    bars.push(drawGroup(group, x, y, heights[index]));
    y += heights[index];
  }
  return picture("How many times as fast as others", WIDTH, height, [drawLegend(), ...drawGrid(range, x, height), ...bars]);
}

/** Against the best of the others. */
function worst(results: Results, scenario: string, clock: string, side: string, against: readonly string[]): number | undefined {
  const all = against.map((other) => results.ratios(scenario, clock, side, other)).filter((ratios) => ratios !== undefined).map(median);
  return all.length === 0 ? undefined : Math.min(...all);
}

function drawLegend(): string {
  const entries = series.map(({ title }, i) => label(title, LEFT + i * 130, 40, { class: seriesClasses[i] }));
  return [label("How many times as fast as others (right of 1: faster)", 12, 20, { class: "title" }), ...entries].join("");
}

function drawGrid(range: readonly [number, number], x: (value: number) => number, height: number): string[] {
  return decades(...range).map((value) => {
    const place = { x1: x(value), x2: x(value), y1: TOP - 8, y2: height - 24 };
    return element("line", { ...place, class: value === 1 ? "axis" : "grid" }) +
      label(`${value}x`, x(value), height - 8, { class: "tick", "text-anchor": "middle" });
  });
}

function drawGroup({ title, ratios }: Group, x: (value: number) => number, y: number, height: number): string {
  const bars: string[] = [label(title, LEFT - 10, y + height / 2, { "text-anchor": "end" })];
  let top = y;
  for (const [i, ratio] of ratios.entries()) {
    if (ratio === undefined) continue;
    const [start, end] = [x(1), x(ratio)].toSorted((a, b) => a - b);
    bars.push(element("rect", { x: start, y: top, width: Math.max(1, end - start), height: BAR - 1, class: seriesClasses[i] }));
    bars.push(label(ratio.toFixed(ratio >= 10 ? 0 : ratio >= 1 ? 1 : 2), ratio >= 1 ? end + 4 : start - 4, top + BAR - 1, {
      class: "tick",
      "font-size": 9,
      "text-anchor": ratio >= 1 ? "start" : "end",
    }));
    top += BAR;
  }
  return bars.join("");
}
