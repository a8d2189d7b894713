/**
 * Fibers that one call cancels share its error.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { CancelledError, cancelWait, type Fiber, Future, FutureGroup, scope, spawn, suspend } from "@sd/fibers";
import { simulated, Simulation } from "../_simulation.ts";

const names = ["a", "b", "c"];

function errorIn(fiber: Fiber<unknown>): CancelledError {
  assert(fiber.outcome?.status === "rejected");
  assertInstanceOf(fiber.outcome.reason, CancelledError);
  return fiber.outcome.reason;
}

function groupOf(world: Simulation, ...futures: Future<unknown>[]): FutureGroup<unknown, void> {
  const group = FutureGroup.all(world.loop);
  group.add(...futures);
  return group;
}

/** What ends several fibers that wait, and what their errors say. */
const ways: Record<string, { end(world: Simulation): Fiber<unknown>[]; message: string }> = {
  "cancelWait()": {
    end(world) {
      const fibers = names.map(() => world.spawn(suspend));
      world.settle();
      world.run(() => cancelWait(...fibers));
      return fibers;
    },
    message: "Cancelled by fiber 'fiber'",
  },
  "a scope that fails": {
    end(world) {
      const fibers: Fiber<unknown>[] = [];
      const owner = world.spawn(function* owner() {
        yield* scope(function* (inner) {
          for (const name of names) fibers.push(inner.spawn(suspend, { name }));
          yield* suspend();
        });
      });
      world.settle();
      owner.addCallback(() => {});
      owner.resumeWithError(new Error("it is over"));
      world.settle();
      return fibers;
    },
    message: "Cancelled by fiber 'owner': it is over",
  },
  "a group that is cancelled": {
    end(world) {
      const fibers = names.map(() => world.spawn(suspend));
      world.settle();
      groupOf(world, ...fibers).cancel("enough");
      world.settle();
      return fibers;
    },
    message: "Cancelled: enough",
  },
  "the exit of the loop": {
    end(world) {
      const fibers = names.map(() => world.spawn(suspend));
      world.settle();
      world.loop.exit();
      world.loop.loopSync();
      return fibers;
    },
    message: "Cancelled by exit of loop 'loop': Loop 'loop' is exiting",
  },
};

for (const [name, { end, message }] of Object.entries(ways)) {
  Deno.test(
    `Fibers that are ended together by ${name} throw one error`,
    simulated((world) => {
      const [first, ...others] = end(world).map(errorIn);
      assertEquals(others.length, names.length - 1);
      for (const other of others) assertStrictEquals(other, first);
      assertEquals(first.message, message);
    }),
  );

  Deno.test(
    `Under debug each fiber that is ended by ${name} throws an error of its own`,
    () => {
      const world = new Simulation({ debug: true });
      const errors = end(world).map(errorIn);
      assertEquals(new Set(errors).size, names.length);
      assertEquals(errors.map((error) => error.message), names.map(() => message));
      world.end();
    },
  );
}

Deno.test(
  "Fibers that are cancelled one by one throw errors of their own, as does one that is cancelled alone",
  simulated((world) => {
    const fibers = names.map(() => world.spawn(suspend));
    world.settle();
    for (const fiber of fibers) fiber.cancel();
    world.settle();
    assertEquals(new Set(fibers.map(errorIn)).size, names.length);
    const alone = world.spawn(suspend);
    world.settle();
    world.run(() => cancelWait(alone));
    assertNotStrictEquals(errorIn(alone), errorIn(fibers[0]));
    // Beside one that has ended it is alone, too: its error tells where it waited.
    const last = world.spawn(suspend);
    world.settle();
    world.run(() => cancelWait(alone, last));
    assertEquals(errorIn(last).stack?.includes("cancelAll"), false);
    const rest = world.spawn(suspend);
    world.settle();
    groupOf(world, alone, rest).cancel("enough");
    world.settle();
    assertEquals(errorIn(rest).stack?.includes("GroupCore"), false);
  }),
);

Deno.test(
  "A future that is cancelled beside fibers is given the reason itself",
  simulated((world) => {
    const reasons: unknown[] = [];
    const plain = Future.withResolvers(world.loop, { cancel: (reason) => void reasons.push(reason) });
    const fiber = world.spawn(suspend);
    world.settle();
    groupOf(world, plain.future, fiber).cancel("enough");
    assertEquals(reasons, ["enough"]);
    plain.reject(new Error("ended"));
    world.settle();
    assertEquals(errorIn(fiber).reason, "enough");
  }),
);

Deno.test(
  "A fiber whose children are left behind ends them with one error",
  simulated((world) => {
    const children: Fiber<unknown>[] = [];
    const parent = world.spawn(function* parent() {
      for (const name of names) children.push(spawn(suspend, { name }));
      yield* suspend();
    });
    world.settle();
    parent.cancel();
    world.settle();
    const [first, ...others] = children.map(errorIn);
    for (const other of others) assertStrictEquals(other, first);
  }),
);
