/**
 * What this package wants to reach, and whether it does.
 *
 * @module
 */

import type { Results } from "./results.ts";
import { libraries } from "./sides.ts";
import { type Spread, spread } from "./statistics.ts";

/** One line of the goals. */
export interface Goal {
  readonly scenario: string;
  /** Default: the clock of the comparison. */
  readonly measure?: string;
  readonly side: "blocking" | "hosted" | "packaged";
  /** The best of these counts. None: the value itself is the goal's matter. */
  readonly against: readonly string[];
  /** So many times as good, at least; without anybody to be against, the value has to stay below it. */
  readonly factor: number;
}

/** A goal that was looked at. */
export interface Verdict {
  readonly goal: Goal;
  readonly measure: string;
  /** Who was the best of those whom the goal names. */
  readonly against: string | undefined;
  readonly ratio: Spread;
  readonly reached: boolean;
}

function goals(side: Goal["side"], against: readonly string[], factors: Readonly<Record<string, number>>, measure?: string): Goal[] {
  return Object.entries(factors).map(([scenario, factor]) => ({ scenario, measure, side, against, factor }));
}

/** "At most so much of its time." */
function share(times: number): number {
  return 1 / times;
}

const ofPeers = [
  ...["spawn_join", "spawn_many", "yield", "yield_100", "await_resolved", "deep_call", "channel_1", "channel_1024"],
  ...["mutex_uncontended", "mutex_contended", "semaphore_contended", "sleep_many", "cancel_10k", "timeout_scope"],
];

/** All of them. */
export const allGoals: readonly Goal[] = [
  ...goals("blocking", ["c"], {
    defer: 5,
    yield: 5,
    channel_1: 5,
    defer_beside_io: 1,
    spawn_join: 40,
    spawn_join_fresh: 6,
    timer_add_1k: share(0.7),
    timer_add_100k: share(0.7),
    timer_cancel_1k: share(0.7),
    timer_cancel_100k: share(0.7),
    timer_fire_100k: 20,
    pipe_ping: share(1.1),
  }),
  // Most of the time is another process's.
  ...goals("blocking", ["c"], { child: share(1.1) }, "wall"),
  ...goals("blocking", ["c"], { echo_50: 2 }),
  ...goals("blocking", ["deno"], { echo_50: 1.2 }),
  ...goals("hosted", ["c"], { echo_50: 1.8 }),
  ...goals("hosted", ["deno"], { echo_50: 1.1 }),
  ...goals("hosted", ["deno"], { echo_1: 1 }, "p50"),
  ...goals("hosted", libraries, Object.fromEntries(ofPeers.map((name) => [name, 1]))),
  ...goals("hosted", libraries, { memory_parked_100k: 1 }, "rss"),
  ...goals("hosted", ["generators"], { spawn_join: share(4) }),
  ...goals("hosted", ["promises"], {
    yield: share(3),
    channel_1: 1,
    channel_1024: 1,
    mutex_uncontended: 1,
    mutex_contended: 1,
    cancel_10k: 1,
    timeout_scope: 3,
    sleep_many: 3,
  }),
  // Of fewer, what the collector keeps free for the next ones counts as much as they do.
  ...goals("hosted", [], { memory_parked_1m: 700 }, "rss"),
  ...goals("hosted", ["effect"], { host_timers: 1 }, "timers"),
  ...goals("hosted", ["effection"], { start: 1 }, "wall"),
  ...goals("packaged", ["effection"], { start: 1 }, "wall"),
];

/** Those that what was measured says something about. */
export function judge(results: Results, clock: string): Verdict[] {
  return allGoals.map((goal) => judgeOne(goal, results, goal.measure ?? clock)).filter((verdict) => verdict !== undefined);
}

function judgeOne(goal: Goal, results: Results, measure: string): Verdict | undefined {
  if (goal.against.length === 0) {
    const rounds = results.rounds(goal.scenario, goal.side, measure);
    if (rounds === undefined) return undefined;
    const ratio = spread(rounds);
    return { goal, measure, against: undefined, ratio, reached: ratio.median < goal.factor };
  }
  const candidates = goal.against.map((against) => {
    const ratios = results.ratios(goal.scenario, measure, goal.side, against);
    return ratios && { against, ratio: spread(ratios) };
  }).filter((candidate) => candidate !== undefined);
  if (candidates.length === 0) return undefined;
  const { against, ratio } = candidates.reduce((best, each) => each.ratio.median < best.ratio.median ? each : best);
  return { goal, measure, against, ratio, reached: ratio.median >= goal.factor };
}
