// deno-lint-ignore-file require-yield
/**
 * How many ticks lie between a cause and its effect.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Fiber, Future, FutureGroup, sleep, spawn, suspend, timeoutScope, until, yieldNow } from "@sd/fibers";
import { simulated, type Simulation } from "../_simulation.ts";

/** Ticks until it is so. */
function ticksUntil(world: Simulation, isSo: () => boolean): number {
  let ticks = 0;
  while (!isSo()) {
    world.tick();
    ticks++;
  }
  return ticks;
}

Deno.test(
  "From spawn to the body's start: 1 tick",
  simulated((world) => {
    let started = false;
    world.spawn(function* () {
      started = true;
    });
    assertEquals([started, ticksUntil(world, () => started)], [false, 1]);
  }),
);

Deno.test(
  "From yieldNow() to the body going on: 1 tick",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const { iteration } = world.loop;
      yield* yieldNow();
      return world.loop.iteration - iteration;
    });
    world.settle();
    assertEquals(fiber.result(), 1);
  }),
);

Deno.test(
  "From a future's resolution to its callback: 1 tick",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    let called = false;
    future.addCallback(() => void (called = true));
    resolve();
    assertEquals([called, ticksUntil(world, () => called)], [false, 1]);
  }),
);

Deno.test(
  "From a future's resolution to the fiber that awaits it: 2 ticks; after the first it still waits",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    const fiber = world.spawn(() => future);
    world.settle();
    resolve();
    assertEquals([fiber.status, fiber.awaiting === future], ["suspended", true]);
    world.tick();
    assertEquals([fiber.status, fiber.awaiting === future], ["ready", true]);
    world.tick();
    assertEquals([fiber.status, fiber.awaiting], ["completed", undefined]);
  }),
);

Deno.test(
  "From resume() to the parked fiber: 1 tick",
  simulated((world) => {
    const fiber = world.spawn(suspend);
    world.settle();
    fiber.resume();
    assertEquals(ticksUntil(world, () => fiber.state === "resolved"), 1);
  }),
);

Deno.test(
  "From a child's resolution to its group's evaluation: 1 tick; to the fiber that awaits the group: 3",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    const group = FutureGroup.all(world.loop);
    group.add(future);
    const fiber = world.spawn(() => group);
    world.settle();
    resolve();
    assertEquals(ticksUntil(world, () => group.state === "resolved"), 1);
    assertEquals(ticksUntil(world, () => fiber.state === "resolved"), 2);
  }),
);

Deno.test(
  "From the dispatch of a deadline's timer to the TimeoutError: 2 ticks",
  simulated((world) => {
    let expired = () => false;
    const fiber = world.spawn(function* () {
      using scope = timeoutScope(5);
      expired = () => scope.expired;
      try {
        yield* suspend();
      } catch {
        return;
      }
    });
    world.settle();
    world.kernel.advance(5);
    assertEquals(ticksUntil(world, expired), 1);
    assertEquals(ticksUntil(world, () => fiber.state === "resolved"), 2);
  }),
);

Deno.test(
  "From cancel() to the started fiber: 1 tick; to one that has not begun: none",
  simulated((world) => {
    const started = world.spawn(suspend);
    world.settle();
    const initial = world.spawn(suspend);
    started.cancel();
    initial.cancel();
    assertEquals([started.state, initial.state], ["pending", "resolved"]);
    assertEquals(ticksUntil(world, () => started.state === "resolved"), 1);
  }),
);

Deno.test(
  "From cancel() to a fiber whose future has resolved meanwhile: 1 tick, not 2",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(() => future);
    world.settle();
    resolve("value");
    fiber.cancel();
    assertEquals(ticksUntil(world, () => fiber.state === "resolved"), 1);
    assertEquals(fiber.result(), "value");
  }),
);

Deno.test(
  "From a fiber's end to the fiber that awaits it: 2 ticks",
  simulated((world) => {
    let child: Fiber<void> | undefined;
    const parent = world.spawn(function* () {
      child = spawn(function* () {
        yield* suspend();
      });
      yield* child;
    });
    world.settle();
    child!.resume();
    assertEquals(ticksUntil(world, () => child!.state === "resolved"), 1);
    assertEquals(ticksUntil(world, () => parent.state === "resolved"), 2);
  }),
);

Deno.test(
  "From the dispatch of a sleep's timer to the fiber: 2 ticks",
  simulated((world) => {
    const fiber = world.spawn(() => sleep(5));
    world.settle();
    world.kernel.advance(5);
    assertEquals(ticksUntil(world, () => fiber.state === "resolved"), 3);
  }),
);

Deno.test(
  "Waiting for a promise costs no tick until it has settled",
  simulated(async (world) => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const value = world.loop.run(0);
    const fiber = world.spawn(() => until(promise));
    await value;
    await world.loop.run(0);
    const { iteration } = world.loop;
    assertEquals([await world.loop.run(0), fiber.status], [false, "suspended"]);
    resolve(4);
    await promise;
    await world.loop.run(0);
    await world.loop.run(0);
    assertEquals([fiber.result(), world.loop.iteration > iteration], [4, true]);
  }),
);
