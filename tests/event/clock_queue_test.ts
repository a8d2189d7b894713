/**
 * The timers of one clock, against a plain list.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { runs } from "./_property.ts";
import { ClockQueue } from "../../event/clock_queue.ts";
import type { SourceNode } from "../../event/source_node.ts";
import { pendingNode } from "./_nodes.ts";

interface Timer {
  readonly usec: number;
  readonly accuracy: number;
}

type Step = { add: Timer } | { remove: number } | { shift: true };

const usec = fc.oneof(fc.nat(100), fc.nat(2 ** 50), fc.constant(Infinity));

function stepsOf(accuracy: fc.Arbitrary<number>): fc.Arbitrary<Step[]> {
  return fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ add: fc.record({ usec, accuracy }) }) },
      { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
      { weight: 1, arbitrary: fc.constant<{ shift: true }>({ shift: true }) },
    ),
    { maxLength: 300, size: "max" },
  );
}

function play(script: readonly Step[]): void {
  const queue = new ClockQueue(0);
  const model = new Map<SourceNode, Timer>();
  for (const step of script) {
    queue.needsArming = false;
    if ("add" in step) {
      const node = pendingNode(0, 0);
      model.set(node, step.add);
      queue.add(node, step.add.usec, step.add.accuracy);
      assert(queue.needsArming);
    } else if (model.size > 0) {
      const node = "shift" in step ? queue.first! : [...model.keys()][step.remove % model.size];
      assert(model.delete(node));
      queue.remove(node);
      assert(queue.needsArming);
      queue.needsArming = false;
      queue.remove(node);
      assert(!queue.needsArming);
    }
    const timers = [...model.values()];
    assertEquals(queue.earliest, Math.min(...timers.map(({ usec }) => usec)));
    const due = [...model.keys()].find((node) => model.get(node)!.usec === queue.earliest);
    assert(queue.first === due, "Of the timers for one moment the first comes first");
    assertEquals(queue.latest, Math.min(...timers.map(({ usec, accuracy }) => usec + accuracy)));
    assertEquals(queue.first === undefined ? Infinity : model.get(queue.first)!.usec, queue.earliest);
  }
}

Deno.test("ClockQueue knows the earliest time and the earliest deadline, with few accuracies", () => {
  fc.assert(fc.property(stepsOf(fc.constantFrom(0, 1, 50, 250_000)), play), runs(300));
});

Deno.test("ClockQueue knows both with more accuracies than it remembers", () => {
  fc.assert(fc.property(stepsOf(fc.nat(60)), play), runs(300));
});
