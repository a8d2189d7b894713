/**
 * A loop that a fiber of another loop drives, on both kernels.
 *
 * @module
 */

import {
  CancelledError,
  EventLoop,
  Fiber,
  Future,
  IoEvent,
  loopNested,
  msec,
  type Operation,
  run,
  runNested,
  sec,
  simulatedKernel,
  sleep,
  spawn,
  suspend,
  TimeoutError,
  until,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { codeOf as codeThrown } from "../_simulation.ts";
import { Steps } from "../_steps.ts";
import { codeOf, errorOf, ioTest, type IoWorld } from "./_io_world.ts";

/** Registers a test with a second loop, which is to be driven on a fiber of the first. */
function nestedTest(
  name: string,
  body: (world: IoWorld, inner: EventLoop) => void | Promise<void>,
  options?: { lacks?: string },
): void {
  ioTest(name, async (world) => {
    const reports: unknown[] = [];
    using inner = new EventLoop({ kernel: world.kernel, name: "inner", onError: (error) => reports.push(error) });
    await body(world, inner);
    assertEquals(reports, [], "Reported by the inner loop");
  }, options);
}

/** Why an operation was cancelled. */
function* reasonOf(operation: Operation<unknown>): Operation<unknown> {
  const error = yield* errorOf(operation);
  assert(error instanceof CancelledError);
  return error.reason;
}

/** Neither driven nor in the middle of an iteration. */
function assertUsable(inner: EventLoop): void {
  assertEquals([inner.state, inner.driven], ["initial", false]);
}

nestedTest("runNested() dispatches one source that is pending, and suspends nothing", async (world, inner) => {
  const steps = new Steps();
  inner.addDefer(() => steps.expect(2), { priority: 1 });
  inner.addDefer(() => steps.expect(4), { priority: 2 });
  await world.run(function* () {
    const other = spawn(function* () {
      steps.expect(6);
      yield* yieldNow();
    });
    steps.expect(1);
    assertEquals(yield* runNested(inner), true);
    steps.expect(3);
    assertEquals(yield* runNested(inner), true);
    steps.expect(5);
    yield* other;
  });
  steps.finish(7);
  assertUsable(inner);
});

nestedTest("runNested() without a timeout to wait returns false when nothing is pending, and suspends nothing", async (world, inner) => {
  await world.run(function* () {
    let ran = false;
    const other = spawn(function* () {
      ran = true;
      yield* yieldNow();
    });
    assertEquals([yield* runNested(inner, 0), ran], [false, false]);
    yield* other;
  });
  assertUsable(inner);
});

nestedTest("runNested() waits for a descriptor of the inner loop while the outer one goes on", async (world, inner) => {
  const steps = new Steps();
  const [reader, writer] = world.pipe();
  using _source = inner.addIo(reader, IoEvent.IN, () => steps.expect(3), { enabled: "oneshot" });
  await world.run(function* () {
    const other = spawn(function* () {
      steps.expect(2);
      yield* sleep(msec(1));
      world.write(writer, "x");
    });
    steps.expect(1);
    assertEquals(yield* runNested(inner), true);
    steps.expect(4);
    yield* other;
  });
  steps.finish(5);
  assertUsable(inner);
  world.closeAll(reader, writer);
});

nestedTest("runNested() waits for a time of the inner loop", async (world, inner) => {
  const fired: string[] = [];
  inner.addTimeRelative("monotonic", msec(2), () => void fired.push("monotonic"), { accuracy: 1 });
  await world.run(function* () {
    while (fired.length === 0) yield* runNested(inner);
  });
  assertEquals(fired, ["monotonic"]);
});

nestedTest("runNested() returns false when its time is over, again and again, and leaves nothing behind", async (world, inner) => {
  const [reader, writer] = world.pipe();
  using _source = inner.addIo(reader, IoEvent.IN, () => {});
  await world.run(function* () {
    assertEquals(yield* runNested(inner, msec(1)), false);
    const before = world.open();
    for (let i = 0; i < 5; i++) {
      assertEquals(yield* runNested(inner, msec(1)), false);
      assertUsable(inner);
    }
    assertEquals(world.open(), before);
    world.write(writer, "x");
    assertEquals(yield* runNested(inner, msec(1)), true);
  });
  world.closeAll(reader, writer);
});

nestedTest("runNested() sees what is changed from outside", async (world, inner) => {
  const steps = new Steps();
  await world.run(function* () {
    const adding = spawn(function* () {
      steps.expect(1);
      yield* yieldNow();
      inner.addDefer(() => steps.expect(3));
      steps.expect(2);
    });
    assertEquals(yield* runNested(inner), true);
    yield* adding;
    const moving = spawn(function* () {
      timer.usec = 0;
      yield* yieldNow();
    });
    const timer = inner.addTime("monotonic", Infinity, () => steps.expect(4));
    while (timer.enabled !== "off") yield* runNested(inner);
    yield* moving;
    const exiting = spawn(function* () {
      inner.exitOnIdle = true;
      yield* yieldNow();
    });
    assertEquals(yield* loopNested(inner), 0);
    yield* exiting;
  });
  steps.finish(5);
});

nestedTest("runNested() returns false when a change from outside gives nothing to dispatch", (world, inner) => {
  const nested = world.spawn(() => runNested(inner));
  world.settle();
  inner.addTimeRelative("monotonic", sec(60), () => {});
  world.settle();
  assertEquals(nested.result(), false);
});

nestedTest("loopNested() returns the exit code after the exit sources have run", async (world, inner) => {
  const steps = new Steps();
  inner.addExit(() => steps.expect(3));
  inner.addTimeRelative("monotonic", msec(1), () => {
    steps.expect(2);
    inner.exit(7);
  }, { accuracy: 1 });
  await world.run(function* () {
    steps.expect(1);
    assertEquals(yield* loopNested(inner), 7);
  });
  steps.finish(4);
  assertEquals([inner.state, inner.driven], ["finished", false]);
});

nestedTest("loopNested() lets the outer loop go on where the inner one is always busy", async (world, inner) => {
  inner.addDefer(() => {}, { enabled: "on" });
  await world.run(function* () {
    const nested = spawn(() => loopNested(inner));
    for (let turn = 0; turn < 3; turn++) yield* yieldNow();
    assertEquals(nested.status, "ready");
    nested.cancel();
    assertInstanceOf(yield* errorOf(nested), CancelledError);
  });
  assertUsable(inner);
});

for (const nest of [runNested, loopNested]) {
  nestedTest(`${nest.name}() that is cancelled leaves nothing behind, and the inner loop can be run on`, async (world, inner) => {
    const fired: string[] = [];
    const timer = inner.addTimeRelative("monotonic", sec(60), () => void fired.push("timer"), { accuracy: 1 });
    await world.run(function* () {
      yield* runNested(inner, 1);
      const before = world.open();
      const nested = spawn<unknown>(() => nest(inner));
      while (nested.status !== "suspended") yield* yieldNow();
      nested.cancel("enough");
      assertEquals(yield* reasonOf(nested), "enough");
      assertUsable(inner);
      assertEquals(world.open(), before);
    });
    timer.setRelative(msec(2));
    while (fired.length === 0) inner.runSync();
  });
}

nestedTest("runNested() that is cancelled leaves nothing for the outer loop to dispatch", (world, inner) => {
  const nested = world.spawn(() => codeOf(runNested(inner, sec(1))));
  world.settle();
  nested.cancel();
  assertEquals(world.loop.runSync(0), true);
  assertEquals([nested.result(), world.loop.runSync(0)], ["ECANCELED", false]);
});

nestedTest("The end of the outer loop does not touch an inner one that it does not drive any more", async (world, inner) => {
  await world.run(() => runNested(inner, 0));
  const driving = inner.loop();
  world.loop.exit();
  world.loop.loopSync();
  assertEquals(codeThrown(() => inner.runSync(0)), "EBUSY");
  inner.exit();
  await driving;
});

nestedTest("runNested() throws the deadline that passes meanwhile", async (world, inner) => {
  await world.run(function* () {
    assertInstanceOf(yield* errorOf(withTimeout(msec(1), () => runNested(inner))), TimeoutError);
    assertUsable(inner);
  });
});

nestedTest("runNested() throws an interruption that is queued before it dispatches anything", async (world, inner) => {
  let dispatched = false;
  inner.addDefer(() => void (dispatched = true));
  const fiber = world.spawn(function* () {
    yield* sleep(1);
    fiber.resumeWithError(new CancelledError("queued"));
    assertEquals(yield* reasonOf(runNested(inner)), "queued");
    assertEquals(dispatched, false);
    assertEquals(yield* runNested(inner), true);
  });
  await world.runUntil(() => fiber.state === "resolved");
  fiber.result();
});

nestedTest(
  "runNested() that was woken before it was cancelled dispatches, and the cancellation comes at the next suspension",
  (world, inner) => {
    let dispatched = false;
    const nested = world.spawn(function* () {
      assertEquals([yield* runNested(inner), dispatched], [true, true]);
      yield* sleep(sec(10));
    });
    world.settle();
    assertEquals(nested.status, "suspended");
    inner.addDefer(() => void (dispatched = true));
    nested.cancel();
    world.settle();
    assertEquals(nested.outcome?.status, "rejected");
    assertInstanceOf((nested.outcome as PromiseRejectedResult).reason, CancelledError);
  },
);

nestedTest("runNested() reports EBUSY when somebody's resume woke its fiber", (world, inner) => {
  const nested = world.spawn(() => codeOf(runNested(inner)));
  world.settle();
  nested.resume(1);
  world.settle();
  assertEquals(nested.result(), "EBUSY");
  assertUsable(inner);
});

nestedTest("Fibers of the inner loop run inside the fiber that drives it, which stays running", (world, inner) => {
  const steps = new Steps();
  const innermost: Fiber<void> = spawn(function* () {
    steps.expect(2);
    assertStrictEquals(Fiber.current, innermost);
    assertEquals(outer.status, "running");
    yield* yieldNow();
    steps.expect(4);
    assertEquals(outer.cancel("from inside"), true);
    assertEquals(outer.status, "running");
  }, { loop: inner });
  const outer: Fiber<unknown> = world.spawn(function* () {
    steps.expect(1);
    assertEquals(yield* runNested(inner), true);
    steps.expect(3);
    assertStrictEquals(Fiber.current, outer);
    assertEquals(yield* runNested(inner), true);
    assertStrictEquals(Fiber.current, outer);
    steps.expect(5);
    return yield* reasonOf(suspend());
  });
  world.settle();
  assertEquals(outer.result(), "from inside");
  assertEquals(innermost.status, "completed");
  steps.finish(6);
});

nestedTest("A loop can be driven on a fiber of a loop that is driven on a fiber", async (world, middle) => {
  using innermost = new EventLoop({ kernel: world.kernel, name: "innermost" });
  innermost.addTimeRelative("monotonic", msec(1), () => innermost.exit(3), { accuracy: 1 });
  const relay = spawn(function* () {
    middle.exit(1 + (yield* loopNested(innermost)));
  }, { loop: middle, name: "relay" });
  assertEquals(await world.run(() => loopNested(middle)), 4);
  assertEquals(relay.status, "completed");
});

nestedTest("Nobody else can drive or dispose a loop that is driven on a fiber", async (world, inner) => {
  const nested = world.spawn(() => runNested(inner));
  world.settle();
  assertEquals([inner.driven, inner.state], [true, "initial"]);
  for (const call of [() => inner.prepare(), () => inner.runSync(0), () => inner.loopSync(), () => inner[Symbol.dispose]()]) {
    assertEquals(codeThrown(call), "EBUSY");
  }
  assertEquals(await world.run(() => codeOf(runNested(inner))), "EBUSY");
  assertEquals(await world.run(() => codeOf(loopNested(inner))), "EBUSY");
  inner.addDefer(() => {});
  world.settle();
  assertEquals(nested.result(), true);
  assertUsable(inner);
});

nestedTest("run() on a loop that is driven on a fiber takes over when that lets go", async (world, inner) => {
  const nested = world.spawn(() => loopNested(inner));
  const outerEnded = world.loop.loop();
  const value = run(function* () {
    yield* sleep(1);
    nested.cancel();
    yield* until(nested.catch(() => {}));
    yield* sleep(1);
    return inner.driven;
  }, { loop: inner });
  assertEquals(await value, true);
  assertInstanceOf(await nested.catch((error) => error), CancelledError);
  world.loop.exit();
  await outerEnded;
  assertUsable(inner);
});

nestedTest("A fiber of the inner loop can wait for a promise while the outer loop leaves the host alive", async (world, inner) => {
  const answer = Promise.withResolvers<string>();
  const inside = spawn(() => until(answer.promise), { loop: inner });
  const nested = world.spawn(function* () {
    while (inside.state === "pending") yield* runNested(inner);
    return inside.result();
  });
  const outerEnded = world.loop.loop();
  await Promise.resolve();
  answer.resolve("hello");
  assertEquals(await nested, "hello");
  world.loop.exit();
  await outerEnded;
});

nestedTest("A fiber of the inner loop cannot wait for a promise while the outer loop blocks the thread", async (world, inner) => {
  const inside = spawn(() => codeOf(until(Promise.resolve())), { loop: inner });
  await world.run(() => runNested(inner));
  assertEquals(inside.result(), "EDEADLK");
  const later = spawn(() => until(Promise.resolve("can wait")), { loop: inner });
  while (later.state === "pending") await inner.run();
  assertEquals(later.result(), "can wait");
}, { lacks: "loops that block the thread" });

nestedTest("Promises that the inner loop has settled are told of before the outer loop's next dispatch", async (world, inner) => {
  const rounds = 32;
  let told = 0;
  const nested = world.spawn(function* () {
    // The driver looks around after each dispatch at first, later after several.
    for (let turn = 0; turn < 200; turn++) yield* yieldNow();
    for (let round = 0; round < rounds; round++) {
      const { future, resolve } = Future.withResolvers<void>(inner);
      future.then(() => void told++);
      resolve();
      yield* runNested(inner);
      assertEquals(told, round);
      yield* yieldNow();
      assertEquals(told, round + 1);
    }
  });
  const outerEnded = world.loop.loop();
  await nested;
  assertEquals(told, rounds);
  world.loop.exit();
  await outerEnded;
});

nestedTest("Promises made of futures of the inner loop settle while it is driven on a fiber", async (world, inner) => {
  const { future, resolve } = Future.withResolvers<number>(inner);
  inner.addDefer(() => resolve(5));
  world.spawn(() => loopNested(inner), { floating: true });
  const outerEnded = world.loop.loop();
  assertEquals(await future, 5);
  inner.exit();
  world.loop.exit();
  await outerEnded;
});

nestedTest("The exit of the outer loop cancels the fiber that drives the inner one, and refuses to drive it then", (world, inner) => {
  const codes: string[] = [];
  world.spawn(function* () {
    codes.push(yield* codeOf(loopNested(inner)));
    codes.push(yield* codeOf(runNested(inner, 0)));
  });
  world.settle();
  world.loop.exit();
  world.loop.loopSync();
  assertEquals(codes, ["ECANCELED", "ECANCELED"]);
  assertUsable(inner);
});

nestedTest("The inner loop can be driven again when the outer one was disposed", (world, inner) => {
  const nested = world.spawn(() => loopNested(inner), { name: "nested" });
  world.settle();
  world.loop[Symbol.dispose]();
  assertEquals(world.takeReports().map((message) => message.includes("'nested'")), [true]);
  assertEquals(nested.state, "pending");
  assertUsable(inner);
  inner.exit(2);
  assertEquals(inner.loopSync(), 2);
});

nestedTest("runNested() refuses what is no time, and dispatches nothing", async (world, inner) => {
  let called = 0;
  inner.addDefer(() => void called++);
  for (const wrong of [-1, 0.5, NaN]) assertEquals(await world.run(() => codeOf(runNested(inner, wrong))), "EINVAL");
  assertEquals(called, 0);
});

nestedTest("runNested() refuses loops that it cannot drive", async (world, inner) => {
  const other = simulatedKernel();
  const without = Object.defineProperty(simulatedKernel(), "features", { value: new Set() });
  using foreign = new EventLoop({ kernel: other });
  using flat = new EventLoop({ kernel: without });
  using finished = new EventLoop({ kernel: world.kernel });
  finished.exit();
  finished.loopSync();
  inner.prepare();
  await world.run(function* () {
    for (const nest of [runNested, loopNested]) {
      assertEquals(yield* codeOf(nest(world.loop)), "EINVAL");
      assertEquals(yield* codeOf(nest(foreign)), "EINVAL");
      assertEquals(yield* codeOf(nest(flat)), "EOPNOTSUPP");
      assertEquals(yield* codeOf(nest(inner)), "EBUSY");
    }
    assertEquals(yield* codeOf(runNested(finished)), "ESTALE");
    assertEquals(yield* codeOf(loopNested(finished)), "EBUSY");
    assertEquals(yield* codeOf(runNested(foreign, -1)), "EINVAL");
    assertEquals(yield* codeOf(runNested(foreign, NaN)), "EINVAL");
  });
  for (const nest of [runNested, loopNested]) {
    assertEquals(codeThrown(() => void nest(inner)[Symbol.iterator]().next()), "ESRCH");
  }
});

Deno.test("runNested() with more time than can be counted reports EOVERFLOW and leaves nothing behind", async () => {
  using inner = new EventLoop({ name: "inner" });
  const error = await assertRejects(() => run(() => runNested(inner, Number.MAX_SAFE_INTEGER)));
  assertEquals((error as { code?: string }).code, "EOVERFLOW");
  assertUsable(inner);
  EventLoop.default()[Symbol.dispose]();
});
