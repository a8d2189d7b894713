/**
 * Running a fiber from the outside.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import {
  CancelledError,
  EventLoop,
  type Fiber,
  FutureGroup,
  type Operation,
  relativeTimeFuture,
  run,
  sec,
  sleep,
  spawn,
  suspend,
  SystemError,
  yieldNow,
} from "@sd/fibers";
import { virtualKernel } from "../_virtual_kernel.ts";

Deno.test("run() gives the value, or rejects with the very error, and leaves the loop as it was", async () => {
  const reports: unknown[] = [];
  using loop = new EventLoop({ kernel: virtualKernel(), onError: (error) => reports.push(error) });
  const value = await run(function* () {
    yield* sleep(sec(5));
    return "value";
  }, { loop });
  const error = new RangeError();
  const failed = await assertRejects(() =>
    run(function* () {
      yield* yieldNow();
      throw error;
    }, { loop })
  );
  // Who called it has the error: nobody else is told.
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([value, failed === error, reports, loop.state, loop.driven], ["value", true, [], "initial", false]);
});

Deno.test("run() drives the loop no further than to the end of its fiber, in whichever iteration that is", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  let dispatched = 0;
  loop.addDefer(() => void dispatched++, { enabled: "on" });
  for (let turns = 0; turns < 100; turns++) {
    const before = dispatched;
    const iterations = loop.iteration;
    await run(function* () {
      for (let i = 0; i < turns; i++) yield* yieldNow();
    }, { loop });
    // The fiber's first turn and those that it gave away, with a dispatch of the source between any two, and before the first.
    assertEquals([dispatched - before, loop.iteration - iterations], [turns + 1, 2 * turns + 2]);
  }
});

Deno.test("run() while somebody drives the loop is driven by that", async () => {
  await using loop = new EventLoop({ kernel: virtualKernel() });
  const driving = loop.loop();
  assertEquals(await Promise.all([1, 2, 3].map((n) => run(() => double(n), { loop }))), [2, 4, 6]);
  loop.exit();
  await driving;
});

function* double(n: number): Operation<number> {
  yield* sleep(n);
  return 2 * n;
}

Deno.test("run() by several at once on one loop: each has its value, whoever drives", async () => {
  await using loop = new EventLoop({ kernel: virtualKernel() });
  // The first one drives. Where it has ended before the others, one of these has to go on.
  for (const times of [[5, 1, 3], [1, 5, 3], [1, 3, 5]]) {
    assertEquals(await Promise.all(times.map((n) => run(() => double(n), { loop }))), times.map((n) => 2 * n));
    assertEquals(loop.driven, false);
  }
});

Deno.test("run() of a fiber that the exit cancels rejects with that", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  loop.addDefer(() => loop.exit());
  const error = await assertRejects(() => run(suspend, { loop }), CancelledError);
  assertEquals(error.code, "ECANCELED");
});

Deno.test("run() of a fiber that does not end with its loop rejects", async () => {
  const loop = new EventLoop({ kernel: virtualKernel(), onError: () => {} });
  loop.addTimeRelative("monotonic", 5, () => loop.exit());
  const timer = relativeTimeFuture(loop, sec(1));
  const error = await assertRejects(() =>
    run(function* () {
      try {
        yield* suspend();
      } finally {
        yield* timer;
      }
    }, { loop }), SystemError);
  assertEquals([error.code, error.message], ["ECANCELED", "Fiber 'fiber' has not ended with its loop"]);
  loop[Symbol.dispose]();
});

Deno.test("run() on a loop that is stepped by hand is EBUSY while that is not between two iterations", async () => {
  await using loop = new EventLoop({ kernel: virtualKernel() });
  assertEquals(loop.prepare(), false);
  const error = await assertRejects(() => run(suspend, { loop }), SystemError);
  assertEquals([error.code, loop.waitSync(0)], ["EBUSY", true]);
  loop.dispatch();
});

Deno.test("run() takes the options of spawn()", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  const controller = new AbortController();
  let destroyed = 0;
  const running = run(suspend, { loop, name: "named", priority: 4, signal: controller.signal, onDestroy: () => void destroyed++ });
  controller.abort("enough");
  const error = await assertRejects(() => running, CancelledError);
  assertEquals([error.reason, destroyed], ["enough", 1]);
});

Deno.test("run() refuses options that it has not, and starts nobody", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  let began = false;
  // deno-lint-ignore require-yield
  function* body(): Operation<void> {
    began = true;
  }
  const group = FutureGroup.all(loop);
  for (const wrong of [{ group }, { prio: 1 }]) {
    const error = await assertRejects(() => run(body, { loop, ...wrong } as never), SystemError);
    const [name] = Object.keys(wrong);
    assertEquals([error.code, error.message], [
      "EINVAL",
      `Cannot run a fiber with option '${name}': there are loop, name, priority, floating, signal, onDestroy`,
    ]);
  }
  assertEquals([began, group.size, loop.runSync(0)], [false, 0, false]);
});

Deno.test("run() gives a Fiber to nobody: what it runs is the loop's own child", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  let child: Fiber<void> | undefined;
  await run(function* () {
    child = spawn(() => sleep(1));
    yield* child;
  }, { loop });
  assertEquals([child!.floating, child!.loop === loop], [false, true]);
});
