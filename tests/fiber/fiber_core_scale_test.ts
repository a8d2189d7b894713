/**
 * Many fibers at once, and an exit at any time.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import {
  all,
  any,
  cancelWait,
  Channel,
  type Fiber,
  Future,
  FutureGroup,
  Mutex,
  type Operation,
  race,
  scope,
  settled,
  shield,
  sleep,
  spawn,
  suspend,
  TimeoutError,
  timeoutScope,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { simulated, Simulation } from "../_simulation.ts";

const MANY = 100_000;
const GIBIBYTE = 1024 ** 3;

/** Many fibers that wait, and count how they end. */
class Crowd {
  readonly fibers: Fiber<void>[];
  released = 0;
  unwound = 0;

  constructor(world: Simulation, wait: () => Operation<unknown>, size: number = MANY) {
    const body = this.#body(wait);
    this.fibers = Array.from({ length: size }, () => world.spawn(body));
    while (world.loop.runSync(0));
    assert(this.fibers.every(({ status }) => status === "suspended"));
  }

  #body(wait: () => Operation<unknown>): () => Operation<void> {
    const count = (how: "released" | "unwound") => this[how]++;
    return function* () {
      try {
        yield* wait();
        count("released");
      } finally {
        count("unwound");
      }
    };
  }

  /** How many were released, unwound, and have ended. */
  get counts(): number[] {
    return [this.released, this.unwound, this.fibers.filter(({ status }) => status === "completed").length];
  }
}

Deno.test(
  "A hundred thousand fibers that wait for one future are released by it, without a deep stack",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    const crowd = new Crowd(world, () => future);
    resolve();
    while (world.loop.runSync(0));
    assertEquals(crowd.counts, [MANY, MANY, MANY]);
  }),
);

Deno.test(
  "A hundred thousand fibers that are cancelled at once run each its finally",
  simulated((world) => {
    const crowd = new Crowd(world, suspend);
    for (const fiber of crowd.fibers) fiber.cancel();
    while (world.loop.runSync(0));
    assertEquals(crowd.counts, [0, MANY, MANY]);
  }),
);

Deno.test(
  "A hundred thousand fibers that are unwound by an exit run each its finally",
  simulated((world) => {
    const { future } = Future.withResolvers<void>(world.loop);
    const crowd = new Crowd(world, () => future);
    world.exit();
    assertEquals(crowd.counts, [0, MANY, MANY]);
  }),
);

Deno.test(
  "Twenty thousand fibers of one group are cancelled by the failure of one",
  simulated((world) => {
    const group = FutureGroup.all(world.loop);
    const crowd = new Crowd(world, suspend, 20_000);
    for (const fiber of crowd.fibers) group.add(fiber);
    crowd.fibers[7_000].resumeWithError(new RangeError("broken"));
    while (world.loop.runSync(0));
    assertEquals(crowd.counts, [0, 20_000, 20_000]);
    assertEquals(group.outcome?.status === "rejected" && group.outcome.reason.message, "broken");
  }),
);

/** Twenty fibers that do all that fibers do; those that began and have not ended. */
function startProgram(world: Simulation): { fibers: Fiber<unknown>[]; running: Set<string>; started: Set<string> } {
  const { loop } = world;
  const running = new Set<string>();
  const started = new Set<string>();
  const fibers: Fiber<unknown>[] = [];
  const mutex = new Mutex({ loop });
  const jobs = new Channel<number>({ loop, capacity: 2 });
  const signal = Future.withResolvers<string>(loop);

  /** A body that notes when it begins and when it has been unwound, by a clean-up that waits. */
  const noted = <T>(name: string, body: () => Operation<T>): () => Operation<T> =>
    function* () {
      running.add(name);
      started.add(name);
      try {
        return yield* body();
      } finally {
        try {
          yield* shield(yieldNow());
        } finally {
          running.delete(name);
        }
      }
    };
  const start = <T>(name: string, body: () => Operation<T>) => {
    const fiber = world.spawn(noted(name, body), { name });
    fiber.addCallback(() => {});
    fibers.push(fiber);
    return fiber;
  };

  for (const n of [1, 2, 3]) {
    start(`locker ${n}`, function* () {
      for (let round = 0; round < 2; round++) {
        using _lock = yield* mutex.lock();
        yield* sleep(n);
      }
    });
  }
  start("producer", function* () {
    for (let n = 0; n < 6; n++) yield* jobs.push(n);
    jobs.close();
  });
  for (const n of [1, 2]) {
    start(`consumer ${n}`, function* () {
      for (let job; (job = yield* jobs.next()) !== undefined;) yield* sleep(job);
    });
  }
  start("scope", () =>
    scope(function* (children) {
      children.defer(noted("deferred", function* () {}));
      children.spawn(noted("child of scope", () => sleep(4)));
      yield* sleep(2);
    }));
  start("all", () => all([noted("all 1", () => sleep(3)), noted("all 2", () => signal.future)]));
  start("race", () => race([noted("race 1", () => sleep(3)), noted("race 2", suspend)]));
  start("any", () => any([noted("any 1", () => sleep(2)), noted("any 2", suspend)]));
  start("signaller", function* () {
    yield* sleep(5);
    signal.resolve("now");
  });
  start("deadline", function* () {
    try {
      yield* withTimeout(3, noted("slow", suspend));
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      using _deadline = timeoutScope(10);
      yield* settled(signal.future);
    }
  });
  start("owner", function* () {
    const child = spawn(noted("stubborn", function* () {
      try {
        yield* suspend();
      } finally {
        yield* shield(() => sleep(3), { grace: 10 });
      }
    }));
    yield* sleep(1);
    yield* cancelWait(child);
  });
  start("group", function* () {
    const group = FutureGroup.any<unknown>(loop);
    for (const n of [1, 2, 3]) spawn(noted(`member ${n}`, () => sleep(n)), { group });
    try {
      yield* group;
    } finally {
      yield* cancelWait(group);
    }
  });
  for (const n of [1, 2, 3, 4, 5, 6]) {
    start(`sleeper ${n}`, function* () {
      for (let round = 0; round < 3; round++) yield* round === 1 ? yieldNow() : sleep(n);
    });
  }
  assertEquals(fibers.length, 20);
  return { fibers, running, started };
}

Deno.test("An exit at any tick of a program of twenty fibers leaves each completed, and nothing registered", () => {
  let ticks = 0;
  for (let isOver = false; !isOver; ticks++) {
    const world = new Simulation();
    const { fibers, running, started } = startProgram(world);
    for (let tick = 0; tick < ticks && !isOver; tick++) {
      world.loop.runSync();
      isOver = fibers.every(({ status }) => status === "completed");
    }
    world.exit();
    const what = `exit after ${ticks} ticks`;
    assertEquals(fibers.filter(({ status }) => status !== "completed").map(({ name }) => name), [], what);
    assertEquals([...running], [], what);
    if (isOver) assertEquals(fibers.filter(({ outcome }) => outcome?.status !== "fulfilled").map(({ name }) => name), [], what);
    if (isOver) assertLess(30, started.size);
    assertEquals(world.end(), { reported: [], left: [] }, what);
  }
  assertLess(90, ticks);
});

Deno.test("A hundred thousand parked fibers take a tenth of a gibibyte at most", async () => {
  const program = new URL("fixtures/parked.ts", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--v8-flags=--expose-gc", program, `${MANY}`],
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { suspended, unwound, heapBytes } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals([suspended, unwound], [MANY, MANY]);
  assertLess(heapBytes, GIBIBYTE / 10);
});
