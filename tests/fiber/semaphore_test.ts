/**
 * Permits.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Permits, Semaphore, suspend, type SystemError, yieldNow } from "@sd/fibers";
import { codeOf, simulated, type Simulation } from "../_simulation.ts";

/** A fiber that takes so many permits, notes that, and gives them back when it is resumed. */
function spawnTaker(world: Simulation, semaphore: Semaphore, count: number, log: (string | number)[]) {
  return world.spawn(function* () {
    try {
      using _permits = yield* semaphore.acquire(count);
      log.push(count);
      yield* suspend();
    } catch (error) {
      log.push(`${(error as SystemError).code} ${count}`);
    }
  });
}

for (const bad of [NaN, 0, -1, 1.5, Infinity, "2" as unknown as number]) {
  Deno.test(
    `Semaphore: a number of permits of ${typeof bad} ${bad} is EINVAL`,
    simulated((world) => {
      assertEquals(codeOf(() => new Semaphore(bad, { loop: world.loop })), "EINVAL");
      const semaphore = new Semaphore(2, { loop: world.loop });
      const uses = [
        () => semaphore.tryAcquire(bad),
        () => semaphore.acquire(bad),
        () => semaphore.acquireFuture(bad),
        () => semaphore.resize(bad),
      ];
      for (const use of uses) assertEquals(codeOf(use), "EINVAL");
      assertEquals(semaphore.available, 2);
    }),
  );
}

Deno.test(
  "Semaphore: asking for more than there are is EINVAL",
  simulated((world) => {
    const semaphore = new Semaphore(2, { loop: world.loop });
    assertEquals([codeOf(() => semaphore.acquire(3)), codeOf(() => semaphore.tryAcquire(3))], ["EINVAL", "EINVAL"]);
    assertEquals(codeOf(() => new Semaphore(2, { loop: world.loop, fare: 1 } as never)), "EINVAL");
  }),
);

Deno.test(
  "A big request at the head holds smaller ones back, those of tryAcquire too",
  simulated((world) => {
    const semaphore = new Semaphore(3, { loop: world.loop });
    const held = semaphore.tryAcquire(1)!;
    const log: (string | number)[] = [];
    spawnTaker(world, semaphore, 3, log).addCallback(() => {});
    const small = spawnTaker(world, semaphore, 1, log);
    world.settle();
    assertEquals([log, semaphore.available, semaphore.tryAcquire(1)], [[], 2, undefined]);
    held[Symbol.dispose]();
    world.settle();
    assertEquals([log, semaphore.available], [[3], 0]);
    small.cancel();
    world.settle();
    assertEquals([log, semaphore.statistics().waiters], [[3, "ECANCELED 1"], 0]);
  }),
);

Deno.test(
  "When a big request at the head leaves, those behind it are served at once",
  simulated((world) => {
    const semaphore = new Semaphore(3, { loop: world.loop });
    const held = semaphore.tryAcquire(1)!;
    const log: (string | number)[] = [];
    const big = spawnTaker(world, semaphore, 3, log);
    world.settle();
    const small = [1, 1].map((count) => spawnTaker(world, semaphore, count, log));
    world.settle();
    big.cancel();
    world.settle();
    assertEquals([log, semaphore.available], [["ECANCELED 3", 1, 1], 0]);
    for (const fiber of small) fiber.resume();
    held[Symbol.dispose]();
    world.settle();
    assertEquals(semaphore.statistics(), { permits: 3, available: 3, mostTaken: 3, waiters: 0, mostWaiters: 3 });
  }),
);

Deno.test(
  "By priority a small and important request passes a big one that waits",
  simulated((world) => {
    const semaphore = new Semaphore(3, { loop: world.loop, fair: "priority" });
    const held = semaphore.tryAcquire(2)!;
    const order: string[] = [];
    const take = (name: string, count: number, priority: number) =>
      world.spawn(function* () {
        using _permits = yield* semaphore.acquire(count);
        order.push(name);
      }, { priority });
    take("big", 3, 5);
    world.settle();
    take("important", 1, 0);
    take("unimportant", 1, 9);
    world.settle();
    assertEquals(order, ["important"]);
    held[Symbol.dispose]();
    world.settle();
    assertEquals(order, ["important", "big", "unimportant"]);
  }),
);

Deno.test(
  "First come, first served, an important request does not pass a big one that waits; by priority an equal one does not either",
  simulated((world) => {
    for (const [fair, priority] of [["fifo", -5], ["priority", 0], ["priority", 5]] as const) {
      const semaphore = new Semaphore(3, { loop: world.loop, fair });
      const held = semaphore.tryAcquire(2)!;
      const log: (string | number)[] = [];
      const big = spawnTaker(world, semaphore, 3, log);
      world.settle();
      const tries = world.run(function* () {
        yield* yieldNow();
        return semaphore.tryAcquire();
      }, { priority });
      assertEquals([tries, semaphore.available], [undefined, 1], `${fair} ${priority}`);
      held[Symbol.dispose]();
      world.settle();
      big.resume();
      world.settle();
      assertEquals([log, semaphore.available], [[3], 3]);
    }
  }),
);

Deno.test(
  "Permits.release() gives some of them back, and more than are held is EPERM",
  simulated((world) => {
    const semaphore = new Semaphore(4, { loop: world.loop });
    const permits: Permits = semaphore.tryAcquire(3)!;
    permits.release(2);
    assertEquals([permits.count, semaphore.available], [1, 3]);
    assertEquals([codeOf(() => permits.release(2)), codeOf(() => permits.release(0)), codeOf(() => permits.release(NaN))], [
      "EPERM",
      "EINVAL",
      "EINVAL",
    ]);
    permits.release();
    assertEquals([permits.count, semaphore.available, codeOf(() => permits.release())], [0, 4, "EPERM"]);
    permits[Symbol.dispose]();
    permits[Symbol.dispose]();
    assertEquals(semaphore.available, 4);
  }),
);

Deno.test(
  "Semaphore.resize() serves waiters when there are more, and waits for what is held when there are less",
  simulated((world) => {
    const semaphore = new Semaphore(1, { loop: world.loop });
    const log: (string | number)[] = [];
    const fibers = [0, 1, 2].map(() => spawnTaker(world, semaphore, 1, log));
    world.settle();
    assertEquals(log, [1]);
    semaphore.resize(3);
    world.settle();
    assertEquals([log, semaphore.available], [[1, 1, 1], 0]);
    semaphore.resize(1);
    assertEquals(semaphore.available, -2);
    const late = spawnTaker(world, semaphore, 1, log);
    world.settle();
    for (const [index, fiber] of fibers.entries()) {
      assertEquals([log.length, semaphore.available], [3, index - 2]);
      fiber.resume();
      world.settle();
    }
    assertEquals([log.length, semaphore.available], [4, 0]);
    late.resume();
    world.settle();
    assertEquals(semaphore.available, 1);
  }),
);

Deno.test(
  "Semaphore.resize() to less than somebody waits for fails that one with EINVAL",
  simulated((world) => {
    const semaphore = new Semaphore(3, { loop: world.loop });
    using _held = semaphore.tryAcquire(1)!;
    const log: (string | number)[] = [];
    spawnTaker(world, semaphore, 3, log);
    const future = semaphore.acquireFuture(3);
    const small = spawnTaker(world, semaphore, 1, log);
    world.settle();
    semaphore.resize(2);
    world.settle();
    assertEquals([log, codeOf(() => future.result()), semaphore.available], [["EINVAL 3", 1], "EINVAL", 0]);
    small.resume();
    world.settle();
  }),
);

Deno.test(
  "Semaphore: acquire() of what is available takes no turn of the loop",
  simulated((world) => {
    const semaphore = new Semaphore(2, { loop: world.loop });
    const iterations = world.run(function* () {
      for (let i = 0; i < 1_000; i++) (yield* semaphore.acquire(2))[Symbol.dispose]();
      return world.loop.iteration;
    });
    assertEquals(iterations, 1);
  }),
);

Deno.test(
  "A disposed semaphore is EPIPE to all who come, and takes back what is held",
  simulated((world) => {
    const semaphore = new Semaphore(1, { loop: world.loop });
    const held = semaphore.tryAcquire()!;
    semaphore[Symbol.dispose]();
    assertEquals([codeOf(() => semaphore.tryAcquire()), codeOf(() => semaphore.acquireFuture())], ["EPIPE", "EPIPE"]);
    assertEquals(codeOf(() => semaphore.resize(2)), "EPIPE");
    held[Symbol.dispose]();
    assertEquals(semaphore.available, 1);
  }),
);
