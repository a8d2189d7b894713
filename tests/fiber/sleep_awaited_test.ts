/**
 * A fiber that sleeps stands in the loop's queues itself, and is to be seen as one that awaits a future of the time: by when it runs, and by
 * whoever asks what it waits for.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Fiber, Future, sleep, type SystemError, yieldNow } from "@sd/fibers";
import { simulated, Simulation } from "../_simulation.ts";
import { type Random, randomBy } from "./_random_numbers.ts";

const PROGRAMS = 150;
const STEPS = 150;

/** How often somebody looks at what the fibers wait for: after each step that is as if a sleep had a future from the beginning. */
type Looks = "never" | "sometimes" | "always";

/** A few fibers that sleep for times which often coincide, with each other's and with timers', and what is done to them: who ran when. */
function runProgram(seed: number, looks: Looks): string[] {
  const log: string[] = [];
  const random = randomBy(seed);
  const world = new Simulation();
  const { loop } = world;
  const note = (what: string) => log.push(`${what} in ${loop.iteration} at ${loop.now()}`);
  const fibers = Array.from({ length: 6 }, (_, i) => {
    const name = `fiber ${i}`;
    const naps = Array.from({ length: 8 }, () => random(4));
    return world.spawn(function* () {
      for (const usec of naps) {
        try {
          if (usec === 0) yield* yieldNow();
          else yield* sleep(usec);
          note(name);
        } catch (error) {
          note(`${name}: ${(error as SystemError).code}`);
        }
      }
    }, { name, priority: random(3) - 1 });
  });
  for (let i = 0; i < 4; i++) {
    const source = loop.addTime("monotonic", 0, () => {
      note(`timer ${i}`);
      source.setRelative(1 + i % 2);
      source.enabled = "oneshot";
    }, { accuracy: 1, priority: random(3) - 1 });
  }
  for (let step = 0; step < STEPS; step++) {
    disturb(world, fibers, random, looks);
    if (looks === "always") fibers.forEach(lookAt);
  }
  log.push(fibers.map((fiber) => fiber.status).join());
  loop.exit();
  note(`exit ${loop.loopSync()}`);
  log.push(...world.end().reported);
  return log;
}

/** Does something to the loop or to one of the fibers: mostly lets it go on. */
function disturb(world: Simulation, fibers: Fiber<void>[], random: Random, looks: Looks): void {
  const action = random(16);
  const fiber = fibers[random(fibers.length)];
  const number = random(3);
  if (action === 0) fiber.cancel();
  else if (action === 1) fiber.resume();
  else if (action === 2 && fiber.state === "pending") fiber.setPriority(number - 1);
  else if (action <= 6) looks === "sometimes" && lookAt(fiber);
  else if (action <= 8) world.kernel.advance(number);
  else world.loop.runSync(0);
}

function lookAt(fiber: Fiber<void>): void {
  if (fiber.status === "suspended") assert(fiber.awaiting instanceof Future);
}

Deno.test("sleep() runs its fiber exactly when a future of the time would, whatever happens meanwhile, and whoever looks", () => {
  let lines = 0;
  for (let seed = 1; seed <= PROGRAMS; seed++) {
    const expected = runProgram(seed, "always");
    assertEquals(runProgram(seed, "never"), expected, `seed ${seed}`);
    assertEquals(runProgram(seed, "sometimes"), expected, `seed ${seed}, looked at`);
    lines += expected.length;
  }
  assert(lines > PROGRAMS * 20, `The programs do too little: ${lines} lines`);
});

Deno.test(
  "Fiber.awaiting of one that sleeps is a future of that time, until the fiber runs",
  simulated((world) => {
    // 1. It is pending, and the same each time.
    const fiber = world.spawn(() => sleep(10));
    world.settle();
    const timer = fiber.awaiting!;
    assertEquals([timer.state, fiber.status], ["pending", "suspended"]);
    assertStrictEquals(fiber.awaiting, timer);
    // 2. Its time comes: it resolves, then the fiber is ready, then it runs.
    world.kernel.advance(10);
    world.tick();
    assertEquals([timer.outcome, fiber.status], [{ status: "fulfilled", value: undefined }, "suspended"]);
    world.tick();
    assertEquals([fiber.status, fiber.awaiting === timer], ["ready", true]);
    world.tick();
    assertEquals([fiber.status, fiber.awaiting], ["completed", undefined]);
  }),
);

Deno.test(
  "Fiber.awaiting of one whose sleep has passed, and that nobody has looked at before, is resolved",
  simulated((world) => {
    for (const ticks of [2, 3]) {
      const fiber = world.spawn(() => sleep(10));
      world.tick();
      world.kernel.advance(10);
      world.tick(ticks - 1);
      assertEquals([fiber.awaiting!.outcome, fiber.status], [
        { status: "fulfilled", value: undefined },
        ticks === 2 ? "suspended" : "ready",
      ]);
      world.settle();
      assertEquals([fiber.outcome?.status, fiber.awaiting], ["fulfilled", undefined]);
    }
  }),
);

Deno.test(
  "Fiber.awaiting of one whose sleep was interrupted is pending until it runs, then cancelled",
  simulated((world) => {
    const fiber = world.spawn(() => sleep(10));
    fiber.addCallback(() => {});
    world.settle();
    fiber.cancel();
    const timer = fiber.awaiting!;
    assertEquals([timer.state, fiber.status], ["pending", "ready"]);
    world.settle();
    assertEquals([timer.outcome!.status, fiber.outcome!.status], ["rejected", "rejected"]);
  }),
);

Deno.test(
  "What a sleeping fiber awaits can be awaited by others, moved and cancelled, which ends the sleep",
  simulated((world) => {
    const order: string[] = [];
    // 1. Both wait for the same; whoever slept goes first.
    const sleeper = world.spawn(function* () {
      yield* sleep(10);
      order.push("sleeper");
    });
    world.settle();
    const timer = sleeper.awaiting!;
    world.spawn(function* () {
      yield* timer;
      order.push("other");
    });
    world.settle();
    world.pass(10);
    assertEquals(order, ["sleeper", "other"]);
    // 2. The priority is that of the timer alone.
    const moved = world.spawn(() => sleep(10));
    world.settle();
    moved.awaiting!.setPriority(7);
    assertEquals(moved.priority, 0);
    world.pass(10);
    // 3. Cancelled, it has resolved: that the fiber slept until then is no failure of the fiber's.
    const ended = world.spawn(() => sleep(10));
    world.settle();
    const start = world.loop.now();
    assertEquals([ended.awaiting!.cancel(), ended.cancelled], [true, false]);
    world.settle();
    assertEquals([ended.outcome, world.loop.now() - start], [{ status: "fulfilled", value: undefined }, 0]);
  }),
);

Deno.test(
  "A fiber that is given another priority while it sleeps has it when it runs; its timer keeps the one that it began with",
  simulated((world) => {
    const order: string[] = [];
    const sleeper = world.spawn(function* () {
      yield* sleep(10);
      order.push("sleeper");
    }, { priority: 5 });
    world.settle();
    for (const priority of [-1, 1]) {
      world.loop.addTimeRelative("monotonic", 10, () => void order.push(`timer ${priority}`), { accuracy: 1, priority });
    }
    sleeper.setPriority(-5);
    world.pass(10);
    assertEquals(order, ["timer -1", "timer 1", "sleeper"]);
  }),
);
