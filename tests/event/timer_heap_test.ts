/**
 * The heap of the timers of one accuracy, against a plain list.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { runs } from "./_property.ts";
import type { QueueNode } from "../../event/queue_node.ts";
import { ClockQueue } from "../../event/clock_queue.ts";
import { TimerHeap } from "../../event/timer_heap.ts";
import { pendingNode } from "./_nodes.ts";

type Step = { add: number } | { remove: number } | { replace: number } | { shift: true };

const key = fc.oneof(fc.nat(20), fc.nat(Number.MAX_SAFE_INTEGER), fc.constant(Infinity));
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ add: key }) },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ replace: fc.nat() }) },
    { weight: 1, arbitrary: fc.constant<{ shift: true }>({ shift: true }) },
  ),
  { maxLength: 300, size: "max" },
);

Deno.test("TimerHeap has the earliest timer first, whatever is added, replaced and removed", () => {
  fc.assert(
    fc.property(steps, (script) => {
      const heap = new TimerHeap(new ClockQueue(0), 1);
      const model = new Map<QueueNode, number>();
      for (const step of script) {
        if ("add" in step) {
          const node = pendingNode(0, 0);
          model.set(node, step.add);
          heap.add(node, step.add);
          assert(heap.has(node));
        } else if ("replace" in step && model.size > 0) {
          const node = [...model.keys()][step.replace % model.size];
          const other = pendingNode(0, 0);
          node.sequence = step.replace;
          model.set(other, model.get(node)!);
          assertEquals([heap.replace(node, other), other.sequence], [model.get(other), step.replace]);
          assert(model.delete(node));
          assertEquals([heap.has(node), node.heapIndex, heap.has(other)], [false, -1, true]);
        } else if (!("replace" in step) && model.size > 0) {
          const node = "shift" in step ? heap.first! : [...model.keys()][step.remove % model.size];
          assert(model.delete(node));
          heap.remove(node);
          assertEquals([heap.has(node), node.heapIndex], [false, -1]);
        }
        assertEquals(heap.size, model.size);
        assertEquals(heap.firstKey, Math.min(...model.values()));
        assertEquals(heap.first === undefined ? undefined : model.get(heap.first), model.size === 0 ? undefined : heap.firstKey);
        assertEquals(new Set([...model.keys()].map((node) => node.heapIndex)).size, model.size);
      }
    }),
    runs(300),
  );
});
