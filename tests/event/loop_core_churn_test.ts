/**
 * Sources of all types that come, change and go at random: nothing of them stays.
 *
 * @module
 */

import type { Enabled, LimitedSource, QueuedSource } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { coreOf } from "../../event/event_loop.ts";
import { codeOf } from "../_simulation.ts";
import { runs } from "./_property.ts";
import { type Made, type Maker, makers } from "./_sources.ts";
import { Trial } from "./_trial.ts";

type Step =
  | { readonly kind: "add"; readonly maker: number; readonly enabled: Enabled; readonly priority: number; readonly limited: boolean }
  | { readonly kind: "enable"; readonly which: number; readonly enabled: Enabled }
  | { readonly kind: "prioritise"; readonly which: number; readonly priority: number }
  | { readonly kind: "happen" | "dispose" | "limit" | "leave" | "prepare"; readonly which: number }
  | { readonly kind: "pass"; readonly usec: number }
  | { readonly kind: "run" };

const enabled = fc.constantFrom<Enabled>("off", "on", "oneshot");
const priority = fc.integer({ min: -2, max: 2 });
const which = fc.nat();
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("add" as const), maker: fc.nat(), enabled, priority, limited: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("enable" as const), which, enabled }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("prioritise" as const), which, priority }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom("happen", "dispose", "limit", "leave", "prepare"), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass" as const), usec: fc.nat(3_000) }) },
  { weight: 8, arbitrary: fc.constant<Step>({ kind: "run" }) },
);

const defer: Maker = {
  name: "defer",
  limited: true,
  level: true,
  enabled: "oneshot",
  make: ({ loop }, callback, options) => ({ source: loop.addDefer(callback, options), happen: () => {} }),
};
const allMakers = [...makers, defer];
const limit = { interval: 1_000, burst: 1 };

function isLimited(source: QueuedSource): source is LimitedSource {
  return "rateLimit" in source;
}

/** Whether this source of a signal would meet another one for it, or a signal nobody: that would be refused, or end the process. */
function isTaken(made: Made[], maker: Maker): boolean {
  return maker.name === "signal" && made.some(({ source }) => source.type === "signal");
}

function play(script: readonly Step[], polling: "batch" | "every"): void {
  const trial = new Trial({ polling });
  const { loop, kernel } = trial;
  const core = coreOf(loop);
  const made: Made[] = [];
  for (const step of script) {
    if (step.kind === "run") loop.runSync(0);
    else if (step.kind === "pass") kernel.advance(step.usec);
    else if (step.kind === "add") {
      const maker = allMakers[step.maker % allMakers.length];
      const rateLimit = maker.limited && step.limited ? limit : undefined;
      const options = { enabled: step.enabled, priority: step.priority, ...rateLimit && { rateLimit } };
      if (!isTaken(made, maker)) made.push(maker.make(trial, () => {}, options));
    } else if (made.length > 0) change(made, step.which % made.length, step);
    // A group of inotify sources counts as well.
    assert(core.fed.total <= 2 * made.length);
  }
  for (const { source } of made) source[Symbol.dispose]();
  assertEquals(loop.runSync(0), false);
  assertEquals([core.fed.total, core.fed.best, core.pending.first, core.prepares.isEmpty], [0, Infinity, undefined, true]);
  assertEquals([core.sources.first, core.posts.size], [undefined, 0]);
  assertEquals(core.clocks.map((clock) => clock.earliest), [Infinity, Infinity, Infinity, Infinity, Infinity]);
  const left = kernel.leaks().filter((line) => /^(watch|wake-up|claim)/.test(line));
  assertEquals(left, []);
  assertEquals(trial.end(), { reported: [], left: [] });
}

/** That of an inotify source cannot be changed once its file is closed. */
function prioritise(source: QueuedSource, priority: number): void {
  const code = codeOf(() => source.priority = priority);
  assert(code === undefined || (code === "EOPNOTSUPP" && source.type === "inotify"), code);
}

function change(made: Made[], index: number, step: Exclude<Step, { kind: "run" | "pass" | "add" }>): void {
  const { source, happen } = made[index];
  if (step.kind === "enable") source.enabled = step.enabled;
  else if (step.kind === "prioritise") prioritise(source, step.priority);
  else if (step.kind === "happen") happen();
  else if (step.kind === "prepare") source.prepare = source.prepare === undefined ? () => {} : undefined;
  else if (step.kind === "dispose") {
    source[Symbol.dispose]();
    made.splice(index, 1);
  } else if (isLimited(source)) {
    if (step.kind === "leave") source.leaveRateLimit();
    else source.rateLimit = source.rateLimit === undefined ? limit : undefined;
  }
}

for (const polling of ["batch", "every"] as const) {
  Deno.test(`Whatever becomes of sources, nothing of them stays when they have gone (${polling})`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (script) => play(script, polling)),
      runs(200),
    );
  });
}
