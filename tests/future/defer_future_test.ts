/**
 * Futures that resolve as soon as their priority allows.
 *
 * @module
 */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { deferFuture } from "@sd/fibers";
import { simulated } from "../_simulation.ts";

Deno.test(
  "deferFuture() is fulfilled with its value in the next tick",
  simulated((world) => {
    const future = deferFuture(world.loop, { status: "fulfilled", value: "now" });
    assertEquals(future.state, "pending");
    world.tick();
    assertEquals(future.result(), "now");
    assertEquals(world.settle(), 0);
  }),
);

Deno.test(
  "deferFuture() is rejected with its reason",
  simulated((world) => {
    const reason = new RangeError();
    const future = deferFuture(world.loop, { status: "rejected", reason });
    world.tick();
    assertStrictEquals(assertThrows(() => future.result()), reason);
  }),
);

Deno.test(
  "deferFuture() waits for what is more important",
  simulated((world) => {
    const future = deferFuture(world.loop, { status: "fulfilled", value: 1 });
    future.setPriority(1);
    const states: string[] = [];
    for (let i = 0; i < 3; i++) world.loop.addDefer(() => void states.push(future.state));
    world.tick(3);
    assertEquals([states, future.state], [["pending", "pending", "pending"], "pending"]);
    world.tick();
    assertEquals(future.state, "resolved");
  }),
);
