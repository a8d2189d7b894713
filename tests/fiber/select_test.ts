/**
 * Waiting for the first of several things: exactly one takes effect.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  Broadcast,
  CancelledError,
  Channel,
  type Fiber,
  Future,
  Gate,
  type Operation,
  select,
  type Selectable,
  suspend,
  type SystemError,
  timeoutScope,
  yieldNow,
} from "@sd/fibers";
import { codeOf, simulated, Simulation } from "../_simulation.ts";

type Cases = Readonly<Record<string, Selectable>>;

/** The choice as "key: value", or the code of the error. */
function* chosen(cases: Cases, options?: { fair?: boolean }): Operation<string> {
  try {
    const { key, value } = yield* select(cases, options);
    return `${key}: ${value}`;
  } catch (error) {
    return (error as SystemError).code;
  }
}

function channels(world: Simulation, count: number, capacity: number = 4): Channel<string>[] {
  return Array.from({ length: count }, () => new Channel<string>({ loop: world.loop, capacity }));
}

Deno.test(
  "select() takes the first case that is ready, at once, and leaves the others alone",
  simulated((world) => {
    const [a, b] = channels(world, 2);
    a.tryPush("1");
    b.tryPush("2");
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    resolve("3");
    const iteration = () => world.loop.iteration;
    world.run(function* () {
      const before = iteration();
      assertEquals(yield* chosen({ a, b, future }), "a: 1");
      assertEquals(yield* chosen({ a, b, future }), "b: 2");
      assertEquals(yield* chosen({ a, b, future }), "future: 3");
      assertEquals(yield* chosen({ future, a }), "future: 3");
      assertEquals(iteration(), before);
    });
    assertEquals([a.statistics().pops, b.statistics().pops, a.size, b.size], [0, 0, 0, 0]);
  }),
);

Deno.test(
  "select() types the value by the key",
  simulated((world) => {
    const numbers = new Channel<number>({ loop: world.loop, capacity: 1 });
    numbers.tryPush(4);
    const text = Future.withResolvers<string>(world.loop).future;
    const square = world.run(function* () {
      const got = yield* select({ numbers, text, late: 100 });
      if (got.key === "numbers") return got.value * got.value;
      return got.key === "text" ? got.value.length : -1;
    });
    assertEquals(square, 16);
  }),
);

Deno.test(
  "select() waits in all queues and leaves them all when one case is chosen",
  simulated((world) => {
    const [a, b] = channels(world, 2);
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(() => chosen({ a, b, future, late: 1_000 }));
    world.settle();
    assertEquals([a.statistics().pops, b.statistics().pops], [1, 1]);
    assertEquals(b.tryPush("item"), true);
    assertEquals([a.statistics().pops, b.statistics().pops, b.size], [0, 0, 0]);
    a.tryPush("kept");
    resolve("ignored");
    world.settle();
    assertEquals([fiber.result(), a.size, b.size], ["b: item", 1, 0]);
  }),
);

Deno.test(
  "select() counts a future that resolves, and a timeout that passes",
  simulated((world) => {
    const [a] = channels(world, 1);
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    const first = world.spawn(() => chosen({ a, future, late: 1_000 }));
    const second = world.spawn(() => chosen({ later: 2_000, a, never: Infinity, late: 1_000 }));
    world.settle();
    resolve("value");
    world.settle();
    assertEquals(first.result(), "future: value");
    world.pass(1_100);
    assertEquals([second.result(), a.statistics().pops], ["late: undefined", 0]);
  }),
);

Deno.test(
  "select() takes an item that comes before the callback of a future that resolved: one of them, not both",
  simulated((world) => {
    const [a] = channels(world, 1);
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(() => chosen({ a, future }));
    world.settle();
    resolve("value");
    a.tryPush("item");
    world.settle();
    assertEquals([fiber.result(), future.result(), a.size], ["a: item", "value", 0]);
  }),
);

Deno.test(
  "select() that waited leaves nothing queued for the suspension after it",
  simulated((world) => {
    const [a] = channels(world, 1);
    const fiber = world.spawn(function* () {
      return [yield* chosen({ a }), yield* suspend()];
    });
    world.settle();
    a.tryPush("item");
    world.settle();
    assertEquals(fiber.status, "suspended");
    fiber.resume("woken");
    world.settle();
    assertEquals(fiber.result(), ["a: item", "woken"]);
  }),
);

Deno.test(
  "select() leaves no timer behind, whatever was chosen",
  simulated((world) => {
    const [a] = channels(world, 1);
    const fibers = [chosen({ a, late: 1_000_000 }), chosen({ late: 5, later: 1_000_000 })].map((cases) => world.spawn(() => cases));
    const cancelled = world.spawn(() => chosen({ late: 1_000_000 }));
    world.settle();
    a.tryPush("item");
    cancelled.cancel();
    world.pass(5);
    assertEquals([...fibers, cancelled].map((fiber) => fiber.result()), ["a: item", "late: undefined", "ECANCELED"]);
    world.loop.exitOnIdle = true;
    world.settle();
    assertEquals(world.loop.state, "finished");
  }),
);

Deno.test(
  "select() takes an item that comes before the callback of a timeout that has passed: one of them, not both",
  simulated((world) => {
    const [a] = channels(world, 1);
    const fiber = world.spawn(() => chosen({ a, late: 10 }));
    world.settle();
    world.kernel.advance(10);
    world.tick();
    assertEquals(fiber.status, "suspended");
    a.tryPush("item");
    world.settle();
    assertEquals([fiber.result(), a.size, a.statistics().pops], ["a: item", 0, 0]);
  }),
);

Deno.test(
  "select() that gives way and then has to wait gets the item that comes, once, and the next one is left",
  simulated((world) => {
    const [a] = channels(world, 1);
    const gate = new Gate({ loop: world.loop, open: true });
    const fiber = world.spawn(function* () {
      // All that one turn allows.
      for (let i = 0; i < 1_024; i++) yield* gate.pass();
      return yield* chosen({ a });
    });
    world.tick();
    assertEquals([fiber.status, a.statistics().pops], ["ready", 0]);
    world.settle();
    assertEquals([fiber.status, a.statistics().pops], ["suspended", 1]);
    a.tryPush("first");
    a.tryPush("second");
    world.settle();
    assertEquals([fiber.result(), a.tryPop(), a.tryPop()], ["a: first", "second", undefined]);
  }),
);

Deno.test(
  "select() with a timeout of 0 last does not wait: that is what happens when nothing is ready",
  simulated((world) => {
    const [a] = channels(world, 1);
    a.tryPush("item");
    const got = world.run(function* () {
      const before = world.loop.iteration;
      const all = [yield* chosen({ a, nothing: 0 }), yield* chosen({ a, nothing: 0 })];
      assertEquals(world.loop.iteration, before);
      return all;
    });
    assertEquals([got, a.statistics().pops], [["a: item", "nothing: undefined"], 0]);
  }),
);

Deno.test(
  "select() chooses a channel that is closed and empty, and a future that was rejected, and throws their errors",
  simulated((world) => {
    const [a, b] = channels(world, 2);
    const { future, reject } = Future.withResolvers<string>(world.loop);
    const fibers = [() => chosen({ a, b }), () => chosen({ b, future })].map((body) => world.spawn(body));
    world.settle();
    a.close();
    reject(new CancelledError("gone"));
    world.settle();
    assertEquals(fibers.map((fiber) => fiber.result()), ["EPIPE", "ECANCELED"]);
    assertEquals(world.run(() => chosen({ a, b })), "EPIPE");
    assertEquals(world.run(() => chosen({ future, b })), "ECANCELED");
    assertEquals(b.statistics().pops, 0);
  }),
);

Deno.test(
  "select() with fair takes the ready case that was chosen longest ago",
  simulated((world) => {
    const [a, b, c] = channels(world, 3, 16);
    for (let i = 0; i < 6; i++) for (const channel of [a, b, c]) channel.tryPush(String(i));
    const keys = world.run(function* () {
      const keys: string[] = [];
      for (let i = 0; i < 9; i++) keys.push((yield* select({ none: 0, a, b, c }, { fair: true })).key);
      for (let i = 0; i < 3; i++) keys.push((yield* select({ a, b }, { fair: true })).key);
      return keys.join("");
    });
    assertEquals(keys, "abcabcabc" + "aba");
    // That one of them was chosen fairly is no matter where it is not asked for.
    assertEquals(world.run(() => chosen({ a, b, c })), "a: 5");
  }),
);

Deno.test(
  "select() on one channel twice takes one item",
  simulated((world) => {
    const [a] = channels(world, 1);
    const fiber = world.spawn(() => chosen({ first: a, second: a }));
    world.settle();
    assertEquals(a.statistics().pops, 2);
    a.tryPush("item");
    a.tryPush("other");
    world.settle();
    assertEquals([fiber.result(), a.size, a.statistics().pops], ["first: item", 1, 0]);
  }),
);

Deno.test(
  "select() receives from a subscription, and from a push that waits",
  simulated((world) => {
    const news = new Broadcast<string>({ loop: world.loop, capacity: 1 });
    using subscription = news.subscribe();
    const rendezvous = new Channel<string>({ loop: world.loop, capacity: 0 });
    const push = world.spawn(() => rendezvous.push("met"));
    world.settle();
    assertEquals(world.run(() => chosen({ subscription, rendezvous })), "rendezvous: met");
    world.settle();
    assertEquals(push.state, "resolved");
    news.publish("news");
    assertEquals(world.run(() => chosen({ rendezvous, subscription })), "subscription: news");
  }),
);

Deno.test(
  "Two selects that wait for the same channels get one item each, in order",
  simulated((world) => {
    const [a, b] = channels(world, 2);
    const fibers = [0, 1].map(() => world.spawn(() => chosen({ a, b })));
    world.settle();
    b.tryPush("1");
    a.tryPush("2");
    b.tryPush("3");
    world.settle();
    assertEquals([fibers.map((fiber) => fiber.result()), a.size, b.size], [["b: 1", "a: 2"], 0, 1]);
  }),
);

/** Disturbed at whichever tick: an item is chosen, or it is still there; and nothing waits any more. */
function atEveryTick(disturb: (world: Simulation, fiber: Fiber<string>) => void, code: string): void {
  const outcomes = new Set<string>();
  for (let at = 0, disturbed = true; disturbed; at++) {
    const world = new Simulation();
    const [a, b] = channels(world, 2);
    const { future, resolve } = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(function* () {
      using _deadline = timeoutScope(5);
      return yield* chosen({ a, b, future, late: 1_000 });
    });
    world.settle();
    world.spawn(function* () {
      for (let i = 0; i < 5; i++) yield* yieldNow();
      b.tryPush("item");
      resolve("value");
    });
    disturbed = false;
    for (let tick = 0; tick === 0 || world.loop.runSync(0); tick++) {
      if (tick !== at) continue;
      disturb(world, fiber);
      disturbed = true;
    }
    const outcome = fiber.result();
    outcomes.add(outcome);
    assertEquals([a.statistics().pops, b.statistics().pops, a.size], [0, 0, 0]);
    assertEquals(b.size, outcome === "b: item" ? 0 : 1);
    assertEquals(world.end(), { reported: [], left: [] });
  }
  assertEquals(outcomes, new Set([code, "b: item"]));
}

Deno.test("select() that is cancelled at any tick loses no item and leaves no trace", () => {
  atEveryTick((_world, fiber) => fiber.cancel(), "ECANCELED");
});

Deno.test("select() whose deadline passes at any tick loses no item and leaves no trace", () => {
  atEveryTick((world) => world.kernel.advance(10), "ETIME");
});

Deno.test("select() on a loop that exits waits no longer, and refuses to wait for a time", () => {
  const world = new Simulation();
  const [a] = channels(world, 1);
  const codes: string[] = [];
  world.spawn(function* () {
    codes.push(yield* chosen({ a, late: 1_000 }));
    codes.push(yield* chosen({ a, late: 1_000 }));
    a.tryPush("item");
    codes.push(yield* chosen({ a, late: 1_000 }));
  });
  world.settle();
  world.exit();
  assertEquals([codes, a.statistics().pops], [["ECANCELED", "ECANCELED", "a: item"], 0]);
  assertEquals(world.end(), { reported: [], left: [] });
});

Deno.test(
  "select() of no cases, of what is no case, of another loop's and of an unknown option is EINVAL; of oneself EDEADLK",
  simulated((world) => {
    const other = new Simulation();
    const [foreign] = channels(other, 1);
    const [a] = channels(world, 1);
    assertEquals(codeOf(() => select({})), "EINVAL");
    assertEquals(codeOf(() => select(undefined as never)), "EINVAL");
    for (const bad of ["text", null, undefined, {}, NaN, -1, 1.5]) assertEquals(codeOf(() => select({ bad } as never)), "EINVAL");
    assertEquals(codeOf(() => select({ a }, { fare: true } as never)), "EINVAL");
    assertEquals(world.run(() => chosen({ a, foreign })), "EINVAL");
    const fiber: Fiber<string> = world.spawn(() => chosen({ a, fiber }));
    world.settle();
    assertEquals([fiber.result(), a.statistics().pops, foreign.statistics().pops], ["EDEADLK", 0, 0]);
    assertEquals(other.end(), { reported: [], left: [] });
  }),
);

Deno.test(
  "select() with a timeout past the end of time leaves nothing in the queues",
  simulated((world) => {
    const [a] = channels(world, 1);
    world.kernel.advance(1_000);
    assertEquals(world.run(() => chosen({ a, late: Number.MAX_SAFE_INTEGER })), "EOVERFLOW");
    assertEquals(a.statistics().pops, 0);
    a.tryPush("item");
    assert(a.size === 1);
  }),
);
