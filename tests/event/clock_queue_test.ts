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
      node.heap = queue.heapOf(step.add.accuracy);
      queue.add(node.heap, node, step.add.usec);
      assert(queue.needsArming);
    } else if (model.size > 0) {
      const node = "shift" in step ? queue.first as SourceNode : [...model.keys()][step.remove % model.size];
      assert(model.delete(node));
      queue.remove(node.heap!, node);
      assert(queue.needsArming && !node.heap!.has(node));
    }
    const timers = [...model.values()];
    assertEquals(queue.earliest, Math.min(...timers.map(({ usec }) => usec)));
    const due = [...model.keys()].find((node) => model.get(node)!.usec === queue.earliest);
    assert(queue.first === due, "Of the timers for one moment the first comes first");
    assertEquals(queue.latest, Math.min(...timers.map(({ usec, accuracy }) => usec + accuracy)));
  }
}

Deno.test("ClockQueue knows the earliest time and the earliest deadline, with few accuracies", () => {
  fc.assert(fc.property(stepsOf(fc.constantFrom(0, 1, 50, 250_000)), play), runs(300));
});

Deno.test("ClockQueue knows both with more accuracies than it remembers", () => {
  fc.assert(fc.property(stepsOf(fc.nat(60)), play), runs(300));
});

/** Adds them all: the numbers of those that are due, in their order, by `takeDue` where it sees to them, and of those that wait on. */
function taken(timers: readonly Timer[], now: number, atOnce: boolean): { due: number[]; left: number[]; isBulk: boolean } {
  const queue = new ClockQueue(0);
  const numbers = new Map<SourceNode, number>();
  for (const [number, { usec, accuracy }] of timers.entries()) {
    const node = pendingNode(0, 0);
    numbers.set(node, number);
    node.heap = queue.heapOf(accuracy);
    queue.add(node.heap, node, usec);
  }
  const due: number[] = [];
  queue.needsArming = false;
  const bulk = atOnce ? queue.takeDue(now) : undefined;
  assertEquals(queue.needsArming, bulk !== undefined);
  bulk?.forEach((node) => {
    assert(!(node as SourceNode).heap!.has(node));
    assertEquals(node.heapIndex, -1);
    due.push(numbers.get(node as SourceNode)!);
  });
  return { due: [...due, ...drain(queue, numbers, now)], left: drain(queue, numbers, Infinity), isBulk: bulk !== undefined };
}

/** One by one. */
function drain(queue: ClockQueue, numbers: Map<SourceNode, number>, until: number): number[] {
  const drained: number[] = [];
  while (queue.earliest <= until && queue.size > 0) {
    const node = queue.first as SourceNode;
    queue.remove(node.heap!, node);
    drained.push(numbers.get(node)!);
  }
  return drained;
}

const span = fc.constantFrom(0, 3, 300, 70_000, 2 ** 40, Number.MAX_SAFE_INTEGER);
const crowd = span.chain((most) =>
  fc.record({
    now: fc.nat(most),
    timers: fc.array(
      fc.record({ usec: fc.oneof({ weight: 9, arbitrary: fc.nat(most) }, usec), accuracy: fc.constantFrom(1, 50, 250_000) }),
      {
        maxLength: 400,
        size: "max",
      },
    ),
  })
);

Deno.test("ClockQueue takes many that are due at once in the order in which they would go one by one", () => {
  let bulks = 0;
  fc.assert(
    fc.property(crowd, ({ now, timers }) => {
      const { isBulk, ...atOnce } = taken(timers, now, true);
      const { isBulk: _, ...oneByOne } = taken(timers, now, false);
      assertEquals(atOnce, oneByOne);
      if (isBulk) bulks++;
    }),
    runs(300),
  );
  assert(bulks > 100, `Only ${bulks} were taken at once`);
});

Deno.test("ClockQueue takes them one by one where they are few, few of those that wait, or a rate limit ends among them", () => {
  const dueAt = (count: number, waiting: number, suspendedUntil?: number) => {
    const queue = new ClockQueue(0);
    for (let i = 0; i < count + waiting; i++) queue.add(queue.heapOf(1), pendingNode(0, 0), i < count ? 5 : 7);
    if (suspendedUntil !== undefined) queue.add(queue.suspended, pendingNode(0, 0), suspendedUntil);
    return queue.takeDue(6) !== undefined;
  };
  assertEquals([dueAt(15, 0), dueAt(16, 0)], [false, true]);
  assertEquals([dueAt(16, 241), dueAt(16, 240)], [false, true]);
  assertEquals([dueAt(100, 0, 6), dueAt(100, 0, 7)], [false, true]);
});
