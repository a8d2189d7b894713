/**
 * Calls for messages on bare sockets (sd-future, section 15.1).
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  type DatagramAddress,
  type Fiber,
  Gate,
  isInterruption,
  MessageFlag,
  type Operation,
  sleep,
  type SocketAddress,
  spawn,
  SystemError,
  TimeoutError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { connectFd, read, receive, receiveFrom, receiveMessage, send, sendMessage, sendTo } from "@sd/fibers/io";
import { bytesOf, codeOf, errorOf, type IoWorld, simulatedIoTest, systemIoTest, textOf, waiting } from "./_io_world.ts";

const { PEEK, TRUNC, CTRUNC, DONTWAIT, NOSIGNAL } = MessageFlag;
const kinds = ["datagram", "stream"] as const;
const localhost = { hostname: "127.0.0.1", port: 0 };
const notOpen = 400_000;

/** Two sockets that are connected, closed afterwards. */
class Pair implements Disposable {
  readonly one: number;
  readonly other: number;
  readonly #world: IoWorld;

  constructor(world: IoWorld, kind: "stream" | "datagram") {
    const ends = world.kernel.openSocketPair(kind);
    assert(typeof ends === "object");
    [this.one, this.other] = ends;
    this.#world = world;
  }

  [Symbol.dispose](): void {
    this.#world.closeAll(this.one, this.other);
  }
}

/** A datagram socket that is closed in the end. */
function bound(world: IoWorld, address: DatagramAddress): { fd: number; address: SocketAddress } & Disposable {
  const fd = world.kernel.openDatagram(address);
  assert(fd >= 0, `${fd} instead of a socket`);
  const local = world.kernel.localAddress(fd);
  return { fd, address: local as SocketAddress, [Symbol.dispose]: () => world.closeAll(fd) };
}

/** An abstract name that nobody has. */
function name(): DatagramAddress {
  return { path: `@sd-fibers-${crypto.randomUUID()}` };
}

/** Fills the receiver's queue by a socket of somebody else's: how many messages. */
function fillQueue(world: IoWorld, there: SocketAddress): number {
  using sender = bound(world, { path: "" });
  let sent = 0;
  while (world.kernel.trySend(sender.fd, [bytesOf(`${sent}`)], there, []) >= 0) sent++;
  return sent;
}

/** The calls that receive one message, as its text. */
const receivers: Record<string, (fd: number, flags?: number) => Operation<string>> = {
  *receive(fd, flags) {
    const buffer = new Uint8Array(100);
    return textOf(buffer.subarray(0, yield* receive(fd, buffer, flags)));
  },
  *receiveFrom(fd, flags) {
    const buffer = new Uint8Array(100);
    return textOf(buffer.subarray(0, (yield* receiveFrom(fd, buffer, flags)).bytes));
  },
  *receiveMessage(fd, flags) {
    const buffers = [new Uint8Array(2), new Uint8Array(100)];
    const { bytes } = yield* receiveMessage(fd, buffers, { flags });
    return (textOf(buffers[0]) + textOf(buffers[1])).slice(0, bytes);
  },
};

/** The calls that send one message to where the socket is connected. */
const senders: Record<string, (fd: number, data: Uint8Array, flags?: number) => Operation<number>> = {
  send,
  sendMessage: (fd, data, flags) => sendMessage(fd, { data: [data.subarray(0, 1), data.subarray(1)] }, flags),
};

for (const kind of kinds) {
  for (const [call, receiveText] of Object.entries(receivers)) {
    systemIoTest(`${call}() on a ${kind} socket gives what is there, and waits when nothing is`, async (world) => {
      using pair = new Pair(world, kind);
      await world.run(function* () {
        yield* send(pair.one, bytesOf("now"));
        assertEquals(yield* receiveText(pair.other), "now");
        const receiving = yield* waiting(() => receiveText(pair.other));
        yield* send(pair.one, bytesOf("then"));
        assertEquals(yield* receiving, "then");
      });
    });

    systemIoTest(
      `${call}() on a ${kind} socket with DONTWAIT throws EAGAIN instead of waiting, and with PEEK leaves what is there`,
      async (world) => {
        using pair = new Pair(world, kind);
        await world.run(function* () {
          const error = yield* errorOf(receiveText(pair.other, DONTWAIT | NOSIGNAL));
          assertEquals([error.code, error.message], ["EAGAIN", `Cannot receive from fd ${pair.other}: it would have to wait`]);
          yield* send(pair.one, bytesOf("ab"));
          assertEquals(yield* receiveText(pair.other, PEEK | DONTWAIT), "ab");
          assertEquals(yield* receiveText(pair.other, DONTWAIT), "ab");
        });
      },
    );

    systemIoTest(`${call}() on a ${kind} socket that is interrupted has received nothing, and leaves nothing behind`, async (world) => {
      using pair = new Pair(world, kind);
      await world.run(function* () {
        const before = world.open();
        const receiving = yield* waiting(() => receiveText(pair.other));
        yield* cancelWait(receiving);
        assert(receiving.outcome?.status === "rejected" && receiving.outcome.reason instanceof CancelledError);
        assert((yield* thrownBy(withTimeout(100, receiveText(pair.other)))) instanceof TimeoutError);
        assertEquals(world.open(), before);
        // What was queued before comes first, and what is there stays there.
        yield* send(pair.one, bytesOf("stays"));
        assert((yield* thrownWithCancellationQueued(() => receiveText(pair.other))) instanceof CancelledError);
        assertEquals(yield* receiveText(pair.other), "stays");
      });
    });

    systemIoTest(`${call}() on a ${kind} socket that waits when the loop exits is cancelled`, (world) => {
      using pair = new Pair(world, kind);
      const fiber = world.spawn(() => thrownBy(receiveText(pair.other)));
      world.settle();
      assertEquals(fiber.status, "suspended");
      world.loop.exit(3);
      assertEquals(world.loop.loopSync(), 3);
      assert(fiber.result() instanceof CancelledError);
    });
  }

  for (const [call, sendData] of Object.entries(senders)) {
    systemIoTest(`${call}() on a ${kind} socket waits for room, and interrupted has sent nothing`, async (world) => {
      using pair = new Pair(world, kind);
      const block = new Uint8Array(20_000);
      await world.run(function* () {
        let sent = 0;
        while ((yield* thrownBy(sendData(pair.one, block, DONTWAIT))) === undefined) sent++;
        assert(sent > 0);
        const error = yield* errorOf(sendData(pair.one, block, DONTWAIT));
        assertEquals([error.code, error.message], ["EAGAIN", `Cannot send by fd ${pair.one}: it would have to wait`]);
        const before = world.open();
        const cancelled = yield* waiting(() => sendData(pair.one, block));
        yield* cancelWait(cancelled);
        assert((yield* thrownBy(withTimeout(100, sendData(pair.one, block)))) instanceof TimeoutError);
        assertEquals(world.open(), before);
        const sending = yield* waiting(() => sendData(pair.one, bytesOf("last")));
        const received: Uint8Array[] = [];
        const buffer = new Uint8Array(20_000);
        for (let last = ""; last !== "last";) {
          const count = yield* receive(pair.other, buffer);
          received.push(buffer.slice(0, count));
          last = textOf(buffer.slice(count - 4, count));
        }
        assertEquals(yield* sending, 4);
        if (kind === "datagram") assertEquals(received.length, sent + 1);
        assertEquals(yield* codeOf(receive(pair.other, buffer, DONTWAIT)), "EAGAIN");
      });
    });

    systemIoTest(`${call}() on a ${kind} socket that waits when the loop exits is cancelled`, (world) => {
      using pair = new Pair(world, kind);
      const fiber = world.spawn(function* () {
        while ((yield* thrownBy(sendData(pair.one, new Uint8Array(20_000), DONTWAIT))) === undefined);
        return yield* thrownBy(sendData(pair.one, new Uint8Array(20_000)));
      });
      while (fiber.status !== "suspended") world.loop.runSync(0);
      world.loop.exit(3);
      assertEquals(world.loop.loopSync(), 3);
      assert(fiber.result() instanceof CancelledError);
    });
  }

  systemIoTest(
    `Descriptors over a ${kind} socket are sent and received, close-on-exec is the kernel's affair, and none is lost`,
    async (world) => {
      using pair = new Pair(world, kind);
      await world.run(function* () {
        const before = world.open();
        const [reader, writer] = world.pipe();
        const receiving = yield* waiting(() => receiveMessage(pair.other, [new Uint8Array(3), new Uint8Array(10)], { maxFds: 2 }));
        assertEquals(yield* sendMessage(pair.one, { data: [bytesOf("two"), bytesOf(" ends")], fds: [reader, writer] }), 8);
        world.closeAll(reader, writer);
        const { bytes, fds, flags } = yield* receiving;
        assertEquals([bytes, fds.length, flags], [8, 2, 0]);
        world.write(fds[1], "through");
        const buffer = new Uint8Array(9);
        assertEquals(yield* read(fds[0], buffer), 7);
        world.closeAll(...fds);
        assertEquals(world.open(), before);
      });
    },
  );

  systemIoTest(`Descriptors over a ${kind} socket that nobody asked for are closed, and CTRUNC says so`, async (world) => {
    using pair = new Pair(world, kind);
    await world.run(function* () {
      const before = world.open();
      const [reader, writer] = world.pipe();
      const calls: (() => Operation<unknown>)[] = [
        () => receive(pair.other, new Uint8Array(9)),
        () => receiveFrom(pair.other, new Uint8Array(9)),
        () => read(pair.other, new Uint8Array(9)),
        () => receiveMessage(pair.other, [new Uint8Array(9)]),
      ];
      for (const call of calls) {
        yield* sendMessage(pair.one, { data: [bytesOf("x")], fds: [reader, writer] });
        yield* call();
      }
      yield* sendMessage(pair.one, { data: [bytesOf("x")], fds: [reader, writer] });
      const { fds, flags } = yield* receiveMessage(pair.other, [new Uint8Array(9)], { maxFds: 1 });
      assertEquals([fds.length, flags], [1, CTRUNC]);
      world.closeAll(reader, writer, ...fds);
      assertEquals(world.open(), before);
    });
  });

  systemIoTest(`receiveMessage() on a ${kind} socket that is interrupted has taken no descriptors`, async (world) => {
    using pair = new Pair(world, kind);
    await world.run(function* () {
      const [reader, writer] = world.pipe();
      const receiving = yield* waiting(() => receiveMessage(pair.other, [new Uint8Array(9)], { maxFds: 5 }));
      // Cancelled, and ready before it runs again.
      receiving.cancel();
      yield* sendMessage(pair.one, { data: [bytesOf("x")], fds: [writer] });
      assert((yield* thrownBy(receiving)) instanceof CancelledError);
      const before = world.open();
      const take = () => receiveMessage(pair.other, [new Uint8Array(9)], { maxFds: 5 });
      assert((yield* thrownWithCancellationQueued(take)) instanceof CancelledError);
      assertEquals(world.open(), before);
      const { bytes, fds } = yield* take();
      assertEquals([bytes, fds.length], [1, 1]);
      world.closeAll(reader, writer, ...fds);
    });
  });

  systemIoTest(`sendMessage() on a ${kind} socket that is interrupted has sent no descriptors`, async (world) => {
    using pair = new Pair(world, kind);
    await world.run(function* () {
      const [reader, writer] = world.pipe();
      while ((yield* thrownBy(send(pair.one, new Uint8Array(20_000), DONTWAIT))) === undefined);
      yield* cancelWait(yield* waiting(() => sendMessage(pair.one, { data: [bytesOf("x")], fds: [writer] })));
      world.closeAll(writer);
      // Nobody else has it: the pipe has ended.
      assertEquals(yield* read(reader, new Uint8Array(1)), 0);
      world.closeAll(reader);
    });
  });

  systemIoTest(`Several fibers wait for one ${kind} socket, and each message is received once`, async (world) => {
    using pair = new Pair(world, kind);
    await world.run(function* () {
      const fibers: Fiber<string>[] = [];
      for (const call of [...Object.values(receivers), ...Object.values(receivers)]) {
        fibers.push(yield* waiting(() => call(pair.other)));
      }
      for (let count = 0; count < fibers.length; count++) {
        yield* send(pair.one, bytesOf(`${count}`));
        yield* sleep(100);
      }
      const texts: string[] = [];
      for (const fiber of fibers) texts.push(yield* fiber);
      assertEquals(texts.sort(), ["0", "1", "2", "3", "4", "5"]);
    });
  });

  systemIoTest(`A ${kind} socket that blocks stays so, also while a fiber waits for it`, async (world) => {
    using pair = new Pair(world, kind);
    const { kernel } = world;
    await world.run(function* () {
      kernel.setBlocking(pair.other, true);
      const receiving = yield* waiting(() => receive(pair.other, new Uint8Array(9)));
      assertEquals(kernel.setBlocking(pair.other, true), 1);
      yield* send(pair.one, bytesOf("x"));
      assertEquals(yield* receiving, 1);
      assertEquals(kernel.setBlocking(pair.other, true), 1);
    });
  });

  systemIoTest(`Fibers that wait for a ${kind} socket go by their own priority`, async (world) => {
    using pair = new Pair(world, kind);
    using others = new Pair(world, kind);
    const order: string[] = [];
    await world.run(function* () {
      const fibers = ([["late", 5, pair.other], ["soon", -5, others.other]] as const).map(([title, priority, fd]) =>
        spawn(function* () {
          yield* receive(fd, new Uint8Array(9));
          order.push(title);
        }, { priority })
      );
      yield* sleep(100);
      yield* send(pair.one, bytesOf("x"));
      yield* send(others.one, bytesOf("x"));
      for (const fiber of fibers) yield* fiber;
      assertEquals(order, ["soon", "late"]);
    }, { priority: -10 });
  });

  systemIoTest(`A call goes on with its ${kind} socket when the caller closes that and another file gets its number`, async (world) => {
    const { kernel } = world;
    await world.run(function* () {
      const ends = kernel.openSocketPair(kind);
      assert(typeof ends === "object");
      const buffer = new Uint8Array(9);
      const receiving = yield* waiting(() => receive(ends[1], buffer));
      world.closeAll(ends[1]);
      using others = new Pair(world, kind);
      yield* send(others.one, bytesOf("wrong"));
      yield* send(ends[0], bytesOf("right"));
      assertEquals([yield* receiving, textOf(buffer.subarray(0, 5))], [5, "right"]);
      world.closeAll(ends[0]);
    });
  });
}

systemIoTest("receive() gives 0 for an empty datagram, and at the end of a stream", async (world) => {
  using datagrams = new Pair(world, "datagram");
  const stream = world.kernel.openSocketPair("stream");
  assert(typeof stream === "object");
  await world.run(function* () {
    assertEquals(yield* send(datagrams.one, new Uint8Array()), 0);
    assertEquals(yield* receive(datagrams.other, new Uint8Array(9)), 0);
    assertEquals(yield* codeOf(receive(datagrams.other, new Uint8Array(9), DONTWAIT)), "EAGAIN");
    yield* send(datagrams.one, bytesOf("discarded"));
    assertEquals(yield* receive(datagrams.other, new Uint8Array()), 0);
    world.closeAll(stream[0]);
    assertEquals(yield* receive(stream[1], new Uint8Array(9)), 0);
    assertEquals(yield* receiveMessage(stream[1], [new Uint8Array(9)]), { bytes: 0, address: undefined, fds: [], flags: 0 });
    world.closeAll(stream[1]);
  });
});

systemIoTest("A datagram that does not fit loses its end: TRUNC says so, and asks for the whole size", async (world) => {
  using pair = new Pair(world, "datagram");
  await world.run(function* () {
    for (let count = 0; count < 3; count++) yield* send(pair.one, bytesOf("abcdef"));
    const buffer = new Uint8Array(4);
    assertEquals([yield* receive(pair.other, buffer), textOf(buffer)], [4, "abcd"]);
    assertEquals(yield* receive(pair.other, buffer, TRUNC | PEEK), 6);
    assertEquals(yield* receiveMessage(pair.other, [buffer], { flags: TRUNC }), { bytes: 6, address: undefined, fds: [], flags: TRUNC });
    assertEquals((yield* receiveMessage(pair.other, [buffer])).flags, TRUNC);
  });
});

for (const [place, address] of Object.entries({ UDP: () => localhost, "AF_UNIX": name })) {
  systemIoTest(`receiveFrom() and sendTo() tell who is who over ${place}`, async (world) => {
    using server = bound(world, address());
    using client = bound(world, address());
    await world.run(function* () {
      const serving = yield* waiting(function* () {
        const buffer = new Uint8Array(100);
        const { bytes, address } = yield* receiveFrom(server.fd, buffer);
        yield* sendTo(server.fd, bytesOf(`You sent ${textOf(buffer.subarray(0, bytes))}`), address!);
        return address;
      });
      assertEquals(yield* sendTo(client.fd, bytesOf("hello"), server.address), 5);
      assertEquals(yield* serving, client.address);
      const buffers = [new Uint8Array(9), new Uint8Array(9)];
      assertEquals(yield* receiveMessage(client.fd, buffers), { bytes: 14, address: server.address, fds: [], flags: 0 });
      assertEquals(yield* sendMessage(client.fd, { data: [bytesOf("again")], address: server.address }), 5);
      assertEquals(yield* receive(server.fd, new Uint8Array(9)), 5);
      yield* connectFd(client.fd, server.address);
      assertEquals(yield* send(client.fd, bytesOf("by peer")), 7);
      assertEquals((yield* receiveFrom(server.fd, new Uint8Array(9))).address, client.address);
    });
  });
}

systemIoTest("receiveFrom() has no address of a sender without a name", async (world) => {
  using server = bound(world, name());
  using client = bound(world, { path: "" });
  await world.run(function* () {
    yield* sendTo(client.fd, bytesOf("who am I"), server.address);
    assertEquals(yield* receiveFrom(server.fd, new Uint8Array(9)), { bytes: 8, address: undefined });
  });
});

for (const isConnected of [false, true]) {
  const how = isConnected ? "send() by a connected socket" : "sendTo()";
  const sendBy = (fd: number, data: Uint8Array, there: SocketAddress, flags?: number) =>
    isConnected ? send(fd, data, flags) : sendTo(fd, data, there, flags);

  systemIoTest(`${how} waits for room in a queue that others have filled, without a busy loop`, async (world) => {
    using receiver = bound(world, name());
    using sender = bound(world, { path: "" });
    await world.run(function* () {
      if (isConnected) yield* connectFd(sender.fd, receiver.address);
      const filled = fillQueue(world, receiver.address);
      const before = world.open();
      const error = yield* errorOf(sendBy(sender.fd, bytesOf("x"), receiver.address, DONTWAIT));
      assertEquals(error.code, "EAGAIN");
      const sending = yield* settledIn(world, () => sendBy(sender.fd, bytesOf("mine"), receiver.address));
      const buffer = new Uint8Array(9);
      for (let count = 0; count < filled; count++) assertEquals(yield* receive(receiver.fd, buffer), `${count}`.length);
      assertEquals([yield* receive(receiver.fd, buffer), textOf(buffer.subarray(0, 4))], [4, "mine"]);
      assertEquals(yield* sending, 4);
      assertEquals(world.open(), before);
    });
  });

  systemIoTest(`${how} that waits for room is interrupted, has sent nothing and leaves nothing behind`, async (world) => {
    using receiver = bound(world, name());
    using sender = bound(world, { path: "" });
    await world.run(function* () {
      if (isConnected) yield* connectFd(sender.fd, receiver.address);
      const filled = fillQueue(world, receiver.address);
      const before = world.open();
      const sending = yield* settledIn(world, () => sendBy(sender.fd, bytesOf("mine"), receiver.address));
      yield* cancelWait(sending);
      assert((yield* thrownBy(withTimeout(100, sendBy(sender.fd, bytesOf("mine"), receiver.address)))) instanceof TimeoutError);
      assertEquals(world.open(), before);
      const buffer = new Uint8Array(9);
      for (let count = 0; count < filled; count++) yield* receive(receiver.fd, buffer);
      assertEquals(yield* codeOf(receive(receiver.fd, buffer, DONTWAIT)), "EAGAIN");
    });
  });

  systemIoTest(`${how} that waits for room ends with ECONNREFUSED when the receiver goes`, async (world) => {
    const receiver = bound(world, name());
    using sender = bound(world, { path: "" });
    await world.run(function* () {
      if (isConnected) yield* connectFd(sender.fd, receiver.address);
      fillQueue(world, receiver.address);
      const before = world.open().length;
      const sending = yield* settledIn(world, () => errorOf(sendBy(sender.fd, bytesOf("mine"), receiver.address)));
      receiver[Symbol.dispose]();
      const error = yield* sending;
      assertEquals(error.code, "ECONNREFUSED");
      assertStringIncludes(error.message, "nobody receives there");
      assertEquals(world.open().length, before - 1);
    });
  });
}

systemIoTest("sendTo() by several fibers to a full queue: all get through", async (world) => {
  using receiver = bound(world, name());
  using sender = bound(world, { path: "" });
  await world.run(function* () {
    const filled = fillQueue(world, receiver.address);
    const fibers: Fiber<number>[] = [];
    for (let count = 0; count < 20; count++) fibers.push(yield* settledIn(world, () => sendTo(sender.fd, bytesOf("x"), receiver.address)));
    const buffer = new Uint8Array(9);
    for (let count = 0; count < filled + fibers.length; count++) yield* receive(receiver.fd, buffer);
    for (const fiber of fibers) assertEquals(yield* fiber, 1);
  });
});

/** A fiber that waits for good: the loop has come to rest, but for this fiber. */
function* settledIn<T>(world: IoWorld, operation: () => Operation<T>): Operation<Fiber<T>> {
  const fiber = spawn(operation);
  let turns = 0;
  // As long as something happens this goes on; a wait that is no wait would never let it end.
  for (let before = -1; fiber.status !== "suspended" || before !== world.loop.iteration - 1;) {
    before = world.loop.iteration;
    assert(turns++ < 100, "It does not wait");
    yield* yieldNow();
  }
  return fiber;
}

systemIoTest("Errors say what is wrong, and about what", async (world) => {
  using udp = bound(world, localhost);
  using unix = bound(world, name());
  using pair = new Pair(world, "datagram");
  using stream = new Pair(world, "stream");
  const [reader, writer] = world.pipe();
  const byte = bytesOf("x");
  const nobody = name() as SocketAddress & { path: string };
  const cases: [operation: Operation<unknown>, code: string, message: string][] = [
    [receive(notOpen, byte), "EBADF", `Cannot receive from fd ${notOpen}: not open`],
    [sendTo(notOpen, byte, nobody), "EBADF", `Cannot send by fd ${notOpen} to '${nobody.path}': not open`],
    [receiveMessage(reader, [byte]), "ENOTSOCK", `Cannot receive from fd ${reader}: it is no socket`],
    [send(writer, byte), "ENOTSOCK", `Cannot send by fd ${writer}: it is no socket`],
    [send(udp.fd, byte), "EDESTADDRREQ", `Cannot send by fd ${udp.fd}: it is connected to nowhere, say an address`],
    [send(unix.fd, byte), "ENOTCONN", `Cannot send by fd ${unix.fd}: it is connected to nowhere`],
    [
      sendTo(udp.fd, byte, { hostname: "::1", port: 9 }),
      "EAFNOSUPPORT",
      `Cannot send by fd ${udp.fd} to [::1]:9: the address is of another kind than the socket`,
    ],
    [
      sendTo(udp.fd, new Uint8Array(70_000), udp.address),
      "EMSGSIZE",
      `Cannot send by fd ${udp.fd} to 127.0.0.1:${(udp.address as { port: number }).port}: it does not fit into one message`,
    ],
    [sendTo(unix.fd, byte, nobody), "ECONNREFUSED", `Cannot send by fd ${unix.fd} to '${nobody.path}': nobody receives there`],
    [
      sendTo(unix.fd, byte, { path: "/no/such/socket" }),
      "ENOENT",
      `Cannot send by fd ${unix.fd} to '/no/such/socket': there is no such file`,
    ],
    [
      sendTo(unix.fd, byte, { path: "x".repeat(108) }),
      "ENAMETOOLONG",
      `Cannot send by fd ${unix.fd} to '${"x".repeat(108)}': a socket's path has at most 107 bytes`,
    ],
    [
      sendTo(stream.one, byte, nobody),
      "EISCONN",
      `Cannot send by fd ${stream.one} to '${nobody.path}': a stream goes where it is connected to, leave the address out`,
    ],
    [
      sendMessage(udp.fd, { data: [byte], fds: [reader], address: udp.address }),
      "EOPNOTSUPP",
      `Cannot send by fd ${udp.fd} to 127.0.0.1:${(udp.address as { port: number }).port}: the socket or the kernel cannot do that`,
    ],
    [sendMessage(pair.one, { data: [byte], fds: [notOpen] }), "EBADF", `Cannot send by fd ${pair.one}: not open`],
    [
      sendMessage(pair.one, { data: [], fds: [reader] }),
      "EINVAL",
      `Cannot send by fd ${pair.one}: the address, the flags or the descriptors do not go with the socket`,
    ],
    [receiveMessage(pair.one, Array(1025).fill(byte)), "EMSGSIZE", `Cannot receive from fd ${pair.one}: it does not fit into one message`],
    [sendTo(udp.fd, byte, { hostname: "localhost", port: 9 }), "EINVAL", `Cannot send by fd ${udp.fd} to localhost:9: the address`],
  ];
  await world.run(function* () {
    for (const [operation, code, message] of cases) {
      const error = yield* errorOf(operation);
      assertEquals(error.code, code, message);
      assert(error.message.startsWith(message), `${error.message} instead of ${message}`);
    }
  });
  world.closeAll(reader, writer);
});

systemIoTest("Bad arguments are refused where the call is made", (world) => {
  const byte = new Uint8Array(1);
  const address = { port: 9 };
  const bad = <T>(value: unknown) => value as T;
  const refused: [call: () => unknown, code: string, part: string][] = [
    [() => receive(-1, byte), "EBADF", "-1"],
    [() => send(0.5, byte), "EBADF", "0.5"],
    [() => receiveFrom(NaN, byte), "EBADF", "NaN"],
    [() => sendTo(-1, byte, address), "EBADF", "-1"],
    [() => sendTo(-1, byte, { path: "/x" }), "EBADF", "-1"],
    [() => receive(0, bad("text")), "EINVAL", "text"],
    [() => send(0, bad(undefined)), "EINVAL", "undefined"],
    [() => receiveFrom(0, bad([1])), "EINVAL", "Uint8Array"],
    [() => sendTo(0, bad(new ArrayBuffer(1)), address), "EINVAL", "Uint8Array"],
    [() => receiveMessage(0, bad(byte)), "EINVAL", "array of Uint8Arrays"],
    [() => receiveMessage(0, [bad("x")]), "EINVAL", "Uint8Array"],
    [() => receiveMessage(0, [byte], bad({ maxFd: 1 })), "EINVAL", "maxFd"],
    [() => receiveMessage(0, [byte], { maxFds: -1 }), "EINVAL", "-1"],
    [() => receiveMessage(0, [byte], { maxFds: 1.5 }), "EINVAL", "1.5"],
    [() => sendMessage(0, bad(undefined)), "EINVAL", "array of Uint8Arrays"],
    [() => sendMessage(0, bad({ data: [byte], fd: [1] })), "EINVAL", "fd"],
    [() => sendMessage(0, bad({ data: byte })), "EINVAL", "array of Uint8Arrays"],
    [() => sendMessage(0, { data: [byte], fds: bad(1) }), "EINVAL", "array"],
    [() => sendMessage(0, { data: [byte], fds: [-1] }), "EBADF", "-1"],
    [() => sendMessage(0, { data: [byte], address: bad({}) }), "EINVAL", "{}"],
    [() => sendTo(0, byte, bad(undefined)), "EINVAL", "send to"],
    [() => sendTo(0, byte, { port: 65_536 }), "EINVAL", "65536"],
    [() => receive(0, byte, 1), "EINVAL", "PEEK, TRUNC, DONTWAIT, NOSIGNAL"],
    [() => receive(0, byte, CTRUNC), "EINVAL", "PEEK"],
    [() => receive(0, byte, 0.5), "EINVAL", "0.5"],
    [() => send(0, byte, PEEK), "EINVAL", "DONTWAIT, NOSIGNAL"],
    [() => sendMessage(0, { data: [byte] }, TRUNC), "EINVAL", "DONTWAIT"],
    [() => sendTo(0, byte, address, 0x100), "EINVAL", "256"],
  ];
  for (const [call, code, part] of refused) {
    const error = assertThrows(call, SystemError);
    assertEquals(error.code, code, error.message);
    assertStringIncludes(error.message, part);
  }
  world.settle();
});

systemIoTest("Calls for messages run once, and on fibers alone", async (world) => {
  using pair = new Pair(world, "datagram");
  await world.run(function* () {
    yield* send(pair.one, bytesOf("xy"));
    const operation = receive(pair.other, new Uint8Array(9));
    assertEquals(yield* operation, 2);
    assertStringIncludes((yield* errorOf(operation)).message, "a second time");
  });
  for (const operation of [receive(pair.other, new Uint8Array(1)), sendTo(pair.one, new Uint8Array(1), { path: "/x" })]) {
    assertEquals(assertThrows(() => operation[Symbol.iterator]().next(), SystemError).code, "ESRCH");
  }
});

for (let seed = 1; seed <= 10; seed++) {
  simulatedIoTest(`Messages and their descriptors arrive whole, in order and once in spite of faults of seed ${seed}`, async (world) => {
    using pair = new Pair(world, "datagram");
    using receiver = bound(world, name());
    using sender = bound(world, { path: "" });
    await world.run(function* () {
      const before = world.open();
      const sending = spawn(function* () {
        for (let count = 0; count < 100; count++) {
          const [reader, writer] = world.pipe();
          yield* sendMessage(pair.one, { data: [bytesOf(`${count}`)], fds: [reader, writer] });
          world.closeAll(reader, writer);
          yield* sendTo(sender.fd, bytesOf(`${count}`), receiver.address);
        }
      });
      for (let count = 0; count < 100; count++) {
        const buffer = new Uint8Array(9);
        const { bytes, fds, flags } = yield* receiveMessage(pair.other, [buffer], { maxFds: 2 });
        assertEquals([textOf(buffer.subarray(0, bytes)), fds.length, flags], [`${count}`, 2, 0]);
        world.closeAll(...fds);
        assertEquals(textOf(buffer.subarray(0, yield* receive(receiver.fd, buffer))), `${count}`);
      }
      yield* sending;
      assertEquals(world.open(), before);
    });
  }, { seed, faults: { EAGAIN: 0.3, "short-read": 0.5, "short-write": 0.5, EINTR: 0.1 } });
}

simulatedIoTest("UDP loses messages where a fault says so", async (world) => {
  using receiver = bound(world, localhost);
  using sender = bound(world, localhost);
  await world.run(function* () {
    for (let count = 0; count < 100; count++) assertEquals(yield* sendTo(sender.fd, bytesOf("x"), receiver.address), 1);
    let received = 0;
    while ((yield* thrownBy(receive(receiver.fd, new Uint8Array(9), DONTWAIT))) === undefined) received++;
    assert(received > 0 && received < 100, `${received}`);
  });
}, { seed: 1, faults: { "datagram-loss": 0.5 } });

/** What an operation throws that a fiber begins with its cancellation in the cell: it came when the wait before had ended already. */
function* thrownWithCancellationQueued(operation: () => Operation<unknown>): Operation<unknown> {
  const gate = new Gate();
  const fiber = yield* waiting(function* () {
    yield* gate.pass();
    return yield* thrownBy(operation());
  });
  gate.open();
  fiber.cancel();
  return yield* fiber;
}

/** What an operation throws; `undefined` if nothing. */
function* thrownBy(operation: Operation<unknown>): Operation<unknown> {
  try {
    yield* operation;
  } catch (error) {
    assert(isInterruption(error) || error instanceof SystemError, `Not expected: ${error}`);
    return error;
  }
  return undefined;
}
