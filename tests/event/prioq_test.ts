/**
 * The binary heap, against a sorted list.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import { runs } from "./_property.ts";
import { Prioq } from "../../event/prioq.ts";

interface Item {
  key: number;
  index: number;
}

type Step = { add: number } | { remove: number } | { change: { which: number; key: number } } | { replace: number };

const key = fc.integer({ min: 0, max: 30 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ add: key }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ change: fc.record({ which: fc.nat(), key }) }) },
    { weight: 1, arbitrary: fc.record({ replace: fc.nat() }) },
  ),
  { maxLength: 200, size: "max" },
);

Deno.test("Prioq has the smallest item first and knows where each one is, whatever is added, changed, replaced and removed", () => {
  fc.assert(
    fc.property(steps, (script) => {
      const heap = new Prioq<Item>((a, b) => a.key < b.key, (item, index) => item.index = index);
      const model: Item[] = [];
      for (const step of script) {
        if ("add" in step) {
          const item = { key: step.add, index: -1 };
          model.push(item);
          heap.add(item);
        } else if (model.length === 0) continue;
        else if ("remove" in step) {
          const [item] = model.splice(step.remove % model.length, 1);
          heap.removeAt(item.index);
          assertEquals(item.index, -1);
        } else if ("replace" in step) {
          const place = step.replace % model.length;
          const item = model[place];
          model[place] = { key: item.key, index: -1 };
          heap.replaceAt(item.index, model[place]);
          assertEquals(item.index, -1);
        } else {
          const item = model[step.change.which % model.length];
          item.key = step.change.key;
          heap.reposition(item.index);
        }
        assertEquals(heap.size, model.length);
        assertEquals(heap.first?.key, model.length === 0 ? undefined : Math.min(...model.map((item) => item.key)));
        const items = [...heap];
        for (const item of model) assertStrictEquals(items[item.index], item);
      }
    }),
    runs(300),
  );
});
