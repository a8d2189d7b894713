/**
 * The chart of growth: a panel for each phase, and one for the bytes.
 *
 * @module
 */

import type { Growth } from "./run_crowd.ts";
import { decades, element, label, logScale, picture, seriesClasses } from "./svg.ts";

const PANEL_WIDTH = 430;
const PANEL_HEIGHT = 240;
const LEFT = 60;
const TOP = 70;

const panels = [
  { key: "make", title: "made, ns each" },
  { key: "work", title: "put to work, ns each" },
  { key: "end", title: "ended, ns each" },
  { key: "heapBytes", title: "bytes of the heap each" },
] as const;

/** Both axes are logarithmic: what stays level does not depend on how many there are. */
export function drawGrowth(all: readonly Growth[]): string {
  const names = [...new Set(all.map(({ crowd }) => crowd))];
  const legend = names.map((name, i) => label(name, 12 + i * 90, 44, { class: seriesClasses[i] }));
  const drawn = panels.map(({ key, title }, i) => {
    const move = `translate(${(i % 2) * PANEL_WIDTH} ${TOP + Math.floor(i / 2) * PANEL_HEIGHT})`;
    return element("g", { transform: move }, drawPanel(all, names, key, title));
  });
  const title = label("Time and memory of each, by how many there are", 12, 20, { class: "title" });
  return picture("Time and memory by number", 2 * PANEL_WIDTH + 20, TOP + 2 * PANEL_HEIGHT, [title, ...legend, ...drawn]);
}

function drawPanel(all: readonly Growth[], names: readonly string[], key: typeof panels[number]["key"], title: string): string {
  const counts = all.map(({ n }) => n);
  const values = all.map((growth) => Math.max(1, growth[key]));
  const range = [10 ** Math.floor(Math.log10(Math.min(...values))), 10 ** Math.ceil(Math.log10(Math.max(...values) + 1))] as const;
  const x = logScale([Math.min(...counts), Math.max(...counts)], [LEFT, PANEL_WIDTH - 20]);
  const y = logScale(range, [PANEL_HEIGHT - 50, 16]);
  const grid = decades(...range).map((value) =>
    element("line", { x1: LEFT, x2: PANEL_WIDTH - 20, y1: y(value), y2: y(value), class: "grid" }) +
    label(String(value), LEFT - 6, y(value) + 4, { class: "tick", "text-anchor": "end" })
  );
  const ticks = [...new Set(counts)].map((n) =>
    label(n.toLocaleString("en"), x(n), PANEL_HEIGHT - 32, { class: "tick", "text-anchor": "middle" })
  );
  const lines = names.map((name, i) => {
    const points = all.filter(({ crowd }) => crowd === name).map((growth) => `${x(growth.n)},${y(Math.max(1, growth[key]))}`);
    return element("polyline", { points: points.join(" "), class: `${seriesClasses[i]} line` });
  });
  return [label(title, LEFT, 8), ...grid, ...ticks, ...lines].join("");
}
