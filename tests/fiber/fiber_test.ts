// deno-lint-ignore-file require-yield
/**
 * Fibers, as users see them: how they are made, and what they tell.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { spy } from "@std/testing/mock";
import { CancelledError, EventLoop, Fiber, Future, sleep, spawn, suspend, yieldNow } from "@sd/fibers";
import { codeOf, errorOf, simulated, Simulation } from "../_simulation.ts";
import { Steps } from "../_steps.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

Deno.test(
  "spawn() names a fiber after its function, or as it is told",
  simulated((world) => {
    function* named() {
      yield* yieldNow();
    }
    const names = [world.spawn(named), world.spawn(function* () {}), world.spawn(named, { name: "given" })].map(({ name }) => name);
    assertEquals(names, ["named", "fiber", "given"]);
  }),
);

Deno.test(
  "spawn() on a fiber takes its loop; a new fiber has priority 0, whatever its creator's is",
  simulated((world) => {
    const [loop, priority] = world.run(function* () {
      const child = spawn(suspend);
      child.cancel();
      yield* yieldNow();
      return [child.loop, child.priority];
    }, { priority: 7 });
    assertEquals([loop === world.loop, priority], [true, 0]);
  }),
);

Deno.test("spawn() off a fiber takes the default loop", () => {
  const fiber = spawn(suspend);
  assertStrictEquals(fiber.loop, EventLoop.default());
  fiber.cancel();
  EventLoop.default()[Symbol.dispose]();
  assertEquals(EventLoop.hasDefault, false);
});

Deno.test(
  "spawn() refuses a priority that is no whole number, and options that there are not",
  simulated((world) => {
    assertEquals(codeOf(() => world.spawn(suspend, { priority: 1.5 })), "EINVAL");
    assertEquals(codeOf(() => world.spawn(suspend, { prio: 1 } as never)), "EINVAL");
    assertEquals(world.settle(), 0);
  }),
);

Deno.test("spawn() on another loop than that of the fiber that runs: it is nobody's child", () => {
  const world = new Simulation();
  const far = new Simulation({ kernel: world.kernel });
  let child: Fiber<unknown> | undefined;
  world.run(function* () {
    child = spawn(suspend, { loop: far.loop });
    yield* yieldNow();
  });
  assertEquals([child!.loop === far.loop, child!.floating, child!.state], [true, true, "pending"]);
  far.exit();
  far.loop[Symbol.dispose]();
  assertEquals([far.takeMessages(), world.end()], [[], { reported: [], left: [] }]);
});

Deno.test("A fiber cannot be made by new", () => {
  const Any = Fiber as unknown as new (core: object) => Fiber<unknown>;
  const error = errorOf(() => new Any({}));
  assertEquals([error.code, error.message], ["EINVAL", "Cannot make a fiber by new: use spawn()"]);
});

Deno.test(
  "Fiber.current is the fiber that runs, and none in callbacks",
  simulated((world) => {
    const seen: unknown[] = [];
    const fiber: Fiber<unknown> = world.spawn(function* () {
      seen.push(Fiber.current === fiber);
      const child: Fiber<void> = spawn(function* () {
        seen.push(Fiber.current === child);
      });
      yield* child;
      seen.push(Fiber.current === fiber);
      fiber.addCallback(() => seen.push(Fiber.current));
    });
    world.settle();
    assertEquals([seen, Fiber.current], [[true, true, true, undefined], undefined]);
  }),
);

Deno.test(
  "A fiber is a future: it can be awaited, called back and read, and tells its kind",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      yield* yieldNow();
      return "value";
    });
    let told: unknown;
    fiber.addCallback((future) => void (told = future));
    world.settle();
    assertEquals([fiber.result(), told === fiber, fiber instanceof Future], ["value", true, true]);
    assertEquals(Object.prototype.toString.call(fiber), "[object Fiber]");
  }),
);

Deno.test(
  "FiberOptions.onDestroy is called once, after the fiber has ended, however that came",
  simulated((world) => {
    const steps = new Steps();
    const initial = world.spawn(suspend, {
      onDestroy() {
        steps.expect(1);
        assertEquals(initial.state, "resolved");
      },
    });
    initial.cancel();
    const ended: Fiber<void> = world.spawn(function* () {
      steps.expect(2);
      yield* yieldNow();
      steps.expect(3);
    }, { onDestroy: () => steps.expect(4) });
    world.settle();
    ended.cancel();
    world.spawn(suspend, { onDestroy: () => steps.expect(5) });
    world.settle();
    world.exit();
    steps.finish(6);
  }),
);

Deno.test(
  "FiberOptions.onDestroy that fails is reported with the fiber's name",
  simulated((world) => {
    world.spawn(() => yieldNow(), {
      name: "careless",
      onDestroy() {
        throw new Error("oops");
      },
    });
    world.settle();
    assertEquals(world.takeMessages(), ["fiber 'careless': oops"]);
  }),
);

Deno.test(
  "FiberOptions.onDestroy is not called for a fiber that is refused",
  simulated((world) => {
    let called = 0;
    world.loop.exit();
    assertEquals(codeOf(() => world.spawn(suspend, { onDestroy: () => void called++ })), "ECANCELED");
    assertEquals(called, 0);
  }),
);

Deno.test(
  "FiberOptions.signal cancels the fiber with the signal's reason",
  simulated((world) => {
    const controller = new AbortController();
    const fiber = world.spawn(suspend, { signal: controller.signal });
    fiber.addCallback(() => {});
    world.settle();
    controller.abort("enough");
    world.settle();
    const error = errorOf(() => fiber.result());
    assertEquals([error instanceof CancelledError, (error as CancelledError).reason], [true, "enough"]);
  }),
);

Deno.test(
  "FiberOptions.signal that has been aborted cancels the fiber before it begins",
  simulated((world) => {
    let began = false;
    const fiber = world.spawn(function* () {
      began = true;
    }, { signal: AbortSignal.abort("already") });
    assertEquals([fiber.status, world.settle(), began], ["completed", 0, false]);
    assertEquals((errorOf(() => fiber.result()) as CancelledError).reason, "already");
  }),
);

Deno.test(
  "FiberOptions.signal that the fiber itself aborts interrupts it at its next suspension",
  simulated((world) => {
    const controller = new AbortController();
    const fiber = world.spawn(function* () {
      controller.abort("by itself");
      try {
        yield* suspend();
        return "nothing";
      } catch (error) {
        return (error as CancelledError).reason;
      }
    }, { signal: controller.signal });
    world.settle();
    assertEquals([fiber.result(), fiber.cancelled], ["by itself", true]);
  }),
);

Deno.test(
  "FiberOptions.signal is let go of when the fiber has ended",
  simulated((world) => {
    const { signal } = new AbortController();
    using added = spy(signal, "addEventListener");
    using removed = spy(signal, "removeEventListener");
    world.spawn(() => yieldNow(), { signal });
    assertEquals([added.calls.length, removed.calls.length], [1, 0]);
    world.settle();
    assertEquals(removed.calls.map(({ args }) => args[1] === added.calls[0].args[1]), [true]);
  }),
);

Deno.test(
  "A fiber with a signal that fails is told of, as others are",
  simulated((world) => {
    world.spawn(function* failing() {
      throw new RangeError("unseen");
    }, { signal: new AbortController().signal });
    world.settle();
    assertEquals(world.takeMessages(), ["fiber 'failing': unseen"]);
  }),
);

Deno.test(
  "Fiber.floating makes a child the loop's own, and a floating one the child of who takes it",
  simulated((world) => {
    const log: string[] = [];
    let floating: Fiber<void> | undefined;
    let adopted: Fiber<void> | undefined;
    function* noting(name: string) {
      try {
        yield* suspend();
      } finally {
        log.push(name);
      }
    }
    world.spawn(function* parent() {
      floating = spawn(() => noting("floating"));
      adopted = spawn(() => noting("adopted"), { floating: true });
      assertEquals([floating.floating, adopted.floating], [false, true]);
      floating.floating = true;
      floating.floating = true;
      adopted.floating = false;
      assertEquals([floating.floating, adopted.floating], [true, false]);
      yield* sleep(10);
    });
    world.settle();
    world.pass(10);
    assertEquals(world.takeMessages(), [
      "fiber 'parent': Fiber 'parent' returned with children running: 'fiber'; wait for them, or spawn them in a scope",
    ]);
    assertEquals([log, floating!.state], [["adopted"], "pending"]);
    world.exit();
    assertEquals(log, ["adopted", "floating"]);
  }),
);

Deno.test(
  "Fiber.floating of one that has ended changes nothing",
  simulated((world) => {
    const [before, after] = world.run(function* () {
      const child = spawn(() => yieldNow());
      yield* child;
      const before = child.floating;
      child.floating = true;
      return [before, child.floating];
    });
    assertEquals([before, after], [false, false]);
  }),
);

Deno.test(
  "Fiber.awaiting gives the handle that the future's owner has",
  simulated((world) => {
    const child = world.spawn(suspend);
    const parent = world.spawn(() => child);
    parent.addCallback(() => {});
    world.settle();
    assertStrictEquals(parent.awaiting, child);
    assert(parent.awaiting instanceof Fiber);
  }),
);

Deno.test("A fiber can be awaited in async code, and disposed of asynchronously: it has ended then", async () => {
  const log: string[] = [];
  await using loop = new EventLoop({ kernel: virtualKernel() });
  const driving = loop.loop();
  {
    await using _fiber = spawn(function* () {
      try {
        yield* suspend();
      } finally {
        yield* sleep(5);
        log.push("unwound");
      }
    }, { loop });
    // It has begun when one that was spawned after it has ended.
    await spawn(() => yieldNow(), { loop });
  }
  assertEquals(log, ["unwound"]);
  loop.exit();
  await driving;
});
