/**
 * A value that is made once.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Once, type Operation, sleep, suspend, type SystemError } from "@sd/fibers";
import { codeOf, simulated, Simulation } from "../_simulation.ts";

function* told(operation: Operation<unknown>): Operation<unknown> {
  try {
    return yield* operation;
  } catch (error) {
    return (error as SystemError).code ?? (error as Error).message;
  }
}

function make(world: Simulation, body: (attempt: number) => Operation<number>): { once: Once<number>; attempts: () => number } {
  let attempts = 0;
  return { once: new Once(() => body(++attempts), { loop: world.loop }), attempts: () => attempts };
}

Deno.test(
  "Once.get() makes the value once, for all who ask",
  simulated((world) => {
    const { once, attempts } = make(world, function* (attempt) {
      yield* sleep(10);
      return attempt * 100;
    });
    const fibers = [0, 1, 2].map(() => world.spawn(() => once.get()));
    world.settle();
    assertEquals([once.value, attempts()], [undefined, 1]);
    world.pass(20);
    assertEquals([fibers.map((fiber) => fiber.result()), once.value], [[100, 100, 100], 100]);
    assertEquals([world.run(() => once.get()), attempts()], [100, 1]);
  }),
);

Deno.test(
  "When making fails, who made it gets the error, and the oldest who waits makes it anew",
  simulated((world) => {
    const { once, attempts } = make(world, function* (attempt) {
      yield* sleep(10);
      if (attempt < 3) throw new Error(`failure ${attempt}`);
      return attempt;
    });
    const fibers = [0, 1, 2, 3].map(() => world.spawn(() => told(once.get())));
    for (let i = 0; i < 3; i++) {
      world.settle();
      world.pass(20);
    }
    assertEquals([fibers.map((fiber) => fiber.result()), attempts()], [["failure 1", "failure 2", 3, 3], 3]);
  }),
);

Deno.test(
  "When who makes it is cancelled, the next one does; when who waits is, nothing happens",
  simulated((world) => {
    const { once, attempts } = make(world, function* (attempt) {
      yield* sleep(10);
      return attempt;
    });
    const fibers = [0, 1, 2].map(() => world.spawn(() => told(once.get())));
    world.settle();
    fibers[1].cancel();
    world.settle();
    fibers[0].cancel();
    world.settle();
    world.pass(20);
    assertEquals([fibers.map((fiber) => fiber.result()), attempts()], [["ECANCELED", "ECANCELED", 2], 2]);
  }),
);

Deno.test(
  "Whose turn comes and who does not take it up leaves it to the next one; a value that was made stays made",
  simulated((world) => {
    for (const failures of [1, 0]) {
      const { once, attempts } = make(world, function* (attempt) {
        yield* sleep(10);
        if (attempt <= failures) throw new Error(`failure ${attempt}`);
        return attempt;
      });
      const maker = world.spawn(() => told(once.get()));
      const careless = world.spawn(function* () {
        // Begun by hand, waited for, and forgotten: the next suspension says so.
        const { value } = once.get()[Symbol.iterator]().next();
        yield value as never;
        return yield* told(suspend());
      }, { name: "careless" });
      const next = world.spawn(() => told(once.get()), { name: "next" });
      world.settle();
      world.pass(10);
      if (failures > 0) assertEquals([next.state, once.statistics().maker, once.statistics().waiters], ["pending", "next", 0]);
      world.pass(10);
      assertEquals([maker, careless, next].map((fiber) => fiber.result()), failures > 0 ? ["failure 1", "EINVAL", 2] : [1, "EINVAL", 1]);
      assertEquals([attempts(), once.statistics()], [1 + failures, { isMade: true, maker: undefined, waiters: 0, mostWaiters: 2 }]);
    }
  }),
);

Deno.test(
  "When nobody waits after a failure, the next who asks makes it anew",
  simulated((world) => {
    const { once } = make(world, function* (attempt) {
      yield* sleep(0);
      if (attempt === 1) throw new Error("no");
      return attempt;
    });
    assertEquals([world.run(() => told(once.get())), world.run(() => told(once.get()))], ["no", 2]);
  }),
);

Deno.test(
  "Asking for what one is making is EDEADLK",
  simulated((world) => {
    const { once } = make(world, () => once.get());
    assertEquals(world.run(() => told(once.get())), "EDEADLK");
  }),
);

Deno.test(
  "Once that is disposed while it is made fails those who wait, and who makes it may finish",
  simulated((world) => {
    const { once } = make(world, function* () {
      yield* suspend();
      return 1;
    });
    const [maker, waiter] = [0, 1].map(() => world.spawn(() => told(once.get())));
    world.settle();
    once[Symbol.dispose]();
    maker.resume();
    world.settle();
    assertEquals([maker.result(), waiter.result(), world.run(() => told(once.get()))], [1, "EPIPE", "EPIPE"]);
  }),
);

Deno.test(
  "Once.getFuture() makes the value on a fiber of its own, or waits for whoever makes it",
  simulated((world) => {
    const { once, attempts } = make(world, function* (attempt) {
      yield* sleep(10);
      return attempt * 100;
    });
    const [first, second] = [once.getFuture(), once.getFuture()];
    const fiber = world.spawn(() => once.get());
    world.settle();
    assertEquals(once.statistics(), { isMade: false, maker: "once", waiters: 2, mostWaiters: 2 });
    world.pass(20);
    const late = once.getFuture();
    world.settle();
    assertEquals([first, second, fiber, late].map((future) => future.result()), [100, 100, 100, 100]);
    assertEquals([attempts(), once.statistics()], [1, { isMade: true, maker: undefined, waiters: 0, mostWaiters: 2 }]);
  }),
);

Deno.test(
  "A future of a Once that is cancelled or fails leaves the making to the next one",
  simulated((world) => {
    const { once, attempts } = make(world, function* (attempt) {
      yield* sleep(10);
      if (attempt === 2) throw new Error("second");
      return attempt;
    });
    const futures = [0, 1, 2, 3].map(() => once.getFuture());
    for (const future of futures) future.addCallback(() => {});
    world.settle();
    futures[3].cancel();
    futures[0].cancel();
    for (let i = 0; i < 3; i++) {
      world.settle();
      world.pass(20);
    }
    const outcomes = futures.map(({ outcome }) => outcome?.status === "fulfilled" ? outcome.value : (outcome?.reason as Error).name);
    assertEquals([outcomes, attempts()], [["CancelledError", "Error", 3, "CancelledError"], 3]);
  }),
);

Deno.test(
  "A failure to make a value by a future that nobody looks at is reported, and one of a disposed Once is EPIPE",
  simulated((world) => {
    const { once } = make(world, function* () {
      yield* sleep(0);
      throw new Error("no");
    });
    once.getFuture();
    world.settle();
    world.pass(1);
    return Promise.resolve().then(() => {
      assertEquals(world.takeMessages(), ["fiber 'once': no"]);
      once[Symbol.dispose]();
      assertEquals(codeOf(() => once.getFuture()), "EPIPE");
    });
  }),
);

Deno.test("Once.getFuture() is ECANCELED on a loop that is exiting", () => {
  const world = new Simulation();
  const { once } = make(world, () => suspend() as Operation<number>);
  const waiting = once.getFuture();
  world.settle();
  world.loop.exit();
  assertEquals(codeOf(() => once.getFuture()), "ECANCELED");
  world.exit();
  assertEquals([codeOf(() => waiting.result()), world.end()], ["ECANCELED", { reported: [], left: [] }]);
});
