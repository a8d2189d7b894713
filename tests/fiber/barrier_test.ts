/**
 * A place where all wait for the last.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Barrier } from "@sd/fibers";
import { codeOf, simulated } from "../_simulation.ts";

Deno.test(
  "Barrier.wait() goes on when all have come, in the order in which they came, round after round",
  simulated((world) => {
    const barrier = new Barrier(3, { loop: world.loop });
    const order: string[] = [];
    for (const name of "abc") {
      world.spawn(function* () {
        for (let round = 1; round <= 2; round++) order.push(`${name}${round}: ${yield* barrier.wait()}`);
      });
    }
    world.settle();
    assertEquals(order, ["c1: 2", "a1: 0", "b1: 1", "b2: 2", "c2: 0", "a2: 1"]);
    assertEquals(barrier.statistics(), { parties: 3, waiters: 0, mostWaiters: 2, rounds: 2 });
  }),
);

Deno.test(
  "One who is interrupted does not count, and neither does a future that is cancelled",
  simulated((world) => {
    const barrier = new Barrier(2, { loop: world.loop });
    const fiber = world.spawn(() => barrier.wait());
    world.settle();
    fiber.cancel();
    world.settle();
    const [first, second, third] = [barrier.waitFuture(), barrier.waitFuture(), barrier.waitFuture()];
    assertEquals([codeOf(() => fiber.result()), first.result(), second.result(), third.state], ["ECANCELED", 0, 1, "pending"]);
    third.cancel();
    assertEquals(barrier.waitFuture().state, "pending");
    assertEquals(barrier.waitFuture().result(), 1);
  }),
);

Deno.test(
  "A barrier for one holds nobody up; one for no whole number is EINVAL; a disposed one is EPIPE",
  simulated((world) => {
    const one = new Barrier(1, { loop: world.loop });
    assertEquals([world.run(() => one.wait()), one.waitFuture().result()], [0, 0]);
    for (const bad of [0, -1, NaN, 1.5, Infinity]) assertEquals(codeOf(() => new Barrier(bad, { loop: world.loop })), "EINVAL");
    const two = new Barrier(2, { loop: world.loop });
    const waiting = two.waitFuture();
    two[Symbol.dispose]();
    assertEquals([codeOf(() => waiting.result()), codeOf(() => two.waitFuture())], ["EPIPE", "EPIPE"]);
  }),
);
