// deno-lint-ignore-file require-yield
/**
 * What went wrong once, elsewhere: each as it would show.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  all,
  CancelledError,
  cancelWait,
  type Fiber,
  Future,
  FutureGroup,
  main,
  type Operation,
  relativeTimeFuture,
  scope,
  settled,
  sleep,
  spawn,
  suspend,
  SystemError,
  timeoutScope,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { EventLoop } from "@sd/fibers/event";
import { simulated, Simulation } from "../_simulation.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** A child that takes its time to unwind, and notes it. */
function slowChild(log: string[], usec: number = 10): () => Operation<void> {
  return function* () {
    try {
      yield* suspend();
    } finally {
      for (let i = 0; i < 3; i++) {
        try {
          yield* sleep(usec);
        } catch {
          // In the exit phase nothing waits for time.
        }
      }
      log.push("child ended");
    }
  };
}

/** A parent that ends its child before its own frame goes. */
function parentOf(log: string[], child: () => Operation<void>): () => Operation<void> {
  return function* () {
    const fiber = spawn(child);
    try {
      yield* suspend();
    } finally {
      yield* cancelWait(fiber);
      log.push(`parent goes on, child ${fiber.state}`);
    }
  };
}

Deno.test(
  "Once cancelWait() let go of a child that was still suspended, after its first interruption: through exit",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(parentOf(log, slowChild(log)));
    world.settle();
    world.exit();
    assertEquals(log, ["child ended", "parent goes on, child resolved"]);
  }),
);

Deno.test(
  "Once cancelWait() let go of a child that was still suspended, after its first interruption: through a sibling",
  simulated((world) => {
    const log: string[] = [];
    const parent = world.spawn(parentOf(log, slowChild(log)));
    world.settle();
    world.spawn(function* () {
      for (let i = 0; i < 4; i++) {
        parent.cancel(i);
        yield* sleep(3);
      }
    });
    world.runUntil(() => parent.state === "resolved");
    assertEquals(log, ["child ended", "parent goes on, child resolved"]);
  }),
);

Deno.test("Once cancelWait() let go of a child that was still suspended, after its first interruption: through main", async () => {
  const log: string[] = [];
  const kernel = virtualKernel();
  using loop = new EventLoop({ kernel });
  const code = await main(function* () {
    loop.addTimeRelative("monotonic", 10, () => kernel.raise("SIGTERM"));
    yield* parentOf(log, slowChild(log))();
  }, { loop });
  assertEquals([code, log], [0, ["child ended", "parent goes on, child resolved"]]);
});

Deno.test(
  "Once a child's end resumed its creator in the middle of an unrelated sleep, with the child's error",
  simulated((world) => {
    const start = world.loop.now();
    const fiber = world.spawn(function* () {
      const child = spawn(function* (): Operation<void> {
        yield* sleep(5);
        throw new SystemError("EIO");
      });
      child.addCallback(() => {});
      yield* sleep(50);
      return [world.loop.now() - start, (yield* settled(child)).status];
    });
    world.runUntil(() => fiber.state === "resolved");
    assertEquals(fiber.result(), [50, "rejected"]);
  }),
);

Deno.test(
  "Once a floating child resumed its creator, which was gone",
  simulated((world) => {
    const creator = world.spawn(function* () {
      spawn(() => sleep(50), { floating: true });
      yield* yieldNow();
      return "gone";
    });
    world.settle();
    assertEquals(creator.result(), "gone");
    world.pass(50);
    assertEquals([creator.result(), creator.status], ["gone", "completed"]);
  }),
);

Deno.test(
  "Once a floating fiber that was created on a fiber was stranded at exit",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(function* () {
      spawn(slowChild(log), { floating: true });
      yield* yieldNow();
    });
    world.settle();
    world.exit();
    assertEquals(log, ["child ended"]);
  }),
);

Deno.test(
  "Once a deadline that expired while the fiber was ready was dropped, and the next wait in its scope had no limit",
  simulated((world) => {
    const fiber: Fiber<string> = world.spawn(function* () {
      using _deadline = timeoutScope(10);
      fiber.setPriority(10);
      const seen: string[] = [];
      for (let i = 0; i < 2; i++) {
        try {
          yield* suspend();
          seen.push("value");
        } catch (error) {
          seen.push((error as SystemError).code);
          break;
        }
      }
      return seen.join();
    });
    world.settle();
    fiber.resume();
    world.kernel.advance(10);
    world.tick(2);
    assertEquals(fiber.status, "ready");
    world.settle();
    assertEquals(fiber.result(), "ETIME");
  }),
);

/** A fiber whose deadline's block ends with a clean-up that takes its time; it notes how the block and the next suspension end. */
function cleaningAtDeadline(log: string[], child: Fiber<void>): () => Operation<void> {
  return function* () {
    try {
      yield* withTimeout(10, function* () {
        try {
          yield* suspend();
        } finally {
          yield* cancelWait(child);
        }
      });
    } catch (error) {
      log.push((error as SystemError).code);
    }
    try {
      yield* suspend();
    } catch (error) {
      log.push((error as SystemError).code);
    }
  };
}

Deno.test(
  "Once a cancellation that came during the clean-up at the end of a deadline's block was swallowed",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(cleaningAtDeadline(log, world.spawn(slowChild(log))));
    world.settle();
    world.pass(10);
    fiber.cancel();
    for (let i = 0; i < 3; i++) world.pass(10);
    assertEquals(log, ["child ended", "ETIME", "ECANCELED"]);
    assertEquals(fiber.state, "resolved");
  }),
);

Deno.test(
  "Once an exit that came during the clean-up at the end of a deadline's block was swallowed, and the fiber never unwound",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(cleaningAtDeadline(log, world.spawn(slowChild(log))));
    world.settle();
    world.pass(10);
    assertEquals(fiber.status, "suspended");
    world.exit();
    assertEquals(log, ["child ended", "ETIME", "ECANCELED"]);
    assertEquals(fiber.state, "resolved");
  }),
);

Deno.test(
  "Once a value that was queued before a cancellation surfaced from a later yield",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      try {
        yield* suspend();
      } catch {
        // The cancellation.
      }
      yield* yieldNow();
      return yield* suspend();
    });
    world.settle();
    fiber.resume("stale");
    fiber.cancel();
    world.settle();
    assertEquals(fiber.status, "suspended");
    fiber.resume("fresh");
    world.settle();
    assertEquals(fiber.result(), "fresh");
  }),
);

Deno.test("Once the place to return to was kept for the thread, not for the fiber: nested runs jumped into a dead frame", () => {
  const outer = new Simulation();
  const inner = new Simulation({ kernel: outer.kernel });
  const log: string[] = [];
  const nested = (name: string) =>
    function* () {
      for (let i = 0; i < 3; i++) {
        log.push(`${name}${i}`);
        if (inner.loop.state === "initial") inner.loop.runSync(0);
        yield* yieldNow();
      }
    };
  for (const name of ["a", "b"]) outer.spawn(nested(name));
  for (const name of ["x", "y"]) {
    inner.spawn(function* () {
      for (let i = 0; i < 3; i++) {
        log.push(`${name}${i}`);
        yield* yieldNow();
      }
    });
  }
  outer.settle();
  assertEquals(log, ["a0", "x0", "b0", "y0", "a1", "x1", "b1", "y1", "a2", "x2", "b2", "y2"]);
  inner.exit();
  inner.loop[Symbol.dispose]();
  assertEquals([inner.takeMessages(), outer.end()], [[], { reported: [], left: [] }]);
});

Deno.test(
  "Once the second cancel of a group was not forwarded, so that a child that needs two hung",
  simulated((world) => {
    let asked = 0;
    const child = Future.withResolvers<void>(world.loop, {
      cancel() {
        if (++asked === 2) child.reject(new CancelledError());
      },
    });
    const group = FutureGroup.all(world.loop);
    group.add(child.future);
    group.cancel();
    assertEquals([asked, group.state], [1, "pending"]);
    group.cancel();
    world.settle();
    assertEquals([asked, group.state], [2, "resolved"]);
  }),
);

Deno.test(
  "Once a group that was cancelled by its own child recursed without end",
  simulated((world) => {
    let asked = 0;
    const group = FutureGroup.all(world.loop);
    const child = Future.withResolvers<void>(world.loop, {
      cancel() {
        asked++;
        group.cancel();
      },
    });
    group.add(child.future);
    group.cancel();
    assertEquals(asked, 1);
    group.cancel();
    assertEquals(asked, 2);
    child.resolve();
    world.settle();
    assertEquals(group.state, "resolved");
  }),
);

Deno.test(
  "Once time futures did not have the priority of the fiber that made them",
  simulated((world) => {
    const resolved: string[] = [];
    const futures = new Map<number, Future<void>>();
    for (const priority of [3, -3]) {
      world.spawn(function* () {
        futures.set(priority, relativeTimeFuture(world.loop, 5));
      }, { priority });
    }
    world.settle();
    world.loop.addTimeRelative("monotonic", 5, () => void resolved.push("0"), { accuracy: 1 });
    world.kernel.advance(5);
    for (let i = 0; i < 3; i++) {
      world.tick();
      for (const [priority, { state }] of futures) {
        if (state === "resolved" && futures.delete(priority)) resolved.push(`${priority}`);
      }
    }
    assertEquals(resolved, ["-3", "0", "3"]);
  }),
);

Deno.test(
  "Once callbacks did not have the priority of the fiber that added them",
  simulated((world) => {
    const order: string[] = [];
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    for (const priority of [3, -3]) {
      world.spawn(function* () {
        future.addCallback(() => void order.push(`${priority}`));
      }, { priority });
    }
    world.settle();
    future.addCallback(() => void order.push("0"));
    resolve();
    world.settle();
    assertEquals(order, ["-3", "0", "3"]);
  }),
);

Deno.test(
  "Once clean-up in a finally met the cancellation that a completed wait had put back, and was skipped: scopes clean up shielded",
  simulated((world) => {
    const log: string[] = [];
    const target = Future.withResolvers<string>(world.loop);
    const fiber = world.spawn(() =>
      scope(function* (children) {
        children.defer(function* () {
          yield* sleep(10);
          log.push("cleaned up");
        });
        log.push(yield* target.future);
        yield* suspend();
      })
    );
    fiber.addCallback(() => {});
    world.settle();
    target.resolve("value");
    fiber.cancel();
    world.runUntil(() => fiber.state === "resolved");
    assertEquals([log, fiber.outcome?.status], [["value", "cleaned up"], "rejected"]);
  }),
);

Deno.test(
  "Once a hundred thousand fibers released at once grew the stack",
  simulated((world) => {
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    let ended = 0;
    function* waiting(): Operation<void> {
      yield* future;
      ended++;
    }
    const fiber = world.spawn(() => all(Array.from({ length: 100_000 }, () => waiting)));
    while (world.loop.runSync(0));
    resolve();
    while (world.loop.runSync(0));
    assertEquals([ended, fiber.state], [100_000, "resolved"]);
  }),
);
