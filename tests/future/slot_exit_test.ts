import { assertEquals } from "@std/assert";
import { Future } from "@sd/fibers";
import { simulated, Simulation } from "../_simulation.ts";

/** What can happen to a future, its slot and the loop, in any order. */
type Event = "add" | "resolve" | "exit" | "tick" | "remove";

/** All orders of the events. */
function orders<T>(events: readonly T[]): T[][] {
  if (events.length === 0) return [[]];
  return events.flatMap((event, index) => orders(events.toSpliced(index, 1)).map((rest) => [event, ...rest]));
}

/** Lets the events happen: how often the callback was called, when the loop has finished. */
function callsAfter(events: readonly Event[]): number {
  const world = new Simulation();
  let calls = 0;
  const { future, resolve } = Future.withResolvers<number>(world.loop);
  world.loop.addDefer(() => {}, { enabled: "on", priority: 100 });
  let slot: Disposable | undefined;
  for (const event of events) {
    if (event === "add") slot = future.addCallback(() => void calls++);
    else if (event === "resolve") resolve(1);
    else if (event === "exit") world.loop.exit();
    else if (event === "remove") slot?.[Symbol.dispose]();
    else if (world.loop.state !== "finished") world.tick();
  }
  if (world.loop.state !== "finished") world.exit();
  assertEquals(world.end(), { reported: [], left: [] });
  return calls;
}

Deno.test("A callback is called exactly once, wherever an exit request comes between", () => {
  const sequences = orders<Event>(["add", "resolve", "exit"]);
  for (const sequence of [...sequences, ...orders<Event>(["add", "resolve", "exit", "tick"])]) {
    const alive = sequence.includes("tick") && isFinishedBefore(sequence) ? 0 : 1;
    assertEquals(callsAfter(sequence), alive, sequence.join(", "));
  }
});

/** With nothing to unwind, one tick after the exit request finishes the loop: what comes later comes too late. */
function isFinishedBefore(sequence: readonly Event[]): boolean {
  const exit = sequence.indexOf("exit");
  const tick = sequence.indexOf("tick");
  const armed = Math.max(sequence.indexOf("add"), sequence.indexOf("resolve"));
  return exit < tick && tick < armed;
}

Deno.test("A callback whose slot is disposed is not called, wherever an exit request comes between", () => {
  for (const sequence of orders<Event>(["resolve", "exit", "remove"])) {
    assertEquals(callsAfter(["add", ...sequence]), 0, sequence.join(", "));
  }
});

Deno.test(
  "Callbacks armed before the exit request keep their order in the exit phase",
  simulated((world) => {
    const order: number[] = [];
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    for (let i = 0; i < 4; i++) future.addCallback(() => void order.push(i));
    resolve(1);
    world.tick();
    world.exit();
    assertEquals(order, [0, 1, 2, 3]);
  }),
);

Deno.test(
  "A callback that asks for exit lets those after it run in the exit phase",
  simulated((world) => {
    const states: string[] = [];
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    future.addCallback(() => {
      states.push(world.loop.state);
      world.loop.exit(3);
    });
    future.addCallback(() => void states.push(world.loop.state));
    resolve(1);
    assertEquals(world.loop.loopSync(), 3);
    assertEquals(states, ["running", "exiting"]);
  }),
);

Deno.test(
  "Futures resolved by callbacks of the exit phase are told of before the loop finishes",
  simulated((world) => {
    const chain = Array.from({ length: 5 }, () => Future.withResolvers<number>(world.loop));
    const told: number[] = [];
    chain.forEach(({ future }, index) =>
      future.addCallback(() => {
        told.push(index);
        chain[index + 1]?.resolve(index);
      })
    );
    world.loop.addExit(() => chain[0].resolve(0));
    world.exit();
    assertEquals(told, [0, 1, 2, 3, 4]);
  }),
);
