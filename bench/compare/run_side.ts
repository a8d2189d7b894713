/**
 * The process of one side in JavaScript: does one work and prints its samples as JSON.
 *
 * @module
 */

import { countTimers, cpuNsec, type Sample, time, wallNsec, weigh } from "./meters.ts";
import type { Side, Work } from "./side.ts";

/** What {@linkcode run} is asked for, as the process is told it: by JSON. */
export interface Order {
  readonly work: string;
  readonly meter: "time" | "memory" | "timers" | "start";
  readonly n: number;
  readonly enoughMsec: number;
  readonly repetitions: number;
  readonly mostMsec: number;
}

async function run(file: string, order: Order): Promise<Sample[]> {
  const started = { cpu: cpuNsec(), wall: wallNsec() };
  const side = await load(file);
  switch (order.meter) {
    case "time":
      return await time(side.works[order.work], order.n, order);
    case "start":
      return [await start(side.works[order.work], started)];
    case "memory":
      return [await weigh(side.park!, order.n)];
    case "timers":
      return [await countTimers(side.spin!)];
  }
}

/** From before the import until the work, which does as little as it can, is done. */
async function start(work: Work, started: { readonly cpu: number; readonly wall: number }): Promise<Sample> {
  const done = await work(1, { start() {}, stop() {} });
  return { values: { cpu: cpuNsec() - started.cpu, wall: wallNsec() - started.wall }, done };
}

/** Not by a literal: whoever checks or tests this file needs no library for that. */
async function load(file: string): Promise<Side> {
  const { side }: { side: Side } = await import(file);
  return side;
}

/** What a side can do: the names of its works, and of what else it has. */
async function list(file: string): Promise<string[]> {
  const side = await load(file);
  return [...Object.keys(side.works), ...(["park", "spin"] as const).filter((key) => side[key] !== undefined)];
}

const [file, command, argument] = Deno.args;
console.log(JSON.stringify(command === "list" ? await list(file) : await run(file, JSON.parse(argument))));
Deno.exit(0);
