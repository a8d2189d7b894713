/**
 * Sockets for datagrams.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertStringIncludes, assertThrows } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  type DatagramAddress,
  DatagramSocket,
  EventLoop,
  type Fiber,
  openDatagram,
  type Operation,
  type SocketAddress,
  spawn,
  SystemError,
  TimeoutError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { bytesOf, codeOf, errorOf, ioTest, type IoWorld, systemIoTest, textOf } from "./_io_world.ts";

const localhost = { hostname: "127.0.0.1", port: 0 };
const byte = new Uint8Array(1);

/** A fiber that waits in this operation when this returns. */
function* waiting<T>(operation: () => Operation<T>, name = "fiber"): Operation<Fiber<T>> {
  const fiber = spawn(operation, { name });
  // More turns than any way into a wait takes.
  for (let turns = 0; turns < 20; turns++) yield* yieldNow();
  assertEquals(fiber.status, "suspended");
  return fiber;
}

function openIn(world: IoWorld, address: DatagramAddress): DatagramSocket {
  return openDatagram(address, { loop: world.loop });
}

/** An abstract name that nobody has. */
function name(): { path: string } {
  return { path: `@sd-fibers-${crypto.randomUUID()}` };
}

/** Fills the receiver's queue: how many messages. */
function fillQueue(world: IoWorld, there: SocketAddress): number {
  const sender = world.kernel.openDatagram({ path: "" });
  let sent = 0;
  while (world.kernel.trySend(sender, [bytesOf("others")], there, []) >= 0) sent++;
  world.closeAll(sender);
  return sent;
}

const places: Record<string, (world: IoWorld) => DatagramAddress> = {
  "an IPv4 port": () => localhost,
  "a socket file": (world) => ({ path: world.socketPath() }),
  "an abstract name": name,
};

for (const [place, addressIn] of Object.entries(places)) {
  const test = place === "an IPv4 port" ? ioTest : systemIoTest;
  test(`DatagramSocket on ${place} sends and receives, and knows who is who`, async (world) => {
    using server = openIn(world, addressIn(world));
    using client = openIn(world, addressIn(world));
    await world.run(function* () {
      const serving = yield* waiting(function* () {
        const buffer = new Uint8Array(100);
        const { bytes, address } = yield* server.receive(buffer);
        return yield* server.send(bytesOf(`You sent ${textOf(buffer.subarray(0, bytes))}`), address);
      });
      assertEquals(yield* client.send(bytesOf("hello"), server.address), 5);
      const buffer = new Uint8Array(100);
      assertEquals(yield* client.receive(buffer), { bytes: 14, address: server.address, truncated: false });
      assertEquals([textOf(buffer.subarray(0, 14)), yield* serving], ["You sent hello", 14]);
    });
  });

  test(`DatagramSocket.connect() to ${place} makes it a socket for one peer`, async (world) => {
    using one = openIn(world, addressIn(world));
    using other = openIn(world, addressIn(world));
    assertEquals(one.remoteAddress, undefined);
    one.connect(other.address!);
    assertEquals(one.remoteAddress, other.address);
    await world.run(function* () {
      assertEquals(yield* one.send(bytesOf("to the peer")), 11);
      assertEquals((yield* other.receive(byte)).truncated, true);
      assertEquals(yield* one.send(new Uint8Array()), 0);
      assertEquals(yield* other.receive(byte), { bytes: 0, address: one.address, truncated: false });
    });
  });

  systemIoTest(`openDatagram() on ${place} is EADDRINUSE where that is taken, and it is free again when it is closed`, (world) => {
    const socket = openIn(world, addressIn(world));
    const address = socket.address!;
    assertEquals(assertThrows(() => openIn(world, address), SystemError).code, "EADDRINUSE");
    socket.close();
    assertEquals(openIn(world, address)[Symbol.dispose](), undefined);
  });
}

ioTest("DatagramSocket that is interrupted has received nothing", async (world) => {
  using socket = openIn(world, localhost);
  await world.run(function* () {
    const receiving = yield* waiting(() => socket.receive(byte));
    yield* cancelWait(receiving);
    assert(receiving.outcome?.status === "rejected" && receiving.outcome.reason instanceof CancelledError);
    let error: unknown;
    try {
      yield* withTimeout(100, socket.receive(byte));
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof TimeoutError);
    yield* socket.send(bytesOf("x"), socket.address);
    assertEquals((yield* socket.receive(byte)).bytes, 1);
  });
});

ioTest("DatagramSocket that waits when the loop exits is cancelled, and none can be opened then", (world) => {
  using socket = openIn(world, localhost);
  const fiber = world.spawn(function* () {
    try {
      yield* socket.receive(byte);
    } catch (error) {
      return [error, assertThrows(() => openDatagram(localhost), SystemError).code];
    }
    return [];
  });
  world.settle();
  world.loop.exit(0);
  world.loop.loopSync();
  const [error, code] = fiber.result();
  assert(error instanceof CancelledError);
  assertEquals(code, "ECANCELED");
});

ioTest("DatagramSocket has one receiver and one sender at a time, else EBUSY", async (world) => {
  using socket = openIn(world, localhost);
  await world.run(function* () {
    const receiving = yield* waiting(() => socket.receive(byte), "first");
    const error = yield* errorOf(socket.receive(byte));
    assertEquals(error.code, "EBUSY");
    assertStringIncludes(error.message, "'first'");
    yield* socket.send(bytesOf("x"), socket.address);
    assertEquals((yield* receiving).bytes, 1);
  });
});

ioTest("DatagramSocket that is closed wakes who waits with EBADF, and has no descriptor any more", async (world) => {
  const socket = openIn(world, localhost);
  const { address } = socket;
  assertGreater(socket.fd, 0);
  await world.run(function* () {
    const receiving = yield* waiting(() => errorOf(socket.receive(byte)));
    socket.close();
    const error = yield* receiving;
    const title = `the datagram socket on 127.0.0.1:${(address as { port: number }).port}`;
    assertEquals([error.code, error.message], ["EBADF", `Cannot receive from ${title}: it is closed`]);
    assertEquals(yield* codeOf(socket.receive(byte)), "EBADF");
    assertEquals(yield* codeOf(socket.send(byte, address)), "EBADF");
    assertEquals(yield* codeOf(socket.send(byte, { path: "/x" })), "EBADF");
  });
  assertEquals([socket.fd, socket.address, socket.remoteAddress], [-1, address, undefined]);
  assertEquals(assertThrows(() => socket.close(), SystemError).code, "EBADF");
  assertEquals(assertThrows(() => socket.connect({ port: 9 }), SystemError).code, "EBADF");
  socket[Symbol.dispose]();
});

systemIoTest("DatagramSocket.send() waits for room in somebody's queue", async (world) => {
  using receiver = openIn(world, name());
  using sender = openIn(world, { path: "" });
  assertEquals(sender.address, undefined);
  await world.run(function* () {
    for (const isConnected of [false, true]) {
      if (isConnected) sender.connect(receiver.address!);
      const filled = fillQueue(world, receiver.address!);
      const sending = yield* waiting(() => sender.send(bytesOf("mine"), isConnected ? undefined : receiver.address));
      const buffer = new Uint8Array(9);
      for (let count = 0; count < filled; count++) assertEquals((yield* receiver.receive(buffer)).bytes, 6);
      assertEquals(yield* receiver.receive(buffer), { bytes: 4, address: undefined, truncated: false });
      assertEquals(yield* sending, 4);
    }
  });
});

systemIoTest(
  "DatagramSocket.send() that waits for room ends when it is cancelled, when it is closed, and when the receiver goes",
  async (world) => {
    const receiver = openIn(world, name());
    const there = receiver.address!;
    const sender = openIn(world, { path: "" });
    using second = openIn(world, { path: "" });
    await world.run(function* () {
      fillQueue(world, there);
      const cancelled = yield* waiting(() => sender.send(bytesOf("x"), there));
      yield* cancelWait(cancelled);
      const closed = yield* waiting(() => errorOf(sender.send(bytesOf("x"), there)));
      const refused = yield* waiting(() => errorOf(second.send(bytesOf("x"), there)));
      sender.close();
      const error = yield* closed;
      assertEquals([error.code, error.message], ["EBADF", "Cannot send by the datagram socket without a name: it is closed"]);
      receiver.close();
      assertEquals((yield* refused).code, "ECONNREFUSED");
    });
  },
);

systemIoTest("DatagramSocket.send() that is cancelled and closed at once is cancelled", async (world) => {
  using receiver = openIn(world, name());
  const sender = openIn(world, { path: "" });
  await world.run(function* () {
    fillQueue(world, receiver.address!);
    const sending = yield* waiting(() => sender.send(bytesOf("x"), receiver.address));
    sending.cancel();
    sender.close();
    let error: unknown;
    try {
      yield* sending;
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof CancelledError);
  });
});

systemIoTest("DatagramSocket tells a connected one that nobody received what it has sent", async (world) => {
  const receiver = openIn(world, localhost);
  using sender = openIn(world, localhost);
  sender.connect(receiver.address!);
  receiver.close();
  await world.run(function* () {
    const receiving = yield* waiting(() => errorOf(sender.receive(byte)));
    yield* sender.send(bytesOf("x"));
    const error = yield* receiving;
    assertEquals(error.code, "ECONNREFUSED");
    assertStringIncludes(error.message, "Cannot receive from the datagram socket on 127.0.0.1:");
  });
});

ioTest("openDatagram() takes over a socket that is open already", async (world) => {
  const fd = world.kernel.openDatagram(localhost);
  using socket = openDatagram({ fd }, { loop: world.loop });
  assertEquals([socket.fd, socket.address], [fd, world.kernel.localAddress(fd)]);
  await world.run(function* () {
    yield* socket.send(bytesOf("x"), socket.address);
    assertEquals((yield* socket.receive(byte)).bytes, 1);
  });
});

systemIoTest("openDatagram() knows localhost, and shares a port where both ask for it", (world) => {
  using first = openIn(world, { hostname: "localhost", port: 0, reusePort: true });
  const address = first.address as { hostname: string; port: number };
  assertEquals(address.hostname, "127.0.0.1");
  using second = openIn(world, { ...address, reusePort: true });
  assertEquals(second.address, address);
});

systemIoTest("DatagramSocket closes with its loop, and takes its file along", (world) => {
  const address = { path: world.socketPath() };
  const loop = new EventLoop({ kernel: world.kernel });
  const socket = openDatagram(address, { loop });
  loop[Symbol.dispose]();
  assertEquals([socket.fd, world.kernel.removeSocketFile(address.path)], [-1, -2]);
});

ioTest("openDatagram() and DatagramSocket refuse bad arguments", async (world) => {
  using socket = openIn(world, localhost);
  const [reader, writer] = world.pipe();
  const { loop } = world;
  const bad = <T>(value: unknown) => value as T;
  const refused: [call: () => unknown, code: string, part: string][] = [
    [() => openDatagram(bad({}), { loop }), "EINVAL", "Cannot open a datagram socket on '{}'"],
    [() => openDatagram({ port: -1 }, { loop }), "EINVAL", "-1"],
    [() => openDatagram({ hostname: "no.number", port: 0 }, { loop }), "EINVAL", "no.number:0: it is no numeric address"],
    [() => openDatagram({ path: "x".repeat(108) }, { loop }), "ENAMETOOLONG", "at most 107 bytes"],
    [() => openDatagram(localhost, bad({ lop: loop })), "EINVAL", "lop"],
    [() => openDatagram({ fd: -1 }, { loop }), "EBADF", "-1"],
    [() => openDatagram({ fd: 400_000 }, { loop }), "EBADF", "400000"],
    [() => openDatagram({ fd: reader }, { loop }), "ENOTSOCK", `fd ${reader}`],
    [() => new (DatagramSocket as unknown as new (io: object) => unknown)({}), "EINVAL", "use openDatagram()"],
    [() => socket.receive(bad("text")), "EINVAL", "text"],
    [() => socket.send(bad("text")), "EINVAL", "text"],
    [() => socket.send(byte, bad({ port: "80" })), "EINVAL", "80"],
    [() => socket.connect(bad(undefined)), "EINVAL", "connect to"],
    [() => socket.connect({ path: "/".padEnd(50, "x") }), "EAFNOSUPPORT", "': the socket is of another kind"],
  ];
  for (const [call, code, part] of refused) {
    const error = assertThrows(call, SystemError);
    assertEquals(error.code, code, error.message);
    assertStringIncludes(error.message, part);
  }
  await world.run(function* () {
    assertEquals(yield* codeOf(socket.send(byte)), "EDESTADDRREQ");
    assertEquals(yield* codeOf(socket.send(byte, { hostname: "localhost", port: 9 })), "EINVAL");
    assertEquals(yield* codeOf(socket.send(new Uint8Array(70_000), socket.address)), "EMSGSIZE");
  });
  world.closeAll(reader, writer);
});
