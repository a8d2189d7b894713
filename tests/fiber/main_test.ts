// deno-lint-ignore-file require-yield
/**
 * The fiber that is a program: what its end, an exit and a signal come to. On the simulated kernel.
 *
 * @module
 */

import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  CancelledError,
  EventLoop,
  main,
  type MainOptions,
  type Operation,
  sec,
  type SimulatedKernel,
  sleep,
  spawn,
  suspend,
  SystemError,
  yieldNow,
} from "@sd/fibers";
import { Steps } from "../_steps.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** A main fiber on a loop of its own: what it comes to, and what was reported. Nothing may be left behind. */
async function runMain(
  body: (loop: EventLoop, kernel: SimulatedKernel) => Operation<unknown>,
  options: MainOptions = {},
): Promise<{ code: number | string; reports: string[] }> {
  const kernel = virtualKernel();
  const reports: string[] = [];
  const loop = new EventLoop({ kernel, onError: (error) => reports.push((error as Error).message) });
  let code: number | string;
  try {
    code = await main(() => body(loop, kernel), { loop, ...options });
  } catch (error) {
    code = error instanceof SystemError ? error.code : String(error);
  }
  assertEquals(loop.state, "finished");
  // It is whose it was.
  assertEquals(kernel.leaks().length > 0, true);
  loop[Symbol.dispose]();
  assertEquals(kernel.leaks(), []);
  return { code, reports };
}

/** Rows: what the program does, and its exit code, or the code of what main() rejects with. */
const rows: Record<string, [body: (loop: EventLoop, kernel: SimulatedKernel) => Operation<unknown>, code: number | string]> = {
  "returns 5": [function* () {
    yield* yieldNow();
    return 5;
  }, 0],
  "returns nothing at once": [function* () {}, 0],
  "throws": [function* () {
    yield* yieldNow();
    throw new RangeError("oops");
  }, "RangeError: oops"],
  "throws a cancellation that nobody asked for": [function* () {
    yield* yieldNow();
    throw new CancelledError();
  }, "ECANCELED"],
  "throws an ordinary ECANCELED": [function* () {
    yield* yieldNow();
    throw new SystemError("ECANCELED");
  }, "ECANCELED"],
  "exits with 23 and is cancelled by that": [function* (loop) {
    loop.exit(23);
    yield* suspend();
  }, 23],
  "exits with 23 and returns": [function* (loop) {
    loop.exit(23);
    return 4;
  }, 23],
  "exits with 23 and throws an ordinary ECANCELED": [function* (loop) {
    loop.exit(23);
    throw new SystemError("ECANCELED");
  }, "ECANCELED"],
  "is cancelled by somebody else's exit with 7": [function* (loop) {
    loop.addTimeRelative("monotonic", 10, () => loop.exit(7));
    yield* suspend();
  }, 7],
  "swallows the cancellation of an exit with 7": [function* (loop) {
    loop.addTimeRelative("monotonic", 10, () => loop.exit(7));
    try {
      return yield* suspend();
    } catch {
      return "done";
    }
  }, 7],
  "exits with 0 and throws ENOANO": [function* (loop) {
    loop.exit(0);
    throw new SystemError("ENOANO");
  }, "ENOANO"],
  "has a source with exitOnFailure that fails with EINVAL": [function* (loop) {
    loop.addDefer(() => {
      throw new SystemError("EINVAL", "of the source");
    }, { exitOnFailure: true });
    yield* suspend();
  }, -22],
  "is told to exit on signals by the loop itself": [function* (loop, kernel) {
    loop.exitOnSignal = true;
    kernel.raise("SIGINT");
    yield* suspend();
  }, 0],
};

for (const [does, [body, code]] of Object.entries(rows)) {
  Deno.test(`main() of a body that ${does} comes to ${code}`, async () => {
    const result = await runMain(body, { signals: "none" });
    assertEquals(result, { code, reports: does.includes("exitOnFailure") ? ["of the source"] : [] });
  });
}

Deno.test("main() cancels all other fibers when its body has ended, and settles when they have", async () => {
  const steps = new Steps();
  const result = await runMain(function* () {
    spawn(function* () {
      try {
        yield* suspend();
      } finally {
        steps.expect(2);
      }
    }, { floating: true });
    yield* yieldNow();
    yield* yieldNow();
    steps.expect(1);
  });
  assertEquals(result, { code: 0, reports: [] });
  steps.finish(3);
});

Deno.test("main() tells of a fiber that could not be unwound; if that is its own, it rejects with ECANCELED", async () => {
  function* stubborn(): Operation<void> {
    for (;;) {
      try {
        yield* suspend();
      } catch {
        // It does not want to end.
      }
    }
  }
  const other = await runMain(function* () {
    spawn(stubborn, { floating: true });
    yield* sleep(1);
  });
  assertEquals(other, { code: 0, reports: ["Fiber 'stubborn' has not ended with its loop: it is suspended"] });
  const own = await runMain(function* main(loop) {
    loop.addDefer(() => loop.exit(3));
    yield* stubborn();
  });
  assertEquals([own.code, own.reports.length], ["ECANCELED", 1]);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`main() with signals "cancel" lets the body clean up after ${signal}, with the loop serving it, and comes to 0`, async () => {
    const log: unknown[] = [];
    const result = await runMain(function* (loop, kernel) {
      kernel.raise(signal);
      try {
        yield* suspend();
      } catch (error) {
        assertInstanceOf(error, CancelledError);
        log.push(error.reason);
        const start = loop.now();
        yield* sleep(sec(1));
        log.push(loop.now() - start);
        throw error;
      }
    });
    assertEquals([result, log], [{ code: 0, reports: [] }, [signal, sec(1)]]);
  });
}

Deno.test('main() with signals "cancel" exits at the second signal: clean-up gets no timers any more', async () => {
  const log: string[] = [];
  const result = await runMain(function* (loop, kernel) {
    loop.addTimeRelative("monotonic", 10, () => kernel.raise("SIGTERM"));
    loop.addTimeRelative("monotonic", 20, () => kernel.raise("SIGINT"));
    try {
      yield* suspend();
    } finally {
      try {
        yield* sleep(sec(10));
      } catch (error) {
        log.push(`clean-up: ${(error as SystemError).code}`);
      }
    }
  });
  assertEquals([result, log], [{ code: 0, reports: [] }, ["clean-up: ECANCELED"]]);
});

Deno.test('main() with signals "cancel" rejects with what the body fails with after a signal', async () => {
  const result = await runMain(function* (_loop, kernel) {
    kernel.raise("SIGTERM");
    try {
      yield* suspend();
    } catch {
      throw new SystemError("EIO");
    }
  });
  assertEquals(result, { code: "EIO", reports: [] });
});

Deno.test('main() with signals "cancel" goes on if the body swallows it', async () => {
  const result = await runMain(function* (_loop, kernel) {
    kernel.raise("SIGTERM");
    try {
      yield* suspend();
    } catch {
      yield* sleep(5);
    }
    return "went on";
  });
  assertEquals(result, { code: 0, reports: [] });
});

Deno.test('main() with signals "exit" exits at the first signal', async () => {
  const log: string[] = [];
  const result = await runMain(function* (_loop, kernel) {
    kernel.raise("SIGTERM");
    try {
      yield* suspend();
    } finally {
      try {
        yield* sleep(1);
      } catch (error) {
        log.push((error as SystemError).code);
      }
    }
  }, { signals: "exit" });
  assertEquals([result, log], [{ code: 0, reports: [] }, ["ECANCELED"]]);
});

Deno.test('main() with signals "none" leaves the signals to the system', async () => {
  const result = await runMain(function* (_loop, kernel) {
    yield* yieldNow();
    kernel.raise("SIGTERM");
  }, { signals: "none" });
  assertEquals(typeof result.code === "string" && /SIGTERM/.test(result.code), true);
});

Deno.test("main() answers a signal ahead of all that is ready", async () => {
  let turns = 0;
  const result = await runMain(function* (_loop, kernel) {
    function* busy(): Operation<void> {
      for (;;) {
        if (++turns === 100) kernel.raise("SIGTERM");
        yield* yieldNow();
      }
    }
    for (let i = 0; i < 5; i++) spawn(busy, { floating: true });
    yield* suspend();
  });
  assertEquals(result, { code: 0, reports: [] });
});

Deno.test("main() on a fiber is EBUSY", async () => {
  const result = await runMain(function* (loop) {
    let code: string | undefined;
    main(suspend, { loop }).catch((error) => code = error.code);
    while (code === undefined) yield* sleep(1);
    return assertEquals(code, "EBUSY");
  });
  assertEquals(result, { code: 0, reports: [] });
});

Deno.test("main() on a loop that is driven already, or has finished, is EBUSY and starts nothing", async () => {
  const loop = new EventLoop({ kernel: virtualKernel() });
  let started = false;
  const body = function* () {
    started = true;
  };
  const driving = loop.loop();
  const busy = await assertRejects(() => main(body, { loop }), SystemError);
  loop.exit();
  await driving;
  const finished = await assertRejects(() => main(body, { loop }), SystemError);
  assertEquals([busy.code, finished.code, started], ["EBUSY", "EBUSY", false]);
  loop[Symbol.dispose]();
});

Deno.test("main() that cannot receive the signals rejects with EBUSY, and leaves nothing behind", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  const before = kernel.leaks();
  let started = false;
  const source = loop.addSignal("SIGTERM", () => {});
  const error = await assertRejects(() =>
    main(function* () {
      started = true;
    }, { loop }), SystemError);
  source[Symbol.dispose]();
  assertEquals([error.code, kernel.leaks(), loop.runSync(0), started], ["EBUSY", before, false, false]);
  loop[Symbol.dispose]();
});

Deno.test("main() of what is no function is EINVAL, and leaves nothing behind", async () => {
  const kernel = virtualKernel();
  using loop = new EventLoop({ kernel });
  const before = kernel.leaks();
  const error = await assertRejects(() => main(suspend() as never, { loop }), SystemError);
  assertEquals([error.code, kernel.leaks(), loop.runSync(0)], ["EINVAL", before, false]);
});

Deno.test("main() refuses signals that it does not know", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  const error = await assertRejects(() => main(suspend, { loop, signals: "ignore" as never }), SystemError);
  assertEquals([error.code, loop.runSync(0)], ["EINVAL", false]);
});

Deno.test("main() refuses options that it does not know", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  const error = await assertRejects(() => main(suspend, { loop, signal: "none" } as never), SystemError);
  assertEquals([error.message, loop.runSync(0)], ["Cannot run a main fiber with option 'signal': there are loop, signals", false]);
});

Deno.test("main() on the default loop disposes of it: the next one is new", async () => {
  const before = EventLoop.default();
  const code = await main(function* () {
    yield* sleep(1);
  }, { signals: "none" });
  assertEquals([code, before.state, EventLoop.hasDefault], [0, "finished", false]);
  assertEquals(await main(function* () {}, { signals: "none" }), 0);
});
