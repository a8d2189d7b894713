/**
 * What fibers hold: several locks at once, given back in any order, and by which of them a priority is lent.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Condition, Fiber, Mutex, type Operation, RwLock, suspend, SystemError } from "@sd/fibers";
import { simulated, Simulation } from "../_simulation.ts";

function* permutations<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (const item of items) {
    for (const rest of permutations(items.filter((other) => other !== item))) yield [item, ...rest];
  }
}

/** Takes the lock, and holds it until it is resumed. */
function* holding(mutex: Mutex): Operation<void> {
  using _lock = yield* mutex.lock();
  yield* suspend();
}

Deno.test(
  "Locks of one fiber are given back in any order, and each lends what is waited for by it alone",
  simulated((world) => {
    const names = ["a", "b", "c"];
    for (const order of permutations([0, 1, 2])) {
      const mutexes = names.map((name) => new Mutex({ loop: world.loop, name }));
      const holder = world.spawn(function* () {
        const locks: Disposable[] = [];
        for (const mutex of mutexes) locks.push(yield* mutex.lock());
        for (const index of order) {
          yield* suspend();
          locks[index][Symbol.dispose]();
        }
        yield* suspend();
      }, { priority: 10 });
      world.settle();
      // Who waits for a is the most important one, who waits for c the least.
      const waiters = mutexes.map((mutex, index) => world.spawn(() => holding(mutex), { priority: index }));
      world.settle();
      const priorities = [holder.priority];
      for (let given = 0; given < order.length; given++) {
        holder.resume();
        world.settle();
        priorities.push(holder.priority);
      }
      const lent = order.map((_, given) => Math.min(10, ...order.slice(given)));
      assertEquals(priorities, [...lent, 10], `${order}`);
      assertEquals(mutexes.map((mutex) => mutex.statistics().holder), waiters.map(({ name }) => name));
      for (const fiber of [holder, ...waiters]) fiber.resume();
      world.settle();
      assertEquals(mutexes.map(({ locked }) => locked), [false, false, false]);
    }
  }),
);

Deno.test("A fiber that ends is told of for each lock that it holds still, and for none that it has given back", () => {
  const names = ["a", "b", "c"];
  for (const order of permutations([0, 1, 2])) {
    for (let given = 0; given <= order.length; given++) {
      const world = new Simulation();
      const mutexes = names.map((name) => new Mutex({ loop: world.loop, name }));
      world.spawn(function* () {
        const locks: Disposable[] = [];
        for (const mutex of mutexes) locks.push(yield* mutex.lock());
        for (const index of order.slice(0, given)) locks[index][Symbol.dispose]();
      }, { name: "careless" });
      world.settle();
      const reports = world.takeReports().map(({ error, origin }) => {
        assertInstanceOf(error, SystemError);
        return `${origin.kind} '${origin.name}': ${error.code}: ${error.message}`;
      });
      const held = order.slice(given).sort().reverse();
      assertEquals(
        reports,
        held.map((index) => {
          const message = `Fiber 'careless' ended while it held mutex '${names[index]}': hold it by 'using', or unlock it in a finally`;
          return `fiber 'careless': EOWNERDEAD: ${message}`;
        }),
        `${order}, ${given} of them`,
      );
      for (const mutex of mutexes) mutex.recover();
      assert(mutexes.every((mutex) => !mutex.locked && mutex.tryLock() !== undefined));
      assertEquals(world.end(), { reported: [], left: [] });
    }
  }
});

Deno.test(
  "A lock that a condition gave back for a while is the fiber's again, beside those that it took before and after",
  simulated((world) => {
    const [before, guarded, after] = ["before", "guarded", "after"].map((name) => new Mutex({ loop: world.loop, name }));
    const changed = new Condition(guarded);
    const fiber = world.spawn(function* () {
      using _before = yield* before.lock();
      using lock = yield* guarded.lock();
      using _after = yield* after.lock();
      yield* changed.wait();
      lock[Symbol.dispose]();
      yield* suspend();
    });
    world.settle();
    changed.notify();
    world.settle();
    assertEquals([before, guarded, after].map(({ locked }) => locked), [true, false, true]);
    fiber.resume();
    world.settle();
    assertEquals([fiber.state, before.locked, guarded.locked, after.locked], ["resolved", false, false, false]);
  }),
);

Deno.test(
  "A lock for readers and writers lends no priority, also where its holder looks for one that a mutex lends",
  simulated((world) => {
    const table = new RwLock({ loop: world.loop });
    const mutex = new Mutex({ loop: world.loop });
    const holder = world.spawn(function* () {
      using _table = yield* table.write();
      using _lock = yield* mutex.lock();
      yield* suspend();
    }, { priority: 10 });
    world.settle();
    const urgent = world.spawn(function* () {
      using _table = yield* table.read();
    }, { priority: -5 });
    const middling = world.spawn(() => holding(mutex), { priority: 3 });
    world.settle();
    assertEquals(holder.priority, 3);
    for (const fiber of [holder, middling]) {
      fiber.resume();
      world.settle();
    }
    assertEquals([holder.state, urgent.state, middling.state], ["resolved", "resolved", "resolved"]);
  }),
);

Deno.test("A lock that is tried for belongs to the fiber that runs, to no fiber off it, and to none of another loop", () => {
  const world = new Simulation();
  const other = new Simulation();
  const mutex = new Mutex({ loop: world.loop });
  const table = new RwLock({ loop: world.loop });
  const owners: unknown[] = [];
  const tryBoth = () => {
    using _lock = mutex.tryLock();
    using _hold = table.tryWrite();
    owners.push([mutex.locked, mutex.statistics().holder, table.statistics().isWritten, table.statistics().writer]);
  };
  // deno-lint-ignore require-yield
  function* trying(): Operation<void> {
    tryBoth();
    mutex.tryLock();
    if (Fiber.current!.loop === world.loop) mutex.unlock();
  }
  tryBoth();
  world.run(trying, { name: "own" });
  other.run(trying, { name: "foreign" });
  assertEquals(owners, [[true, undefined, true, undefined], [true, "own", true, "own"], [true, undefined, true, undefined]]);
  // The one of another loop has nothing that its end could be told of.
  assertEquals([mutex.locked, other.end(), world.end()], [true, { reported: [], left: [] }, { reported: [], left: [] }]);
});
