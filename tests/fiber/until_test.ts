// deno-lint-ignore-file require-yield
/**
 * Waiting for a promise of the host on a fiber.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  CancelledError,
  EventLoop,
  type Fiber,
  msec,
  type Operation,
  relativeTimeFuture,
  run,
  type SimulatedKernel,
  sleep,
  spawn,
  SystemError,
  TimeoutError,
  timeoutScope,
  until,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { virtualKernel } from "../_virtual_kernel.ts";

/** What an operation comes to. */
function* told(operation: Operation<unknown>): Operation<string> {
  try {
    return `${yield* operation}`;
  } catch (error) {
    if (error instanceof CancelledError) return `cancelled by ${error.reason}`;
    return error instanceof TimeoutError ? "deadline" : (error as Error).message;
  }
}

/** Runs the body on a loop of a simulated kernel, and sees to it that nothing is left. */
async function onLoop<T>(body: (loop: EventLoop) => Operation<T>): Promise<T> {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  const value = await run(() => body(loop), { loop });
  assertEquals(kernel.hostWaits, 0);
  loop[Symbol.dispose]();
  assertEquals(kernel.leaks(), []);
  return value;
}

/** Lets virtual time pass in a turn of the host: by itself it does not while a fiber waits for a promise. */
function passLater(loop: EventLoop, usec: number): void {
  setTimeout(() => (loop.kernel as SimulatedKernel).advance(usec), 0);
}

/** A promise that rejects with its signal's reason as soon as that fires, and is fulfilled from outside. */
function abortable(signal: AbortSignal): { promise: Promise<string>; resolve: (value: string) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  signal.addEventListener("abort", () => reject(signal.reason));
  return { promise, resolve };
}

Deno.test("until() gives what the promise is fulfilled with, or throws what it rejects with", async () => {
  const error = new RangeError("rejected");
  const seen = await onLoop(function* () {
    return [
      yield* until(Promise.resolve(3)),
      yield* told(until(Promise.reject(error))),
      yield* until((_signal) => Promise.resolve("of a function")),
      yield* until({ then: (ok: (value: string) => void) => ok("of a thenable") } as PromiseLike<string>),
    ];
  });
  assertEquals(seen, [3, "rejected", "of a function", "of a thenable"]);
});

Deno.test("until() always suspends, also where the promise has settled", async () => {
  const log: string[] = [];
  await onLoop(function* (loop) {
    spawn(function* () {
      log.push("other");
    }, { loop, floating: true });
    yield* until(Promise.resolve());
    log.push("went on");
  });
  assertEquals(log, ["other", "went on"]);
});

Deno.test("until() lets the host's timers and the loop's go on together", async () => {
  await using loop = new EventLoop();
  const value = await run(function* () {
    const host = yield* until(new Promise<string>((resolve) => setTimeout(resolve, 2, "host")));
    yield* sleep(msec(1));
    return `${host} and loop`;
  }, { loop });
  assertEquals(value, "host and loop");
});

Deno.test("until() that is cancelled aborts its signal with the reason, and throws when the promise has ended", async () => {
  const log: unknown[] = [];
  const seen = await onLoop(function* (loop) {
    const fiber = spawn(function* () {
      return yield* told(until((signal) => {
        const { promise } = abortable(signal);
        return promise.catch(async (reason) => {
          log.push(reason);
          await Promise.resolve();
          log.push("ended");
          throw new DOMException("aborted", "AbortError");
        });
      }));
    }, { loop });
    yield* until(Promise.resolve());
    fiber.cancel("why");
    return yield* fiber;
  });
  assertEquals([seen, log], ["cancelled by why", ["why", "ended"]]);
});

Deno.test("until() under a deadline aborts its signal with the TimeoutError of that scope, which is thrown", async () => {
  const reasons: unknown[] = [];
  const scopes = await onLoop(function* (loop) {
    using scope = timeoutScope(10);
    passLater(loop, 10);
    try {
      yield* until((signal) => {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        return abortable(signal).promise;
      });
      return [];
    } catch (error) {
      return [scope, (error as TimeoutError).scope, (reasons[0] as TimeoutError).scope];
    }
  });
  assertEquals([scopes.length, new Set(scopes).size, reasons.length], [3, 1, 1]);
});

Deno.test("until() returns a value that comes in spite of the abort, and the cancellation comes at the next suspension", async () => {
  const seen = await onLoop(function* (loop) {
    const { promise, resolve } = Promise.withResolvers<string>();
    const fiber = spawn(function* () {
      return [yield* told(until((_signal) => promise)), yield* told(yieldNow()), yield* told(yieldNow())];
    }, { loop });
    yield* yieldNow();
    fiber.cancel("why");
    yield* yieldNow();
    resolve("all the same");
    return yield* fiber;
  });
  assertEquals(seen, ["all the same", "cancelled by why", "undefined"]);
});

Deno.test("until() that is cancelled a second time lets go of its promise, and throws the first cancellation", async () => {
  const seen = await onLoop(function* (loop) {
    let aborted = 0;
    const fiber = spawn(function* () {
      return [
        yield* told(until((signal) => {
          signal.addEventListener("abort", () => aborted++);
          return new Promise<never>(() => {});
        })),
        yield* told(yieldNow()),
      ];
    }, { loop });
    yield* yieldNow();
    fiber.cancel("first");
    yield* yieldNow();
    assertEquals([aborted, fiber.state], [1, "pending"]);
    fiber.cancel("second");
    return [aborted, ...yield* fiber];
  });
  assertEquals(seen, [1, "cancelled by first", "undefined"]);
});

Deno.test("until() of a bare promise lets go of it at the first interruption; what becomes of it is lost", async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  const seen = await onLoop(function* (loop) {
    const fiber = spawn(() => told(until(promise)), { loop });
    yield* yieldNow();
    fiber.cancel("why");
    return yield* fiber;
  });
  assertEquals(seen, "cancelled by why");
  reject(new Error("nobody hears that"));
  await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("until() of a promise that settled before the fiber ran again counts, and the interruption comes afterwards", async () => {
  for (const fulfilled of [true, false]) {
    const seen = await onLoop(function* (loop) {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const fiber = spawn(function* () {
        return [yield* told(until(promise)), yield* told(yieldNow())];
      }, { loop, priority: 100 });
      while (fiber.status !== "suspended") yield* until(Promise.resolve());
      if (fulfilled) resolve("value");
      else reject(new Error("error"));
      yield* until(Promise.resolve().then(() => {}));
      assertEquals([fiber.status, fiber.awaiting?.state], ["suspended", "resolved"]);
      fiber.cancel("late");
      return yield* fiber;
    });
    assertEquals(seen, [fulfilled ? "value" : "error", "cancelled by late"]);
  }
});

Deno.test("until() whose function interrupts the fiber aborts its signal, and waits for the promise to end", async () => {
  const log: string[] = [];
  const seen = await onLoop(function* () {
    const fiber: Fiber<string> = spawn(function* (): Operation<string> {
      const result = yield* told(until((signal) => {
        const { promise } = abortable(signal);
        fiber.resumeWithError(new CancelledError("by the function"));
        return promise.finally(() => log.push("the promise ended"));
      }));
      log.push("until() ended");
      return result;
    });
    return yield* fiber;
  });
  assertEquals([seen, log], ["cancelled by by the function", ["the promise ended", "until() ended"]]);
});

Deno.test("until() does not call its function when an interruption is queued", async () => {
  let called = false;
  const seen = await onLoop(function* () {
    const fiber: Fiber<string> = spawn(function* (): Operation<string> {
      fiber.resumeWithError(new CancelledError("queued"));
      return yield* told(until((_signal) => {
        called = true;
        return Promise.resolve();
      }));
    });
    return yield* fiber;
  });
  assertEquals([seen, called], ["cancelled by queued", false]);
});

for (const how of ["resume", "resumeWithError"] as const) {
  Deno.test(`until() whose fiber is woken by a stray ${how}() aborts, and waits for the end, before it throws`, async () => {
    const log: string[] = [];
    const seen = await onLoop(function* (loop) {
      const fiber = spawn(function* () {
        return [
          yield* told(until((signal) => {
            const { promise } = abortable(signal);
            return promise.catch((error) => {
              log.push("aborted");
              throw error;
            });
          })),
          yield* told(yieldNow()),
        ];
      }, { loop });
      yield* yieldNow();
      if (how === "resume") fiber.resume(1);
      else fiber.resumeWithError(new RangeError("stray"));
      return yield* fiber;
    });
    const expected = how === "resume" ? "The fiber was woken by somebody's resume() while it waited for a future" : "stray";
    assertEquals([seen, log], [[expected, "undefined"], ["aborted"]]);
  });
}

Deno.test("until() while the loop blocks the thread is EDEADLK: the promise would never settle", () => {
  const kernel = virtualKernel();
  using loop = new EventLoop({ kernel });
  const fiber = spawn(() => until(Promise.resolve()), { loop });
  fiber.addCallback(() => {});
  loop.runSync(0);
  const { outcome } = fiber;
  assert(outcome?.status === "rejected");
  assertInstanceOf(outcome.reason, SystemError);
  assertEquals([outcome.reason.code, kernel.hostWaits], ["EDEADLK", 0]);
  assertEquals(
    outcome.reason.message,
    "Cannot wait for a promise: loop 'loop' blocks the thread, drive it by loop() instead of loopSync()",
  );
});

Deno.test("until() of what is no promise is EINVAL", async () => {
  const seen = await onLoop(() => told(until(5 as never)));
  assertEquals(seen, "Cannot wait for '5': it is not a promise");
});

Deno.test("until() throws what its function throws", async () => {
  const error = new RangeError();
  const thrown = await onLoop(function* () {
    try {
      yield* until(() => {
        throw error;
      });
    } catch (thrown) {
      return thrown;
    }
    return undefined;
  });
  assertStrictEquals(thrown, error);
});

Deno.test("until() of a future of another loop bridges the two", async () => {
  await using far = new EventLoop({ kernel: virtualKernel() });
  const driving = far.loop();
  const value = await onLoop(function* () {
    return yield* until(relativeTimeFuture(far, 100, { outcome: { status: "fulfilled", value: "far" } }));
  });
  assertEquals(value, "far");
  far.exit();
  await driving;
});

Deno.test("until() of an async function that waits for a fiber: values go both ways", async () => {
  const value = await onLoop(function* (loop) {
    const worker = spawn(function* () {
      const half = yield* until(Promise.resolve(21));
      return 2 * half;
    }, { loop });
    const asyncCode = async () => `${await worker} from async code`;
    return yield* until(asyncCode());
  });
  assertEquals(value, "42 from async code");
});

Deno.test("until() at exit aborts its signal and lets go at once; in the exit phase it is refused", async () => {
  for (const make of [abortable, () => ({ promise: new Promise<never>(() => {}) })]) {
    const kernel = virtualKernel();
    const reports: unknown[] = [];
    const loop = new EventLoop({ kernel, onError: (error) => reports.push(error) });
    const log: string[] = [];
    spawn(function* () {
      let aborted = false;
      log.push(
        yield* told(until((signal) => {
          signal.addEventListener("abort", () => aborted = true);
          return make(signal).promise;
        })),
      );
      log.push(`aborted ${aborted}`, yield* told(until(Promise.resolve("not any more"))));
    }, { loop });
    const driving = loop.loop();
    await new Promise((resolve) => setTimeout(resolve, 0));
    loop.exit();
    await driving;
    const exiting = "cancelled by SystemError: Loop 'loop' is exiting";
    assertEquals([log, reports, kernel.hostWaits], [[exiting, "aborted true", exiting], [], 0]);
    loop[Symbol.dispose]();
  }
});

Deno.test("A promise that never settles does not keep withTimeout() from ending", async () => {
  const seen = await onLoop((loop) => {
    passLater(loop, 10);
    return told(withTimeout(10, () => until(new Promise<never>(() => {}))));
  });
  assertEquals(seen, "deadline");
});

Deno.test("until() rejects nothing behind anybody's back", async () => {
  const error = await assertRejects(() =>
    onLoop(function* () {
      yield* until(Promise.reject(new RangeError("only once")));
    }), RangeError);
  assertEquals(error.message, "only once");
});
