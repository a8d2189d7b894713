/**
 * Who takes part, and how each is made to do a work in a process of its own.
 *
 * @module
 */

import type { Programs } from "./compile.ts";
import { measureEcho } from "./echo.ts";
import type { Patience, Sample } from "./meters.ts";
import { pathOf, runProgram, scriptArgs, scriptArgsWithLibraries, scriptArgsWithPackage } from "./processes.ts";
import type { Order } from "./run_side.ts";
import type { Scenario } from "./scenarios.ts";

/** A column of the tables. */
export interface Participant {
  readonly name: string;
  readonly title: string;
  /** What it has a notion of. */
  readonly works: ReadonlySet<string>;
  measure(scenario: Scenario, patience: Patience): Promise<Sample[]>;
}

const titles: Readonly<Record<string, string>> = {
  c: "libsystemd in C",
  blocking: "ours, blocking",
  hosted: "ours, hosted",
  packaged: "ours, from npm",
  portable: "ours, portable",
  promises: "promises",
  generators: "generators",
  effection: "effection",
  effect: "effect",
  co: "co",
  async_mutex: "async-mutex",
  p_limit: "p-limit",
  p_queue: "p-queue",
  csp: "csp",
  deno: "Deno.listen",
  node: "node:net",
};

/** All who may take part, in the order of the tables. */
export const sideNames: readonly string[] = Object.keys(titles);

/** What a column is called. */
export function titleOf(name: string): string {
  return titles[name] ?? name;
}

/** Those of npm, and other libraries for what this package is for. */
export const libraries: readonly string[] = ["effection", "effect", "co", "async_mutex", "p_limit", "p_queue", "csp"];

const inJavaScript = ["blocking", "hosted", "portable", "promises", "generators", ...libraries];

/** Only what it takes to load it differs from the hosted side. */
const packagedWorks = ["start"];

/** Whether `deno task npm` has made the package. */
async function isPackaged(): Promise<boolean> {
  try {
    return (await Deno.stat(pathOf("../../npm/dist/package.json"))).isFile;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** Runs a side's script: what it printed. */
async function runSide(side: string, command: string, argument: string): Promise<string> {
  if (side === "packaged") {
    return await runProgram(Deno.execPath(), scriptArgsWithPackage("run_side.ts", "./sides/hosted.ts", command, argument));
  }
  const isLibrary = libraries.includes(side);
  const file = `./${isLibrary ? "libraries" : "sides"}/${side}.ts`;
  const args = isLibrary ? scriptArgsWithLibraries : scriptArgs;
  return await runProgram(Deno.execPath(), args("run_side.ts", file, command, argument));
}

const servers = ["c", "blocking", "hosted", "portable", "deno", "node"];

/** Everybody who can take part on this machine. */
export async function participants(programs: Programs): Promise<Participant[]> {
  const listed = await Promise.all(inJavaScript.map(async (name) => {
    const works: string[] = JSON.parse(await runSide(name, "list", ""));
    return [name, works] as const;
  }));
  const works = new Map<string, string[]>(listed);
  if (await isPackaged()) works.set("packaged", packagedWorks);
  if (programs.side !== undefined) works.set("c", (await runProgram(programs.side, ["--list"])).trim().split("\n"));
  for (const name of servers) {
    if (name !== "c" || programs.echo !== undefined) works.getOrInsert(name, []).push("echo");
  }
  return sideNames.filter((name) => works.has(name)).map((name) => ({
    name,
    title: titles[name],
    works: new Set(works.get(name)),
    measure: (scenario, patience) => measure(name, scenario, patience, programs),
  }));
}

async function measure(side: string, scenario: Scenario, patience: Patience, programs: Programs): Promise<Sample[]> {
  const { meter, work, n } = scenario;
  if (meter === "echo") return [await measureEcho(side, n, patience, programs)];
  if (side !== "c") {
    const order: Order = { work, meter, n, ...patience };
    return JSON.parse(await runSide(side, "run", JSON.stringify(order)));
  }
  const { enoughMsec, repetitions, mostMsec } = patience;
  return JSON.parse(await runProgram(programs.side!, [work, ...[n, enoughMsec, repetitions, mostMsec].map(String)]));
}
