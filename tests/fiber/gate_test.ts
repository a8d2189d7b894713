/**
 * Open or closed.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Gate } from "@sd/fibers";
import { codeOf, simulated } from "../_simulation.ts";

Deno.test(
  "Who was let through a gate passes, also if it closes before it runs; who comes then waits",
  simulated((world) => {
    const gate = new Gate({ loop: world.loop });
    const early = [0, 1].map(() => world.spawn(() => gate.pass()));
    world.settle();
    assertEquals(gate.statistics(), { isOpen: false, waiters: 2, mostWaiters: 2 });
    gate.open();
    gate.close();
    const late = gate.passFuture();
    world.settle();
    assertEquals([early.map((fiber) => fiber.state), late.state], [["resolved", "resolved"], "pending"]);
    gate.open();
    assertEquals([late.state, gate.isOpen], ["resolved", true]);
  }),
);

Deno.test(
  "An open gate takes no turn of the loop, and may be opened twice",
  simulated((world) => {
    const gate = new Gate({ loop: world.loop, open: true });
    assertEquals([gate.isOpen, new Gate({ loop: world.loop }).isOpen], [true, false]);
    world.run(() => gate.pass());
    assertEquals(world.loop.iteration, 1);
    gate.open();
    assertEquals([gate.isOpen, gate.passFuture().state], [true, "resolved"]);
    gate.close();
    gate.close();
    assertEquals(gate.isOpen, false);
  }),
);

Deno.test(
  "A disposed gate is EPIPE",
  simulated((world) => {
    const gate = new Gate({ loop: world.loop });
    const waiting = gate.passFuture();
    gate[Symbol.dispose]();
    const uses = [() => waiting.result(), () => gate.passFuture(), () => gate.open(), () => gate.close()];
    assertEquals(uses.map(codeOf), ["EPIPE", "EPIPE", "EPIPE", "EPIPE"]);
    assertEquals(codeOf(() => new Gate({ loop: world.loop, opened: true } as never)), "EINVAL");
  }),
);
