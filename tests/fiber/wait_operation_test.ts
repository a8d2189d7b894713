/**
 * Giving way to others where every request can be served at once.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  Channel,
  type Fiber,
  Gate,
  Mutex,
  type Operation,
  RwLock,
  Semaphore,
  suspend,
  type SystemError,
  timeoutScope,
  yieldNow,
} from "@sd/fibers";
import { simulated, Simulation } from "../_simulation.ts";

/** So many requests are served in one turn. */
const MOST = 1_024;

function fill(world: Simulation): Record<string, () => Operation<unknown>> {
  const { loop } = world;
  const mutex = new Mutex({ loop });
  const table = new RwLock({ loop });
  const semaphore = new Semaphore(1, { loop });
  const gate = new Gate({ loop, open: true });
  const full = new Channel<number>({ loop, capacity: Infinity });
  for (let i = 0; i < 3 * MOST; i++) full.tryPush(i);
  const closed = new Channel<number>({ loop, capacity: 1 });
  closed.close();
  const alone = new Channel<number>({ loop, capacity: 1 });
  return {
    *"Mutex.lock()"() {
      using _lock = yield* mutex.lock();
    },
    *"RwLock.read()"() {
      using _lock = yield* table.read();
    },
    *"Semaphore.acquire()"() {
      using _permits = yield* semaphore.acquire();
    },
    "Gate.pass()": () => gate.pass(),
    "Channel.pop()": () => full.pop(),
    "Channel.next() at the end": () => closed.next(),
    *"Channel.push() and pop()"() {
      yield* alone.push(1);
      yield* alone.pop();
    },
  };
}

const names = [
  "Mutex.lock()",
  "RwLock.read()",
  "Semaphore.acquire()",
  "Gate.pass()",
  "Channel.pop()",
  "Channel.next() at the end",
  "Channel.push() and pop()",
];

for (const name of names) {
  Deno.test(
    `A fiber that finds ${name} free again and again lets others run now and then, and can be cancelled and timed out`,
    simulated((world) => {
      const request = fill(world)[name];
      let rounds = 0;
      function* busy(): Operation<void> {
        for (;; rounds++) yield* request();
      }
      const codes: string[] = [];
      const observed = (deadline: number): Fiber<void> =>
        world.spawn(function* () {
          using _deadline = timeoutScope(deadline);
          try {
            yield* busy();
          } catch (error) {
            codes.push((error as SystemError).code);
          }
        });
      const fiber = observed(Infinity);
      world.tick();
      assert(rounds >= MOST / 2 && rounds <= MOST, `${rounds} rounds in the first turn`);
      const other = world.spawn(() => yieldNow());
      world.tick(4);
      assertEquals([other.state, fiber.state], ["resolved", "pending"]);
      fiber.cancel();
      world.settle();
      observed(10);
      world.tick();
      world.pass(20);
      assertEquals(codes, ["ECANCELED", "ETIME"]);
    }),
  );
}

/** A fiber that has used up its turn on one that is always there. */
function* useUp(gate: Gate): Operation<void> {
  for (let i = 0; i < MOST; i++) yield* gate.pass();
}

Deno.test(
  "Requests that were served give way after exactly so many in one turn, and a turn of its own begins anew",
  simulated((world) => {
    const gate = new Gate({ loop: world.loop, open: true });
    const iterations = world.run(function* () {
      const iterations: number[] = [];
      const first = world.loop.iteration;
      for (const count of [MOST, 1, MOST - 1]) {
        for (let i = 0; i < count; i++) yield* gate.pass();
        iterations.push(world.loop.iteration - first);
      }
      yield* yieldNow();
      for (let i = 0; i < MOST; i++) yield* gate.pass();
      iterations.push(world.loop.iteration - first);
      return iterations;
    });
    assertEquals(iterations, [0, 1, 1, 2]);
  }),
);

Deno.test("A fiber that drives another loop goes on with what it had left of its turn, whatever the fibers of that used up", () => {
  const outer = new Simulation();
  const inner = new Simulation({ kernel: outer.kernel });
  const gates = [outer, inner].map(({ loop }) => new Gate({ loop, open: true }));
  const within = inner.spawn(() => useUp(gates[1]));
  const iterations = outer.run(function* () {
    const before = outer.loop.iteration;
    for (let i = 0; i < MOST - 2; i++) yield* gates[0].pass();
    inner.tick();
    const iterations: number[] = [];
    for (let i = 0; i < 3; i++) {
      yield* gates[0].pass();
      iterations.push(outer.loop.iteration - before);
    }
    return iterations;
  });
  assertEquals([within.state, iterations], ["resolved", [0, 0, 1]]);
  inner.loop[Symbol.dispose]();
  assertEquals([inner.takeMessages(), outer.end()], [[], { reported: [], left: [] }]);
});

Deno.test(
  "Who gives way has not asked yet: somebody else may take what was free, and it waits behind",
  simulated((world) => {
    const gate = new Gate({ loop: world.loop, open: true });
    const mutex = new Mutex({ loop: world.loop });
    const fiber = world.spawn(function* () {
      yield* useUp(gate);
      using _lock = yield* mutex.lock();
    });
    world.tick();
    assertEquals([fiber.state, mutex.locked], ["pending", false]);
    const lock = mutex.tryLock()!;
    world.settle();
    assertEquals(mutex.statistics().waiters, 1);
    lock[Symbol.dispose]();
    world.settle();
    assertEquals(fiber.state, "resolved");
  }),
);

Deno.test(
  "A push that gives way and is interrupted drops its item, whatever interrupts it",
  simulated((world) => {
    const gate = new Gate({ loop: world.loop, open: true });
    const dropped: string[] = [];
    const channel = new Channel<string>({ loop: world.loop, capacity: 8, onDrop: (item) => dropped.push(item) });
    const push = (item: string) =>
      world.spawn(function* () {
        yield* useUp(gate);
        yield* channel.push(item);
      });
    const cancelled = push("cancelled");
    const resumed = push("resumed");
    world.tick(2);
    cancelled.cancel();
    resumed.resume();
    world.settle();
    assertEquals([dropped, channel.size], [["cancelled"], 1]);
    const abandoned = world.spawn(function* () {
      yield* useUp(gate);
      // Begun by hand and forgotten: the next suspension says so.
      channel.push("abandoned")[Symbol.iterator]().next();
      try {
        return yield* suspend();
      } catch (error) {
        return (error as SystemError).code;
      }
    });
    world.settle();
    assertEquals([abandoned.result(), dropped, channel.size], ["EINVAL", ["cancelled", "abandoned"], 1]);
    const exiting = push("exiting");
    world.tick();
    world.exit();
    assertEquals([exiting.state, dropped.at(-1)], ["resolved", "exiting"]);
  }),
);

Deno.test("A fiber that swallows cancellations and asks for what is free for ever does not keep a loop from its end", () => {
  simulated((world) => {
    const gate = new Gate({ loop: world.loop, open: true });
    world.spawn(function* () {
      for (;;) {
        try {
          yield* gate.pass();
        } catch {
          continue;
        }
      }
    }, { name: "stubborn" });
    world.tick();
    world.exit();
    assertEquals(world.takeMessages(), ["fiber 'stubborn': Fiber 'stubborn' has not ended with its loop: it waits for its next turn"]);
  })();
});
