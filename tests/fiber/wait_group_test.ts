/**
 * Waiting until a number of things are done.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { WaitGroup } from "@sd/fibers";
import { codeOf, simulated } from "../_simulation.ts";

Deno.test(
  "WaitGroup.wait() goes on when the last thing is done, also if more is added before it runs",
  simulated((world) => {
    const group = new WaitGroup({ loop: world.loop });
    group.add(2);
    const fiber = world.spawn(() => group.wait());
    world.settle();
    group.done();
    world.settle();
    assertEquals([fiber.state, group.count], ["pending", 1]);
    group.done();
    group.add();
    world.settle();
    assertEquals([fiber.state, group.waitFuture().state, group.statistics().waiters], ["resolved", "pending", 1]);
  }),
);

Deno.test(
  "WaitGroup.wait() does not suspend while nothing is under way",
  simulated((world) => {
    const group = new WaitGroup({ loop: world.loop });
    world.run(() => group.wait());
    assertEquals([world.loop.iteration, group.waitFuture().state], [1, "resolved"]);
  }),
);

Deno.test(
  "More done than added is EPERM, a bad number EINVAL, adding to a disposed one EPIPE",
  simulated((world) => {
    const group = new WaitGroup({ loop: world.loop });
    assertEquals(codeOf(() => group.done()), "EPERM");
    for (const bad of [0, -1, NaN, 0.5]) assertEquals(codeOf(() => group.add(bad)), "EINVAL");
    group.add();
    const waiting = group.waitFuture();
    group[Symbol.dispose]();
    assertEquals([codeOf(() => waiting.result()), codeOf(() => group.add()), codeOf(() => group.done())], ["EPIPE", "EPIPE", undefined]);
  }),
);
