// deno-lint-ignore-file require-yield
import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { Fiber, Future, type FutureSlot } from "@sd/fibers";
import { simulated } from "../_simulation.ts";
import { Steps } from "../_steps.ts";

Deno.test(
  "Future.addCallback() calls back one tick after the future resolved, with the future",
  simulated((world) => {
    const steps = new Steps();
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    future.addCallback((given) => {
      steps.expect(3);
      assertStrictEquals(given, future);
    });
    steps.expect(1);
    resolve(1);
    steps.expect(2);
    world.tick();
    steps.finish(4);
  }),
);

Deno.test(
  "Future.addCallback() to a resolved future calls back in the next tick, never inline",
  simulated((world) => {
    const steps = new Steps();
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    resolve(1);
    assertEquals(world.settle(), 0);
    future.addCallback(() => steps.expect(2));
    steps.expect(1);
    world.tick();
    steps.finish(3);
  }),
);

Deno.test(
  "Future.addCallback() on a fiber is no more inline than off it",
  simulated((world) => {
    const steps = new Steps();
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    resolve(1);
    world.spawn(function* () {
      steps.expect(1);
      future.addCallback(() => {
        steps.expect(3);
        assertEquals(Fiber.current, undefined);
      });
      steps.expect(2);
    });
    world.tick(2);
    steps.finish(4);
  }),
);

Deno.test(
  "Callbacks of one future come in the order of their registration, one a tick",
  simulated((world) => {
    const order: number[] = [];
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    for (let i = 0; i < 5; i++) future.addCallback(() => void order.push(i));
    resolve(1);
    for (let i = 0; i < 5; i++) {
      assertEquals(order.length, i);
      world.tick();
    }
    assertEquals(order, [0, 1, 2, 3, 4]);
    assertEquals(world.settle(), 0);
  }),
);

Deno.test(
  "A callback has the priority of the fiber that adds it, of another one's than that 0",
  simulated((world) => {
    const order: string[] = [];
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    const add = (name: string) =>
      function* () {
        future.addCallback(() => void order.push(name));
      };
    future.addCallback(() => void order.push("off a fiber"));
    world.spawn(add("idle"), { priority: 5 });
    world.spawn(add("normal"));
    world.spawn(add("important"), { priority: -5 });
    world.settle();
    resolve(1);
    world.settle();
    assertEquals(order, ["important", "off a fiber", "normal", "idle"]);
  }),
);

Deno.test(
  "A callback keeps the priority that its fiber had when it was added",
  simulated((world) => {
    const order: string[] = [];
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    world.spawn(function* () {
      future.addCallback(() => void order.push("late"));
      Fiber.current!.setPriority(-1);
      future.addCallback(() => void order.push("early"));
    }, { priority: 1 });
    world.settle();
    resolve(1);
    world.settle();
    assertEquals(order, ["early", "late"]);
  }),
);

Deno.test(
  "A slot disposed before its callback was called keeps it from being called, at each point",
  simulated((world) => {
    let called = 0;
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    const slots = Array.from({ length: 3 }, () => future.addCallback(() => void called++));
    slots[1][Symbol.dispose]();
    resolve(1);
    slots[2][Symbol.dispose]();
    assertEquals([world.settle(), called], [1, 1]);
    const late = future.addCallback(() => void called++);
    late[Symbol.dispose]();
    assertEquals([world.settle(), called], [0, 1]);
  }),
);

Deno.test(
  "A slot disposed afterwards, twice, or by its own callback is harmless",
  simulated((world) => {
    let called = 0;
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    const slot: FutureSlot = future.addCallback(() => {
      called++;
      slot[Symbol.dispose]();
    });
    resolve(1);
    world.tick();
    slot[Symbol.dispose]();
    slot[Symbol.dispose]();
    assertEquals([world.settle(), called], [0, 1]);
  }),
);

Deno.test(
  "A slot disposed twice leaves the other callbacks of its future alone",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    const called: string[] = [];
    future.addCallback(() => void called.push("first"));
    const slot = future.addCallback(() => void called.push("disposed"));
    future.addCallback(() => void called.push("last"));
    slot[Symbol.dispose]();
    slot[Symbol.dispose]();
    resolve();
    slot[Symbol.dispose]();
    world.settle();
    assertEquals(called, ["first", "last"]);
  }),
);

Deno.test(
  "Slots disposed from the front, the middle and the end leave the others in their order",
  simulated((world) => {
    for (const removed of [[0], [2], [4], [0, 1], [3, 4], [1, 3], [4, 3, 2, 1, 0], [2, 0, 4]]) {
      const order: number[] = [];
      const { future, resolve } = Future.withResolvers<number>(world.loop);
      const slots = [0, 1, 2, 3, 4].map((i) => future.addCallback(() => void order.push(i)));
      for (const i of removed) slots[i][Symbol.dispose]();
      future.addCallback(() => void order.push(5));
      resolve(1);
      world.settle();
      assertEquals(order, [0, 1, 2, 3, 4, 5].filter((i) => !removed.includes(i)));
    }
  }),
);

Deno.test(
  "A callback may dispose the slots of others that are armed already",
  simulated((world) => {
    const order: string[] = [];
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    future.addCallback(() => {
      order.push("first");
      second[Symbol.dispose]();
    });
    const second = future.addCallback(() => void order.push("second"));
    future.addCallback(() => void order.push("third"));
    resolve(1);
    world.settle();
    assertEquals(order, ["first", "third"]);
  }),
);

Deno.test(
  "A callback may add callbacks, resolve other futures and resume fibers: all in later ticks",
  simulated((world) => {
    const steps = new Steps();
    const one = Future.withResolvers<number>(world.loop);
    const other = Future.withResolvers<number>(world.loop);
    other.future.addCallback(() => steps.expect(3));
    one.future.addCallback(() => {
      steps.expect(1);
      other.resolve(1);
      one.future.addCallback(() => steps.expect(4));
      steps.expect(2);
    });
    one.resolve(1);
    assertEquals(world.settle(), 3);
    steps.finish(5);
  }),
);

Deno.test(
  "A callback that fails is reported, and disturbs nobody",
  simulated((world) => {
    let called = 0;
    const error = new Error("oops");
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    future.addCallback(() => {
      throw error;
    });
    future.addCallback(() => void called++);
    resolve(1);
    assertEquals([world.settle(), called], [2, 1]);
    const [report, ...others] = world.takeReports();
    assertStrictEquals(report.error, error);
    assertEquals([report.origin.kind, report.origin.name, others], ["future", "callback", []]);
  }),
);

Deno.test(
  "A callback that returns a promise is reported: nobody waits for it",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    future.addCallback(() => Promise.resolve() as unknown as void);
    resolve(1);
    world.settle();
    const [message] = world.takeMessages();
    assertStringIncludes(message, "callbacks are synchronous, spawn a fiber for the rest");
  }),
);

Deno.test(
  "A slot may be dropped: its callback is called all the same",
  simulated((world) => {
    let called = 0;
    const { future, resolve } = Future.withResolvers<number>(world.loop);
    (() => void future.addCallback(() => void called++))();
    resolve(1);
    world.settle();
    assertEquals(called, 1);
  }),
);
