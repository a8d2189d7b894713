/**
 * Many who read, or one who writes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Fiber, type Operation, RwLock, suspend, type SystemError } from "@sd/fibers";
import { codeOf, simulated, Simulation } from "../_simulation.ts";

/** A fiber that holds the lock until it is resumed; the log tells when it got it. */
function spawnHolder(world: Simulation, lock: RwLock, mode: "read" | "write", name: string, log: string[]): Fiber<void> {
  return world.spawn(function* () {
    using _hold = yield* (mode === "read" ? lock.read() : lock.write());
    log.push(name);
    yield* suspend();
  }, { name });
}

function* codeThrown(operation: Operation<unknown>): Operation<string> {
  try {
    yield* operation;
    return "nothing";
  } catch (error) {
    return (error as SystemError).code;
  }
}

Deno.test(
  "Readers that come after a waiting writer wait behind it, and stand together are let in together",
  simulated((world) => {
    const lock = new RwLock({ loop: world.loop });
    const log: string[] = [];
    const first = spawnHolder(world, lock, "read", "r1", log);
    const others = ([["write", "w1"], ["read", "r2"], ["read", "r3"], ["write", "w2"], ["read", "r4"]] as const)
      .map(([mode, name]) => spawnHolder(world, lock, mode, name, log));
    world.settle();
    assertEquals([log, lock.tryRead(), lock.tryWrite()], [["r1"], undefined, undefined]);
    first.resume();
    world.settle();
    assertEquals([log, lock.statistics().isWritten], [["r1", "w1"], true]);
    others[0].resume();
    world.settle();
    assertEquals([log, lock.statistics().readers], [["r1", "w1", "r2", "r3"], 2]);
    others[1].resume();
    world.settle();
    assertEquals(log.length, 4);
    others[2].resume();
    world.settle();
    assertEquals([log.slice(4), lock.statistics().isWritten], [["w2"], true]);
    others[3].resume();
    world.settle();
    assertEquals([log.slice(5), lock.statistics().readers], [["r4"], 1]);
    others[4].resume();
    world.settle();
    assertEquals(lock.statistics(), { readers: 0, mostReaders: 2, isWritten: false, writer: undefined, waiters: 0, mostWaiters: 5 });
  }),
);

Deno.test(
  "When a waiting writer leaves, the readers behind it are let in",
  simulated((world) => {
    const lock = new RwLock({ loop: world.loop });
    const log: string[] = [];
    using _reading = lock.tryRead();
    const writer = spawnHolder(world, lock, "write", "w", log);
    const reader = spawnHolder(world, lock, "read", "r", log);
    world.settle();
    assertEquals(log, []);
    writer.cancel();
    world.settle();
    assertEquals([log, lock.statistics().readers], [["r"], 2]);
    reader.resume();
    world.settle();
  }),
);

Deno.test("A fiber that ends while it writes leaves EOWNERDEAD behind, one that ends while it reads only a report", () => {
  const world = new Simulation();
  const lock = new RwLock({ loop: world.loop, name: "table" });
  const reader = world.spawn(() => lock.read(), { name: "reader" });
  world.settle();
  assertEquals(reader.state, "resolved");
  const careless = world.spawn(function* () {
    yield* lock.write();
    yield* suspend();
  }, { name: "writer" });
  world.settle();
  const waiting = lock.readFuture();
  careless.resume();
  world.settle();
  assertEquals([codeOf(() => waiting.result()), codeOf(() => lock.tryRead())], ["EOWNERDEAD", "EOWNERDEAD"]);
  lock.recover();
  assertEquals(lock.tryWrite() === undefined, false);
  assertEquals(world.end().reported, [
    "fiber 'reader': Fiber 'reader' ended while it held read-write lock 'table': hold it by 'using', or unlock it in a finally",
    "fiber 'writer': Fiber 'writer' ended while it held read-write lock 'table': hold it by 'using', or unlock it in a finally",
  ]);
});

Deno.test(
  "RwLock serves futures in the same order, and disposing what was taken twice does nothing",
  simulated((world) => {
    const lock = new RwLock({ loop: world.loop });
    const [r1, w, r2] = [lock.readFuture(), lock.writeFuture(), lock.readFuture()];
    assertEquals([r1.state, w.state, r2.state], ["resolved", "pending", "pending"]);
    const first = r1.result();
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    assertEquals([w.state, r2.state], ["resolved", "pending"]);
    w.result()[Symbol.dispose]();
    r2.result()[Symbol.dispose]();
    lock[Symbol.dispose]();
    assertEquals([codeOf(() => lock.readFuture()), codeOf(() => lock.tryWrite()), codeOf(() => lock.recover())], [
      "EPIPE",
      "EPIPE",
      "EPIPE",
    ]);
  }),
);

Deno.test("A writer that waits gets the lock when the last reader ends without having given it back", () => {
  const world = new Simulation();
  const lock = new RwLock({ loop: world.loop, name: "table" });
  const readers = ["first", "second"].map((name) =>
    world.spawn(function* () {
      yield* lock.read();
      yield* suspend();
    }, { name })
  );
  const log: string[] = [];
  const writer = spawnHolder(world, lock, "write", "writer", log);
  world.settle();
  readers[0].resume();
  world.settle();
  assertEquals([log, lock.statistics().readers], [[], 1]);
  readers[1].resume();
  world.settle();
  assertEquals([log, lock.statistics().readers, lock.statistics().writer], [["writer"], 0, "writer"]);
  writer.resume();
  world.settle();
  assertEquals(world.takeMessages().map((message) => message.split(":")[0]), ["fiber 'first'", "fiber 'second'"]);
  assertEquals(world.end(), { reported: [], left: [] });
});

Deno.test(
  "Disposing what was taken twice gives back nothing else that the fiber holds, and lets nobody in",
  simulated((world) => {
    const [one, other] = [1, 2].map(() => new RwLock({ loop: world.loop }));
    const codes: string[] = [];
    const fiber = world.spawn(function* () {
      using _other = yield* other.write();
      for (const mode of ["read", "write"] as const) {
        const hold = yield* one[mode]();
        hold[Symbol.dispose]();
        using _again = yield* one.write();
        hold[Symbol.dispose]();
        assertEquals([one.statistics().isWritten, one.tryRead(), other.statistics().isWritten], [true, undefined, true]);
        // It is known to hold the other one still.
        codes.push(yield* codeThrown(other.read()));
      }
      yield* suspend();
    });
    world.settle();
    assertEquals([fiber.status, one.statistics().isWritten, other.statistics().isWritten], ["suspended", false, true]);
    fiber.resume();
    world.settle();
    assertEquals([codes, other.statistics().isWritten], [["EDEADLK", "EDEADLK"], false]);
  }),
);
