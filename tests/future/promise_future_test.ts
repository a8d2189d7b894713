/**
 * Promises of the host as futures.
 *
 * @module
 */

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { CancelledError, EventLoop, type Future, promiseFuture, relativeTimeFuture, run, SystemError } from "@sd/fibers";
import { codeOf, errorOf, simulated, type Simulation } from "../_simulation.ts";
import { Steps } from "../_steps.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** Lets the host's microtasks run. */
function microtasks(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => queueMicrotask(() => queueMicrotask(resolve))));
}

/** Whether the loop counts a promise that it waits for: time does not jump then. */
function waitsForHost(world: Simulation): boolean {
  return world.kernel.hostWaits > 0;
}

Deno.test(
  "promiseFuture() is fulfilled or rejected as the promise is",
  simulated(async (world) => {
    const error = new RangeError();
    const futures = [promiseFuture(world.loop, Promise.resolve(3)), promiseFuture(world.loop, Promise.reject(error))];
    assertEquals(futures.map(({ state }) => state), ["pending", "pending"]);
    await microtasks();
    assertEquals(futures[0].result(), 3);
    assertEquals(futures[1].outcome, { status: "rejected", reason: error });
    assertEquals(waitsForHost(world), false);
  }),
);

Deno.test(
  "promiseFuture() tells its callbacks from the loop, not when the promise settles",
  simulated(async (world) => {
    const steps = new Steps();
    const future = promiseFuture(world.loop, Promise.resolve());
    future.addCallback(() => steps.expect(2));
    await microtasks();
    steps.expect(1);
    world.tick();
    steps.finish(3);
  }),
);

Deno.test(
  "promiseFuture() takes a thenable",
  simulated(async (world) => {
    const future = promiseFuture(world.loop, { then: (ok: (value: number) => void) => ok(8) } as PromiseLike<number>);
    await microtasks();
    assertEquals(future.result(), 8);
  }),
);

Deno.test(
  "promiseFuture() of a promise alone is let go of at the first cancel",
  simulated(async (world) => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const future = promiseFuture(world.loop, promise);
    assertEquals([future.cancel("why"), future.state, waitsForHost(world)], [true, "resolved", false]);
    const error = errorOf(() => future.result());
    assertInstanceOf(error, CancelledError);
    assertEquals(error.reason, "why");
    resolve(1);
    await microtasks();
    assertEquals(future.outcome?.status, "rejected");
  }),
);

Deno.test(
  "promiseFuture() of a function aborts its signal with the reason, and waits",
  simulated(async (world) => {
    let given: AbortSignal | undefined;
    const { promise, reject } = Promise.withResolvers<number>();
    const future = promiseFuture(world.loop, (signal) => {
      given = signal;
      return promise;
    });
    assertEquals(given!.aborted, false);
    const reason = new Error("enough");
    future.cancel(reason);
    assertEquals([given!.aborted, future.state], [true, "pending"]);
    assertStrictEquals(given!.reason, reason);
    reject(new DOMException("aborted", "AbortError"));
    await microtasks();
    const error = errorOf(() => future.result());
    assertInstanceOf(error, CancelledError);
    assertStrictEquals(error.reason, reason);
  }),
);

Deno.test(
  "promiseFuture() cancelled without a reason aborts its signal with the cancellation",
  simulated((world) => {
    let given: AbortSignal | undefined;
    const future = promiseFuture(world.loop, (signal) => {
      given = signal;
      return new Promise(() => {});
    });
    future.cancel();
    assertInstanceOf(given!.reason, CancelledError);
    future.cancel();
    assertStrictEquals(errorOf(() => future.result()), given!.reason);
  }),
);

Deno.test(
  "promiseFuture() of a function is let go of at the second cancel",
  simulated(async (world) => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const future = promiseFuture(world.loop, (_signal) => promise);
    future.cancel("first");
    assertEquals([future.state, waitsForHost(world)], ["pending", true]);
    future.cancel("second");
    assertEquals([future.state, waitsForHost(world)], ["resolved", false]);
    assertEquals((errorOf(() => future.result()) as CancelledError).reason, "first");
    resolve(1);
    await microtasks();
    assertEquals([future.outcome?.status, waitsForHost(world)], ["rejected", false]);
  }),
);

Deno.test(
  "promiseFuture() that is cancelled again by whoever hears its abort is let go of",
  simulated((world) => {
    const future: Future<number> = promiseFuture(world.loop, (signal) => {
      signal.addEventListener("abort", () => future.cancel("again"));
      return new Promise<number>(() => {});
    });
    future.cancel("first");
    assertEquals([(errorOf(() => future.result()) as CancelledError).reason, waitsForHost(world)], ["first", false]);
  }),
);

Deno.test(
  "promiseFuture() is fulfilled with a value that comes in spite of the abort",
  simulated(async (world) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const future = promiseFuture(world.loop, (_signal) => promise);
    future.cancel();
    resolve("all the same");
    await microtasks();
    assertEquals(future.result(), "all the same");
  }),
);

Deno.test(
  "promiseFuture() takes an error after the abort for the cancellation, one before it for what it is",
  simulated(async (world) => {
    const error = new RangeError("mine");
    const before = promiseFuture(world.loop, (_signal) => Promise.reject(error));
    const after = promiseFuture(world.loop, (_signal) => Promise.reject(error));
    after.cancel();
    await microtasks();
    assertEquals(before.outcome, { status: "rejected", reason: error });
    assertInstanceOf(errorOf(() => after.result()), CancelledError);
    before.cancel();
    assertEquals(before.outcome, { status: "rejected", reason: error });
  }),
);

Deno.test(
  "promiseFuture() rejected and awaited by nobody harms nobody: no unhandled rejection, the outcome is kept",
  simulated(async (world) => {
    const future = promiseFuture(world.loop, Promise.reject(new RangeError("unseen")));
    await new Promise((resolve) => setTimeout(resolve, 0));
    world.settle();
    assertEquals(future.outcome?.status, "rejected");
  }),
);

Deno.test(
  "promiseFuture() throws what its function throws, and counts nothing",
  simulated((world) => {
    const refused: PromiseLike<void> = undefined as never;
    const make = (): Future<void> =>
      promiseFuture(world.loop, () => {
        throw new SystemError("EPERM");
      });
    assertEquals([codeOf(make), waitsForHost(world)], ["EPERM", false]);
    assertEquals([codeOf(() => promiseFuture(world.loop, refused)), waitsForHost(world)], ["EINVAL", false]);
    assertEquals([codeOf(() => promiseFuture(world.loop, () => 3 as never)), waitsForHost(world)], ["EINVAL", false]);
  }),
);

Deno.test(
  "promiseFuture() settles also when its loop has finished meanwhile",
  simulated(async (world) => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const future = promiseFuture(world.loop, promise);
    world.exit();
    resolve(5);
    await microtasks();
    assertEquals([future.result(), waitsForHost(world)], [5, false]);
  }),
);

Deno.test("promiseFuture() keeps virtual time from jumping, and the loop from being idle, until the promise settles", async () => {
  const kernel = virtualKernel();
  using loop = new EventLoop({ kernel });
  loop.exitOnIdle = true;
  const steps = new Steps();
  const { promise, resolve } = Promise.withResolvers<number>();
  const future = promiseFuture(loop, promise);
  const timer = relativeTimeFuture(loop, 1_000_000);
  timer.addCallback(() => steps.expect(3));
  future.addCallback(() => steps.expect(2));
  setTimeout(() => {
    steps.expect(1);
    resolve(1);
  }, 1);
  assertEquals(await loop.loop(), 0);
  steps.finish(4);
});

Deno.test("promiseFuture() alone keeps the loop from being idle, until the promise settles or it is let go of", async () => {
  for (const end of ["settles", "is let go of"]) {
    const kernel = virtualKernel();
    using loop = new EventLoop({ kernel });
    loop.exitOnIdle = true;
    const { promise, resolve } = Promise.withResolvers<number>();
    const future = promiseFuture(loop, promise);
    let isOver = false;
    const driving = loop.loop().then(() => void (isOver = true));
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals([isOver, future.state], [false, "pending"]);
    if (end === "settles") resolve(1);
    else future.cancel();
    await driving;
    assertEquals([future.outcome?.status, kernel.hostWaits], [end === "settles" ? "fulfilled" : "rejected", 0]);
  }
});

Deno.test("promiseFuture() that settles wakes a loop that has nothing else to do", async () => {
  await using loop = new EventLoop();
  const value = await run(function* () {
    return yield* promiseFuture(loop, new Promise<number>((resolve) => setTimeout(resolve, 1, 9)));
  }, { loop });
  assertEquals(value, 9);
});

Deno.test("promiseFuture() of a future of another loop bridges the two", async () => {
  await using one = new EventLoop();
  await using other = new EventLoop();
  const far = relativeTimeFuture(other, 1_000, { outcome: { status: "fulfilled", value: "far" } });
  const driving = other.loop();
  const value = await run(function* () {
    return yield* promiseFuture(one, far);
  }, { loop: one });
  assertEquals(value, "far");
  other.exit();
  await driving;
  await assertRejects(async () => await promiseFuture(other, far), SystemError, "is exiting");
});
