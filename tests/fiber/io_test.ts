/**
 * Calls on bare descriptors.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  checkInterrupted,
  Fiber,
  IoEvent,
  msec,
  type Operation,
  select,
  sleep,
  spawn,
  SystemError,
  TimeoutError,
  timeoutScope,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import {
  acceptFd,
  connectFd,
  poll,
  type PollEntry,
  read,
  readAll,
  readExact,
  readFull,
  readVector,
  write,
  writeAll,
  writeVector,
} from "@sd/fibers/io";
import { assertSameBytes, fill } from "./_connections.ts";
import { cString, libc } from "../../event/kernel/linux/libc.ts";
import { realFiles } from "../_files.ts";
import { bytesOf, codeOf, errorOf, ioTest, type IoWorld, linuxIoTest, simulatedIoTest, textOf, waiting } from "./_io_world.ts";

const { IN, OUT, HUP, ERR } = IoEvent;
const byte = new Uint8Array(1);

/** Runs the body with a pipe, which is closed afterwards. */
async function withPipe(world: IoWorld, body: (reader: number, writer: number) => Operation<void>): Promise<void> {
  const [reader, writer] = world.pipe();
  await world.run(() => body(reader, writer));
  world.kernel.close(reader);
  world.kernel.close(writer);
}

/** Whether calls on it wait. */
function isBlocking(world: IoWorld, handle: number): boolean {
  const was = world.kernel.setBlocking(handle, true);
  if (was === 0) world.kernel.setBlocking(handle, false);
  return was === 1;
}

ioTest("read() gives what is there, waits when nothing is, and 0 at the end", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const buffer = new Uint8Array(10);
    world.write(writer, "now");
    assertEquals([yield* read(reader, buffer), textOf(buffer.subarray(0, 3))], [3, "now"]);
    const reading = yield* waiting(() => read(reader, buffer));
    world.write(writer, "then");
    assertEquals([yield* reading, textOf(buffer.subarray(0, 4))], [4, "then"]);
    world.closeAll(writer);
    assertEquals(yield* read(reader, buffer), 0);
  });
});

ioTest("write() waits until something fits", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const data = new Uint8Array(1 << 20);
    const first = yield* write(writer, data);
    assert(first > 0 && first < data.length);
    const writing = yield* waiting(() => write(writer, data));
    assertEquals(yield* readFull(reader, new Uint8Array(first)), first);
    assert((yield* writing) > 0);
  });
});

ioTest("read() and write() of nothing are 0 at once, on any descriptor", async (world) => {
  await world.run(function* () {
    const none = new Uint8Array();
    assertEquals([yield* read(400_000, none), yield* write(400_000, none)], [0, 0]);
    assertEquals([yield* readVector(400_000, [none, none]), yield* writeVector(400_000, [])], [0, 0]);
    assertEquals([yield* readFull(400_000, none), yield* readExact(400_000, none), yield* writeAll(400_000, none)], [
      0,
      undefined,
      undefined,
    ]);
  });
});

ioTest("read() by several fibers wait for one descriptor, and all that comes is read once", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const readers: Fiber<number>[] = [];
    for (let i = 0; i < 5; i++) readers.push(yield* waiting(() => read(reader, new Uint8Array(2))));
    for (let i = 0; i < 5; i++) {
      world.write(writer, "ab");
      yield* sleep(100);
    }
    let sum = 0;
    for (const fiber of readers) sum += yield* fiber;
    assertEquals(sum, 10);
  });
});

ioTest("read() that is interrupted has read nothing, and leaves nothing behind", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const before = world.open();
    const reading = yield* waiting(() => read(reader, byte));
    yield* cancelWait(reading);
    assert(reading.outcome?.status === "rejected" && reading.outcome.reason instanceof CancelledError);
    let error: unknown;
    try {
      yield* withTimeout(100, read(reader, byte));
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof TimeoutError);
    assertEquals(world.open(), before);
    world.write(writer, "x");
    assertEquals(yield* read(reader, byte), 1);
  });
});

ioTest("Operations on a blocking descriptor make it wait for nobody meanwhile, and blocking again afterwards", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const { kernel } = world;
    kernel.setBlocking(reader, true);
    const one = yield* waiting(() => read(reader, byte));
    assertEquals(isBlocking(world, reader), false);
    const other = yield* waiting(() => read(reader, byte));
    world.write(writer, "x");
    yield* sleep(100);
    // One of them is through, the other one waits.
    assertEquals([one.state, other.state].sort(), ["pending", "resolved"]);
    assertEquals(isBlocking(world, reader), false);
    yield* cancelWait(one, other);
    assertEquals(isBlocking(world, reader), true);
    world.write(writer, "y");
    assertEquals(yield* read(reader, byte), 1);
    assertEquals(isBlocking(world, reader), true);
    assertEquals(yield* codeOf(write(reader, byte)), "EBADF");
    assertEquals(isBlocking(world, reader), true);
  });
});

ioTest("Operations on a descriptor that is made blocking meanwhile leave it blocking in the end", async (world) => {
  await withPipe(world, function* (reader) {
    const one = yield* waiting(() => read(reader, byte));
    world.kernel.setBlocking(reader, true);
    const other = yield* waiting(() => read(reader, byte));
    yield* cancelWait(other);
    assertEquals(isBlocking(world, reader), false);
    yield* cancelWait(one);
    assertEquals(isBlocking(world, reader), true);
  });
});

ioTest("Operations on a nonblocking descriptor leave it so", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const reading = yield* waiting(() => read(reader, byte));
    world.write(writer, "x");
    yield* reading;
    assertEquals(isBlocking(world, reader), false);
  });
});

ioTest("Operations go on with their open file when the caller closes the descriptor and another file gets its number", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const { kernel } = world;
    kernel.setBlocking(reader, true);
    const buffer = new Uint8Array(10);
    const reading = yield* waiting(() => read(reader, buffer));
    world.closeAll(reader);
    const [otherReader, otherWriter] = world.pipe();
    world.write(otherWriter, "wrong");
    world.write(writer, "right");
    assertEquals([yield* reading, textOf(buffer.subarray(0, 5))], [5, "right"]);
    assertEquals(isBlocking(world, otherReader), false);
    assertEquals(yield* read(otherReader, buffer), 5);
    world.closeAll(otherWriter);
    if (otherReader !== reader) world.closeAll(otherReader);
  });
});

ioTest("Operations throw EBADF for what is no open descriptor", async (world) => {
  await world.run(function* () {
    for (const fd of [-1, 0.5, NaN]) {
      for (const call of [() => read(fd, byte), () => write(fd, byte), () => acceptFd(fd), () => readAll(fd)]) {
        assertEquals(assertThrows(call, SystemError).code, "EBADF");
      }
    }
    for (const operation of [read(400_000, byte), write(400_000, byte), acceptFd(400_000), readAll(400_000)]) {
      const error = yield* errorOf(operation);
      assertEquals([error.code, error.message], ["EBADF", "Cannot use fd 400000: EBADF"]);
    }
  });
});

ioTest("Operations take Uint8Arrays and nothing else", (world) => {
  for (const wrong of ["text", [1], new ArrayBuffer(1), undefined]) {
    const buffer = wrong as unknown as Uint8Array;
    for (const call of [() => read(0, buffer), () => write(0, buffer), () => readVector(0, [buffer]), () => writeVector(0, [buffer])]) {
      assertEquals(assertThrows(call, SystemError).code, "EINVAL");
    }
  }
  assertEquals(assertThrows(() => writeVector(0, byte as unknown as Uint8Array[]), SystemError).code, "EINVAL");
  world.settle();
});

ioTest("Operations run once", async (world) => {
  await withPipe(world, function* (reader, writer) {
    world.write(writer, "xy");
    const operation = read(reader, byte);
    assertEquals(yield* operation, 1);
    assertStringIncludes((yield* errorOf(operation)).message, "a second time");
  });
});

ioTest("readFull() stops at the end, and readExact() takes an early one for an error", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const buffer = new Uint8Array(4);
    const reading = yield* waiting(() => readFull(reader, buffer));
    world.write(writer, "ab");
    yield* sleep(100);
    assertEquals(reading.state, "pending");
    world.write(writer, "cdef");
    assertEquals([yield* reading, textOf(buffer)], [4, "abcd"]);
    world.closeAll(writer);
    const error = yield* errorOf(readExact(reader, buffer));
    assertEquals([error.code, error.message], ["EIO", `Cannot read 4 bytes from fd ${reader}: it ended after 2`]);
    assertEquals(yield* readFull(reader, buffer), 0);
  });
});

ioTest("readExact() fills the buffer", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const data = fill(1 << 20);
    const received = new Uint8Array(data.length);
    const writing = spawn(() => writeAll(writer, data));
    assertEquals(yield* readExact(reader, received), undefined);
    assertSameBytes(received, data);
    yield* writing;
  });
});

ioTest("readAll() and writeAll() move everything", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const data = fill(8 << 20);
    const writing = spawn(function* () {
      yield* writeAll(writer, data);
      world.closeAll(writer);
    });
    assertSameBytes(yield* readAll(reader), data);
    yield* writing;
  });
});

ioTest("writeAll() to a pipe that nobody reads is EPIPE", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const writing = yield* waiting(() => errorOf(writeAll(writer, new Uint8Array(1 << 20))));
    world.closeAll(reader);
    const error = yield* writing;
    assertEquals([error.code, error.message], ["EPIPE", `Cannot write to fd ${writer}: EPIPE`]);
  });
});

ioTest("readVector() and writeVector() take several buffers in turn", async (world) => {
  await withPipe(world, function* (reader, writer) {
    assertEquals(yield* writeVector(writer, [bytesOf("one"), bytesOf(""), bytesOf("two"), bytesOf("three")]), 11);
    const buffers = [new Uint8Array(2), new Uint8Array(), new Uint8Array(5), new Uint8Array(10)];
    assertEquals(yield* readVector(reader, buffers), 11);
    assertEquals(buffers.map(textOf), ["on", "", "etwot", "hree\0\0\0\0\0\0"]);
    const reading = yield* waiting(() => readVector(reader, buffers));
    world.write(writer, "Z");
    assertEquals([yield* reading, textOf(buffers[0])], [1, "Zn"]);
  });
});

ioTest("readVector() and writeVector() have no limit of their own", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const pieces = Array.from({ length: 2_000 }, (_, index) => Uint8Array.of(index));
    assertEquals(yield* writeVector(writer, pieces), 1_024);
    assertEquals(yield* writeVector(writer, pieces.slice(1_024)), 976);
    const received = pieces.map(() => new Uint8Array(1));
    assertEquals(yield* readVector(reader, received), 1_024);
    assertEquals(yield* readVector(reader, received.slice(1_024)), 976);
    assertEquals(received, pieces);
    const writing = yield* waiting(function* () {
      for (let blocks = 0; blocks < 3; blocks++) yield* writeVector(writer, [new Uint8Array(1 << 20), new Uint8Array(1 << 20)]);
    });
    yield* cancelWait(writing);
  });
});

ioTest("acceptFd() and connectFd() work on the caller's sockets", async (world) => {
  const { kernel } = world;
  const listener = kernel.openListener({ hostname: "127.0.0.1", port: 0 });
  const address = kernel.localAddress(listener);
  assert(typeof address === "object" && "port" in address);
  await world.run(function* () {
    const accepting = yield* waiting(() => acceptFd(listener));
    const client = openSocket(world);
    assertEquals(yield* connectFd(client, address), undefined);
    const server = yield* accepting;
    yield* writeAll(client, bytesOf("hello"));
    const buffer = new Uint8Array(5);
    yield* readExact(server, buffer);
    assertEquals(textOf(buffer), "hello");
    world.closeAll(client, server, listener);
    const refused = openSocket(world);
    const error = yield* errorOf(connectFd(refused, address));
    assertEquals([error.code, error.message], ["ECONNREFUSED", `Cannot connect to 127.0.0.1:${address.port}: nobody listens there`]);
    assertEquals(yield* codeOf(connectFd(refused, { hostname: "localhost", port: 1 })), "EINVAL");
    assertEquals(assertThrows(() => connectFd(refused, { port: -1 }), SystemError).code, "EINVAL");
    world.closeAll(refused);
  });
}, { lacks: "sockets that are not on their way anywhere" });

/** A TCP socket that is not connected. */
function openSocket(world: IoWorld): number {
  if (world.isSimulated) return world.simulation.socket();
  const AF_INET = 2;
  const SOCK_STREAM = 1;
  return libc.socket(AF_INET, SOCK_STREAM, 0);
}

ioTest("poll() tells which descriptors are ready, and waits until one is", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const entries: PollEntry[] = [{ fd: reader, events: IN }, { fd: -5, events: IN }, { fd: writer, events: OUT }];
    assertEquals(yield* poll(entries), 1);
    assertEquals(entries.map(({ revents }) => revents), [0, 0, OUT]);
    const one: PollEntry[] = [{ fd: reader, events: IN }];
    const before = world.open();
    const polling = yield* waiting(() => poll(one));
    world.write(writer, "x");
    assertEquals([yield* polling, one[0].revents], [1, IN]);
    assertEquals(world.open(), before);
    assertEquals([yield* poll([{ fd: reader, events: IN }, ...entries]), entries[0].revents], [3, IN]);
  });
});

ioTest("poll() that waited returns how many descriptors are ready, not what for", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const room = yield* write(writer, new Uint8Array(1 << 20));
    const entries: PollEntry[] = [{ fd: writer, events: OUT }];
    const polling = yield* waiting(() => poll(entries));
    yield* readFull(reader, new Uint8Array(room));
    assertEquals([yield* polling, entries[0].revents], [1, OUT]);
  });
});

ioTest("poll() of one descriptor in several entries tells each what it asked for", async (world) => {
  await withPipe(world, function* (reader, writer) {
    world.write(writer, "x");
    world.closeAll(writer);
    const entries: PollEntry[] = [{ fd: reader, events: IN }, { fd: reader, events: OUT }, { fd: reader, events: 0 }];
    assertEquals(yield* poll(entries, 0), 3);
    assertEquals(entries.map(({ revents }) => revents), [IN | HUP, HUP, HUP]);
  });
});

ioTest("poll() ends with the timeout, and looks without waiting when that is 0", async (world) => {
  await withPipe(world, function* (reader) {
    const entries: PollEntry[] = [{ fd: reader, events: IN, revents: 99 }];
    assertEquals([yield* poll(entries, 0), entries[0].revents], [0, 0]);
    const before = world.now();
    assertEquals(yield* poll(entries, msec(2)), 0);
    assert(world.now() - before >= msec(2));
    assertEquals(yield* poll([], msec(1)), 0);
    assertEquals(yield* poll([], 0), 0);
  });
});

ioTest("poll() that could never end is EINVAL, as are events that are none", (world) => {
  for (const entries of [[], [{ fd: -1, events: IN }], [{ fd: 0, events: 0 }]]) {
    assertEquals(assertThrows(() => poll(entries), SystemError).code, "EINVAL");
  }
  for (const events of [IoEvent.ET, 1 << 20, 0.5]) {
    assertEquals(assertThrows(() => poll([{ fd: 0, events }]), SystemError).code, "EINVAL");
  }
  assertEquals(assertThrows(() => poll([], -1), SystemError).code, "EINVAL");
  world.settle();
});

ioTest("poll() of what is not open is EBADF, and leaves nothing behind", async (world) => {
  await withPipe(world, function* (reader) {
    const before = world.open();
    const error = yield* errorOf(poll([{ fd: reader, events: IN }, { fd: 400_000, events: IN }]));
    assertEquals([error.code, error.message], ["EBADF", "Cannot poll fd 400000: EBADF"]);
    assertEquals(world.open(), before);
  });
});

ioTest("poll() that is cancelled throws, whatever is ready, and leaves nothing behind", async (world) => {
  await withPipe(world, function* (reader, writer) {
    const before = world.open();
    const polling = yield* waiting(() => poll([{ fd: reader, events: IN }], msec(1000)));
    polling.cancel();
    world.write(writer, "x");
    yield* errorOf(polling);
    assertEquals(world.open().filter((what) => !what.startsWith("wake-up")), before);
  });
});

ioTest("poll() prefers readiness to a deadline that has passed, which then comes at the next suspension", async (world) => {
  await withPipe(world, function* (reader, writer) {
    // Long enough that the fiber comes to wait before it has passed, also where the thread is held up.
    const deadline = msec(50);
    const polling: Fiber<unknown[]> = yield* waiting(function* () {
      const fiber = Fiber.current!;
      using _deadline = timeoutScope(deadline);
      // The deadline is told before the fiber runs again.
      fiber.setPriority(5);
      const entries: PollEntry[] = [{ fd: reader, events: IN }];
      const count = yield* poll(entries);
      let error: unknown;
      try {
        checkInterrupted();
      } catch (caught) {
        error = caught;
      }
      return [count, entries[0].revents, error instanceof TimeoutError];
    });
    if (world.isSimulated) world.simulation.advance(deadline);
    for (const end = world.now() + deadline; !world.isSimulated && world.now() < end;);
    world.write(writer, "x");
    assertEquals(yield* polling, [1, IN, true]);
  });
});

ioTest("poll() ends at the deadline when nothing is ready", async (world) => {
  await withPipe(world, function* (reader) {
    let error: unknown;
    try {
      yield* withTimeout(500, poll([{ fd: reader, events: IN }]));
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof TimeoutError);
  });
});

ioTest("poll() reports errors unasked", async (world) => {
  await withPipe(world, function* (reader, writer) {
    yield* write(writer, new Uint8Array(1 << 20));
    const entries: PollEntry[] = [{ fd: writer, events: OUT }];
    const polling = yield* waiting(() => poll(entries));
    world.closeAll(reader);
    assertEquals(yield* polling, 1);
    assert((entries[0].revents! & ERR) !== 0);
  });
});

ioTest("poll() of more descriptors than a batch of the kernel's holds", async (world) => {
  const pipes = Array.from({ length: 100 }, () => world.pipe());
  await world.run(function* () {
    const entries: PollEntry[] = pipes.flatMap(([reader, writer]) => [{ fd: reader, events: IN }, { fd: writer, events: OUT }]);
    assertEquals(yield* poll(entries), 100);
    for (const [, writer] of pipes) world.write(writer, "x");
    assertEquals(yield* poll(entries), 200);
  });
  world.closeAll(...pipes.flat());
});

linuxIoTest("Operations on regular files never wait, and poll() finds them ready", async (world) => {
  using files = realFiles();
  files.put("file", bytesOf("contents of a file"));
  await world.run(function* () {
    const fd = libc.open(cString(`${files.directory}/file`)!, 0, 0);
    const entries: PollEntry[] = [{ fd, events: IN | OUT }, { fd, events: IN }];
    assertEquals([yield* poll(entries), entries[0].revents, entries[1].revents], [2, IN | OUT, IN]);
    assertEquals(yield* select({ file: { fd, events: IN | OUT }, default: 0 }), { key: "file", value: IN | OUT });
    assertEquals(textOf(yield* readAll(fd)), "contents of a file");
    assertEquals(yield* read(fd, byte), 0);
    world.closeAll(fd);
  });
});

linuxIoTest("read() that always finds something gives way to others", async (world) => {
  await world.run(function* () {
    const fd = libc.open(cString("/dev/zero")!, 0, 0);
    const endless = spawn(() => readAll(fd));
    // It would take all memory, if this fiber came to no turn.
    yield* yieldNow();
    yield* cancelWait(endless);
    libc.close(fd);
  });
});

for (let seed = 1; seed <= 10; seed++) {
  simulatedIoTest(`Operations move everything in spite of faults of seed ${seed}`, async (world) => {
    await withPipe(world, function* (reader, writer) {
      const data = fill(200_000);
      const writing = spawn(function* () {
        yield* writeAll(writer, data);
        world.closeAll(writer);
      });
      assertSameBytes(yield* readAll(reader), data);
      yield* writing;
    });
  }, { seed, faults: { EAGAIN: 0.3, "short-read": 0.5, "short-write": 0.5, EINTR: 0.1 } });
}
