/**
 * What this package does on fibers.
 *
 * @module
 */

import {
  cancelWait,
  Channel,
  type EventLoop,
  type Fiber,
  Future,
  Gate,
  msec,
  Mutex,
  type Operation,
  sec,
  Semaphore,
  sleep,
  spawn,
  suspend,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { equal, Gauge, range, Sleepers, Switches } from "../checks.ts";
import type { Parked, Side, Stopwatch } from "../side.ts";
import type { Place } from "./_ours.ts";

const TASKS = 100;

/** On loops of this place. */
export function fiberWorks(place: Place): Side["works"] {
  const on = <T>(body: (loop: EventLoop) => Operation<T>) => onFiber(place, body);
  return {
    start: () => on(one),
    yield: (n) => on(() => giveWay(n)),
    yield_100: (n) => on(() => takeTurns(n)),
    spawn_join: (n) => on(() => spawnAndJoin(n)),
    spawn_join_fresh: (n) => on(() => spawnFreshAndJoin(n)),
    spawn_many: (n) => on(() => spawnMany(n)),
    await_resolved: (n) => on((loop) => awaitResolved(loop, n)),
    deep_call: (n) => on(() => callDeeply(n)),
    channel_1: (n) => on((loop) => passItems(loop, n, 1)),
    channel_1024: (n) => on((loop) => passItems(loop, n, 1024)),
    mutex_uncontended: (n) => on((loop) => lockAlone(loop, n)),
    mutex_contended: (n) => on((loop) => lockInTurn(loop, n)),
    semaphore_contended: (n) => on((loop) => acquireInTurn(loop, n)),
    sleep_many: (n) => on(() => sleepMany(n)),
    cancel: (n, watch) => on(() => cancelMany(n, watch)),
    timeout_scope: (n) => on(() => workUnderDeadlines(n)),
  };
}

async function onFiber<T>({ open, drive }: Place, body: (loop: EventLoop) => Operation<T>): Promise<T> {
  using loop = open();
  const fiber = spawn(() => body(loop), { loop });
  fiber.addCallback(() => loop.exit());
  await drive(loop);
  return fiber.result();
}

// deno-lint-ignore require-yield
function* one(): Operation<number> {
  return 1;
}

// deno-lint-ignore require-yield
function* value(i: number): Operation<number> {
  return i;
}

function* giveWay(n: number): Operation<number> {
  let count = 0;
  for (; count < n; count++) yield* yieldNow();
  return count;
}

function* takeTurns(n: number): Operation<number> {
  const switches = new Switches();
  function* task(id: number): Operation<void> {
    for (let i = 0; i < n / TASKS; i++) {
      switches.see(id);
      yield* yieldNow();
    }
  }
  for (const fiber of range(TASKS).map((id) => spawn(() => task(id)))) yield* fiber;
  return switches.count;
}

function* spawnAndJoin(n: number): Operation<number> {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* spawn(() => value(i));
  return sum;
}

function* spawnFreshAndJoin(n: number): Operation<number> {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    sum += yield* spawn(function* () {
      return i;
    });
  }
  return sum;
}

function* spawnMany(n: number): Operation<number> {
  let sum = 0;
  for (const fiber of range(n).map((i) => spawn(() => value(i)))) sum += yield* fiber;
  return sum;
}

function* awaitResolved(loop: EventLoop, n: number): Operation<number> {
  const { future, resolve } = Future.withResolvers<number>(loop);
  resolve(1);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* future;
  return sum;
}

/** So many functions, each of which calls the next; the innermost gives way. */
function nest(depth: number): () => Operation<number> {
  if (depth === 0) {
    return function* leaf() {
      yield* yieldNow();
      return 1;
    };
  }
  const inner = nest(depth - 1);
  return function* level() {
    return (yield* inner()) + 1;
  };
}

function* callDeeply(n: number): Operation<number> {
  const call = nest(15);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* call();
  return sum;
}

function* passItems(loop: EventLoop, n: number, capacity: number): Operation<number> {
  const channel = new Channel<number>({ loop, capacity });
  const producer = spawn(function* () {
    for (let i = 0; i < n; i++) yield* channel.push(i);
  });
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* channel.pop();
  yield* producer;
  return sum;
}

function* lockAlone(loop: EventLoop, n: number): Operation<number> {
  const mutex = new Mutex({ loop });
  let held = 0;
  for (let i = 0; i < n; i++) {
    const lock = yield* mutex.lock();
    held++;
    lock[Symbol.dispose]();
  }
  return held;
}

function* lockInTurn(loop: EventLoop, n: number): Operation<number> {
  const mutex = new Mutex({ loop });
  const gauge = new Gauge(1);
  function* task(): Operation<void> {
    for (let i = 0; i < n / TASKS; i++) {
      const lock = yield* mutex.lock();
      gauge.enter();
      yield* yieldNow();
      gauge.leave();
      lock[Symbol.dispose]();
    }
  }
  for (const fiber of range(TASKS).map(() => spawn(task))) yield* fiber;
  return gauge.verify();
}

function* acquireInTurn(loop: EventLoop, n: number): Operation<number> {
  const semaphore = new Semaphore(10, { loop });
  const gauge = new Gauge(10);
  function* task(): Operation<void> {
    for (let i = 0; i < n / TASKS; i++) {
      const permit = yield* semaphore.acquire();
      gauge.enter();
      yield* yieldNow();
      gauge.leave();
      permit[Symbol.dispose]();
    }
  }
  for (const fiber of range(TASKS).map(() => spawn(task))) yield* fiber;
  return gauge.verify();
}

function* sleepMany(n: number): Operation<number> {
  const sleepers = new Sleepers(n);
  function* task(duration: number): Operation<void> {
    const started = performance.now();
    yield* sleep(msec(duration));
    sleepers.wake(started, duration);
  }
  for (const fiber of sleepers.durations.map((duration) => spawn(() => task(duration)))) yield* fiber;
  return sleepers.woken;
}

function* cancelMany(n: number, watch: Stopwatch): Operation<number> {
  let parked = 0;
  let cleaned = 0;
  function* task(): Operation<void> {
    parked++;
    try {
      yield* suspend();
    } finally {
      cleaned++;
    }
  }
  const fibers = range(n).map(() => spawn(task));
  yield* yieldNow();
  equal(parked, n, "parked");
  equal(cleaned, 0, "cleaned up before the cancellation");
  watch.start();
  yield* cancelWait(...fibers);
  watch.stop();
  return cleaned;
}

function* workUnderDeadlines(n: number): Operation<number> {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* withTimeout(sec(1), one);
  return sum;
}

/** Fibers that wait at one gate, on a loop that goes on whenever it is told so. */
export function park({ open, drive }: Place, n: number): Parked {
  const loop = open();
  const gate = new Gate({ loop });
  let woken = 0;
  function* task(): Operation<void> {
    yield* gate.pass();
    woken++;
  }
  const fibers = range(n).map(() => spawn(task, { loop }));
  while (loop.runSync(0));
  equal(fibers.filter((fiber: Fiber<void>) => fiber.status === "suspended").length, n, "parked");
  return {
    async release() {
      loop.exitOnIdle = true;
      gate.open();
      await drive(loop);
      loop[Symbol.dispose]();
      return woken;
    },
  };
}

/** Gives way for ever: the loop is never idle. */
export async function spin(place: Place, spinning: () => boolean): Promise<void> {
  await onFiber(place, function* () {
    while (spinning()) yield* yieldNow();
  });
}
