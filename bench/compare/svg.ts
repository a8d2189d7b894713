/**
 * The words that charts are drawn in.
 *
 * @module
 */

/** How a page shows it, light or dark; series are told apart by `.a`, `.b` and so on. */
const style = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 14px; font-weight: 600; }
  .note, .tick { fill: #57606a; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .axis { stroke: #57606a; stroke-width: 1.5; }
  .a { fill: #0969da; stroke: #0969da; } .b { fill: #bf8700; stroke: #bf8700; } .c { fill: #1a7f37; stroke: #1a7f37; } .d { fill: #8250df; stroke: #8250df; }
  .line { fill: none; stroke-width: 2; }
  text.a, text.b, text.c, text.d { stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .note, .tick { fill: #9198a1; } .grid { stroke: #3d444d; } .axis { stroke: #9198a1; }
    .a { fill: #4493f8; stroke: #4493f8; } .b { fill: #d29922; stroke: #d29922; } .c { fill: #3fb950; stroke: #3fb950; } .d { fill: #ab7df8; stroke: #ab7df8; }
    .line { fill: none; }
  }`;

/** A class for each series of a chart. */
export const seriesClasses = ["a", "b", "c", "d"] as const;

/** One element. */
export function element(name: string, attributes: Readonly<Record<string, string | number>>, content = ""): string {
  const written = Object.entries(attributes).map(([key, value]) =>
    ` ${key}="${typeof value === "number" ? Number(value.toFixed(2)) : value}"`
  );
  return `<${name}${written.join("")}>${content}</${name}>`;
}

/** Words at a place. */
export function label(text: string, x: number, y: number, attributes: Readonly<Record<string, string | number>> = {}): string {
  return element("text", { x, y, ...attributes }, text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"));
}

/** A whole picture, with a title for who cannot see it. */
export function picture(title: string, width: number, height: number, elements: readonly string[]): string {
  const size = { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}`, role: "img" };
  return element("svg", size, `\n<title>${title}</title><style>${style}</style>\n${elements.join("\n")}\n`) + "\n";
}

/** Where a value lies on a logarithmic axis. */
export function logScale([from, to]: readonly [number, number], [start, end]: readonly [number, number]): (value: number) => number {
  const place = (value: number) => (Math.log10(value) - Math.log10(from)) / (Math.log10(to) - Math.log10(from));
  return (value) => start + (end - start) * Math.min(1, Math.max(0, place(value)));
}

/** The powers of ten in a range. */
export function decades(from: number, to: number): number[] {
  const powers: number[] = [];
  for (let power = Math.ceil(Math.log10(from)); power <= Math.floor(Math.log10(to)); power++) powers.push(10 ** power);
  return powers;
}
