/**
 * The process of one crowd: prints what one of so many takes, in nanoseconds of processor time and in bytes, as JSON.
 *
 * @module
 */

import { crowds } from "./crowds.ts";
import { cpuNsec, settle } from "./meters.ts";

/** One of so many. */
export interface Growth {
  readonly crowd: string;
  readonly n: number;
  readonly make: number;
  readonly work: number;
  readonly end: number;
  readonly heapBytes: number;
}

const LEAST_OPERATIONS = 100_000;
const phases = ["make", "work", "end"] as const;

/** What each phase takes of the processors. */
function time(name: string, n: number): [make: number, work: number, end: number] {
  using crowd = crowds[name].make(n);
  return phases.map((phase) => {
    const before = cpuNsec();
    crowd[phase]();
    return (cpuNsec() - before) / n;
  }) as [number, number, number];
}

/** Bytes of the heap. What is resident says nothing here, as what was timed before has left its pages. */
async function weigh(name: string, n: number): Promise<number> {
  using crowd = crowds[name].make(n);
  await settle();
  const before = Deno.memoryUsage().heapUsed;
  crowd.make();
  await settle();
  const bytes = Deno.memoryUsage().heapUsed - before;
  crowd.work();
  crowd.end();
  return bytes / n;
}

async function grow(crowd: string, n: number): Promise<Growth> {
  for (let i = 0; i < 50; i++) time(crowd, 1000);
  const times = Math.max(1, LEAST_OPERATIONS / n);
  const sums = [0, 0, 0];
  for (let i = 0; i < times; i++) time(crowd, n).forEach((nsec, phase) => sums[phase] += nsec / times);
  const [make, work, end] = sums;
  return { crowd, n, make, work, end, heapBytes: await weigh(crowd, n) };
}

console.log(JSON.stringify(await grow(Deno.args[0], Number(Deno.args[1]))));
Deno.exit(0);
