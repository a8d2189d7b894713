/**
 * What each operation asks of the kernel and of the loop, exactly: a regression shows here without a stopwatch. Whoever makes one of these
 * numbers smaller writes the new one down.
 *
 * @module
 */

import {
  Channel,
  connect,
  Future,
  IoEvent,
  listen,
  type Listener,
  Mutex,
  type Operation,
  sec,
  sleep,
  spawn,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { read, write } from "@sd/fibers/io";
import { assertEquals } from "@std/assert";
import { Counted, type Economy } from "./_counting.ts";

const ROUNDS = 100;
const WARM_UP = 2;

/** What so many rounds of a fiber's work take, after some that warm it up. */
function rounds(counted: Counted, round: () => Operation<unknown>): Economy {
  return counted.run(() => inRounds(counted, round));
}

function* inRounds(counted: Counted, round: () => Operation<unknown>): Operation<Economy> {
  for (let i = 0; i < WARM_UP; i++) yield* round();
  const stop = counted.start();
  for (let i = 0; i < ROUNDS; i++) yield* round();
  return stop();
}

/** What so many iterations take. */
function iterations(counted: Counted, count: number): Economy {
  counted.iterate(WARM_UP);
  const stop = counted.start();
  counted.iterate(count);
  return stop();
}

function test(name: string, measure: (counted: Counted) => Economy, expected: Economy): void {
  Deno.test(name, () => {
    using counted = new Counted();
    assertEquals(measure(counted), expected);
  });
}

/** A pipe for as long as the body runs. */
function withPipe<T>({ kernel }: Counted, body: (reader: number, writer: number) => T): T {
  const { reader, writer } = kernel.pipe();
  try {
    return body(reader, writer);
  } finally {
    kernel.close(writer);
    kernel.close(reader);
  }
}

function* noop(): Operation<void> {}

test("A dispatch of a defer source is an iteration, and asks for nothing", (counted) => {
  counted.loop.addDefer(() => {}, { enabled: "on" });
  return iterations(counted, ROUNDS);
}, { iterations: ROUNDS, calls: {} });

test("A dispatch of a defer source beside an io source is an iteration and a poll", (counted) => {
  return withPipe(counted, (reader) => {
    counted.loop.addIo(reader, IoEvent.IN, () => {});
    counted.loop.addDefer(() => {}, { enabled: "on" });
    return iterations(counted, ROUNDS);
  });
}, { iterations: ROUNDS, calls: { poll: ROUNDS } });

test("Dispatches of a hundred defer sources beside an io source share a poll", (counted) => {
  return withPipe(counted, (reader) => {
    counted.loop.addIo(reader, IoEvent.IN, () => {});
    for (let i = 0; i < 100; i++) counted.loop.addDefer(() => {}, { enabled: "on" });
    return iterations(counted, 100 * ROUNDS);
  });
}, { iterations: 100 * ROUNDS, calls: { poll: ROUNDS } });

test("A ping over a pipe is an iteration and a poll, beside the read and the write", (counted) => {
  return withPipe(counted, (reader, writer) => {
    const byte = new Uint8Array(1);
    counted.loop.addIo(reader, IoEvent.IN, () => {
      counted.kernel.tryRead(reader, byte);
      counted.kernel.tryWrite(writer, byte);
    });
    counted.kernel.tryWrite(writer, byte);
    return iterations(counted, ROUNDS);
  });
}, { iterations: ROUNDS, calls: { poll: ROUNDS, tryRead: ROUNDS, tryWrite: ROUNDS } });

test("A timer that fires and is set anew is an iteration, a poll, a wake-up and a look at the clock", (counted) => {
  counted.loop.addTimeRelative("monotonic", 1000, (_, source) => {
    source.setRelative(1000);
    source.enabled = "oneshot";
  });
  return iterations(counted, ROUNDS);
}, { iterations: ROUNDS, calls: { now: ROUNDS, poll: ROUNDS, setWakeup: ROUNDS } });

test("A fiber that gives way is an iteration, and asks for nothing", (counted) => rounds(counted, yieldNow), {
  iterations: ROUNDS,
  calls: {},
});

test(
  "A sleep is three iterations, a poll and a wake-up; the clock is read to set it and to see it",
  (counted) => rounds(counted, () => sleep(1000)),
  { iterations: 3 * ROUNDS, calls: { now: 2 * ROUNDS, poll: ROUNDS, setWakeup: ROUNDS } },
);

test(
  "A fiber that is spawned and joined is three iterations: its own, the news of its end, and its parent's",
  (counted) => rounds(counted, () => spawn(noop)),
  { iterations: 3 * ROUNDS, calls: {} },
);

test("A future that is resolved already takes no iteration", (counted) => {
  return rounds(counted, () => {
    const { future, resolve } = Future.withResolvers<void>(counted.loop);
    resolve();
    return future;
  });
}, { iterations: 0, calls: {} });

test("A future that is resolved later takes the iteration that does so, one for the news, and the fiber's", (counted) => {
  return rounds(counted, () => {
    const { future, resolve } = Future.withResolvers<void>(counted.loop);
    counted.loop.addDefer(() => resolve());
    return future;
  });
}, { iterations: 3 * ROUNDS, calls: {} });

test("A free mutex takes no iteration", (counted) => {
  const mutex = new Mutex({ loop: counted.loop });
  return rounds(counted, function* () {
    using _lock = yield* mutex.lock();
  });
}, { iterations: 0, calls: {} });

test("A deadline that is kept takes no iteration, and asks for nothing", (counted) => rounds(counted, () => withTimeout(sec(1), noop)), {
  iterations: 0,
  calls: {},
});

test("Three items through a channel of capacity 1 take two iterations, and ask for nothing", (counted) => {
  return counted.run(function* () {
    const channel = new Channel<number>({ loop: counted.loop, capacity: 1 });
    const producer = spawn(function* () {
      for (let i = 0; i < 3 * (WARM_UP + ROUNDS); i++) yield* channel.push(i);
    });
    const economy = yield* inRounds(counted, function* () {
      for (let i = 0; i < 3; i++) yield* channel.pop();
    });
    yield* producer;
    return economy;
  });
}, { iterations: 2 * ROUNDS, calls: {} });

test("A byte that is there is read and written without a poll", (counted) => {
  const byte = new Uint8Array(1);
  return withPipe(counted, (reader, writer) =>
    rounds(counted, function* () {
      yield* write(writer, byte);
      yield* read(reader, byte);
    }));
}, { iterations: 3, calls: { setBlocking: 2 * ROUNDS, tryRead: ROUNDS, tryWrite: ROUNDS } });

test("An echo is two polls, two writes and three reads: who has room for more does not ask again", (counted) => {
  return counted.run(function* () {
    using listener = listen({ hostname: "127.0.0.1", port: 7 });
    const server = spawn(() => serve(listener));
    using connection = yield* connect({ hostname: "127.0.0.1", port: 7 });
    const byte = new Uint8Array(1);
    const economy = yield* inRounds(counted, function* () {
      yield* connection.writeAll(byte);
      yield* connection.read(byte);
    });
    connection.close();
    yield* server;
    return economy;
  });
}, { iterations: 2 * ROUNDS, calls: { poll: 2 * ROUNDS, tryRead: 3 * ROUNDS, tryWrite: 2 * ROUNDS } });

/** With room for more than comes, as servers have. */
function* serve(listener: Listener): Operation<void> {
  using connection = yield* listener.accept();
  const buffer = new Uint8Array(64);
  for (let size; (size = yield* connection.read(buffer)) !== null;) yield* connection.writeAll(buffer.subarray(0, size));
}
