/**
 * The loop against the real one: the same scripts on both, and all that can be seen has to be the same.
 *
 * Scripts are thousands, the same in every run. An argument says how many instead (`deno task test:conformance 5000000`), and they are others
 * each time unless FAST_CHECK_SEED names a seed.
 *
 * @module
 */

import { assert } from "@std/assert";
import * as fc from "fast-check";
import { describeScript } from "./describe.ts";
import { hasLibsystemd, LibsystemdLoop } from "./libsystemd.ts";
import { OwnLoop } from "./own_loop.ts";
import { play } from "./player.ts";
import { type Script, scripts } from "./scripts.ts";
import type { Listener, Subject } from "./subject.ts";

const asked = Deno.args.at(-1);
const numRuns = Number(asked ?? 3_000);
const seed = Number(Deno.env.get("FAST_CHECK_SEED") ?? (asked === undefined ? 1 : Date.now() % 2 ** 31));

/** What both did up to where they part, and that; `undefined`: they do not. */
function difference(script: Script, make: (listener: Listener) => Subject): string | undefined {
  const theirs = play(script, (listener) => new LibsystemdLoop(listener));
  const ours = play(script, make);
  const parting = theirs.findIndex((line, number) => line !== ours[number]);
  const at = parting >= 0 ? parting : theirs.length;
  if (at === ours.length) return undefined;
  return [...ours.slice(0, at).map((line) => `  ${line}`), `libsystemd: ${theirs[at]}`, `this loop:  ${ours[at]}`].join("\n");
}

/** What is wrong with such a loop, by the shortest script that shows it. */
function findDifference(make: (listener: Listener) => Subject, options: { numRuns: number; seed: number }): string | undefined {
  const property = fc.property(scripts, (script) => difference(script, make) === undefined);
  const { counterexample, counterexamplePath } = fc.check(property, options);
  if (counterexample === null) return undefined;
  const [script] = counterexample;
  return `seed ${options.seed}, path ${counterexamplePath}\n${describeScript(script)}\n\n${difference(script, make)}`;
}

const remark = hasLibsystemd ? "" : ": left out, there is no libsystemd.so.0 to compare with";

Deno.test({
  name: `The loop does what libsystemd does${remark}`,
  ignore: !hasLibsystemd,
  fn() {
    const found = findDifference((listener) => new OwnLoop(listener), { numRuns, seed });
    assert(found === undefined, `The two loops part: ${found}`);
  },
});

/** A loop that serves oneshot sources for ever. */
class StubbornLoop extends OwnLoop {
  override setEnabled(source: number, value: number): number {
    return super.setEnabled(source, value === -1 ? 1 : value);
  }
}

Deno.test({
  name: `The comparison with libsystemd can fail${remark}`,
  ignore: !hasLibsystemd,
  fn() {
    const found = findDifference((listener) => new StubbornLoop(listener), { numRuns: 100, seed: 1 });
    assert(found?.includes("this loop:"), "A loop that does something else passes for libsystemd's equal");
  },
});
