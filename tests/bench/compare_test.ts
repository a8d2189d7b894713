/**
 * What a comparison concludes from what it has measured. The libraries that are compared with are not needed here.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { drawChart } from "../../bench/compare/chart.ts";
import { allGoals, judge } from "../../bench/compare/goals.ts";
import { parseOptions } from "../../bench/compare/options.ts";
import { textReport } from "../../bench/compare/report.ts";
import { Collector, type Result, Results } from "../../bench/compare/results.ts";
import { playRounds } from "../../bench/compare/rounds.ts";
import { Gauge, Sleepers, Switches } from "../../bench/compare/checks.ts";
import { type Scenario, scenarios } from "../../bench/compare/scenarios.ts";
import { type Participant, sideNames } from "../../bench/compare/sides.ts";
import { median, spread } from "../../bench/compare/statistics.ts";

const patience = { enoughMsec: 0, repetitions: 1, mostMsec: 0 };

function result(scenario: string, side: string, measure: string, ...rounds: number[]): Result {
  return { scenario, side, measure, rounds };
}

/** One that notes when its turn is, and says to have done so much. */
function participant(name: string, log: string[], done = 1): Participant {
  return {
    name,
    title: name,
    works: new Set(["work"]),
    measure: () => {
      log.push(name);
      return Promise.resolve([{ values: { cpu: 1 }, done }]);
    },
  };
}

const scenario: Scenario = { name: "work", title: "work", work: "work", meter: "time", n: 1, done: 1 };

Deno.test("median() is the middle one, or lies between the two in the middle", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(spread([5, 1, 3]), { median: 3, least: 1, most: 5 });
});

Deno.test("Collector.add() takes the median of a process for the value of its round", () => {
  const collector = new Collector();
  for (const values of [[1, 2, 9], [4]]) collector.add("yield", "c", values.map((cpu) => ({ values: { cpu }, done: 1 })));
  assertEquals(collector.results(), [result("yield", "c", "cpu", 2, 4)]);
});

Deno.test("Results.ratios() divides round by round, so that more is better whatever the measure", () => {
  const results = new Results([
    result("yield", "hosted", "cpu", 10, 20),
    result("yield", "c", "cpu", 30, 80),
    result("echo_50", "hosted", "rate", 300, 100),
    result("echo_50", "c", "rate", 100, 200),
  ]);
  assertEquals(results.ratios("yield", "cpu", "hosted", "c"), [3, 4]);
  assertEquals(results.ratios("echo_50", "rate", "hosted", "c"), [3, 0.5]);
  assertEquals(results.ratios("yield", "cpu", "hosted", "co"), undefined);
});

Deno.test("Results.ratios() does not mix comparisons that were made one after the other", () => {
  const first = [result("yield", "hosted", "cpu", 10), result("yield", "c", "cpu", 30)];
  const second = [result("yield", "hosted", "cpu", 20), result("yield", "co", "cpu", 30)];
  const results = new Results(first, second);
  assertEquals(results.ratios("yield", "cpu", "hosted", "c"), [3]);
  assertEquals(results.ratios("yield", "cpu", "hosted", "co"), [1.5]);
});

Deno.test("judge() holds a goal against the best of those that it names", () => {
  const results = new Results([
    result("yield", "hosted", "cpu", 100),
    result("yield", "effect", "cpu", 900),
    result("yield", "co", "cpu", 90),
    result("yield", "promises", "cpu", 40),
    result("memory_parked_1m", "hosted", "rss", 650),
  ]);
  const verdicts = judge(results, "cpu").map(({ goal, against, ratio, reached }) => [goal.scenario, against, ratio.median, reached]);
  assertEquals(verdicts, [["yield", "co", 0.9, false], ["yield", "promises", 0.4, true], ["memory_parked_1m", undefined, 650, true]]);
});

Deno.test("Each goal is about a scenario and sides that there are", () => {
  assert(allGoals.length > 0);
  const names = new Set(scenarios.map(({ name }) => name));
  assertEquals(allGoals.filter((goal) => !names.has(goal.scenario)), []);
  assertEquals(allGoals.flatMap(({ side, against }) => [side, ...against]).filter((name) => !sideNames.includes(name)), []);
});

Deno.test("Gauge ends a run with too many inside, or with fewer than there might have been", () => {
  const gauge = new Gauge(2);
  gauge.enter();
  gauge.leave();
  assertThrows(() => gauge.verify(), Error, "inside at once, at most: expected 2, got 1");
  gauge.enter();
  assertThrows(() => gauge.verify(), Error, "still inside: expected 0, got 1");
  gauge.enter();
  assertThrows(() => gauge.enter(), Error, "3 are inside where 2 may be");
  for (let count = 0; count < 3; count++) gauge.leave();
  assertThrows(() => gauge.verify(), Error, "inside at once, at most: expected 2, got 3");
  const kept = new Gauge(1);
  kept.enter();
  kept.leave();
  assertEquals(kept.verify(), 1);
});

Deno.test("Switches counts how often another one has its turn", () => {
  const switches = new Switches();
  for (const id of [0, 0, 1, 0, 0, 2]) switches.see(id);
  assertEquals(switches.count, 4);
});

Deno.test("Sleepers ends a run in which one wakes early, by more than a host's timer may", () => {
  const sleepers = new Sleepers(3);
  assertEquals([sleepers.durations.length, sleepers.durations.every((msec) => msec >= 1 && msec <= 50)], [3, true]);
  const now = performance.now();
  assertThrows(() => sleepers.wake(now, 1_000_000), Error, "A sleeper of 1000000 ms woke");
  sleepers.wake(now - 10, 10);
  sleepers.wake(now - 8.5, 10);
  assertEquals(sleepers.woken, 2);
});

Deno.test("playRounds() lets the sides begin in turn", async () => {
  const log: string[] = [];
  const sides = [participant("a", log), participant("b", log)];
  const results = await playRounds([scenario], sides, { rounds: 3, patience, onProgress: () => {} });
  assertEquals(log, ["a", "b", "b", "a", "a", "b"]);
  assertEquals(results.map(({ side, rounds }) => [side, rounds.length]), [["a", 3], ["b", 3]]);
});

Deno.test("playRounds() ends when a side has not done its work", async () => {
  const sides = [participant("a", []), participant("b", [], 2)];
  const error = await playRounds([scenario], sides, { rounds: 1, patience, onProgress: () => {} }).catch((error) => error);
  assertStringIncludes(error.message, "b should have done 1, and did 2");
});

Deno.test("parseOptions() refuses what it cannot do", () => {
  const refused: Record<string, string> = {
    "--only nothing": "Cannot compare 'nothing': there is no such scenario",
    "--rounds 0": "Cannot play '0' rounds: it takes a whole number from 1 up",
    "--clock sun": "Cannot time by 'sun': it takes 'cpu' or 'wall'",
    "--colour": "Unknown option '--colour'",
  };
  for (const [args, message] of Object.entries(refused)) assertThrows(() => parseOptions(args.split(" ")), Error, message);
  assertEquals(parseOptions(["--help"]), undefined);
  assertEquals(parseOptions(["--only", "echo"])?.scenarios.map(({ name }) => name), ["echo_1", "echo_50"]);
});

Deno.test("The report and the chart tell of all that was compared", () => {
  const results = new Results([result("yield", "blocking", "cpu", 100, 110), result("yield", "c", "cpu", 700, 660)]);
  const report = { scenarios, results, verdicts: judge(results, "cpu"), clock: "cpu", missing: ["Something is missing"] };
  const text = textReport(report);
  for (const part of ["Something is missing", "6.50x", "6.00x .. 7.00x", "105 ns", "1 of 1 goals"]) assertStringIncludes(text, part);
  const [bar, ...others] = drawChart(report).match(/<rect [^>]*>/g) ?? [];
  assert(bar !== undefined && others.length === 0);
  const width = Number(bar.split('"')[5]);
  assertAlmostEquals(width / (900 - 40 - 370), Math.log10(6.5) / Math.log10(130 * 1.7 / 0.1), 0.01);
});
