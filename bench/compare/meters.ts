/**
 * How a side's work is measured, in the process that does it.
 *
 * @module
 */

import process from "node:process";
import { equal, hostTurn } from "./checks.ts";
import type { Side, Stopwatch, Work } from "./side.ts";

/** What one repetition took, by each of the measures, and what the work says to have done. */
export interface Sample {
  readonly values: Readonly<Record<string, number>>;
  readonly done: number;
}

/** How long a work is repeated. */
export interface Patience {
  /** It is warmed up for so much processor time, and repeated until so much was spent: on a busy machine that takes longer. */
  readonly enoughMsec: number;
  /** and there are so many of them, */
  readonly repetitions: number;
  /** but not longer than this, by the clock on the wall. */
  readonly mostMsec: number;
}

const LEAST_NSEC = 5_000_000;
const SPIN_MSEC = 200;
const TIMER_MSEC = 10;

/** Two clocks over a part of the work: what passed, and what all threads of this process used, the collector's too. */
class Watch implements Stopwatch {
  wallNsec = 0;
  cpuNsec = 0;
  #stopped = false;

  start(): void {
    this.cpuNsec = -cpuNsec();
    this.wallNsec = -wallNsec();
  }

  stop(): void {
    this.wallNsec += wallNsec();
    this.cpuNsec += cpuNsec();
    this.#stopped = true;
  }

  /** Runs the work once: what it has done. */
  async time(work: Work, n: number): Promise<number> {
    this.#stopped = false;
    this.start();
    const done = await work(n, this);
    if (!this.#stopped) this.stop();
    return done;
  }
}

/** Nanoseconds since some time ago. */
export function wallNsec(): number {
  return performance.now() * 1e6;
}

/** Nanoseconds that all threads of this process have used, the collector's too. */
export function cpuNsec(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/**
 * Repeats a work: what an operation takes. Garbage is not collected in between, as that throws away compiled code too. What is done in no
 * time is done so often that the clocks can see it.
 */
export async function time(work: Work, n: number, patience: Patience): Promise<Sample[]> {
  const { enoughMsec, repetitions, mostMsec } = patience;
  await warmUp(work, Math.max(1, Math.floor(n / 10)), patience);
  const samples: Sample[] = [];
  const end = performance.now() + mostMsec;
  const enough = cpuNsec() + enoughMsec * 1e6;
  do samples.push(await timeOnce(work, n)); while ((samples.length < repetitions || cpuNsec() < enough) && performance.now() < end);
  return samples;
}

async function timeOnce(work: Work, n: number): Promise<Sample> {
  const watch = new Watch();
  let [wall, cpu, done, times] = [0, 0, 0, 0];
  for (; wall < LEAST_NSEC; times++) {
    done = await watch.time(work, n);
    wall += watch.wallNsec;
    cpu += watch.cpuNsec;
  }
  return { values: { wall: wall / times / n, cpu: cpu / times / n }, done };
}

/** The compiler wants to have seen it often, and to have had the time for it. */
async function warmUp(work: Work, n: number, { enoughMsec, mostMsec }: Patience): Promise<void> {
  const watch = new Watch();
  const end = performance.now() + mostMsec;
  const enough = cpuNsec() + enoughMsec * 1e6;
  do await work(n, watch); while (cpuNsec() < enough && performance.now() < end);
}

/** Bytes a task that waits, of the heap and resident. */
export async function weigh(park: NonNullable<Side["park"]>, n: number): Promise<Sample> {
  equal(await (await park(1000)).release(), 1000, "released when warming up");
  await settle();
  const before = Deno.memoryUsage();
  const parked = await park(n);
  await settle();
  const after = Deno.memoryUsage();
  const values = { rss: (after.rss - before.rss) / n, heap: (after.heapUsed - before.heapUsed) / n };
  return { values, done: await parked.release() };
}

/** Until the collector finds nothing more. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    collect();
    await hostTurn(5);
  }
}

function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** How often a chain of host timers fires beside a loop that has always something to do. */
export async function countTimers(spin: NonNullable<Side["spin"]>): Promise<Sample> {
  let fired = 0;
  let turns = 0;
  let timer = setTimeout(function again() {
    fired++;
    timer = setTimeout(again, TIMER_MSEC);
  }, TIMER_MSEC);
  const end = performance.now() + SPIN_MSEC;
  await spin(() => {
    turns++;
    return performance.now() < end;
  });
  clearTimeout(timer);
  return { values: { timers: fired }, done: Math.min(turns, 100) };
}
