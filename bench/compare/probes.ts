/**
 * What no number shows: clean-up that is lost, cancellations that are swallowed, items that vanish, limits that are exceeded. Other libraries
 * fail one or the other of these; who is fast because of that is not compared with. Prints what does not hold, as JSON.
 *
 * @module
 */

import {
  CancelledError,
  cancelWait,
  Channel,
  EventLoop,
  Future,
  msec,
  Mutex,
  type Operation,
  race,
  run,
  Semaphore,
  settled,
  shield,
  sleep,
  spawn,
  suspend,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { range } from "./checks.ts";

const loop = new EventLoop();

/** Whether each holds. */
const probes: Readonly<Record<string, () => Operation<boolean>>> = {
  *"a cancelled fiber does not go on after an inner finally that waits"() {
    const steps: string[] = [];
    function* inner(): Operation<void> {
      try {
        yield* suspend();
      } finally {
        yield* shield(() => sleep(msec(1)));
        steps.push("cleaned");
      }
    }
    const fiber = spawn(function* () {
      yield* inner();
      steps.push("went on");
    });
    yield* yieldNow();
    yield* cancelWait(fiber);
    return steps.join() === "cleaned";
  },

  *"a fiber that is cancelled in its shielded clean-up does all of it"() {
    let steps = 0;
    const fiber = spawn(function* () {
      try {
        yield* sleep(1);
      } finally {
        yield* shield(() => twoSteps(() => steps++));
      }
    });
    yield* sleep(msec(2));
    yield* cancelWait(fiber);
    return steps === 2;
  },

  *"a race ends after its losers' clean-up"() {
    let steps = 0;
    yield* race([() => sleep(1), function* () {
      try {
        yield* suspend();
      } finally {
        yield* shield(() => twoSteps(() => steps++));
      }
    }]);
    return steps === 2;
  },

  *"a race stops its losers"() {
    let finished = false;
    yield* race([() => sleep(1), function* () {
      yield* sleep(msec(5));
      finished = true;
    }]);
    yield* sleep(msec(10));
    return !finished;
  },

  *"a failure runs the finally blocks around it"() {
    let ran = false;
    const fiber = spawn(function* () {
      try {
        yield* suspend();
      } finally {
        ran = true;
      }
    });
    yield* yieldNow();
    fiber.resumeWithError(new Error("as asked"));
    yield* settled(fiber);
    return ran;
  },

  *"a deadline's caller goes on after the clean-up"() {
    let cleaned = false;
    yield* withTimeout(msec(1), function* () {
      try {
        yield* suspend();
      } finally {
        yield* shield(() => sleep(msec(5)));
        cleaned = true;
      }
    }, function* () {
      yield* yieldNow();
    });
    return cleaned;
  },

  *"a result that came before the cancellation stands"() {
    const { future, resolve } = Future.withResolvers<string>(loop);
    const fiber = spawn(() => future);
    yield* yieldNow();
    resolve("value");
    fiber.cancel();
    const outcome = yield* settled(fiber);
    return outcome.status === "fulfilled" && outcome.value === "value";
  },

  *"an item that was handed to a consumer who is cancelled is not lost"() {
    const channel = new Channel<string>({ loop, capacity: 4 });
    const consumer = spawn(() => channel.pop());
    yield* yieldNow();
    yield* channel.push("item");
    yield* cancelWait(consumer);
    return consumer.outcome?.status === "fulfilled" ? consumer.result() === "item" : channel.size === 1;
  },

  *"an item is not lost to a reader who gave up"() {
    const channel = new Channel<string>({ loop, capacity: 1 });
    yield* race([() => channel.pop(), () => sleep(1)]);
    yield* channel.push("item");
    return channel.tryPop() === "item";
  },

  *"any number of readers may wait"() {
    const channel = new Channel<number>({ loop, capacity: 1 });
    const readers = range(2000).map(() => spawn(() => channel.pop()));
    yield* sleep(msec(1));
    const waiting = readers.every((reader) => reader.state === "pending");
    yield* cancelWait(...readers);
    return waiting;
  },

  *"a permit that was handed to a waiter who is cancelled goes to the next"() {
    const semaphore = new Semaphore(1, { loop });
    const permit = yield* semaphore.acquire();
    const [first, second] = [0, 1].map(() => spawn(() => hold(() => semaphore.acquire())));
    yield* yieldNow();
    permit[Symbol.dispose]();
    yield* cancelWait(first);
    return (yield* settled(second)).status === "fulfilled" && semaphore.available === 1;
  },

  *"a permit that is given back twice is one"() {
    const semaphore = new Semaphore(1, { loop });
    const permit = yield* semaphore.acquire();
    permit[Symbol.dispose]();
    permit[Symbol.dispose]();
    return semaphore.available === 1;
  },

  *"who wants little does not overtake who wants much"() {
    const semaphore = new Semaphore(2, { loop });
    using _permit = yield* semaphore.acquire();
    const large = spawn(() => semaphore.acquire(2));
    yield* yieldNow();
    const small = spawn(() => semaphore.acquire());
    yield* sleep(msec(1));
    const waits = small.state === "pending";
    yield* cancelWait(large, small);
    return waits;
  },

  *"one waiter of many can be cancelled"() {
    const mutex = new Mutex({ loop });
    const lock = yield* mutex.lock();
    const [first, second] = [0, 1].map(() => spawn(() => hold(() => mutex.lock())));
    yield* yieldNow();
    yield* cancelWait(first);
    lock[Symbol.dispose]();
    return (yield* settled(second)).status === "fulfilled";
  },

  *"a mutex is held by one, whatever deadlines pass"() {
    const mutex = new Mutex({ loop });
    let [inside, peak] = [0, 0];
    function* work(): Operation<void> {
      using _lock = yield* mutex.lock();
      peak = Math.max(peak, ++inside);
      try {
        yield* sleep(msec(20));
      } finally {
        inside--;
      }
    }
    const fibers = range(3).map(() => spawn(() => withTimeout(msec(2), work)));
    for (const fiber of fibers) yield* settled(fiber);
    return peak === 1 && !mutex.locked;
  },

  *"who waits for what is disposed of is told so"() {
    const mutex = new Mutex({ loop });
    using _lock = yield* mutex.lock();
    const waiter = spawn(() => mutex.lock());
    yield* yieldNow();
    mutex[Symbol.dispose]();
    const outcome = yield* settled(waiter);
    return outcome.status === "rejected" && outcome.reason.code === "EPIPE";
  },

  *"the reason of a cancellation arrives"() {
    const fiber = spawn(suspend);
    yield* yieldNow();
    fiber.cancel("reason");
    const outcome = yield* settled(fiber);
    return outcome.status === "rejected" && outcome.reason instanceof CancelledError && outcome.reason.reason === "reason";
  },
};

function* twoSteps(onStep: () => void): Operation<void> {
  for (let i = 0; i < 2; i++) {
    yield* sleep(msec(2));
    onStep();
  }
}

function* hold(acquire: () => Operation<Disposable>): Operation<void> {
  using _held = yield* acquire();
}

const failed: string[] = [];
for (const [name, probe] of Object.entries(probes)) {
  if (!await run(probe, { loop })) failed.push(name);
}
loop[Symbol.dispose]();
console.log(JSON.stringify({ held: Object.keys(probes).length - failed.length, failed }));
