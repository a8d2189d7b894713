/**
 * The counts by priority, against a plain list.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { runs } from "./_property.ts";
import { Census } from "../../event/census.ts";

type Step = { add: number } | { remove: number };

function stepsOf(priority: fc.Arbitrary<number>): fc.Arbitrary<Step[]> {
  return fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: priority }) },
      { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
    ),
    { maxLength: 500, size: "max" },
  );
}

function play(script: readonly Step[]): void {
  const census = new Census();
  const model: number[] = [];
  for (const step of script) {
    if ("add" in step) {
      model.push(step.add);
      census.add(step.add);
    } else if (model.length > 0) {
      const [priority] = model.splice(step.remove % model.length, 1);
      census.remove(priority);
    }
    assertEquals(census.total, model.length);
    assertEquals(census.best, Math.min(...model));
  }
}

Deno.test("Census knows how many are counted and the best priority among them", () => {
  fc.assert(fc.property(stepsOf(fc.integer({ min: -3, max: 3 })), play), runs(200));
});

Deno.test("Census knows both also among more priorities than it remembers", () => {
  fc.assert(fc.property(stepsOf(fc.integer({ min: -200, max: 200 })), play), runs(200));
});
