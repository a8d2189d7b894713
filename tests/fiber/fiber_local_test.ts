/**
 * Values that belong to fibers: who sees them, and until when.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  all,
  EventLoop,
  FiberLocal,
  type Operation,
  run,
  scope,
  sleep,
  spawn,
  suspend,
  type SystemError,
  TimeoutError,
  until,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { coreOf } from "../../event/event_loop.ts";
import { FiberCore } from "../../fiber/fiber_core.ts";
import { codeOf, simulated } from "../_simulation.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

Deno.test(
  "FiberLocal.get() gives the default on a fiber without a value, and off fibers",
  simulated((world) => {
    const local = new FiberLocal("default");
    assertEquals(local.get(), "default");
    const seen: string[] = [];
    world.run(function* () {
      seen.push(local.get());
      local.set("mine");
      world.loop.addDefer(() => void seen.push(`callback: ${local.get()}`));
      yield* sleep(1);
      seen.push(local.get());
    });
    assertEquals([seen, local.get()], [["default", "callback: default", "mine"], "default"]);
  }),
);

Deno.test(
  "FiberLocal.get() without value and default is ENODATA; undefined is a value and a default",
  simulated((world) => {
    const none = new FiberLocal<string | undefined>();
    assertEquals(codeOf(() => none.get()), "ENODATA");
    assertEquals(new FiberLocal<string | undefined>(undefined).get(), undefined);
    world.run(function* () {
      assertEquals(codeOf(() => none.get()), "ENODATA");
      none.set(undefined);
      yield* yieldNow();
      assertEquals(none.get(), undefined);
    });
  }),
);

Deno.test(
  "FiberLocal.set() and run() off a fiber are ESRCH, also when run() was made on one",
  simulated((world) => {
    const local = new FiberLocal(0);
    assertEquals(codeOf(() => local.set(1)), "ESRCH");
    assertEquals(codeOf(() => [...local.run(1, sleep(1)) as Iterable<unknown>]), "ESRCH");
    // deno-lint-ignore require-yield
    const made = world.run(function* () {
      return local.run(1, sleep(1));
    });
    assertEquals(codeOf(() => made[Symbol.iterator]().next()), "ESRCH");
  }),
);

Deno.test(
  "A fiber begins with the values that its spawner had, and what either sets later is its own",
  simulated((world) => {
    const local = new FiberLocal("none");
    const seen: string[] = [];
    world.run(function* () {
      local.set("first");
      const child = spawn(function* () {
        seen.push(`child: ${local.get()}`);
        local.set("child's");
        yield* sleep(2);
        seen.push(`child: ${local.get()}`);
      });
      local.set("second");
      yield* sleep(1);
      seen.push(`parent: ${local.get()}`);
      yield* child;
      seen.push(`parent: ${local.get()}`);
    });
    assertEquals(seen, ["child: first", "parent: second", "child: child's", "parent: second"]);
  }),
);

Deno.test(
  "Floating fibers, and those of scopes, all() and deadlines, have the values of the fiber that spawned them",
  simulated((world) => {
    const local = new FiberLocal("none");
    const seen: string[] = [];
    function* note(): Operation<void> {
      yield* yieldNow();
      seen.push(local.get());
    }
    world.run(function* () {
      local.set("outer");
      spawn(note, { floating: true });
      yield* withTimeout(10, () => all([note, local.run("all", note)]));
      yield* scope(function* (children) {
        children.spawn(note);
        local.set("body");
        children.spawn(note);
        yield* note();
      });
      seen.push(local.get());
    });
    assertEquals(seen, ["outer", "outer", "all", "body", "outer", "body", "outer"]);
  }),
);

Deno.test(
  "FiberLocal.run() puts the former value back, whether its body returns, throws or is interrupted",
  simulated((world) => {
    const local = new FiberLocal("none");
    const other = new FiberLocal("none");
    world.run(function* () {
      const value = yield* local.run("inside", function* () {
        other.set("kept");
        yield* sleep(1);
        local.set("changed");
        return local.get();
      });
      assertEquals([value, local.get(), other.get()], ["changed", "none", "kept"]);
      local.set("before");
      const thrown = yield* errorIn(local.run("inside", function* (): Operation<void> {
        yield* local.run("deeper", yieldNow());
        assertEquals(local.get(), "inside");
        throw new RangeError();
      }));
      assertEquals([thrown instanceof RangeError, local.get()], [true, "before"]);
      const interrupted = yield* errorIn(withTimeout(1, local.run("inside", suspend())));
      assertEquals([interrupted instanceof TimeoutError, local.get()], [true, "before"]);
    });
  }),
);

/** What an operation throws. */
function* errorIn(operation: Operation<unknown>): Operation<unknown> {
  try {
    yield* operation;
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

Deno.test(
  "FiberLocal.run() with what is no body leaves the value alone",
  simulated((world) => {
    const local = new FiberLocal("none");
    world.run(function* () {
      const error = yield* errorIn(local.run("inside", 5 as unknown as Operation<void>));
      assertEquals([(error as SystemError).code, local.get()], ["EINVAL", "none"]);
    });
  }),
);

Deno.test(
  "FiberLocals do not mix, nor do fibers that run in turn",
  simulated((world) => {
    const a = new FiberLocal(0);
    const b = new FiberLocal(0);
    const seen: number[][] = [];
    const body = (n: number) =>
      function* (): Operation<void> {
        for (let round = 1; round <= 2; round++) {
          a.set(n * round);
          b.set(-n * round);
          yield* yieldNow();
          seen.push([a.get(), b.get()]);
        }
      };
    world.run(() => all([body(1), body(10)]));
    assertEquals(seen, [[1, -1], [10, -10], [2, -2], [20, -20]]);
  }),
);

Deno.test(
  "A fiber without values keeps nothing for them, also when run() has ended",
  simulated((world) => {
    const local = new FiberLocal(0);
    const core = new FiberCore(
      coreOf(world.loop),
      function* () {
        yield* local.run(1, yieldNow());
      },
      undefined,
      0,
    );
    assertEquals(core.locals, undefined);
    world.tick();
    assertEquals(core.locals?.size, 1);
    world.settle();
    assertEquals([core.state, core.locals], [1, undefined]);
  }),
);

Deno.test("A value that was set before a promise was waited for is there after it", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  const local = new FiberLocal("none");
  const seen = await run(function* () {
    local.set("mine");
    const values = yield* all([1, 2].map((n) =>
      function* () {
        local.set(`${local.get()} ${n}`);
        yield* until(Promise.resolve());
        return local.get();
      }
    ));
    yield* until(new Promise((resolve) => setTimeout(resolve, 0)));
    return [...values, local.get()];
  }, { loop });
  assertEquals([seen, local.get()], [["mine 1", "mine 2", "mine"], "none"]);
});
