/**
 * Circles of waits, found when they close.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type Fiber, Mutex, type Operation, RwLock, suspend, type SystemError } from "@sd/fibers";
import { simulated, type Simulation } from "../_simulation.ts";

type Step = () => Operation<unknown>;

/** A fiber that takes its steps when it is resumed, holding all that it got; what it answers is what went wrong. */
function stepping(world: Simulation, name: string, ...steps: Step[]): Fiber<string> {
  return world.spawn(function* () {
    using locks = new DisposableStack();
    try {
      for (const step of steps) {
        const got = yield* step();
        if (typeof got === "object" && got !== null) locks.use(got as Disposable);
        yield* suspend();
      }
    } catch (error) {
      return `${(error as SystemError).code}: ${(error as Error).message}`;
    }
    return "no deadlock";
  }, { name });
}

function resume(world: Simulation, ...fibers: Fiber<unknown>[]): void {
  for (const fiber of fibers) {
    fiber.resume();
    world.settle();
  }
}

function mutexes(world: Simulation, ...names: string[]): Mutex[] {
  return names.map((name) => new Mutex({ loop: world.loop, name }));
}

Deno.test(
  "The fiber that closes a circle of two gets EDEADLK, which names both; the other one goes on",
  simulated((world) => {
    const [m1, m2] = mutexes(world, "m1", "m2");
    const a = stepping(world, "A", () => m1.lock(), () => m2.lock());
    const b = stepping(world, "B", () => m2.lock(), () => m1.lock());
    world.settle();
    resume(world, b, a);
    assertEquals(a.result(), "EDEADLK: Cannot wait for mutex 'm2': A holds m1 waits m2; B holds m2 waits m1");
    assertEquals([m1.statistics().holder, m2.statistics().holder], ["B", "B"]);
    resume(world, b);
    assertEquals([b.result(), m1.locked, m2.locked], ["no deadlock", false, false]);
  }),
);

Deno.test(
  "A circle of four is named in full",
  simulated((world) => {
    const locks = mutexes(world, "m1", "m2", "m3", "m4");
    const fibers = locks.map((mutex, index) => stepping(world, "ABCD"[index], () => mutex.lock(), () => locks[(index + 1) % 4].lock()));
    world.settle();
    resume(world, ...fibers);
    assertEquals(
      fibers[3].result(),
      "EDEADLK: Cannot wait for mutex 'm1': D holds m4 waits m1; A holds m1 waits m2; B holds m2 waits m3; C holds m3 waits m4",
    );
    resume(world, fibers[2], fibers[1], fibers[0]);
    assertEquals(fibers.slice(0, 3).map((fiber) => fiber.result()), ["no deadlock", "no deadlock", "no deadlock"]);
  }),
);

Deno.test(
  "A chain that is no circle is left alone",
  simulated((world) => {
    const [m1, m2] = mutexes(world, "m1", "m2");
    const a = stepping(world, "A", () => m1.lock());
    const b = stepping(world, "B", () => m2.lock(), () => m1.lock());
    const c = stepping(world, "C", () => m2.lock());
    world.settle();
    resume(world, b);
    assertEquals([m1.statistics().waiters, m2.statistics().waiters], [1, 1]);
    resume(world, a, b, c);
    assertEquals([a, b, c].map((fiber) => fiber.result()), ["no deadlock", "no deadlock", "no deadlock"]);
  }),
);

Deno.test(
  "A waiter that is about to be interrupted closes no circle",
  simulated((world) => {
    const [m1, m2] = mutexes(world, "m1", "m2");
    const a = stepping(world, "A", () => m1.lock(), () => m2.lock());
    const b = stepping(world, "B", () => m2.lock(), () => m1.lock());
    world.settle();
    resume(world, b);
    a.resume();
    b.cancel();
    world.settle();
    resume(world, a);
    assertEquals([a.result(), b.result()], ["no deadlock", "ECANCELED: Cancelled"]);
  }),
);

Deno.test(
  "A fiber that waits for the end of another one is part of a circle",
  simulated((world) => {
    const [m1] = mutexes(world, "m1");
    const b = stepping(world, "B", () => suspend(), () => m1.lock());
    const a = stepping(world, "A", () => m1.lock(), () => b);
    world.settle();
    resume(world, a, b, b);
    assertEquals(b.result(), "EDEADLK: Cannot wait for mutex 'm1': B waits m1; A holds m1 awaits B");
    resume(world, a);
    assertEquals(a.result(), "no deadlock");
  }),
);

Deno.test(
  "A writer that waits for one of several readers can close a circle",
  simulated((world) => {
    const [m1] = mutexes(world, "m1");
    const table = new RwLock({ loop: world.loop, name: "table" });
    const idle = stepping(world, "idle", () => table.read());
    const a = stepping(world, "A", () => table.read(), () => m1.lock());
    const b = stepping(world, "B", () => m1.lock(), () => table.write());
    world.settle();
    resume(world, b, a);
    assertEquals(a.result(), "EDEADLK: Cannot wait for mutex 'm1': A holds table waits m1; B holds m1 waits table");
    resume(world, idle, b);
    assertEquals(b.result(), "no deadlock");
  }),
);

Deno.test(
  "A writer, for which readers wait, can close a circle",
  simulated((world) => {
    const [m1] = mutexes(world, "m1");
    const table = new RwLock({ loop: world.loop, name: "table" });
    const a = stepping(world, "A", () => table.write(), () => m1.lock());
    const b = stepping(world, "B", () => m1.lock(), () => table.read());
    world.settle();
    resume(world, b, a);
    assertEquals(a.result(), "EDEADLK: Cannot wait for mutex 'm1': A holds table waits m1; B holds m1 waits table");
    resume(world, b);
    assertEquals(b.result(), "no deadlock");
  }),
);

Deno.test(
  "Locks without a name are told of by what they are",
  simulated((world) => {
    const { loop } = world;
    const [mutex, table] = [new Mutex({ loop }), new RwLock({ loop })];
    const a = stepping(world, "A", () => mutex.lock(), () => table.read());
    const b = stepping(world, "B", () => table.write(), () => mutex.lock());
    world.settle();
    resume(world, a, b);
    assertEquals(
      b.result(),
      "EDEADLK: Cannot wait for mutex: B holds read-write lock waits mutex; A holds mutex waits read-write lock",
    );
    resume(world, a);
    assertEquals(a.result(), "no deadlock");
  }),
);

Deno.test(
  "What no fiber holds is part of no circle, whoever waits for it",
  simulated((world) => {
    const { loop } = world;
    const [m1] = mutexes(world, "m1");
    const [read, written, locked] = [new RwLock({ loop }), new RwLock({ loop }), new Mutex({ loop })];
    const holds = [read.tryRead()!, written.tryWrite()!, locked.tryLock()!];
    for (const [index, wait] of [() => read.write(), () => written.read(), () => locked.lock()].entries()) {
      const b = stepping(world, "B", wait);
      const a = stepping(world, "A", () => m1.lock(), () => b);
      const c = stepping(world, "C", () => m1.lock());
      world.settle();
      resume(world, a);
      assertEquals([a, b, c].map(({ state }) => state), ["pending", "pending", "pending"]);
      holds[index][Symbol.dispose]();
      world.settle();
      resume(world, b, a, c);
      assertEquals([a, b, c].map((fiber) => fiber.result()), ["no deadlock", "no deadlock", "no deadlock"]);
    }
  }),
);

Deno.test(
  "Reading again what one reads is EDEADLK, as a writer in between would never get its turn",
  simulated((world) => {
    const table = new RwLock({ loop: world.loop, name: "table" });
    const fiber = stepping(world, "A", () => table.read(), () => table.read());
    world.settle();
    resume(world, fiber);
    assertEquals(fiber.result(), "EDEADLK: Cannot lock read-write lock 'table': fiber 'A' holds it already");
  }),
);
