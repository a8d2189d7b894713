/**
 * What is dispatched next (sd-event, section 6.1).
 *
 * @module
 */

import { type DeferSource, IoEvent } from "@sd/fibers";
import { assertEquals, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import { runs } from "./_property.ts";
import { PendingQueue } from "../../event/pending_queue.ts";
import type { SourceNode } from "../../event/source_node.ts";
import { pendingNode } from "./_nodes.ts";
import { loopTest } from "./_trial.ts";

type Step = { add: { priority: number; iteration: number } } | { remove: number } | { replace: number } | { shift: true };

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.record({ priority: fc.integer({ min: -2, max: 2 }), iteration: fc.nat(50) }) }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ replace: fc.nat() }) },
    { weight: 1, arbitrary: fc.constant<{ shift: true }>({ shift: true }) },
  ),
  { maxLength: 400, size: "max" },
);

/** The same queue as a sorted list. */
class ListModel {
  readonly nodes: SourceNode[] = [];

  add(node: SourceNode): void {
    const place = this.nodes.findIndex((each) =>
      each.rank > node.rank || each.rank === node.rank && each.pendingIteration > node.pendingIteration
    );
    this.nodes.splice(place < 0 ? this.nodes.length : place, 0, node);
  }
}

function play(script: readonly Step[]): void {
  const queue = new PendingQueue();
  const model = new ListModel();
  for (const step of script) {
    if ("add" in step) {
      const node = pendingNode(step.add.priority, step.add.iteration);
      queue.add(node);
      model.add(node);
    } else if (model.nodes.length === 0) {
      continue;
    } else if ("replace" in step) {
      const place = step.replace % model.nodes.length;
      const node = model.nodes[place];
      model.nodes[place] = pendingNode(node.rank, 0);
      queue.replace(node, model.nodes[place]);
      assertEquals([node.bucket, node.heapIndex, node.previous, node.next], [undefined, -1, undefined, undefined]);
    } else {
      const [node] = model.nodes.splice("remove" in step ? step.remove % model.nodes.length : 0, 1);
      queue.remove(node);
      assertStrictEquals(node.bucket, undefined);
    }
    assertStrictEquals(queue.first, model.nodes[0]);
  }
  assertEquals(new Set(queue), new Set(model.nodes));
  for (const node of model.nodes) {
    assertStrictEquals(queue.first, node);
    queue.remove(node);
  }
  assertStrictEquals(queue.first, undefined);
}

Deno.test("PendingQueue orders by priority, then pending iteration, then arrival, as a sorted list would", () => {
  fc.assert(fc.property(steps, play), runs(300));
});

Deno.test("PendingQueue keeps its order when arrivals fall far from both ends", () => {
  const script: Step[] = [];
  for (let i = 0; i < 100; i++) script.push({ add: { priority: 0, iteration: i } });
  for (let i = 0; i < 400; i++) script.push({ add: { priority: 0, iteration: (i * 37) % 100 } });
  for (let i = 0; i < 250; i++) script.push({ remove: i * 13 }, { replace: i * 29 });
  for (let i = 0; i < 100; i++) script.push({ shift: true }, { add: { priority: 0, iteration: (i * 61) % 100 } });
  play(script);
});

Deno.test("PendingQueue keeps its order with more priorities than it remembers", () => {
  const script: Step[] = [];
  for (let i = 0; i < 3_000; i++) {
    script.push({ add: { priority: (i * 1_117) % 1_500, iteration: i % 7 } });
    if (i % 3 === 2) script.push({ shift: true }, { shift: true });
  }
  play(script);
});

loopTest("Sources of one priority take turns", ({ loop, steps, at }) => {
  loop.addDefer(at(1, 4, 7), { enabled: "on" });
  loop.addDefer(at(2, 5, 8), { enabled: "on" });
  loop.addDefer(at(3, 6, 9), { enabled: "on" });
  for (let i = 0; i < 9; i++) loop.runSync(0);
  steps.finish(10);
});

loopTest("A smaller priority value goes first, as often as it is ready", ({ loop, steps, at }) => {
  loop.addDefer(at(5), { priority: 5 });
  const urgent = loop.addDefer(at(1, 2, 3), { enabled: "on", priority: -5 });
  loop.addDefer(at(4), { priority: 0 });
  for (let i = 0; i < 3; i++) loop.runSync(0);
  urgent.enabled = "off";
  for (let i = 0; i < 2; i++) loop.runSync(0);
  steps.finish(6);
});

loopTest("Priorities may be any whole numbers", ({ loop, steps, at }) => {
  loop.addDefer(at(4), { priority: Number.MAX_SAFE_INTEGER });
  loop.addDefer(at(1), { priority: Number.MIN_SAFE_INTEGER });
  loop.addDefer(at(3), { priority: 2 ** 40 });
  loop.addDefer(at(2), { priority: -(2 ** 40) });
  for (let i = 0; i < 4; i++) loop.runSync(0);
  steps.finish(5);
});

loopTest("Among equals, what became pending in the same iteration goes in the order in which it did", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const soon = kernel.now(2) + 100;
  loop.addTime("monotonic", soon + 2, at(3));
  loop.addTime("monotonic", soon + 1, at(2));
  loop.addTime("monotonic", soon, at(1));
  kernel.advance(1_000);
  for (let i = 0; i < 3; i++) loop.runSync(0);
  steps.finish(4);
});

loopTest("What became pending in an earlier iteration goes before its equals", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  const urgent = loop.addDefer(at(1, 2), { enabled: "on", priority: -1 });
  loop.addIo(reader, IoEvent.IN, at(4), { enabled: "oneshot" });
  loop.addTimeRelative("monotonic", 10, at(3), { accuracy: 1 });
  kernel.advance(10);
  loop.runSync(0);
  trial.write(writer, "x");
  loop.runSync(0);
  urgent.enabled = "off";
  loop.runSync(0);
  loop.runSync(0);
  steps.finish(5);
});

loopTest("A source that stays pending keeps its place, whatever else it becomes ready for", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const [ours, theirs] = kernel.socketPair();
  const urgent = loop.addDefer(at(1, 2), { enabled: "on", priority: -1 });
  const io = loop.addIo(ours, IoEvent.IN | IoEvent.RDHUP, (revents) => {
    steps.expect(3);
    assertEquals(revents & (IoEvent.IN | IoEvent.RDHUP), IoEvent.IN | IoEvent.RDHUP);
    io[Symbol.dispose]();
  });
  trial.write(theirs, "x");
  loop.runSync(0);
  loop.addTime("monotonic", 0, at(4));
  kernel.closeWrite(theirs);
  loop.runSync(0);
  urgent.enabled = "off";
  loop.runSync(0);
  loop.runSync(0);
  steps.finish(5);
  for (const handle of [ours, theirs]) kernel.close(handle);
});

loopTest("A pending source whose priority changes moves, and keeps its pending iteration", ({ loop, kernel, steps, at }) => {
  const urgent = loop.addDefer(at(1, 2), { enabled: "on", priority: -10 });
  const first = loop.addTime("monotonic", 0, at(3), { priority: 7 });
  loop.runSync(0);
  const second = loop.addTime("monotonic", 0, at(4));
  loop.addTime("monotonic", 0, at(5), { priority: 1 });
  loop.runSync(0);
  kernel.advance(0);
  first.priority = 0;
  assertEquals([first.pending, second.pending], [true, true]);
  urgent.enabled = "off";
  for (let i = 0; i < 3; i++) loop.runSync(0);
  steps.finish(6);
});

loopTest("A source that is off is never dispatched, however important it is", ({ loop, steps, at }) => {
  loop.addDefer(at(), { enabled: "off", priority: -100 });
  loop.addDefer(at(1));
  loop.runSync(0);
  assertEquals(loop.runSync(0), false);
  steps.finish(2);
});

loopTest("Defer sources that are enabled again go in the order of their last dispatch, in whatever order they were enabled", ({ loop }) => {
  const count = 300;
  const order: number[] = [];
  const sources: DeferSource[] = [];
  for (let i = 0; i < count; i++) sources.push(loop.addDefer(() => void order.push(i)));
  for (let i = 0; i < count; i++) loop.runSync(0);
  assertEquals(order, sources.map((_, index) => index));
  for (let round = 0; round < 3; round++) {
    // 7 and 300 have no common divisor, so this visits each source once.
    for (let i = 0; i < count; i++) sources[(i * 7 + round) % count].enabled = "oneshot";
    for (let i = 0; i < count; i++) loop.runSync(0);
    assertEquals(order.splice(count), sources.map((_, index) => index));
  }
});

loopTest("Defer sources that are turned off and on again while others run keep their place", ({ loop }) => {
  const count = 64;
  const order: number[] = [];
  const sources: DeferSource[] = [];
  for (let i = 0; i < count; i++) sources.push(loop.addDefer(() => void order.push(i), { enabled: "on" }));
  for (let i = 0; i < count / 2; i++) loop.runSync(0);
  for (let i = 0; i < count; i++) sources[(i * 27) % count].enabled = "off";
  for (let i = 0; i < count; i++) sources[(i * 11) % count].enabled = "on";
  // All that were never dispatched became pending in iteration 0, in the order in which they were enabled again.
  const waiting = sources.map((_, index) => (index * 11) % count).filter((index) => index >= count / 2);
  order.length = 0;
  for (let i = 0; i < count; i++) loop.runSync(0);
  assertEquals(order, [...waiting, ...sources.map((_, index) => index).slice(0, count / 2)]);
});
