/**
 * A value that is made once.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Once, type Operation, sleep, suspend, type SystemError } from "@sd/fibers";
import { simulated, type Simulation } from "../_simulation.ts";

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
