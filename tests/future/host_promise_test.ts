// deno-lint-ignore-file require-yield
/**
 * Futures as promises of the host.
 *
 * @module
 */

import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { CancelledError, Channel, deferFuture, EventLoop, Future, run, sleep, spawn, suspend, SystemError, until } from "@sd/fibers";
import { Steps } from "../_steps.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

Deno.test("await of a future gives its value, or throws its very error", async () => {
  await using loop = new EventLoop();
  const driving = loop.loop();
  assertEquals(await deferFuture(loop, { status: "fulfilled", value: 3 }), 3);
  const reason = new RangeError();
  assertStrictEquals(await assertRejects(async () => await deferFuture(loop, { status: "rejected", reason })), reason);
  loop.exit();
  await driving;
});

Deno.test("Future.then(), catch() and finally() are those of a promise", async () => {
  await using loop = new EventLoop();
  const driving = loop.loop();
  const fulfilled = () => deferFuture(loop, { status: "fulfilled", value: 3 });
  const rejected = () => deferFuture<number>(loop, { status: "rejected", reason: "no" });
  assertEquals(await fulfilled().then((value) => value + 1), 4);
  assertEquals(await rejected().then(() => "value", (reason) => `failed: ${reason}`), "failed: no");
  assertEquals(await rejected().catch((reason) => `caught: ${reason}`), "caught: no");
  assertEquals(await fulfilled().catch(() => 0), 3);
  let called = 0;
  assertEquals(await fulfilled().finally(() => void called++), 3);
  assertEquals(await rejected().finally(() => void called++).catch((reason) => reason), "no");
  assertEquals(called, 2);
  loop.exit();
  await driving;
});

Deno.test("Promise.all(), race() and resolve() take futures", async () => {
  await using loop = new EventLoop();
  const driving = loop.loop();
  const futures = [1, 2, 3].map((value) => deferFuture(loop, { status: "fulfilled", value }));
  assertEquals(await Promise.all(futures), [1, 2, 3]);
  assertEquals(await Promise.race(futures), 1);
  assertEquals(await Promise.resolve(futures[2]), 3);
  assertEquals(await Promise.allSettled(futures.slice(0, 1)), [{ status: "fulfilled", value: 1 }]);
  loop.exit();
  await driving;
});

Deno.test("A promise of a future settles by the loop: not before the callbacks that came before it", async () => {
  const kernel = virtualKernel();
  await using loop = new EventLoop({ kernel });
  const steps = new Steps();
  const { future, resolve } = Future.withResolvers<number>(loop);
  future.addCallback(() => steps.expect(3));
  const waiting = (async () => {
    steps.expect(1);
    await future;
    steps.expect(4);
  })();
  steps.expect(2);
  resolve(1);
  const driving = loop.loop();
  await waiting;
  loop.exit();
  await driving;
  steps.finish(5);
});

Deno.test("A promise of a resolved future settles at once when the loop has finished, that of a pending one rejects", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  const resolved = Future.withResolvers<number>(loop);
  const pending = Future.withResolvers<number>(loop);
  const before = [resolved.future.then((value) => value), pending.future.then((value) => value)];
  resolved.resolve(1);
  loop.exit();
  await loop.loop();
  assertEquals(await before[0], 1);
  const error = await assertRejects(() => before[1], SystemError, "loop 'loop' has finished");
  assertEquals([error.code, error instanceof CancelledError], ["ECANCELED", false]);
  assertEquals(await resolved.future, 1);
  await assertRejects(async () => await pending.future, SystemError, "has finished");
  loop[Symbol.dispose]();
});

Deno.test("A promise of a future settles when the loop is disposed, driven or not", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  const resolved = Future.withResolvers<number>(loop);
  const pending = Future.withResolvers<number>(loop);
  const promises = [resolved.future.then((value) => value), pending.future.then((value) => value)];
  resolved.resolve(7);
  loop[Symbol.dispose]();
  assertEquals(await promises[0], 7);
  await assertRejects(() => promises[1], SystemError, "has finished");
});

Deno.test("A future resolved after its loop has finished still gives its value to who asks afterwards", async () => {
  const loop = new EventLoop({ kernel: virtualKernel() });
  const { future, resolve } = Future.withResolvers<number>(loop);
  loop[Symbol.dispose]();
  await assertRejects(async () => await future, SystemError);
  resolve(6);
  assertEquals(await future, 6);
});

Deno.test("An async function, a callback of a source and a fiber exchange values in every direction", async () => {
  await using loop = new EventLoop({ kernel: virtualKernel() });
  const steps = new Steps();
  const toAsync = Future.withResolvers<string>(loop);
  const toFiber = Future.withResolvers<string>(loop);
  const toHost = Future.withResolvers<string>(loop);
  const driving = loop.loop();

  const host = (async () => {
    steps.expect(1);
    const question = await toAsync.future;
    steps.expect(4);
    toFiber.resolve(`${question}!`);
    return await toHost.future;
  })();
  loop.addTimeRelative("monotonic", 100, () => {
    steps.expect(3);
    toAsync.resolve("from a callback");
  });
  const fiber = spawn(function* () {
    steps.expect(2);
    const answer = yield* toFiber.future;
    steps.expect(5);
    const upper = yield* until(Promise.resolve(answer.toUpperCase()));
    loop.addDefer(() => toHost.resolve(upper));
    return answer.length;
  }, { loop });

  assertEquals(await host, "FROM A CALLBACK!");
  assertEquals(await fiber, 16);
  steps.finish(6);
  loop.exit();
  await driving;
});

/** A source whose callback answers what was asked, each time it is switched on. */
function startDoubling(loop: EventLoop) {
  const questions = new Channel<number>({ loop, capacity: 4 });
  const answers = new Channel<number>({ loop, capacity: 4 });
  const source = loop.addDefer(() => {
    for (let question; (question = questions.tryPop()) !== undefined;) answers.tryPush(2 * question);
  }, { enabled: "off" });
  return { questions, answers, source };
}

Deno.test("An async function and a callback of a source exchange values in both directions", async () => {
  await using loop = new EventLoop({ kernel: virtualKernel() });
  const { questions, answers, source } = startDoubling(loop);
  const driving = loop.loop();
  const seen: number[] = [];
  for (let value = 1; value < 100; value = seen.at(-1)!) {
    await questions.send(value);
    source.enabled = "oneshot";
    seen.push(await answers.receive());
  }
  assertEquals(seen, [2, 4, 8, 16, 32, 64, 128]);
  loop.exit();
  await driving;
});

Deno.test("A fiber and a callback of a source exchange values in both directions", async () => {
  await using loop = new EventLoop({ kernel: virtualKernel() });
  const { questions, answers, source } = startDoubling(loop);
  const seen = await run(function* () {
    const seen: number[] = [];
    for (let value = 1; value < 100; value = seen.at(-1)!) {
      yield* questions.push(value);
      source.enabled = "oneshot";
      seen.push(yield* answers.pop());
    }
    return seen;
  }, { loop });
  assertEquals(seen, [2, 4, 8, 16, 32, 64, 128]);
});

Deno.test("An async function and a fiber exchange values in both directions", async () => {
  await using loop = new EventLoop({ kernel: virtualKernel() });
  const questions = new Channel<number>({ loop, capacity: 1 });
  const double = async (value: number) => 2 * await Promise.resolve(value);
  const driving = loop.loop();
  const fiber = spawn(function* () {
    let sum = 0;
    for (let question; (question = yield* questions.next()) !== undefined;) sum += yield* until(double(question));
    return sum;
  }, { loop });
  for (let value = 1; value <= 4; value++) await questions.send(value);
  questions.close();
  assertEquals(await fiber, 20);
  loop.exit();
  await driving;
});

Deno.test("A promise of a fiber rejects with its error, and that counts as looked at", async () => {
  const errors: unknown[] = [];
  await using loop = new EventLoop({ kernel: virtualKernel(), onError: (error) => errors.push(error) });
  const failing = spawn(function* () {
    throw new RangeError("seen");
  }, { loop });
  const cancelled = spawn(function* () {
    yield* suspend();
  }, { loop });
  const rejections = [failing.catch((error) => error), cancelled.catch((error) => error)];
  const driving = loop.loop();
  assertInstanceOf(await rejections[0], RangeError);
  cancelled.cancel("why");
  const error = await rejections[1];
  assertInstanceOf(error, CancelledError);
  assertEquals([error.reason, errors], ["why", []]);
  loop.exit();
  await driving;
});

Deno.test("await of a fiber that fails before the host comes to it counts as looked at, wherever the code comes from", async () => {
  const errors: unknown[] = [];
  await using loop = new EventLoop({ kernel: virtualKernel(), onError: (error) => errors.push(error) });
  const failing = () =>
    spawn(function* () {
      throw new RangeError("seen");
    }, { loop });
  const driving = loop.loop();
  await deferFuture(loop, { status: "fulfilled", value: 1 });
  await assertRejects(async () => await failing(), RangeError);
  await spawn(() => sleep(1), { loop });
  await assertRejects(async () => await failing(), RangeError);
  await new Promise<void>((resolve) =>
    loop.addDefer(() => {
      (async () => {
        await assertRejects(async () => await failing(), RangeError);
        resolve();
      })();
    })
  );
  assertEquals(errors, []);
  failing();
  await spawn(() => sleep(1), { loop });
  assertEquals(errors.length, 1);
  loop.exit();
  await driving;
});

Deno.test("A fiber answers a request of Deno.serve()", async () => {
  await using loop = new EventLoop();
  const driving = loop.loop();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) =>
    spawn(function* () {
      yield* sleep(1);
      return new Response(`hello from ${new URL(request.url).pathname}`);
    }, { loop }));
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/fiber`);
  assertEquals(await response.text(), "hello from /fiber");
  await server.shutdown();
  loop.exit();
  await driving;
});

Deno.test("await of a future inside of what run() runs does not need a driver of its own", async () => {
  await using loop = new EventLoop({ kernel: virtualKernel() });
  const { future, resolve } = Future.withResolvers<number>(loop);
  const doubled = (async () => 2 * await future)();
  const value = await run(function* () {
    resolve(21);
    return yield* until(doubled);
  }, { loop });
  assertEquals(value, 42);
});

Deno.test("A thousand promises of one future settle in the order in which they were made", async () => {
  await using loop = new EventLoop({ kernel: virtualKernel() });
  const { future, resolve } = Future.withResolvers<number>(loop);
  const order: number[] = [];
  const all = Array.from({ length: 1_000 }, async (_, index) => {
    await future;
    order.push(index);
  });
  resolve(1);
  const driving = loop.loop();
  await Promise.all(all);
  assertEquals(order, Array.from({ length: 1_000 }, (_, index) => index));
  loop.exit();
  await driving;
});
