/**
 * What futures cost: awaited, told of, gathered in groups, and beside promises.
 */

import { EventLoop, Future, FutureGroup, type Operation, promiseFuture, relativeTimeFuture, spawn, until } from "@sd/fibers";

const ROUNDS = 10_000;

/** Times a fiber on a loop of its own that blocks the thread. */
function time(b: Deno.BenchContext, body: (loop: EventLoop) => Operation<unknown>): void {
  using loop = new EventLoop();
  const fiber = spawn(() => body(loop), { loop });
  fiber.addCallback(() => loop.exit());
  b.start();
  loop.loopSync();
  b.end();
  fiber.result();
}

/** The same on a loop that leaves the host alive. */
async function timeHosted(b: Deno.BenchContext, body: (loop: EventLoop) => Operation<unknown>): Promise<void> {
  using loop = new EventLoop();
  const fiber = spawn(() => body(loop), { loop });
  fiber.addCallback(() => loop.exit());
  b.start();
  await loop.loop();
  b.end();
  fiber.result();
}

function* awaitResolved(loop: EventLoop): Operation<void> {
  const { future, resolve } = Future.withResolvers<void>(loop);
  resolve();
  for (let i = 0; i < ROUNDS; i++) yield* future;
}

function* awaitPending(loop: EventLoop): Operation<void> {
  for (let i = 0; i < ROUNDS; i++) {
    const { future, resolve } = Future.withResolvers<void>(loop);
    loop.addDefer(() => resolve());
    yield* future;
  }
}

function* callBack(loop: EventLoop): Operation<number> {
  const { future, resolve } = Future.withResolvers<void>(loop);
  let called = 0;
  for (let i = 0; i < ROUNDS; i++) future.addCallback(() => called++);
  resolve();
  yield* future;
  return called;
}

function* gather(loop: EventLoop): Operation<void> {
  const resolvers = Array.from({ length: ROUNDS }, () => Future.withResolvers<unknown>(loop));
  const group = FutureGroup.all(loop);
  group.add(...resolvers.map(({ future }) => future));
  for (const { resolve } of resolvers) resolve(undefined);
  yield* group;
}

// deno-lint-ignore require-yield
function* setAndCancel(loop: EventLoop): Operation<void> {
  for (let i = 0; i < ROUNDS; i++) relativeTimeFuture(loop, 1_000_000).cancel();
}

function* awaitPromises(): Operation<void> {
  for (let i = 0; i < ROUNDS; i++) yield* until(Promise.resolve());
}

function* awaitPromiseFutures(loop: EventLoop): Operation<void> {
  for (let i = 0; i < ROUNDS; i++) yield* promiseFuture(loop, Promise.resolve());
}

Deno.bench("10 000 awaits of a future that is resolved", { group: "await" }, (b) => time(b, awaitResolved));
Deno.bench("10 000 futures that a defer source resolves, awaited", { group: "await", baseline: true }, (b) => time(b, awaitPending));
Deno.bench("10 000 callbacks of one future", (b) => time(b, callBack));
Deno.bench("a group of 10 000 futures", (b) => time(b, gather));
Deno.bench("10 000 timers as futures, cancelled", (b) => time(b, setAndCancel));
Deno.bench("10 000 promises awaited on a fiber", { group: "promises", baseline: true }, async (b) => {
  await timeHosted(b, awaitPromises);
});
Deno.bench("10 000 promises as futures, awaited on a fiber", { group: "promises" }, async (b) => {
  await timeHosted(b, awaitPromiseFutures);
});
Deno.bench("10 000 promises awaited in an async function", { group: "promises" }, async (b) => {
  b.start();
  for (let i = 0; i < ROUNDS; i++) await Promise.resolve();
  b.end();
});
