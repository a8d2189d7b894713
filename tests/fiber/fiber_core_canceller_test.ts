// deno-lint-ignore-file require-yield
/**
 * Who cancelled a fiber, as the error tells.
 *
 * @module
 */

import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  all,
  CancelledError,
  cancelWait,
  EventLoop,
  type Fiber,
  type FiberOptions,
  Future,
  FutureGroup,
  main,
  type Operation,
  race,
  scope,
  shield,
  sleep,
  spawn,
  suspend,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { simulated, type Simulation } from "../_simulation.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** Notes whom each fiber says to be cancelled by. */
class Log {
  readonly entries: string[] = [];

  /** A body that waits until it is cancelled, and tells by whom. */
  readonly waiter = (name: string): () => Operation<void> => {
    const { entries } = this;
    return Object.defineProperty(
      function* (): Operation<void> {
        try {
          yield* suspend();
        } catch (error) {
          assertInstanceOf(error, CancelledError);
          entries.push(`${name}: ${error.message} / ${error.by}`);
          throw error;
        }
      },
      "name",
      { value: name },
    );
  };
}

function* failing(): Operation<void> {
  yield* sleep(1);
  throw new RangeError("broken");
}

/** Runs a fiber and gives time for all that it waits for. */
function play(world: Simulation, body: () => Operation<unknown>, options?: FiberOptions): Fiber<unknown> {
  const fiber = world.spawn(body, options);
  fiber.addCallback(() => {});
  world.settle();
  world.pass(10);
  return fiber;
}

Deno.test("CancelledError tells by whom and why, as far as it knows", () => {
  const messages = [
    new CancelledError(),
    new CancelledError("why"),
    new CancelledError(undefined, "SIGTERM"),
    new CancelledError("why", "x"),
  ];
  assertEquals(messages.map(({ message }) => message), ["Cancelled", "Cancelled: why", "Cancelled by SIGTERM", "Cancelled by x: why"]);
  assertEquals(messages.map(({ by, reason }) => [by, reason]), [[undefined, undefined], [undefined, "why"], ["SIGTERM", undefined], [
    "x",
    "why",
  ]]);
  assertEquals(new CancelledError("SIGTERM", "SIGTERM").message, "Cancelled by SIGTERM");
});

Deno.test(
  "A fiber that another one cancels is told its path",
  simulated((world) => {
    const log = new Log();
    play(world, function* daemon() {
      const a = spawn(log.waiter("a"));
      const b = spawn(function* reaper() {
        yield* yieldNow();
        a.cancel("idle");
      });
      yield* b;
      yield* cancelWait(a);
    });
    assertEquals(log.entries, ["a: Cancelled by fiber 'daemon > reaper': idle / fiber 'daemon > reaper'"]);
  }),
);

Deno.test(
  "A fiber that is cancelled before its first turn, or off any fiber, is told as much as is known",
  simulated((world) => {
    const log = new Log();
    const unborn = play(world, function* daemon() {
      const fiber = spawn(suspend);
      fiber.cancel();
      return fiber;
    }).result() as Fiber<unknown>;
    assertEquals(unborn.outcome?.status === "rejected" && unborn.outcome.reason.by, "fiber 'daemon'");
    play(world, log.waiter("a")).cancel("from a callback");
    world.settle();
    assertEquals(log.entries, ["a: Cancelled: from a callback / undefined"]);
  }),
);

Deno.test(
  "In a scope the others are told whose failure ended them",
  simulated((world) => {
    const log = new Log();
    const fiber = play(world, function* daemon() {
      yield* scope(function* body(children) {
        children.spawn(log.waiter("a"));
        children.spawn(failing);
        yield* suspend();
      });
    });
    assertEquals(log.entries, ["a: Cancelled by fiber 'daemon > failing': broken / fiber 'daemon > failing'"]);
    assertEquals(fiber.outcome?.status === "rejected" && fiber.outcome.reason.message, "broken");
  }),
);

Deno.test(
  "In a race the losers are told who won",
  simulated((world) => {
    const log = new Log();
    play(world, () => race([log.waiter("a"), () => sleep(1)]), { name: "daemon" });
    assertEquals(log.entries, ["a: Cancelled by fiber 'daemon > race[1]' / fiber 'daemon > race[1]'"]);
  }),
);

Deno.test(
  "The canceller of a fiber is the one of all that it waits for in a scope, through shields too",
  simulated((world) => {
    const log = new Log();
    const fiber = play(world, function* daemon() {
      yield* shield(() => sleep(30));
      yield* all([log.waiter("a"), () =>
        scope(function* (children) {
          children.spawn(log.waiter("b"));
          yield* suspend();
        })]);
    });
    play(world, function* boss() {
      fiber.cancel("enough");
    });
    world.pass(30);
    assertEquals(log.entries, []);
    assertEquals(fiber.outcome?.status === "rejected" && fiber.outcome.reason.by, "fiber 'boss'");

    const other = play(world, () => all([log.waiter("c"), () => all([log.waiter("d")])]));
    play(world, function* boss() {
      other.cancel("enough");
    });
    const end = "Cancelled by fiber 'boss': enough / fiber 'boss'";
    assertEquals(log.entries, [`c: ${end}`, `d: ${end}`]);
  }),
);

Deno.test(
  "A cancellation that was put back still tells by whom",
  simulated((world) => {
    const log = new Log();
    const stubborn = Future.withResolvers<void>(world.loop, { cancel() {} });
    const fiber = play(world, function* daemon() {
      yield* cancelWait(stubborn.future);
      yield* log.waiter("daemon")();
    });
    play(world, function* boss() {
      fiber.cancel("enough");
    });
    stubborn.resolve();
    world.settle();
    assertEquals(log.entries, ["daemon: Cancelled by fiber 'boss': enough / fiber 'boss'"]);
  }),
);

Deno.test(
  "A deadline around a scope has its fiber cancel the children",
  simulated((world) => {
    const log = new Log();
    play(world, () => withTimeout(1, () => all([log.waiter("a")])), { name: "daemon" });
    assertEquals(log.entries, ["a: Cancelled by fiber 'daemon' / fiber 'daemon'"]);
  }),
);

Deno.test(
  "In a group the others, and the fiber that made it, are told whose failure ended them",
  simulated((world) => {
    const log = new Log();
    const fiber = play(world, function* daemon() {
      const group = FutureGroup.all(world.loop);
      spawn(log.waiter("a"), { group });
      spawn(failing, { group });
      try {
        yield* log.waiter("daemon")();
      } finally {
        yield* cancelWait(group);
      }
    });
    const end = "Cancelled by fiber 'daemon > failing': broken / fiber 'daemon > failing'";
    assertEquals(log.entries.toSorted(), [`a: ${end}`, `daemon: ${end}`]);
    assertEquals(fiber.cancelled, true);
  }),
);

Deno.test(
  "A group names the future that failed, and the fiber that cancelled it",
  simulated((world) => {
    const log = new Log();
    const failure = Future.withResolvers<void>(world.loop, { name: "reply" });
    const group = FutureGroup.all(world.loop);
    group.add(failure.future, world.spawn(log.waiter("a")));
    world.settle();
    failure.reject(new RangeError("broken"));
    world.settle();
    const other = FutureGroup.all(world.loop);
    other.add(world.spawn(log.waiter("b")));
    play(world, function* boss() {
      yield* yieldNow();
      other.cancel("enough");
    });
    assertEquals(log.entries, [
      "a: Cancelled by future 'reply': broken / future 'reply'",
      "b: Cancelled by fiber 'boss': enough / fiber 'boss'",
    ]);
  }),
);

Deno.test(
  "A fiber whose signal is aborted is told so, by whichever fiber that was",
  simulated((world) => {
    const log = new Log();
    const controller = new AbortController();
    const { signal } = controller;
    play(world, log.waiter("a"), { signal });
    play(world, function* boss() {
      controller.abort("gone");
      yield* log.waiter("boss")();
    }, { signal });
    const late = world.spawn(suspend, { signal });
    const end = "Cancelled by an AbortSignal: gone / an AbortSignal";
    assertEquals(log.entries, [`boss: ${end}`, `a: ${end}`]);
    assertEquals(late.outcome?.status === "rejected" && late.outcome.reason.by, "an AbortSignal");
  }),
);

Deno.test("Exit is told as what cancels, by the loop's name", () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel, name: "control" });
  const log = new Log();
  const started = spawn(log.waiter("a"), { loop });
  started.addCallback(() => {});
  while (loop.runSync(0));
  const unborn = spawn(suspend, { loop });
  loop.exit(0);
  loop.loopSync();
  assertEquals(log.entries, ["a: Cancelled by exit of loop 'control': Loop 'control' is exiting / exit of loop 'control'"]);
  assertEquals(unborn.outcome?.status === "rejected" && unborn.outcome.reason.by, "exit of loop 'control'");
  loop[Symbol.dispose]();
});

Deno.test("A main fiber is told which signal came, and so are its children", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  const log = new Log();
  const code = await main(function* daemon() {
    loop.addTimeRelative("monotonic", 10, () => kernel.raise("SIGTERM"));
    yield* all([log.waiter("a")]);
  }, { loop });
  loop[Symbol.dispose]();
  assertEquals([code, log.entries], [0, ["a: Cancelled by SIGTERM / SIGTERM"]]);
});

Deno.test(
  "The path of a fiber has 32 names at most, however deeply fibers nest",
  simulated((world) => {
    const log = new Log();
    let innermost!: Fiber<unknown>;
    const nest = (depth: number): () => Operation<unknown> =>
      function* f(): Operation<void> {
        if (depth > 0) return void (yield* spawn(nest(depth - 1)));
        innermost = spawn(log.waiter("victim"), { floating: true });
        yield* yieldNow();
        innermost.cancel();
      };
    play(world, nest(40));
    const by = `fiber '... > ${Array(32).fill("f").join(" > ")}'`;
    assertEquals(log.entries, [`victim: Cancelled by ${by} / ${by}`]);
    assertEquals(innermost.status, "completed");
  }),
);
