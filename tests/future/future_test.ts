import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { CancelledError, EventLoop, Future, SystemError } from "@sd/fibers";
import { codeOf, errorOf, simulated, Simulation } from "../_simulation.ts";

Deno.test(
  "Future.withResolvers() makes a pending future of its loop",
  simulated((world) => {
    const { future } = Future.withResolvers<number>(world.loop);
    assertEquals(future.state, "pending");
    assertEquals(future.outcome, undefined);
    assertStrictEquals(future.loop, world.loop);
    assertEquals(codeOf(() => future.result()), "EBUSY");
    assertEquals(Object.prototype.toString.call(future), "[object Future]");
  }),
);

Deno.test(
  "Future.withResolvers() gives the same handle each time it is asked for",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    let seen: Future<number> | undefined;
    future.addCallback((given) => void (seen = given));
    resolve(1);
    world.tick();
    assertStrictEquals(seen, future);
  }),
);

Deno.test("A future cannot be made by new", () => {
  class Mine extends Future<number> {
    constructor() {
      super({} as never);
    }
  }
  const error = errorOf(() => new Mine());
  assertEquals([error.code, error.message], ["EINVAL", "Cannot make a future by new: use Future.withResolvers()"]);
});

Deno.test(
  "A future fulfilled has its value at once, before anybody is told",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    let told = 0;
    future.addCallback(() => void told++);
    resolve("value");
    assertEquals([future.state, future.result(), told], ["resolved", "value", 0]);
    assertEquals(future.outcome, { status: "fulfilled", value: "value" });
    world.tick();
    assertEquals(told, 1);
  }),
);

Deno.test(
  "A future rejected throws the very error",
  simulated((world) => {
    const { future, reject } = Future.withResolvers<string>(world.loop);
    const error = new RangeError("mine");
    reject(error);
    assertStrictEquals(assertThrows(() => future.result()), error);
    assertEquals(future.outcome, { status: "rejected", reason: error });
  }),
);

Deno.test(
  "A future can be fulfilled with undefined and rejected with anything",
  simulated((world) => {
    const one = Future.withResolvers<void>(world.loop);
    one.resolve();
    assertEquals([one.future.state, one.future.result()], ["resolved", undefined]);
    const other = Future.withResolvers<void>(world.loop);
    other.reject(undefined);
    assertEquals(other.future.outcome, { status: "rejected", reason: undefined });
  }),
);

Deno.test(
  "A future resolves once: the second time is ESTALE, the outcome stands and nobody is told again",
  simulated((world) => {
    const { future, resolve, reject } = Future.withResolvers<number>(world.loop);
    let told = 0;
    future.addCallback(() => void told++);
    resolve(1);
    assertEquals(codeOf(() => resolve(2)), "ESTALE");
    assertEquals(codeOf(() => reject(new Error())), "ESTALE");
    assertEquals(world.settle(), 1);
    assertEquals(codeOf(() => resolve(3)), "ESTALE");
    assertEquals([world.settle(), told, future.result()], [0, 1, 1]);
  }),
);

Deno.test(
  "A rejected future does not become a fulfilled one",
  simulated((world) => {
    const { future, resolve, reject } = Future.withResolvers<number>(world.loop);
    const error = new Error("stands");
    reject(error);
    assertEquals(codeOf(() => resolve(2)), "ESTALE");
    assertStrictEquals(assertThrows(() => future.result()), error);
  }),
);

Deno.test(
  "A future can be resolved when its loop has finished; its callbacks are never called",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    let told = 0;
    future.addCallback(() => void told++);
    world.exit();
    resolve(4);
    assertEquals(future.result(), 4);
    future.addCallback(() => void told++);
    assertEquals(codeOf(() => world.loop.runSync(0)), "ESTALE");
    assertEquals(told, 0);
  }),
);

Deno.test("A future pending when its loop is disposed stays pending", () => {
  const world = new Simulation();
  const { future } = Future.withResolvers<number>(world.loop);
  assertEquals(world.end(), { reported: [], left: [] });
  assertEquals(future.state, "pending");
});

Deno.test(
  "Future.cancel() without an operation rejects at once, with the reason",
  simulated((world) => {
    const { future } = Future.withResolvers<number>(world.loop);
    assertEquals(future.cancel("enough"), true);
    assertEquals(future.state, "resolved");
    const error = errorOf(() => future.result());
    assertInstanceOf(error, CancelledError);
    assertEquals([error.code, error.reason], ["ECANCELED", "enough"]);
  }),
);

Deno.test(
  "Future.cancel() of a resolved future does nothing",
  simulated((world) => {
    let asked = 0;
    const { future, resolve } = Future.withResolvers<number>(world.loop, { cancel: () => void asked++ });
    resolve(1);
    assertEquals([future.cancel(), asked, future.result()], [false, 0, 1]);
  }),
);

Deno.test(
  "Future.cancel() calls the operation once for each attempt, with that one's reason, until it resolves",
  simulated((world) => {
    const reasons: unknown[] = [];
    const { future, reject } = Future.withResolvers<number>(world.loop, {
      cancel(reason) {
        reasons.push(reason);
        if (reasons.length === 3) reject(new CancelledError(reason));
      },
    });
    assertEquals([future.cancel("a"), future.cancel()], [true, false], "Only the first asks newly");
    assertEquals([future.state, reasons], ["pending", ["a", undefined]]);
    future.cancel("c");
    future.cancel("d");
    assertEquals([future.state, reasons], ["resolved", ["a", undefined, "c"]]);
  }),
);

Deno.test(
  "Future.cancel() never calls back inline",
  simulated((world) => {
    const { future } = Future.withResolvers<number>(world.loop);
    let told = 0;
    future.addCallback(() => void told++);
    future.cancel();
    assertEquals(told, 0);
    world.tick();
    assertEquals(told, 1);
  }),
);

Deno.test(
  "Future.cancel() throws what the operation throws, and leaves the future pending",
  simulated((world) => {
    const { future } = Future.withResolvers<number>(world.loop, {
      cancel() {
        throw new SystemError("EPERM");
      },
    });
    assertEquals(codeOf(() => future.cancel()), "EPERM");
    assertEquals(future.state, "pending");
  }),
);

Deno.test(
  "Future.setPriority() is EOPNOTSUPP where nothing stands behind it, and ESTALE once it is resolved",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    assertEquals(codeOf(() => future.setPriority(1)), "EOPNOTSUPP");
    resolve(1);
    assertEquals(codeOf(() => future.setPriority(1)), "ESTALE");
  }),
);

Deno.test(
  "Future.setPriority() is handed to the operation, and EINVAL for what is no whole number",
  simulated((world) => {
    const given: number[] = [];
    const { future, resolve } = Future.withResolvers<number>(world.loop, { setPriority: (priority) => void given.push(priority) });
    future.setPriority(-7);
    assertEquals(codeOf(() => future.setPriority(0.5)), "EINVAL");
    assertEquals(codeOf(() => future.setPriority(NaN)), "EINVAL");
    resolve(1);
    assertEquals(codeOf(() => future.setPriority(1)), "ESTALE");
    assertEquals(given, [-7]);
  }),
);

Deno.test("Future[Symbol.asyncDispose]() cancels, and waits for the end, whatever that is", async () => {
  await using loop = new EventLoop();
  const { future, resolve } = Future.withResolvers<number>(loop, { cancel: () => void loop.addDefer(() => resolve(5)) });
  const driving = loop.loop();
  {
    await using _future = future;
    assertEquals(future.state, "pending");
  }
  assertEquals(future.outcome, { status: "fulfilled", value: 5 });
  loop.exit();
  await driving;
});

Deno.test(
  "FutureSlot knows its future",
  simulated((world) => {
    const { future } = Future.withResolvers<number>(world.loop);
    using slot = future.addCallback(() => {});
    assertStrictEquals(slot.future, future);
  }),
);

Deno.test(
  "Futures of one loop by the thousand are told of in the order in which they resolved",
  simulated((world) => {
    const futures = Array.from({ length: 1_000 }, () => Future.withResolvers<number>(world.loop));
    const order: number[] = [];
    futures.forEach(({ future }, index) => future.addCallback(() => void order.push(index)));
    const shuffled = futures.map((_, index) => (index * 617) % futures.length);
    for (const index of shuffled) futures[index].resolve(index);
    assert(new Set(shuffled).size === futures.length);
    assertEquals(world.settle(), futures.length);
    assertEquals(order, shuffled);
  }),
);
