/**
 * Mutual exclusion: who may unlock, at which priority the holder runs, and what becomes of a lock whose holder has ended.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  CancelledError,
  EventLoop,
  type Fiber,
  Mutex,
  type Operation,
  run,
  sleep,
  suspend,
  type SystemError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { codeOf, errorOf, simulated, Simulation } from "../_simulation.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** Locks all of them, waits to be resumed, and unlocks. */
function holding(...mutexes: Mutex[]): () => Operation<void> {
  return function* () {
    using locks = new DisposableStack();
    for (const mutex of mutexes) locks.use(yield* mutex.lock());
    yield* suspend();
  };
}

function* codeThrown(operation: Operation<unknown>): Operation<string | undefined> {
  try {
    yield* operation;
    return undefined;
  } catch (error) {
    return (error as SystemError).code;
  }
}

Deno.test(
  "Mutex.lock() of a free mutex takes no turn of the loop",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const iterations = world.run(function* () {
      for (let i = 0; i < 1_000; i++) (yield* mutex.lock())[Symbol.dispose]();
      return world.loop.iteration;
    });
    assertEquals([iterations, mutex.locked], [1, false]);
  }),
);

Deno.test(
  "Unlocking hands the mutex to the next one before anybody else can take it",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const lock = mutex.tryLock()!;
    const waiter = world.spawn(function* () {
      using _lock = yield* mutex.lock();
      yield* yieldNow();
    });
    world.settle();
    lock[Symbol.dispose]();
    assertEquals([mutex.locked, mutex.tryLock(), waiter.status], [true, undefined, "ready"]);
    lock[Symbol.dispose]();
    assertEquals(mutex.locked, true);
    world.settle();
    assertEquals([mutex.locked, waiter.status], [false, "completed"]);
  }),
);

Deno.test(
  "Mutex.unlock() by anybody but the fiber that holds it is EPERM",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop, name: "m" });
    assertEquals(codeOf(() => mutex.unlock()), "EPERM");
    const holder = world.spawn(holding(mutex), { name: "holder" });
    world.settle();
    assertEquals(codeOf(() => mutex.unlock()), "EPERM");
    const message = world.run(function* () {
      try {
        mutex.unlock();
      } catch (error) {
        yield* yieldNow();
        return (error as Error).message;
      }
      return "";
    });
    assertEquals(message, "Cannot unlock mutex 'm': fiber 'holder' holds it");
    assertEquals(mutex.statistics().holder, "holder");
    holder.resume();
    world.settle();
    assertEquals([mutex.locked, errorOf(() => mutex.unlock()).message], [false, "Cannot unlock mutex 'm': it is not locked"]);
    using _lock = mutex.tryLock();
    const remedy = "it is held by no fiber, dispose what locked it";
    assertEquals(errorOf(() => mutex.unlock()).message, `Cannot unlock mutex 'm': ${remedy}`);
  }),
);

Deno.test(
  "Mutex.unlock() unlocks what using holds, and disposing that afterwards unlocks nobody else's",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    world.run(function* () {
      using _lock = yield* mutex.lock();
      mutex.unlock();
      assertEquals(mutex.locked, false);
      const other = mutex.tryLock()!;
      _lock[Symbol.dispose]();
      assertEquals(mutex.locked, true);
      other[Symbol.dispose]();
    });
    assertEquals(mutex.locked, false);
  }),
);

Deno.test(
  "Locking again what one holds is EDEADLK, and trying to is undefined",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop, name: "m" });
    // Nobody waits for this fiber, so it is no matter of circles.
    const fiber = world.spawn(function* () {
      using _lock = yield* mutex.lock();
      assertEquals(mutex.tryLock(), undefined);
      try {
        yield* mutex.lock();
      } catch (error) {
        return `${(error as SystemError).code}: ${(error as Error).message}`;
      }
      return "locked twice";
    }, { name: "greedy" });
    world.settle();
    assertEquals([fiber.result(), mutex.locked], ["EDEADLK: Cannot lock mutex 'm': fiber 'greedy' holds it already", false]);
  }),
);

Deno.test("A fiber that ends while it holds a mutex is reported by name, and who waits gets EOWNERDEAD", () => {
  const world = new Simulation();
  const mutex = new Mutex({ loop: world.loop, name: "accounts" });
  const careless = world.spawn(function* () {
    yield* mutex.lock();
    yield* suspend();
  }, { name: "careless" });
  const waiters = [0, 1].map(() => world.spawn(() => codeThrown(mutex.lock())));
  world.settle();
  const future = mutex.lockFuture();
  careless.resume();
  world.settle();
  assertEquals(waiters.map((waiter) => waiter.result()), ["EOWNERDEAD", "EOWNERDEAD"]);
  assertEquals(codeOf(() => future.result()), "EOWNERDEAD");
  assertEquals(codeOf(() => mutex.tryLock()), "EOWNERDEAD");
  assertEquals(world.run(() => codeThrown(mutex.lock())), "EOWNERDEAD");
  mutex.recover();
  using lock = mutex.tryLock();
  assert(lock !== undefined);
  assertEquals(world.end(), {
    reported: [
      "fiber 'careless': Fiber 'careless' ended while it held mutex 'accounts': hold it by 'using', or unlock it in a finally",
    ],
    left: [],
  });
});

Deno.test(
  "A disposed mutex stays so, and its holder may finish",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const holder = world.spawn(holding(mutex));
    const waiter = world.spawn(() => codeThrown(mutex.lock()));
    world.settle();
    mutex[Symbol.dispose]();
    holder.resume();
    world.settle();
    assertEquals([waiter.result(), holder.state, mutex.locked], ["EPIPE", "resolved", false]);
    assertEquals([codeOf(() => mutex.tryLock()), codeOf(() => mutex.lockFuture()), codeOf(() => mutex.recover())], [
      "EPIPE",
      "EPIPE",
      "EPIPE",
    ]);
  }),
);

Deno.test(
  "A waiter whose deadline passes leaves, and the next one gets the mutex",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const holder = world.spawn(holding(mutex));
    const hasty = world.spawn(() => codeThrown(withTimeout(10, () => mutex.lock())));
    const patient = world.spawn(holding(mutex));
    world.settle();
    world.pass(20);
    assertEquals([hasty.result(), mutex.statistics().waiters], ["ETIME", 1]);
    holder.resume();
    world.settle();
    assertEquals([mutex.locked, patient.status], [true, "suspended"]);
    patient.resume();
    world.settle();
    assertEquals(mutex.statistics(), { holder: undefined, locked: false, waiters: 0, mostWaiters: 2 });
  }),
);

Deno.test(
  "By priority the more important waiter is served first, and among equals the one who came first",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop, fair: "priority" });
    const lock = mutex.tryLock()!;
    const order: string[] = [];
    for (const [name, priority] of [["a", 1], ["b", 0], ["c", 1], ["d", -5], ["e", 0]] as const) {
      world.spawn(function* () {
        using _lock = yield* mutex.lock();
        order.push(name);
      }, { name, priority });
    }
    world.settle();
    lock[Symbol.dispose]();
    world.settle();
    assertEquals(order, ["d", "b", "e", "a", "c"]);
    assertEquals(codeOf(() => new Mutex({ loop: world.loop, fair: "random" as never })), "EINVAL");
  }),
);

Deno.test(
  "By priority a waiter moves when its own priority changes",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop, fair: "priority" });
    const lock = mutex.tryLock()!;
    const order: string[] = [];
    const [a, b] = ["a", "b"].map((name) =>
      world.spawn(function* () {
        using _lock = yield* mutex.lock();
        order.push(name);
      })
    );
    world.settle();
    b.setPriority(-1);
    a.setPriority(5);
    lock[Symbol.dispose]();
    world.settle();
    assertEquals(order, ["b", "a"]);
  }),
);

Deno.test(
  "By priority a waiter keeps its place when its priority is set to what it is",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop, fair: "priority" });
    const lock = mutex.tryLock()!;
    const order: string[] = [];
    const fibers = ["a", "b", "c"].map((name) =>
      world.spawn(function* () {
        using _lock = yield* mutex.lock();
        order.push(name);
      }, { priority: 2 })
    );
    world.settle();
    fibers[0].setPriority(2);
    // One that goes and comes back has lost its place.
    fibers[1].setPriority(3);
    fibers[1].setPriority(2);
    lock[Symbol.dispose]();
    world.settle();
    assertEquals(order, ["a", "c", "b"]);
  }),
);

Deno.test(
  "First come, first served: priorities do not matter, nor that they change meanwhile",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const lock = mutex.tryLock()!;
    const order: string[] = [];
    const fibers = ([["a", 5], ["b", -5], ["c", 0]] as const).map(([name, priority]) =>
      world.spawn(function* () {
        using _lock = yield* mutex.lock();
        order.push(name);
      }, { name, priority })
    );
    world.settle();
    const came = ["b", "c", "a"];
    fibers[1].setPriority(9);
    fibers[0].setPriority(-9);
    lock[Symbol.dispose]();
    world.settle();
    assertEquals(order, came);
  }),
);

Deno.test(
  "Whoever holds a mutex runs at the best priority of those who wait for it, until it lets go",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const holder = world.spawn(holding(mutex), { priority: 10 });
    world.settle();
    assertEquals(holder.priority, 10);
    const middle = world.spawn(holding(mutex), { priority: 3 });
    world.settle();
    assertEquals(holder.priority, 3);
    const best = world.spawn(holding(mutex), { priority: -3 });
    world.settle();
    assertEquals([holder.priority, middle.priority], [-3, 3]);
    holder.resume();
    world.settle();
    assertEquals([holder.priority, middle.priority, best.priority], [10, -3, -3]);
    middle.resume();
    world.settle();
    assertEquals([middle.priority, best.priority], [3, -3]);
    best.resume();
    world.settle();
  }),
);

Deno.test(
  "A holder is served before those of a middling priority: no inversion",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const order: string[] = [];
    world.spawn(function* () {
      using _lock = yield* mutex.lock();
      for (let i = 0; i < 3; i++) yield* yieldNow();
      order.push("low is done");
    }, { priority: 10 });
    world.tick();
    world.spawn(function* () {
      using _lock = yield* mutex.lock();
      order.push("high");
    }, { priority: 0 });
    world.tick();
    world.spawn(function* () {
      for (let i = 0; i < 3; i++) yield* yieldNow();
      order.push("middle");
    }, { priority: 5 });
    world.settle();
    assertEquals(order, ["low is done", "high", "middle"]);
  }),
);

Deno.test(
  "A lent priority is handed on along the chain of who waits for whom, and taken back along it",
  simulated((world) => {
    const [first, second, third] = [1, 2, 3].map(() => new Mutex({ loop: world.loop }));
    const a = world.spawn(holding(first), { priority: 10 });
    world.settle();
    const b = world.spawn(holding(second, first), { priority: 11 });
    world.settle();
    const c = world.spawn(holding(third, second), { priority: 12 });
    world.settle();
    assertEquals([a, b, c].map((fiber) => fiber.priority), [10, 11, 12]);
    const urgent = world.spawn(holding(third), { priority: -1 });
    world.settle();
    assertEquals([a, b, c].map((fiber) => fiber.priority), [-1, -1, -1]);
    urgent.cancel();
    world.settle();
    assertEquals([a, b, c].map((fiber) => fiber.priority), [10, 11, 12]);
    for (const fiber of [a, b, c]) {
      fiber.resume();
      world.settle();
    }
    assertEquals([first, second, third].map((mutex) => mutex.locked), [false, false, false]);
  }),
);

Deno.test(
  "A priority that is set meanwhile is the one that the holder comes back to",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const holder = world.spawn(holding(mutex), { priority: 10 });
    world.settle();
    const waiter = world.spawn(holding(mutex), { priority: 0 });
    world.settle();
    holder.setPriority(20);
    assertEquals(holder.priority, 0);
    holder.setPriority(-2);
    assertEquals(holder.priority, -2);
    holder.setPriority(7);
    waiter.setPriority(5);
    assertEquals(holder.priority, 5);
    holder.resume();
    world.settle();
    assertEquals(holder.priority, 7);
    waiter.resume();
    world.settle();
  }),
);

Deno.test("A chain of 20 000 fibers that wait for one another lends a priority without recursion", () => {
  const world = new Simulation();
  const count = 20_000;
  const mutexes = Array.from({ length: count }, () => new Mutex({ loop: world.loop }));
  const fibers: Fiber<void>[] = mutexes.map((mutex, index) =>
    world.spawn(function* () {
      using _lock = yield* mutex.lock();
      yield* suspend();
      if (index > 0) (yield* mutexes[index - 1].lock())[Symbol.dispose]();
    }, { priority: 10 })
  );
  world.settle();
  // The last one first: so each finds, when it looks for a circle, that whoever holds what it wants waits for nobody.
  for (const fiber of fibers.slice(1).reverse()) {
    fiber.resume();
    world.settle();
  }
  const urgent = world.spawn(() => mutexes[count - 1].lock(), { priority: 0 });
  world.settle();
  assertEquals(fibers[0].priority, 0);
  urgent.cancel();
  world.settle();
  assertEquals(fibers[0].priority, 10);
  fibers[0].resume();
  world.settle();
  assertEquals(mutexes.some((mutex) => mutex.locked), false);
  assertEquals(world.end(), { reported: [], left: [] });
});

Deno.test("A mutex serves fibers and async code in one order", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  const mutex = new Mutex({ loop });
  const order: string[] = [];
  const lock = mutex.tryLock()!;
  const asynchronous = (async () => {
    using _lock = await mutex.lockFuture();
    order.push("async");
    await Promise.resolve();
  })();
  const fiber = run(function* () {
    using _lock = yield* mutex.lock();
    order.push("fiber");
  }, { loop });
  await Promise.resolve();
  order.push("first");
  lock[Symbol.dispose]();
  await Promise.all([asynchronous, fiber]);
  assertEquals([order, mutex.locked], [["first", "async", "fiber"], false]);
});

Deno.test(
  "A fiber that is cancelled after the mutex was handed to it holds it, and is interrupted at its next suspension",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const lock = mutex.tryLock()!;
    const log: string[] = [];
    const fiber = world.spawn(function* () {
      using _lock = yield* mutex.lock();
      log.push(`locked: ${mutex.locked}`);
      try {
        yield* sleep(1);
      } catch (error) {
        assert(error instanceof CancelledError);
        log.push("interrupted");
      }
    });
    world.settle();
    lock[Symbol.dispose]();
    fiber.cancel();
    world.settle();
    assertEquals([log, mutex.locked], [["locked: true", "interrupted"], false]);
  }),
);
