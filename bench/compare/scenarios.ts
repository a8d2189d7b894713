/**
 * The works that are compared, and what each side has to show for them.
 *
 * @module
 */

import { sumTo } from "./checks.ts";
import type { Order } from "./run_side.ts";

/** One row: a work of the sides, so many times. */
export interface Scenario {
  readonly name: string;
  /** In a few words, for a table. */
  readonly title: string;
  /** What the sides call it. */
  readonly work: string;
  readonly meter: Order["meter"] | "echo";
  /** Operations; for an echo, connections. */
  readonly n: number;
  /** What somebody reports who has done it. */
  readonly done: number;
  /** Only these sides: others would need more than a machine has. Default: all that can. */
  readonly sides?: readonly string[];
}

const DEPTH = 16;

/** Timed; n operations are n done, unless it says otherwise. */
function timed(work: string, n: number, title: string, { name = work, done = n } = {}): Scenario {
  return { name, title, work, meter: "time", n, done };
}

function atSize(work: string, sizes: Readonly<Record<string, number>>, title: string): Scenario[] {
  return Object.entries(sizes).map(([suffix, n]) =>
    timed(work, n, `${title} ${n.toLocaleString("en").replaceAll(",", " ")}`, { name: `${work}_${suffix}` })
  );
}

const sizes = { "1k": 1000, "100k": 100_000 };

/** In the order of the tables. */
export const scenarios: readonly Scenario[] = [
  timed("defer", 300_000, "dispatch of one defer source"),
  timed("defer_beside_io", 100_000, "the same beside an idle io source, a poll each time"),
  timed("pipe_ping", 100_000, "a byte through a pipe and an io source"),
  timed("child", 100, "a process spawned, waited for and reaped"),
  ...atSize("timer_add", sizes, "timer added, of"),
  ...atSize("timer_cancel", sizes, "timer cancelled, of"),
  ...atSize("timer_fire", sizes, "timer fired, all due, of"),
  timed("yield", 200_000, "a task gives way, alone"),
  timed("yield_100", 200_000, "one of 100 tasks gives way"),
  timed("spawn_join", 20_000, "a task spawned and joined, the function declared once", { done: sumTo(20_000) }),
  timed("spawn_join_fresh", 20_000, "the same, a fresh function each time", { done: sumTo(20_000) }),
  timed("spawn_many", 10_000, "10 000 tasks spawned, then joined", { done: sumTo(10_000) }),
  timed("await_resolved", 200_000, "a result awaited that is there"),
  timed("deep_call", 20_000, "16 nested calls, the innermost gives way", { done: 20_000 * DEPTH }),
  timed("channel_1", 200_000, "an item through a channel of capacity 1", { done: sumTo(200_000) }),
  timed("channel_1024", 200_000, "an item through a channel of capacity 1024", { done: sumTo(200_000) }),
  timed("mutex_uncontended", 200_000, "a free mutex locked and unlocked"),
  timed("mutex_contended", 100_000, "a mutex that 100 tasks lock in turn"),
  timed("semaphore_contended", 100_000, "one of 10 permits that 100 tasks take in turn"),
  timed("sleep_many", 100_000, "one of 100 000 sleeps of 1 to 50 ms at once"),
  timed("cancel", 10_000, "one of 10 000 waiting tasks cancelled and unwound", { name: "cancel_10k" }),
  timed("timeout_scope", 50_000, "work under a deadline that it keeps"),
  { name: "memory_parked_100k", title: "a task that waits, of 100 000", work: "park", meter: "memory", n: 100_000, done: 100_000 },
  {
    name: "memory_parked_1m",
    title: "a task that waits, of 1 000 000",
    work: "park",
    meter: "memory",
    n: 1_000_000,
    done: 1_000_000,
    sides: ["blocking", "hosted", "promises"],
  },
  {
    name: "host_timers",
    title: "host timers of 10 ms that fire in 200 ms beside a busy loop",
    work: "spin",
    meter: "timers",
    n: 1,
    done: 100,
  },
  { name: "start", title: "from import to first dispatch", work: "start", meter: "start", n: 1, done: 1 },
  { name: "echo_1", title: "TCP echo, 1 connection", work: "echo", meter: "echo", n: 1, done: 1 },
  { name: "echo_50", title: "TCP echo, 50 connections", work: "echo", meter: "echo", n: 50, done: 50 },
];
