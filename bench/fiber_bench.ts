/**
 * What fibers cost: giving way, starting and joining, waiting for a future.
 */

import { EventLoop, type Operation, sleep, spawn, yieldNow } from "@sd/fibers";

const ROUNDS = 10_000;

/** Times one body on a loop of its own that blocks the thread. */
function time(b: Deno.BenchContext, body: () => Operation<unknown>): void {
  using loop = new EventLoop();
  spawn(body, { loop }).addCallback(() => loop.exit());
  b.start();
  loop.loopSync();
  b.end();
}

function* give(): Operation<void> {
  for (let i = 0; i < ROUNDS; i++) yield* yieldNow();
}

// deno-lint-ignore require-yield
function* child(): Operation<number> {
  return 1;
}

function* spawnAndJoin(): Operation<number> {
  let sum = 0;
  for (let i = 0; i < ROUNDS; i++) sum += yield* spawn(child);
  return sum;
}

function* spawnFreshAndJoin(): Operation<number> {
  let sum = 0;
  for (let i = 0; i < ROUNDS; i++) {
    sum += yield* spawn(function* () {
      return 1;
    });
  }
  return sum;
}

function* spawnSleepers(): Operation<void> {
  const sleepers = Array.from({ length: ROUNDS }, (_, i) => spawn(() => sleep(1 + i % 100)));
  for (const sleeper of sleepers) yield* sleeper;
}

Deno.bench("10 000 times yieldNow", (b) => time(b, give));
Deno.bench("10 000 times spawn and join, one function", (b) => time(b, spawnAndJoin));
Deno.bench("10 000 times spawn and join, a fresh function* each", (b) => time(b, spawnFreshAndJoin));
Deno.bench("10 000 fibers that sleep up to 100 us, at once", (b) => time(b, spawnSleepers));
