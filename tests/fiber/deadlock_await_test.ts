/**
 * Circles of waits in which fibers await one another, and circles that are none because something may open them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  all,
  any,
  cancelWait,
  Fiber,
  Future,
  FutureGroup,
  Mutex,
  type Operation,
  race,
  scope,
  select,
  settled,
  shield,
  spawn,
  suspend,
  type SystemError,
  timeoutScope,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { simulated, type Simulation } from "../_simulation.ts";

/** What the operation came to: "done", or the error. */
function* told(operation: Operation<unknown>): Operation<string> {
  try {
    yield* operation;
    return "done";
  } catch (error) {
    return `${(error as SystemError).code}: ${(error as Error).message}`;
  }
}

function mutex(world: Simulation, name: string): Mutex {
  return new Mutex({ loop: world.loop, name });
}

/** Takes the lock, and gives it back. */
function* pass(mutex: Mutex): Operation<void> {
  using _lock = yield* mutex.lock();
}

/** A fiber B that waits for a mutex which a fiber A holds, and A, which then does something about B. */
function entangled(
  world: Simulation,
  then: (b: Fiber<string>) => Operation<unknown>,
  begin: (m1: Mutex) => Operation<unknown>,
): Fiber<string> {
  const m1 = mutex(world, "m1");
  return world.spawn(function* () {
    const b = world.spawn(() => told(begin(m1)), { name: "B", floating: true });
    let answer: string;
    {
      using _lock = yield* m1.lock();
      yield* yieldNow();
      answer = yield* told(then(b));
    }
    b.cancel();
    yield* settled(b);
    return answer;
  }, { name: "A" });
}

/** Whether A waits, when all has come to rest; then it is cancelled. */
function waitsOn(world: Simulation, a: Fiber<string>): boolean {
  world.settle();
  const waits = a.state === "pending";
  a.cancel();
  world.settle();
  return waits;
}

const ALARM = "EDEADLK: Cannot wait for fiber 'B': A holds m1 awaits B; B waits m1";

Deno.test(
  "Who awaits a fiber that waits for a lock of its own gets EDEADLK, which names both",
  simulated((world) => {
    for (const wait of [(b: Fiber<string>) => b, (b: Fiber<string>) => settled(b)]) {
      const a = entangled(world, wait, (m1) => pass(m1));
      world.settle();
      assertEquals(a.result(), ALARM);
    }
  }),
);

Deno.test(
  "cancelWait() of a fiber that is shielded while it waits for a lock of the caller's is EDEADLK",
  simulated((world) => {
    const a = entangled(world, cancelWait, (m1) => shield(pass(m1)));
    world.settle();
    assertEquals(a.result(), ALARM);
    const b = entangled(world, cancelWait, (m1) => pass(m1));
    world.settle();
    assertEquals(b.result(), "done");
  }),
);

Deno.test(
  "Fibers that await one another in a circle are named in full; the one that would close it gets the error",
  simulated((world) => {
    const fibers: Fiber<string>[] = [];
    for (const [index, name] of ["A", "B", "C"].entries()) {
      fibers.push(world.spawn(function* () {
        yield* suspend();
        return yield* told(fibers[(index + 1) % 3]);
      }, { name }));
    }
    world.settle();
    for (const fiber of fibers) {
      fiber.resume();
      world.settle();
    }
    assertEquals(fibers.map((fiber) => fiber.result()), [
      "done",
      "done",
      "EDEADLK: Cannot wait for fiber 'A': C awaits A; A awaits B; B awaits C",
    ]);
  }),
);

Deno.test(
  "A circle over locks and awaits together is found, whichever closes it",
  simulated((world) => {
    const [m1, m2] = [mutex(world, "m1"), mutex(world, "m2")];
    const c: Fiber<string> = world.spawn(function* () {
      using _lock = yield* m2.lock();
      yield* suspend();
      return yield* told(a);
    }, { name: "C" });
    const a = world.spawn(function* () {
      using _lock = yield* m1.lock();
      yield* suspend();
      return yield* told(b);
    }, { name: "A" });
    const b = world.spawn(function* () {
      yield* suspend();
      using lock = yield* m2.lock();
      return `got ${typeof lock}`;
    }, { name: "B" });
    world.settle();
    for (const fiber of [a, b, c]) {
      fiber.resume();
      world.settle();
    }
    assertEquals(c.result(), "EDEADLK: Cannot wait for fiber 'A': C holds m2 awaits A; A awaits B; B waits m2");
    assertEquals([b.result(), a.result()], ["got object", "done"]);
  }),
);

Deno.test(
  "The body of a scope, and the last that runs in it, wait for a lock of its owner's in vain",
  simulated((world) => {
    const m1 = mutex(world, "m1");
    const body = world.run(function* () {
      using _lock = yield* m1.lock();
      return yield* scope(function* body() {
        return yield* told(pass(m1));
      });
    }, { name: "A" });
    assertEquals(body, "EDEADLK: Cannot wait for mutex 'm1': body waits m1; A holds m1 awaits body");
    const [, last] = world.run(function* () {
      using _lock = yield* m1.lock();
      return yield* all([yieldNow(), function* last() {
        for (let i = 0; i < 4; i++) yield* yieldNow();
        return yield* told(pass(m1));
      }]);
    }, { name: "A" });
    assertEquals(last, "EDEADLK: Cannot wait for mutex 'm1': last waits m1; A holds m1 awaits last");
  }),
);

Deno.test(
  "While another one runs in the scope, which may fail and end it, nothing is certain",
  simulated((world) => {
    const m1 = mutex(world, "m1");
    const fiber = world.spawn(() =>
      told(all([function* () {
        using _lock = yield* m1.lock();
        yield* all([pass(m1), function* () {
          for (let i = 0; i < 4; i++) yield* yieldNow();
          throw new Error("the other one failed");
        }]);
      }]))
    );
    world.settle();
    assertEquals(fiber.result(), "undefined: the other one failed");
  }),
);

const uncertain: Record<string, { then?: (b: Fiber<string>) => Operation<unknown>; begin?: (m1: Mutex) => Operation<unknown> }> = {
  "who awaits has a deadline": { then: (b) => withTimeout(1_000, () => b) },
  "who is awaited has a deadline": { begin: (m1) => withTimeout(1_000, pass(m1)) },
  "who is awaited selects from several things": {
    begin: function* (m1) {
      const { value } = yield* select({ lock: m1.lock(), late: 1_000 });
      value?.[Symbol.dispose]();
    },
  },
  "who is awaited runs in a race": { begin: (m1) => race([pass(m1), suspend()]) },
  "who is awaited runs in any": { begin: (m1) => any([pass(m1), suspend()]) },
  "who is awaited is a child of one with a deadline": { begin: (m1) => withTimeout(1_000, () => all([pass(m1)])) },
  "who awaits selects": { then: (b) => select({ b, late: 1_000 }) },
};

for (const [name, { then = (b: Fiber<string>) => b, begin = (m1: Mutex) => pass(m1) }] of Object.entries(uncertain)) {
  Deno.test(
    `Nothing is certain, and there is no EDEADLK, where ${name}`,
    simulated((world) => {
      assertEquals(waitsOn(world, entangled(world, then, begin)), true);
      world.pass(2_000);
    }),
  );
}

for (const compete of [race, any]) {
  Deno.test(
    `A fiber that competes with others under ${compete.name}() may be cancelled before its wait ends, so it closes no circle`,
    simulated((world) => {
      const m1 = mutex(world, "m1");
      let competitor: Fiber<unknown>;
      const holder = world.spawn(function* () {
        using _lock = yield* m1.lock();
        yield* suspend();
        return (yield* settled(competitor)).status;
      });
      let other: Fiber<unknown>;
      const competition = world.spawn(() =>
        compete([function* () {
          competitor = Fiber.current!;
          yield* suspend();
          return (yield* told(pass(m1))).slice(0, 9);
        }, function* () {
          other = Fiber.current!;
          yield* suspend();
          return "other";
        }])
      );
      world.settle();
      holder.resume();
      world.settle();
      competitor!.resume();
      world.settle();
      assertEquals([holder.state, competitor!.state], ["pending", "pending"]);
      other!.resume();
      world.settle();
      assertEquals([holder.result(), competition.result(), competitor!.result()], ["fulfilled", "other", "ECANCELED"]);
    }),
  );
}

Deno.test(
  "A fiber of a group that needs just one may be cancelled when that one succeeds, so it closes no circle; in one that needs all it does",
  simulated((world) => {
    for (const policy of ["any", "all"] as const) {
      const m1 = mutex(world, "m1");
      const group = FutureGroup[policy]<string>(world.loop) as FutureGroup<string, unknown>;
      const member = spawn(() => told(pass(m1)), { group, name: "member" });
      const other = Future.withResolvers<string>(world.loop);
      group.add(other.future);
      const holder = world.spawn(function* () {
        using _lock = yield* m1.lock();
        yield* yieldNow();
        return yield* told(member);
      }, { name: "holder", priority: -1 });
      world.settle();
      assertEquals([holder.state, member.state], policy === "any" ? ["pending", "pending"] : ["resolved", "resolved"]);
      other.resolve("other");
      world.settle();
      assertEquals(member.result().slice(0, 9), policy === "any" ? "ECANCELED" : "EDEADLK: ");
      assertEquals(holder.result(), "done");
    }
  }),
);

Deno.test(
  "A deadline that has passed, or is closed, opens no circle",
  simulated((world) => {
    const m1 = mutex(world, "m1");
    let answer = "";
    const holder = world.spawn(function* () {
      using _lock = yield* m1.lock();
      yield* settled(other);
    }, { name: "A" });
    const other: Fiber<void> = world.spawn(function* () {
      using _past = timeoutScope(10);
      const expired = yield* told(suspend());
      {
        using _closed = timeoutScope(1_000);
      }
      answer = `${expired}; ${yield* told(pass(m1))}`;
    }, { name: "B" });
    world.settle();
    world.pass(10_000);
    assertEquals(answer, "ETIME: The deadline has passed; EDEADLK: Cannot wait for mutex 'm1': B waits m1; A holds m1 awaits B");
    assertEquals(holder.state, "resolved");
  }),
);

Deno.test(
  "Locks that would close a circle wait for a deadline that opens it, and go on",
  simulated((world) => {
    const [m1, m2] = [mutex(world, "m1"), mutex(world, "m2")];
    function* both(first: Mutex, second: Mutex): Operation<string> {
      using _lock = yield* first.lock();
      yield* yieldNow();
      return yield* told(pass(second));
    }
    const patient = world.spawn(() => both(m1, m2));
    const hasty = world.spawn(() => withTimeout(1_000, () => both(m2, m1)));
    world.settle();
    assertEquals([patient.state, hasty.state], ["pending", "pending"]);
    world.pass(2_000);
    assertEquals([patient.result(), hasty.result()], ["done", "ETIME: The deadline has passed"]);
    // The deadline of one that they both belong to ends them, too.
    const parent = world.spawn(() => told(withTimeout(1_000, () => all([() => both(m1, m2), () => both(m2, m1)]))));
    world.settle();
    assertEquals(parent.state, "pending");
    world.pass(2_000);
    assertEquals([parent.result(), m1.locked, m2.locked], ["ETIME: The deadline has passed", false, false]);
  }),
);

Deno.test(
  "A signal that may cancel a fiber, and the grace of a shield that holds a cancellation back, open a circle",
  simulated((world) => {
    const m1 = mutex(world, "m1");
    const controller = new AbortController();
    const a = world.spawn(function* () {
      using _lock = yield* m1.lock();
      const b = world.spawn(() => told(pass(m1)), { signal: controller.signal });
      yield* yieldNow();
      return yield* b;
    });
    world.settle();
    assertEquals(a.state, "pending");
    controller.abort();
    world.settle();
    assertEquals(a.result(), "ECANCELED: Cancelled by an AbortSignal: The signal has been aborted");

    const c = world.spawn(function* () {
      using _lock = yield* m1.lock();
      const d = world.spawn(() => told(shield(pass(m1), { grace: 1_000 })));
      yield* yieldNow();
      d.cancel();
      return yield* d;
    });
    world.settle();
    assertEquals(c.state, "pending");
    world.pass(2_000);
    assertEquals(c.result().slice(0, 9), "ECANCELED");
  }),
);

Deno.test(
  "A fiber that is about to run, or that waits for anything else, is part of no circle",
  simulated((world) => {
    const m1 = mutex(world, "m1");
    const a = world.spawn(function* () {
      using _lock = yield* m1.lock();
      const b = world.spawn(() => told(pass(m1)));
      yield* yieldNow();
      b.cancel();
      const c = world.spawn(() => told(suspend()));
      yield* yieldNow();
      c.resume();
      return [(yield* b).slice(0, 9), yield* c];
    });
    world.settle();
    assertEquals(a.result(), ["ECANCELED", "done"]);
  }),
);

Deno.test(
  "A chain of ten thousand fibers, each of which waits for a lock of the next, is found when its end would meet its beginning",
  simulated((world) => {
    const COUNT = 10_000;
    const locks = Array.from({ length: COUNT }, (_, index) => mutex(world, `m${index}`));
    const first = world.spawn(function* () {
      using _lock = yield* locks[0].lock();
      yield* suspend();
      return yield* told(locks[COUNT - 1].lock());
    }, { name: "f0" });
    for (let i = 1; i < COUNT; i++) {
      world.spawn(function* () {
        using _lock = yield* locks[i].lock();
        using _other = yield* locks[i - 1].lock();
      }, { name: `f${i}` });
      world.settle();
    }
    first.resume();
    world.settle();
    const answer = first.result();
    assertEquals(answer.slice(0, 72), "EDEADLK: Cannot wait for mutex 'm9999': f0 holds m0 waits m9999; f9999 h");
    assertEquals(answer.split(";").length, COUNT);
  }),
);
