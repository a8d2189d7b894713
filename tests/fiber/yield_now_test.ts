/**
 * A fiber that never blocks, and those that live beside it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { EventLoop, msec, type Operation, run, sleep, spawn, yieldNow } from "@sd/fibers";
import { simulated } from "../_simulation.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

Deno.test("A fiber that yields in a loop leaves the host its turns, those for timers and sockets too", async () => {
  const kernel = virtualKernel();
  await using loop = new EventLoop({ kernel });
  const busyUsec = 100_000;
  await run(function* () {
    for (let usec = 0; usec < busyUsec; usec++) {
      kernel.advance(1);
      yield* yieldNow();
    }
  }, { loop });
  const { tasks, io } = kernel.turns;
  // About one in a millisecond, and of these one in eight for timers and sockets.
  assert(tasks + io >= busyUsec / 1_500, `${tasks + io} turns in ${busyUsec} us`);
  assert(io >= busyUsec / 12_000, `${io} turns for timers and sockets in ${busyUsec} us`);
});

Deno.test("A fiber that yields in a loop does not starve a timer of the host, nor what waits for it (Linux)", async () => {
  await using loop = new EventLoop();
  let fired = 0;
  const timers = (async () => {
    for (; fired < 3; fired++) await new Promise((resolve) => setTimeout(resolve, 0));
  })();
  const yields = await run(function* () {
    let count = 0;
    // Far more yields than fit into the time between two turns of the host.
    for (; fired < 3 && count < 3_000_000; count++) yield* yieldNow();
    return count;
  }, { loop });
  assertEquals(fired, 3, `${yields} yields`);
  await timers;
});

Deno.test(
  "A fiber that yields in a loop does not starve a timer of the loop, nor a fiber that sleeps",
  simulated((world) => {
    let done = 0;
    let yields = 0;
    function* busy(): Operation<void> {
      for (; done < 2; yields++) {
        world.kernel.advance(1);
        yield* yieldNow();
      }
    }
    world.loop.addTimeRelative("monotonic", msec(1), () => void done++, { accuracy: 1 });
    world.spawn(function* () {
      yield* sleep(msec(1));
      done++;
    });
    world.run(busy);
    assert(yields >= 1_000 && yields < 1_010, `${yields} yields`);
  }),
);

Deno.test(
  "Fibers that yield in loops take turns: none is ahead of another by more than one",
  simulated((world) => {
    const turns = [0, 0, 0];
    for (const index of turns.keys()) {
      spawn(function* () {
        for (let i = 0; i < 100; i++) {
          turns[index]++;
          assert(Math.max(...turns) - Math.min(...turns) <= 1, `${turns}`);
          yield* yieldNow();
        }
      }, { loop: world.loop });
    }
    world.settle();
    assertEquals(turns, [100, 100, 100]);
  }),
);

Deno.test(
  "yieldNow() gives way to what is ready, of its own priority and better, but not to what is worse",
  simulated((world) => {
    const order: string[] = [];
    world.spawn(function* () {
      world.loop.addDefer(() => void order.push("better"), { priority: -1 });
      world.loop.addDefer(() => void order.push("equal"));
      world.loop.addDefer(() => void order.push("worse"), { priority: 1 });
      yield* yieldNow();
      order.push("fiber");
    });
    world.settle();
    assertEquals(order, ["better", "equal", "fiber", "worse"]);
  }),
);
