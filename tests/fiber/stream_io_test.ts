/**
 * Waiting for descriptors on fibers.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  connect,
  type Connection,
  EventLoop,
  Fiber,
  type FiberStatus,
  Future,
  isInterruption,
  type Operation,
  sleep,
  spawn,
  suspend,
  TimeoutError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { assertSameBytes, fill, openConnection, readFully, untilArrived, untilAtRest } from "./_connections.ts";
import { bytesOf, codeOf, errorOf, ioTest, type IoWorld, linuxIoTest, simulatedIoTest, textOf, waiting } from "./_io_world.ts";
import { Steps } from "../_steps.ts";

const byte = new Uint8Array(1);

ioTest("StreamOperation waits until something has come, and the loop goes on meanwhile", async (world) => {
  const steps = new Steps();
  await world.run(function* () {
    using pair = yield* openConnection();
    const reader = spawn(function* () {
      steps.expect(1);
      assertEquals(yield* pair.server.read(new Uint8Array(10)), 1);
      steps.expect(3);
    });
    yield* sleep(1);
    steps.expect(2);
    yield* pair.client.writeAll(byte);
    yield* reader;
    steps.finish(4);
  });
});

ioTest("StreamOperation of one reader and one writer go on at once, and a second of either is EBUSY", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    const reader = yield* waiting(() => client.read(new Uint8Array(10)), "first reader");
    const writer = yield* waiting(() => client.writeAll(fill(16 << 20)), "first writer");
    const busy = yield* errorOf(client.readAll());
    assertEquals(busy.code, "EBUSY");
    assertStringIncludes(busy.message, "'first reader'");
    assertEquals(yield* codeOf(client.write(byte)), "EBUSY");
    yield* server.writeAll(byte);
    assertEquals(yield* reader, 1);
    const received = yield* readFully(server, 16 << 20);
    yield* writer;
    assertEquals(received.length, 16 << 20);
    // Both directions are free again.
    yield* server.writeAll(byte);
    assertEquals(yield* client.read(byte), 1);
    assertEquals(yield* client.write(byte), 1);
  });
});

ioTest("StreamOperation that is cancelled has moved nothing, and leaves the stream to the next one", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    const before = world.open();
    for (let round = 0; round < 3; round++) {
      const reader = yield* waiting(() => server.read(new Uint8Array(10)));
      yield* cancelWait(reader);
      assert(reader.outcome?.status === "rejected" && reader.outcome.reason instanceof CancelledError);
    }
    assertEquals(world.open().filter((what) => !what.startsWith("watch")), before.filter((what) => !what.startsWith("watch")));
    yield* client.writeAll(bytesOf("hello"));
    assertEquals(textOf(yield* readFully(server, 5)), "hello");
  });
});

ioTest("StreamOperation ends at the fiber's deadline", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    let error: unknown;
    try {
      yield* withTimeout(100, pair.server.read(byte));
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof TimeoutError);
    yield* pair.client.writeAll(byte);
    assertEquals(yield* pair.server.read(byte), 1);
  });
});

ioTest("StreamOperation throws an interruption that is queued before it moves anything", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    yield* pair.client.writeAll(bytesOf("data"));
    yield* untilArrived(world, pair.server, 4);
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    const log: unknown[] = [];
    const fiber = yield* waiting(function* () {
      yield* future;
      log.push(isInterruption(yield* errorOf(pair.server.read(new Uint8Array(4)))));
      log.push(yield* pair.server.read(new Uint8Array(4)));
    });
    // What it waits for has come before the cancellation, which is left queued by that.
    resolve();
    fiber.cancel();
    yield* fiber;
    assertEquals(log, [true, 4]);
  });
});

ioTest("StreamOperation is told EBADF when the stream is closed under it", async (world) => {
  await world.run(function* () {
    const pair = yield* openConnection();
    const reader = yield* waiting(() => errorOf(pair.client.read(byte)));
    const writer = yield* waiting(() => errorOf(pair.client.writeAll(fill(16 << 20))));
    pair.client.close();
    for (const error of [yield* reader, yield* writer]) {
      assertEquals(error.code, "EBADF");
      assertStringIncludes(error.message, "it is closed");
    }
    pair[Symbol.dispose]();
  });
});

ioTest("StreamOperation that was woken already finds the stream closed, not its data", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    const reader = spawn(() => errorOf(server.read(byte)), { priority: 10 });
    const comesTo = (status: FiberStatus) => reader.status === status;
    while (!comesTo("suspended")) yield* sleep(100);
    yield* client.writeAll(byte);
    while (!comesTo("ready")) yield* yieldNow();
    server.close();
    assertEquals((yield* reader).code, "EBADF");
  });
});

ioTest("StreamOperation that somebody's resume() wakes throws EBUSY, and the stream stays usable", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const reader = yield* waiting(() => errorOf(pair.server.read(byte)));
    reader.resume("boo");
    const error = yield* reader;
    assertEquals(error.code, "EBUSY");
    assertStringIncludes(error.message, "resume()");
    yield* pair.client.writeAll(byte);
    assertEquals(yield* pair.server.read(byte), 1);
  });
});

ioTest("StreamOperation throws what resumeWithError() gives", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const reader = yield* waiting(function* () {
      try {
        return yield* pair.server.read(byte);
      } catch (error) {
        return error;
      }
    });
    const error = new Error("mine");
    reader.resumeWithError(error);
    assertEquals(yield* reader, error);
  });
});

ioTest("StreamOperation of a fiber of another loop is EINVAL, and off a fiber ESRCH", async (world) => {
  const pair = await world.run(openConnection);
  using other = new EventLoop({ kernel: world.kernel, name: "other" });
  const fiber = spawn(() => errorOf(pair.client.read(byte)), { loop: other });
  while (fiber.state === "pending") await world.iterate(other);
  assertEquals(fiber.result().code, "EINVAL");
  assertStringIncludes(fiber.result().message, "'other'");
  let code: string | undefined;
  try {
    pair.client.read(byte)[Symbol.iterator]().next();
  } catch (error) {
    code = (error as { code: string }).code;
  }
  assertEquals(code, "ESRCH");
  pair[Symbol.dispose]();
});

ioTest("StreamOperation that waits when the loop exits is cancelled, and so is one that begins later", async (world) => {
  const log: unknown[] = [];
  let begun = false;
  const reader = world.spawn(function* () {
    using pair = yield* openConnection();
    begun = true;
    try {
      yield* pair.server.read(byte);
    } finally {
      log.push((yield* errorOf(pair.server.read(byte))) instanceof CancelledError);
    }
  });
  world.spawn(function* () {
    while (!begun || reader.status !== "suspended") yield* sleep(100);
    world.loop.exit(7);
  });
  assertEquals(await world.finish(world.loop), 7);
  assertEquals(log, [true]);
});

ioTest("StreamIo keeps the loop from being idle only while a fiber waits for it", async (world) => {
  const { client, server } = await world.run(openConnection);
  const writer = world.spawn(() => server.writeAll(fill(16 << 20)), { name: "writer" });
  const reader = world.spawn(() => server.read(byte), { name: "reader" });
  world.settle();
  world.loop.exitOnIdle = true;
  world.settle();
  assertEquals([reader.status, writer.status, world.loop.exitCode], ["suspended", "suspended", undefined]);
  writer.cancel();
  world.settle();
  assertEquals([reader.status, writer.state, world.loop.exitCode], ["suspended", "resolved", undefined]);
  world.write(client.fd, "x");
  await world.runUntil(() => world.loop.exitCode !== undefined);
  // Both are open still, and nobody waits for them.
  assertEquals([reader.result(), client.fd >= 0, server.fd >= 0, world.loop.exitCode], [1, true, true, 0]);
});

ioTest("StreamIo is closed with its loop", async (world) => {
  const before = world.open();
  using other = new EventLoop({ kernel: world.kernel, name: "other", onError: () => {} });
  const opened: Connection[] = [];
  const fiber = spawn(function* () {
    const { client, server } = yield* openConnection();
    opened.push(client, server);
    yield* spawn(() => client.read(byte), { name: "reader" });
  }, { loop: other });
  while (opened.length < 2) await world.iterate(other);
  while (other.runSync(0));
  assertEquals(fiber.state, "pending");
  other[Symbol.dispose]();
  assertEquals(world.open(), before);
  for (const connection of opened) {
    assertEquals(connection.fd, -1);
    connection[Symbol.dispose]();
  }
});

ioTest("StreamOperation wakes the more important fiber first", async (world) => {
  await world.run(function* () {
    using one = yield* openConnection();
    using two = yield* openConnection();
    const order: string[] = [];
    const readers = ([["late", 5, one], ["soon", -5, two]] as const).map(([name, priority, { server }]) =>
      spawn(function* () {
        yield* server.read(byte);
        order.push(name);
      }, { priority })
    );
    yield* untilAtRest(...readers);
    yield* one.client.writeAll(byte);
    yield* two.client.writeAll(byte);
    for (const reader of readers) yield* reader;
    assertEquals(order, ["soon", "late"]);
  }, { priority: -10 });
});

ioTest("StreamOperation of an important fiber overtakes work that never ends", async (world) => {
  for (const other of ["nobody", "a writer of the same connection"]) {
    await world.run(function* () {
      using pair = yield* openConnection();
      const { client, server } = pair;
      let turns = 0;
      const busy = world.loop.addDefer(() => void (++turns === 10 && world.write(client.fd, "x")), { enabled: "on", priority: 5 });
      const reader = spawn(function* () {
        yield* server.read(byte);
        return turns;
      }, { priority: 3 });
      // It waits at another priority, and ends before.
      const writer = other === "nobody" ? undefined : spawn(() => server.writeAll(fill(16 << 20)), { priority: 4 });
      yield* suspendUntil(world, () => [reader, writer ?? reader].every(({ status }) => status === "suspended"));
      if (writer !== undefined) yield* cancelWait(writer);
      turns = 0;
      yield* suspendUntil(world, () => reader.state === "resolved");
      assert((yield* reader) <= 12, `It waited for ${reader.result() - 10} turns`);
      busy[Symbol.dispose]();
    });
  }
}, { lacks: "arrivals between two turns of the host" });

/** Suspends the fiber until it is so, which is looked at after each dispatch. */
function* suspendUntil(world: IoWorld, isSo: () => boolean): Operation<void> {
  const fiber = Fiber.current!;
  using _post = world.loop.addPost(() => void (isSo() && fiber.resume()));
  yield* suspend();
}

ioTest("StreamOperation that always finds something gives way to others now and then", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    yield* client.writeAll(new Uint8Array(1000));
    yield* untilArrived(world, server, 1000);
    let turns = 0;
    const other = spawn(function* () {
      while (true) {
        turns++;
        yield* yieldNow();
      }
    });
    yield* yieldNow();
    turns = 0;
    for (let i = 0; i < 1000; i++) yield* server.read(byte);
    assert(turns > 5, `Others had ${turns} turns`);
    yield* cancelWait(other);
  });
});

ioTest("StreamOperation that gives way can be cancelled", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    yield* client.writeAll(new Uint8Array(1000));
    yield* untilArrived(world, server, 1000);
    let count = 0;
    const reader = spawn(function* () {
      for (; count < 1000; count++) yield* server.read(byte);
    });
    yield* yieldNow();
    yield* cancelWait(reader);
    assert(count > 0 && count < 1000, `It read ${count} bytes`);
    const rest = spawn(() => readFully(server, 1000 - count));
    assertEquals((yield* rest).length, 1000 - count);
  });
});

ioTest("StreamOperation reads what came before the end, and the end, however they came", async (world) => {
  await world.run(function* () {
    for (const isFirst of [true, false]) {
      for (const size of [1, 3, 100]) {
        using pair = yield* openConnection();
        const { client, server } = pair;
        const received: (number | null)[] = [];
        const reader = function* () {
          for (;;) {
            const count = yield* server.read(new Uint8Array(size));
            received.push(count);
            if (count === null) break;
          }
        };
        const fiber = isFirst ? yield* waiting(reader) : undefined;
        yield* client.writeAll(bytesOf("abc"));
        client.close();
        yield* sleep(100);
        yield* fiber ?? spawn(reader);
        assertEquals(received, size === 1 ? [1, 1, 1, null] : [3, null]);
      }
    }
  });
});

ioTest("StreamOperation is told ECONNRESET when the other side closed without reading", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    const reader = yield* waiting(() => errorOf(client.readAll()));
    yield* client.writeAll(byte);
    yield* untilArrived(world, server, 1);
    server.close();
    const error = yield* reader;
    assertEquals(error.code, "ECONNRESET");
    assertStringIncludes(error.message, "the connection to 127.0.0.1:");
  });
});

simulatedIoTest("StreamIo is registered at its first wait, and stays so", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    const watches = () => world.open().filter((what) => what.startsWith("watch")).length;
    const before = watches();
    yield* client.writeAll(byte);
    yield* sleep(100);
    assertEquals(yield* server.read(byte), 1);
    assertEquals(watches(), before);
    for (let round = 0; round < 3; round++) {
      const reader = yield* waiting(() => server.read(byte));
      assertEquals(watches(), before + 1);
      yield* client.writeAll(byte);
      yield* reader;
      assertEquals(watches(), before + 1);
    }
    server.close();
    assertEquals(watches(), before);
  });
});

simulatedIoTest("StreamOperation throws when the kernel refuses to watch, and the stream stays usable", async (world) => {
  const [one, other] = world.simulation.socketPair();
  await world.run(function* () {
    using connection = yield* connect({ fd: one });
    const error = yield* errorOf(connection.read(byte));
    assertEquals(error.code, "ENOSPC");
    world.write(other, "x");
    assertEquals(yield* connection.read(byte), 1);
  });
  world.closeAll(other);
}, { faults: { ENOSPC: 1 } });

linuxIoTest("StreamIo of thousands of small messages over one edge-triggered registration loses none", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    const rounds = 3000;
    const echo = spawn(function* () {
      const buffer = new Uint8Array(64);
      for (let count; (count = yield* server.read(buffer)) !== null;) yield* server.writeAll(buffer.subarray(0, count));
    });
    for (let round = 0; round < rounds; round++) {
      const size = 1 + round % 100;
      yield* client.writeAll(new Uint8Array(size).fill(round));
      assertEquals((yield* readFully(client, size)).at(-1), round & 0xff);
    }
    client.close();
    yield* echo;
  });
});

for (let seed = 1; seed <= 20; seed++) {
  simulatedIoTest(`StreamOperation moves everything in spite of faults of seed ${seed}`, async (world) => {
    await world.run(function* () {
      using pair = yield* openConnection();
      const data = fill(300_000);
      const writer = spawn(function* () {
        yield* pair.client.writeAll(data);
        pair.client.closeWrite();
      });
      assertSameBytes(yield* pair.server.readAll(), data);
      yield* writer;
    });
  }, { seed, faults: { EAGAIN: 0.3, "short-read": 0.5, "short-write": 0.5, EINTR: 0.1 } });
}
