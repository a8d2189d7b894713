/**
 * Fibers that swallow a cancellation, under `debug`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { cancelWait, EventLoop, type Fiber, type Operation, scope, shield, sleep, spawn, suspend, yieldNow } from "@sd/fibers";
import { virtualKernel } from "../_virtual_kernel.ts";

/** Cancels a fiber with this body, and lets 1 µs pass again and again: what was reported before it ended. */
function reportsOf(body: () => Operation<unknown>, options: { debug?: boolean } = { debug: true }): string[] {
  const reported: string[] = [];
  const kernel = virtualKernel();
  using loop = new EventLoop({ kernel, onError: (error, { name }) => reported.push(`${name}: ${(error as Error).message}`), ...options });
  const fiber: Fiber<unknown> = spawn(body, { loop, name: "worker" });
  const settle = () => {
    while (loop.runSync(0));
  };
  settle();
  fiber.cancel();
  for (let usec = 0; usec < 10; usec++) {
    settle();
    kernel.advance(1);
  }
  fiber.resume();
  settle();
  assertEquals(fiber.state, "resolved");
  return reported;
}

const advice = "let the CancelledError through, or put clean-up that waits into shield()";

/** Waits; when that is interrupted, does the other thing. */
function* interrupted(then: () => Operation<unknown>): Operation<void> {
  try {
    yield* suspend();
  } catch {
    yield* then();
  }
}

Deno.test("debug: a fiber that swallowed a cancellation and waits again is told of, and what it waits for", () => {
  const child = function* (): Operation<void> {
    const other = spawn(() => sleep(5), { name: "other" });
    yield* interrupted(() => other);
  };
  assertEquals(reportsOf(child), [`worker: Fiber 'worker' was cancelled and waits for fiber 'other' again: ${advice}`]);
  assertEquals(reportsOf(() => interrupted(suspend)), [`worker: Fiber 'worker' was cancelled and is suspended again: ${advice}`]);
  assertEquals(reportsOf(() => interrupted(() => sleep(2))), [
    `worker: Fiber 'worker' was cancelled and waits for a time again: ${advice}`,
  ]);
});

Deno.test("debug: without it nobody is told", () => {
  assertEquals(reportsOf(() => interrupted(suspend), {}), []);
  assertEquals(reportsOf(() => interrupted(suspend), { debug: false }), []);
});

Deno.test("debug: clean-up that gives way, is shielded, deferred, or waits for what it cancelled is none of that", () => {
  const tidy: (() => Operation<unknown>)[] = [
    () => interrupted(() => yieldNow()),
    () => interrupted(() => shield(() => sleep(3))),
    () =>
      scope(function* (children) {
        children.defer(() => sleep(3));
        yield* suspend();
      }),
    function* (): Operation<void> {
      const child = spawn(() => interrupted(() => shield(() => sleep(3))), { name: "child" });
      yield* yieldNow();
      yield* interrupted(() => cancelWait(child));
    },
    suspend,
  ];
  for (const body of tidy) assertEquals(reportsOf(body), []);
});
