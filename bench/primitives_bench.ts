/**
 * What primitives cost, with and without somebody who waits, beside plain promises.
 *
 * They give back by hand: `using` alone costs the host several times what a lock does, as its own row shows. Two fibers that hand items over
 * at capacity 1 take a turn of the loop for each; where there is room, many items share a turn.
 */

import { Channel, EventLoop, Gate, Mutex, type Operation, select, Semaphore, spawn, yieldNow } from "@sd/fibers";

const ROUNDS = 10_000;
const FIBERS = 100;

/** Times the fibers that the body spawns, on a loop of its own that blocks the thread. */
function time(b: Deno.BenchContext, body: (loop: EventLoop) => Operation<unknown>): void {
  using loop = new EventLoop();
  const fiber = spawn(() => body(loop), { loop });
  fiber.addCallback(() => loop.exit());
  b.start();
  loop.loopSync();
  b.end();
  fiber.result();
}

function* lockAlone(loop: EventLoop): Operation<void> {
  const mutex = new Mutex({ loop });
  for (let i = 0; i < ROUNDS; i++) (yield* mutex.lock())[Symbol.dispose]();
}

function* lockByUsing(loop: EventLoop): Operation<void> {
  const mutex = new Mutex({ loop });
  for (let i = 0; i < ROUNDS; i++) {
    using _lock = yield* mutex.lock();
  }
}

function* acquireAlone(loop: EventLoop): Operation<void> {
  const semaphore = new Semaphore(2, { loop });
  for (let i = 0; i < ROUNDS; i++) (yield* semaphore.acquire())[Symbol.dispose]();
}

/** Each holds it over one turn, so that all others come up and wait. */
function* lockInTurn(loop: EventLoop): Operation<void> {
  const mutex = new Mutex({ loop });
  function* work(): Operation<void> {
    for (let i = 0; i < ROUNDS / FIBERS; i++) {
      using _lock = yield* mutex.lock();
      yield* yieldNow();
    }
  }
  const fibers = Array.from({ length: FIBERS }, () => spawn(work));
  for (const fiber of fibers) yield* fiber;
}

function items(capacity: number): (loop: EventLoop) => Operation<void> {
  return function* (loop) {
    const channel = new Channel<number>({ loop, capacity });
    const consumer = spawn(function* () {
      for (let sum = 0, item;; sum += item) if ((item = yield* channel.next()) === undefined) return sum;
    });
    for (let i = 0; i < ROUNDS; i++) yield* channel.push(i);
    channel.close();
    yield* consumer;
  };
}

function* pushAndPopAlone(loop: EventLoop): Operation<void> {
  const channel = new Channel<number>({ loop, capacity: 1 });
  for (let i = 0; i < ROUNDS; i++) {
    yield* channel.push(i);
    yield* channel.pop();
  }
}

function* selectInTurn(loop: EventLoop): Operation<void> {
  const [a, b] = [0, 1].map(() => new Channel<number>({ loop, capacity: 1 }));
  const consumer = spawn(function* () {
    for (let i = 0; i < ROUNDS; i++) yield* select({ a, b });
  });
  for (let i = 0; i < ROUNDS; i++) yield* (i % 2 === 0 ? a : b).push(i);
  yield* consumer;
}

/** All cases but the last are pushes and locks that have to wait, and leave again. */
function* selectMany(loop: EventLoop): Operation<void> {
  const full = new Channel<number>({ loop, capacity: 0 });
  const mutex = new Mutex({ loop });
  mutex.lockFuture();
  const items = new Channel<number>({ loop, capacity: 1 });
  const consumer = spawn(function* () {
    for (let i = 0; i < ROUNDS; i++) yield* select({ sent: full.push(i), lock: mutex.lock(), item: items });
  });
  for (let i = 0; i < ROUNDS; i++) yield* items.push(i);
  yield* consumer;
}

function* passTogether(loop: EventLoop): Operation<void> {
  const gate = new Gate({ loop });
  const fibers = Array.from({ length: ROUNDS }, () => spawn(() => gate.pass()));
  yield* yieldNow();
  gate.open();
  for (const fiber of fibers) yield* fiber;
}

Deno.bench("10 000 locks of a free mutex", { group: "mutex, free", baseline: true }, (b) => time(b, lockAlone));
Deno.bench("the same, given back by using", { group: "mutex, free" }, (b) => time(b, lockByUsing));
Deno.bench("10 000 permits of a free semaphore", (b) => time(b, acquireAlone));
Deno.bench("10 000 locks, 100 fibers in turn", (b) => time(b, lockInTurn));
Deno.bench("10 000 items pushed and popped by one fiber", { group: "channel", baseline: true }, (b) => time(b, pushAndPopAlone));
Deno.bench("10 000 items at capacity 1", { group: "channel" }, (b) => time(b, items(1)));
Deno.bench("10 000 items at capacity 16", { group: "channel" }, (b) => time(b, items(16)));
Deno.bench("10 000 items by a promise each", { group: "channel" }, async (b) => {
  b.start();
  let hand = Promise.withResolvers<number>();
  const consumed = (async () => {
    for (let i = 0; i < ROUNDS; i++) await hand.promise;
  })();
  for (let i = 0; i < ROUNDS; i++) {
    const { resolve } = hand;
    hand = Promise.withResolvers<number>();
    resolve(i);
    await undefined;
  }
  hand.resolve(0);
  await consumed;
  b.end();
});
Deno.bench("10 000 items selected from two channels", (b) => time(b, selectInTurn));
Deno.bench("10 000 items selected beside a push and a lock", (b) => time(b, selectMany));
Deno.bench("10 000 fibers through a gate", (b) => time(b, passTogether));
