/**
 * The most important item first.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { PriorityChannel } from "@sd/fibers";
import { codeOf, simulated, type Simulation } from "../_simulation.ts";

function open(world: Simulation, capacity: number, dropped: string[] = []): PriorityChannel<string> {
  return new PriorityChannel<string>({
    loop: world.loop,
    capacity,
    priorityOf: (item) => Number(item[1]),
    onDrop: (item) => dropped.push(item),
  });
}

function drain(channel: PriorityChannel<string>): string[] {
  const items: string[] = [];
  for (let item; (item = channel.tryPop()) !== undefined;) items.push(item);
  return items;
}

Deno.test(
  "PriorityChannel gives out the most important first, and equals in order",
  simulated((world) => {
    const channel = open(world, Infinity);
    for (const item of ["a2", "b1", "c3", "d1", "e2", "f0"]) channel.tryPush(item);
    assertEquals([channel.size, drain(channel)], [6, ["f0", "b1", "d1", "a2", "e2", "c3"]]);
  }),
);

for (const capacity of [0, 1, 2]) {
  Deno.test(
    `PriorityChannel of capacity ${capacity} counts the pushes that wait too`,
    simulated((world) => {
      const channel = open(world, capacity);
      const items = ["a2", "b1", "c3", "d1", "e2", "f0"];
      const sends = items.map((item) => channel.send(item));
      assertEquals([channel.size, channel.statistics().pushes], [capacity, items.length - capacity]);
      const got = drain(channel);
      assertEquals(got.toSorted(), items);
      assertEquals(sends.map(({ state }) => state), items.map(() => "resolved"));
      if (capacity === 0) assertEquals(got, ["f0", "b1", "d1", "a2", "e2", "c3"]);
    }),
  );
}

Deno.test(
  "Pushes that wait in a PriorityChannel go by their items, whatever the priorities of their fibers become",
  simulated((world) => {
    const channel = open(world, 1);
    channel.tryPush("x0");
    const items = ["a2", "b1", "c2"];
    const pushes = items.map((item, index) => {
      const push = world.spawn(() => channel.push(item), { priority: index });
      world.settle();
      return push;
    });
    pushes[2].setPriority(-9);
    pushes[1].setPriority(9);
    assertEquals(drain(channel), ["x0", "b1", "a2", "c2"]);
    world.settle();
    assertEquals(pushes.map(({ state }) => state), ["resolved", "resolved", "resolved"]);
  }),
);

Deno.test(
  "PriorityChannel drops what a cancelled push brought and what lies in it when it is disposed",
  simulated((world) => {
    const dropped: string[] = [];
    const channel = open(world, 1, dropped);
    channel.tryPush("a1");
    channel.send("b2").cancel();
    channel[Symbol.dispose]();
    assertEquals(dropped, ["b2", "a1"]);
  }),
);

Deno.test(
  "A priority that is no whole number is EINVAL and the item stays the caller's, as with a bad capacity",
  simulated((world) => {
    const dropped: string[] = [];
    const channel = open(world, 2, dropped);
    assertEquals([codeOf(() => channel.tryPush("ax")), channel.size, dropped], ["EINVAL", 0, []]);
    for (const capacity of [-1, NaN, 0.5]) assertEquals(codeOf(() => open(world, capacity)), "EINVAL");
    assertEquals(codeOf(() => new PriorityChannel({ loop: world.loop, capacity: 1 } as never)), "EINVAL");
  }),
);
