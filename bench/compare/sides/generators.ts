/**
 * Bare generators on a trampoline.
 *
 * @module
 */

import { equal, Gauge, range, Sleepers, Switches } from "../checks.ts";
import type { Side } from "../side.ts";
import { CANCELED, current, drain, finish, join, PARK, run, spawn, type Steps, Task, wake } from "./_trampoline.ts";
import { Channel, Semaphore, type Timer, Timers } from "./_trampoline_tools.ts";

const TASKS = 100;

// deno-lint-ignore require-yield
function* value(i: number): Steps<number> {
  return i;
}

function* giveWay(n: number): Steps<number> {
  let count = 0;
  for (; count < n; count++) yield;
  return count;
}

function* spawnAndJoin(n: number): Steps<number> {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* join(spawn(value(i)));
  return sum;
}

function* spawnFreshAndJoin(n: number): Steps<number> {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    sum += yield* join(spawn(function* () {
      return i;
    }()));
  }
  return sum;
}

function* spawnMany(n: number): Steps<number> {
  let sum = 0;
  for (const task of range(n).map((i) => spawn(value(i)))) sum += yield* join(task);
  return sum;
}

function* awaitResolved(n: number): Steps<number> {
  const resolved = new Task(value(1));
  finish(resolved, 1);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* join(resolved);
  return sum;
}

function nest(depth: number): () => Steps<number> {
  if (depth === 0) {
    return function* leaf() {
      yield;
      return 1;
    };
  }
  const inner = nest(depth - 1);
  return function* level() {
    return (yield* inner()) + 1;
  };
}

function* callDeeply(n: number): Steps<number> {
  const call = nest(15);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* call();
  return sum;
}

function* passItems(n: number, capacity: number): Steps<number> {
  const channel = new Channel<number>(capacity);
  function* produce(): Steps<void> {
    for (let i = 0; i < n; i++) yield* channel.send(i);
  }
  spawn(produce());
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield* channel.receive();
  return sum;
}

function* lockAlone(n: number): Steps<number> {
  const mutex = new Semaphore(1);
  let held = 0;
  for (let i = 0; i < n; i++) {
    yield* mutex.acquire();
    held++;
    mutex.release();
  }
  return held;
}

function acquireInTurn(n: number, permits: number): number {
  const semaphore = new Semaphore(permits);
  const gauge = new Gauge(permits);
  function* task(): Steps<void> {
    for (let i = 0; i < n / TASKS; i++) {
      yield* semaphore.acquire();
      gauge.enter();
      yield;
      gauge.leave();
      semaphore.release();
    }
  }
  for (let id = 0; id < TASKS; id++) spawn(task());
  drain();
  return gauge.verify();
}

function* workUnderDeadlines(timers: Timers, n: number): Steps<number> {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const timer: Timer = { due: performance.now() + 1000, task: current, place: 0 };
    timers.add(timer);
    try {
      sum += yield* value(1);
    } finally {
      timers.remove(timer);
    }
  }
  return sum;
}

export const side: Side = {
  works: {
    start: () => run(value(1)),
    yield: (n) => run(giveWay(n)),

    yield_100(n) {
      const switches = new Switches();
      function* task(id: number): Steps<void> {
        for (let i = 0; i < n / TASKS; i++) {
          switches.see(id);
          yield;
        }
      }
      for (let id = 0; id < TASKS; id++) spawn(task(id));
      drain();
      return switches.count;
    },

    spawn_join: (n) => run(spawnAndJoin(n)),
    spawn_join_fresh: (n) => run(spawnFreshAndJoin(n)),
    spawn_many: (n) => run(spawnMany(n)),
    await_resolved: (n) => run(awaitResolved(n)),
    deep_call: (n) => run(callDeeply(n)),
    channel_1: (n) => run(passItems(n, 1)),
    channel_1024: (n) => run(passItems(n, 1024)),
    mutex_uncontended: (n) => run(lockAlone(n)),
    mutex_contended: (n) => acquireInTurn(n, 1),
    semaphore_contended: (n) => acquireInTurn(n, 10),

    async sleep_many(n) {
      const timers = new Timers();
      const sleepers = new Sleepers(n);
      function* task(duration: number): Steps<void> {
        const started = performance.now();
        timers.add({ due: started + duration, task: current, place: 0 });
        yield PARK;
        sleepers.wake(started, duration);
      }
      for (const duration of sleepers.durations) spawn(task(duration));
      await timers.run();
      return sleepers.woken;
    },

    cancel(n, watch) {
      let cleaned = 0;
      function* parked(): Steps<void> {
        try {
          yield PARK;
        } finally {
          cleaned++;
        }
      }
      const tasks = range(n).map(() => spawn(parked()));
      drain();
      equal(cleaned, 0, "cleaned up before the cancellation");
      watch.start();
      for (const task of tasks) {
        task.cancelled = true;
        wake(task);
      }
      drain();
      watch.stop();
      equal(tasks.filter((task) => task.value === CANCELED).length, n, "cancelled");
      return cleaned;
    },

    timeout_scope(n) {
      const timers = new Timers();
      const sum = run(workUnderDeadlines(timers, n));
      equal(timers.size, 0, "timers left over");
      return sum;
    },
  },

  park(n) {
    const gate: Task[] = [];
    let woken = 0;
    function* task(): Steps<void> {
      gate.push(current);
      yield PARK;
      woken++;
    }
    for (let i = 0; i < n; i++) spawn(task());
    drain();
    return {
      release() {
        for (const task of gate) wake(task);
        drain();
        return woken;
      },
    };
  },

  spin(spinning) {
    function* loop(): Steps<number> {
      while (spinning()) yield;
      return 0;
    }
    run(loop());
  },
};
