/**
 * The contract, 18: datagram sockets, messages, and several buffers in one call.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { Errno, errorCode } from "../../event/errno.ts";
import { IoEvent, MessageFlag } from "../../event/flags.ts";
import type { DatagramAddress, Handle, ReceivedMessage, SocketAddress } from "../../event/kernel/kernel.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

const { IN, OUT } = IoEvent;
const { PEEK, TRUNC, CTRUNC, DONTWAIT } = MessageFlag;
const localhost = "127.0.0.1";
const byte = new Uint8Array(1);

/** A message that was never received. */
export function emptyMessage(): ReceivedMessage {
  return { address: undefined, handles: [], flags: -1 };
}

/** Registers the tests. */
export function testDatagrams(hands: KernelHands): void {
  testVectors(hands);
  const places: Record<string, () => DatagramAddress> = {
    "an IPv4 port": () => ({ hostname: localhost, port: 0 }),
    "an IPv6 port": () => ({ hostname: "::1", port: 0 }),
    "a socket file": () => ({ path: hands.socketPath() }),
    "an abstract name": () => ({ path: `@${hands.socketPath()}` }),
  };
  for (const [place, makeAddress] of Object.entries(places)) testPlace(hands, place, makeAddress);
  testUdp(hands);
  testUnix(hands);
  testTcp(hands);
  testMisuse(hands);
}

function testVectors(hands: KernelHands): void {
  contractTest(hands, "Kernel.tryReadVector() and Kernel.tryWriteVector() take several buffers one after the other", (trial) => {
    const { kernel } = trial;
    const [reader, writer] = trial.pipe();
    assertEquals(kernel.tryReadVector(reader, [byte]), -Errno.EAGAIN);
    assertEquals(kernel.tryWriteVector(writer, ["one", "", "two", "three"].map(bytesOf)), 11);
    const buffers = [2, 0, 5, 10].map((size) => new Uint8Array(size).fill(46));
    assertEquals(kernel.tryReadVector(reader, buffers), 11);
    assertEquals(buffers.map(textOf), ["on", "", "etwot", "hree......"]);
    trial.drop(writer);
    assertEquals(kernel.tryReadVector(reader, buffers), 0);
    assertEquals(kernel.tryReadVector(reader, []), 0);
  });

  contractTest(hands, "Kernel.tryWriteVector() writes what fits", (trial) => {
    const [reader, writer] = trial.pipe();
    const block = new Uint8Array(100_000).fill(1);
    const count = trial.kernel.tryWriteVector(writer, [block, block, block]);
    assertGreater(count, 0);
    assert(count < 300_000);
    assertEquals(trial.kernel.tryWriteVector(writer, [byte, byte]), -Errno.EAGAIN);
    assertEquals(trial.kernel.tryReadVector(reader, [block, block, block]), count);
    trial.drop(reader);
    assertEquals(trial.kernel.tryWriteVector(writer, [byte, byte]), -Errno.EPIPE);
  });

  contractTest(hands, "Kernel.tryReadVector() and Kernel.tryWriteVector() take the first 1024 buffers of more", (trial) => {
    const [reader, writer] = trial.pipe();
    const pieces = Array.from({ length: 1_030 }, (_, index) => Uint8Array.of(index));
    assertEquals(trial.kernel.tryWriteVector(writer, pieces), 1_024);
    trial.write(writer, "123456");
    const buffers = Array.from({ length: 1_030 }, () => new Uint8Array(1));
    assertEquals(trial.kernel.tryReadVector(reader, buffers), 1_024);
    assertEquals(buffers.slice(0, 1_024), pieces.slice(0, 1_024));
    assertEquals(trial.read(reader), "123456");
  });

  contractTest(hands, "Buffers may be parts of others, small ones too, and of shared memory", (trial) => {
    const [reader, writer] = trial.pipe();
    const whole = new Uint8Array(new SharedArrayBuffer(30));
    trial.write(writer, "abcdefgh");
    const parts = [whole.subarray(20, 23), whole.subarray(3, 5), new Uint8Array(3)];
    assertEquals(trial.kernel.tryReadVector(reader, parts), 8);
    assertEquals([textOf(whole.slice(20, 23)), textOf(whole.slice(3, 5)), textOf(parts[2])], ["abc", "de", "fgh"]);
    assertEquals(trial.kernel.tryWriteVector(writer, parts), 8);
    assertEquals(trial.read(reader), "abcdefgh");
  });
}

function testPlace(hands: KernelHands, place: string, makeAddress: () => DatagramAddress): void {
  contractTest(hands, `Kernel.trySend() reaches a datagram socket on ${place}, which knows the sender and can answer`, async (trial) => {
    const [one, other] = [makeAddress(), makeAddress()].map((address) => bound(trial, address));
    const there = addressOf(trial, other);
    assertEquals(receive(trial, other), "EAGAIN");
    assertEquals(send(trial, one, "question", there), 8);
    await trial.waitFor(other, IN);
    const message = emptyMessage();
    const buffer = new Uint8Array(100);
    assertEquals(trial.kernel.tryReceive(other, [buffer], 0, 5, message), 8);
    assertEquals(message, { address: addressOf(trial, one), handles: [], flags: 0 });
    assertEquals(send(trial, other, "answer", message.address), 6);
    await trial.waitFor(one, IN);
    assertEquals(receive(trial, one), "answer");
    assertEquals(receive(trial, one), "EAGAIN");
    removeFiles(trial, one, other);
  });

  contractTest(hands, `Messages to ${place} arrive whole and one by one, empty ones too`, (trial) => {
    const receiver = bound(trial, makeAddress());
    const sender = bound(trial, nobody(makeAddress()));
    const there = addressOf(trial, receiver);
    const texts = ["first", "", "second".repeat(1_000)];
    for (const text of texts) assertEquals(send(trial, sender, text, there), text.length);
    assertEquals(texts.map(() => receive(trial, receiver)), texts);
    assertEquals(trial.kernel.trySend(sender, ["two", " ", "pieces"].map(bytesOf), there, []), 10);
    const buffers = [new Uint8Array(4), new Uint8Array(6)];
    assertEquals(trial.kernel.tryReceive(receiver, buffers, 0, 0, undefined), 10);
    assertEquals(buffers.map(textOf), ["two ", "pieces"]);
    removeFiles(trial, receiver);
  });

  contractTest(hands, `A message to ${place} loses what does not fit, and says so`, (trial) => {
    const receiver = bound(trial, makeAddress());
    const sender = bound(trial, nobody(makeAddress()));
    const there = addressOf(trial, receiver);
    for (let count = 0; count < 4; count++) send(trial, sender, "abcdef", there);
    const buffer = new Uint8Array(4);
    const message = emptyMessage();
    const calls = [0, TRUNC, PEEK | TRUNC, PEEK].map((flags) => {
      const count = trial.kernel.tryReceive(receiver, [buffer], flags, 0, message);
      return [count, message.flags, textOf(buffer)];
    });
    assertEquals(calls, [[4, TRUNC, "abcd"], [6, TRUNC, "abcd"], [6, TRUNC, "abcd"], [4, TRUNC, "abcd"]]);
    assertEquals(trial.kernel.tryReceive(receiver, [], 0, 0, message), 0);
    assertEquals(message.flags, TRUNC);
    assertEquals(receive(trial, receiver, PEEK), "abcdef");
    assertEquals(trial.read(receiver, 3), "abc");
    assertEquals(receive(trial, receiver), "EAGAIN");
    removeFiles(trial, receiver);
  });

  contractTest(hands, `Kernel.connectSocket() gives a datagram socket a peer on ${place}`, async (trial) => {
    const [one, other, third] = [makeAddress(), makeAddress(), makeAddress()].map((address) => bound(trial, address));
    assertEquals(trial.kernel.remoteAddress(one), -Errno.ENOTCONN);
    assertEquals(trial.kernel.connectSocket(one, addressOf(trial, other)), 0);
    assertEquals(trial.kernel.remoteAddress(one), addressOf(trial, other));
    assertEquals([send(trial, one, "by send"), trial.kernel.tryWrite(one, bytesOf("by write"))], [7, 8]);
    assertEquals([receive(trial, other), trial.read(other)], ["by send", "by write"]);
    // It hears nobody else: AF_UNIX refuses, UDP does not deliver.
    const stranger = send(trial, third, "stranger", addressOf(trial, one));
    assert(stranger === 8 || stranger === -Errno.EPERM, errorCode(-stranger));
    assertEquals(send(trial, other, "peer", addressOf(trial, one)), 4);
    await trial.waitFor(one, IN);
    assertEquals([receive(trial, one), receive(trial, one)], ["peer", "EAGAIN"]);
    assertEquals(send(trial, one, "elsewhere", addressOf(trial, third)), 9);
    assertEquals(receive(trial, third), "elsewhere");
    removeFiles(trial, one, other, third);
  });

  contractTest(hands, `A datagram socket on ${place} is readable while a message waits, and tells each by an edge`, (trial) => {
    const receiver = bound(trial, makeAddress());
    const sender = bound(trial, nobody(makeAddress()));
    const there = addressOf(trial, receiver);
    assertEquals(trial.poller.watch(receiver, IN, false, 1), 0);
    const edges = trial.openPoller();
    assertEquals(edges.watch(receiver, IN | IoEvent.ET, false, 2), 0);
    assertEquals(trial.reports(), []);
    send(trial, sender, "x", there);
    assertEquals([trial.reports(), trial.reports(), trial.reports(edges), trial.reports(edges)], [[[1, IN]], [[1, IN]], [[2, IN]], []]);
    send(trial, sender, "y", there);
    assertEquals(trial.reports(edges), [[2, IN]]);
    assertEquals([receive(trial, receiver), receive(trial, receiver)], ["x", "y"]);
    assertEquals(trial.reports(), []);
    removeFiles(trial, receiver);
  });

  contractTest(hands, `Kernel.openDatagram() reports EADDRINUSE for ${place} that is taken`, (trial) => {
    const socket = bound(trial, makeAddress());
    assertEquals(trial.kernel.openDatagram(addressOf(trial, socket)), -Errno.EADDRINUSE);
    removeFiles(trial, socket);
  });

  contractTest(hands, `Kernel.tryReceive() and Kernel.trySend() do not wait, also on a blocking socket on ${place}`, (trial) => {
    const socket = bound(trial, makeAddress());
    assertEquals(trial.kernel.setBlocking(socket, true), 0);
    assertEquals(receive(trial, socket), "EAGAIN");
    const there = addressOf(trial, socket);
    // Over the network there is no end to it; the queues of AF_UNIX are as long as a machine makes them.
    for (let count = 0; count < 2_000 && send(trial, socket, "x", there) >= 0; count++);
    assertEquals(trial.kernel.setBlocking(socket, true), 1);
    removeFiles(trial, socket);
  });
}

function testUdp(hands: KernelHands): void {
  contractTest(
    hands,
    "A datagram socket without a hostname takes what is sent to the local host, and the system chooses ports",
    (trial) => {
      const receiver = bound(trial, { port: 0 });
      const sender = bound(trial, { port: 0 });
      const address = trial.kernel.localAddress(receiver) as { hostname: string; port: number };
      assertEquals(address.hostname, "0.0.0.0");
      assertGreater(address.port, 0);
      assertEquals(send(trial, sender, "hello", { port: address.port }), 5);
      const message = emptyMessage();
      assertEquals(trial.kernel.tryReceive(receiver, [new Uint8Array(9)], 0, 0, message), 5);
      assertEquals(message.address, { hostname: localhost, port: (addressOf(trial, sender) as { port: number }).port });
    },
  );

  contractTest(hands, "A datagram socket on all of IPv6 takes in IPv4 and can answer it", (trial) => {
    const server = bound(trial, { hostname: "::", port: 0 });
    const client = bound(trial, { hostname: localhost, port: 0 });
    const { port } = trial.kernel.localAddress(server) as { port: number };
    assertEquals(send(trial, client, "four", { port }), 4);
    const message = emptyMessage();
    assertEquals(trial.kernel.tryReceive(server, [new Uint8Array(9)], 0, 0, message), 4);
    assertEquals(message.address, {
      hostname: `::ffff:${localhost}`,
      port: (trial.kernel.localAddress(client) as { port: number }).port,
    });
    assertEquals(send(trial, server, "answer", message.address), 6);
    assertEquals(trial.kernel.tryReceive(client, [new Uint8Array(9)], 0, 0, message), 6);
    assertEquals(message.address, { hostname: localhost, port });
    assertEquals(send(trial, client, "six", { hostname: "::1", port }), -Errno.EAFNOSUPPORT);
  });

  contractTest(hands, "Datagram sockets share a port if both ask for it, and one of them gets each message", (trial) => {
    const first = bound(trial, { hostname: localhost, port: 0, reusePort: true });
    const { port } = trial.kernel.localAddress(first) as { port: number };
    const second = bound(trial, { hostname: localhost, port, reusePort: true });
    assertEquals(trial.kernel.openDatagram({ hostname: localhost, port }), -Errno.EADDRINUSE);
    const sender = bound(trial, { port: 0 });
    assertEquals(send(trial, sender, "whose", { port }), 5);
    assertEquals([receive(trial, first), receive(trial, second)].sort(), ["EAGAIN", "whose"]);
  });

  contractTest(hands, "UDP reports EDESTADDRREQ without an address, and EMSGSIZE for what no packet can hold", (trial) => {
    const socket = bound(trial, { port: 0 });
    const there = addressOf(trial, bound(trial, { hostname: localhost, port: 0 }));
    assertEquals(send(trial, socket, "where to?"), -Errno.EDESTADDRREQ);
    assertEquals(trial.kernel.trySend(socket, [new Uint8Array(65_508)], there, []), -Errno.EMSGSIZE);
    assertEquals(trial.kernel.trySend(socket, [new Uint8Array(65_507)], there, []), 65_507);
    assertEquals(send(trial, socket, "x", { path: "@".padEnd(50, "x") }), -Errno.EAFNOSUPPORT);
  });

  contractTest(hands, "UDP tells a connected socket that nobody is there by its next call, once", async (trial) => {
    const gone = bound(trial, { hostname: localhost, port: 0 });
    const there = addressOf(trial, gone);
    trial.drop(gone);
    const socket = bound(trial, { port: 0 });
    assertEquals(send(trial, socket, "lost", there), 4);
    assertEquals(trial.kernel.connectSocket(socket, there), 0);
    assertEquals(send(trial, socket, "lost"), 4);
    await trial.waitFor(socket, IoEvent.ERR);
    assertEquals([receive(trial, socket), receive(trial, socket)], ["ECONNREFUSED", "EAGAIN"]);
    send(trial, socket, "lost");
    assertEquals([send(trial, socket, "not sent"), trial.kernel.socketError(socket)], [-Errno.ECONNREFUSED, 0]);
  });

  contractTest(hands, "UDP sends to everybody only where that was asked for", (trial) => {
    const first = bound(trial, { port: 0, reusePort: true });
    const { port } = trial.kernel.localAddress(first) as { port: number };
    const second = bound(trial, { port, reusePort: true });
    const everybodyHere = { hostname: "127.255.255.255", port };
    assertEquals(send(trial, bound(trial, { port: 0 }), "x", everybodyHere), -Errno.EACCES);
    assertEquals(send(trial, bound(trial, { port: 0, broadcast: true }), "all", everybodyHere), 3);
    assertEquals([receive(trial, first), receive(trial, second)], ["all", "all"]);
  });

  contractTest(hands, "UDP loses what a receiver has no room for", (trial) => {
    const receiver = bound(trial, { hostname: localhost, port: 0 });
    const sender = bound(trial, { port: 0 });
    const there = addressOf(trial, receiver);
    const block = new Uint8Array(50_000);
    let [sent, received] = [0, 0];
    // How much room there is is for each machine to say.
    for (let batch = 50; received === sent && batch < 20_000; batch *= 2) {
      for (let count = 0; count < batch; count++) assertEquals(trial.kernel.trySend(sender, [block], there, []), block.length);
      sent += batch;
      while (trial.kernel.tryReceive(receiver, [block], 0, 0, undefined) >= 0) received++;
    }
    assert(received > 0 && received < sent, `${received} of ${sent}`);
    assertEquals(send(trial, sender, "room again", there), 10);
    assertEquals(receive(trial, receiver), "room again");
  });
}

function testUnix(hands: KernelHands): void {
  contractTest(hands, "Kernel.trySend() to a full AF_UNIX queue is EAGAIN until its owner reads", (trial) => {
    const receiver = bound(trial, { path: `@${hands.socketPath()}` });
    const sender = bound(trial, { path: "" });
    const there = addressOf(trial, receiver);
    let sent = 0;
    while (send(trial, sender, `${sent}`, there) >= 0) sent++;
    assertGreater(sent, 0);
    assertEquals(send(trial, sender, "x", there), -Errno.EAGAIN);
    assertEquals(receive(trial, receiver), "0");
    assertEquals(send(trial, sender, "x", there), 1);
  });

  contractTest(hands, "A connected AF_UNIX socket is writable while its peer has room", (trial) => {
    const receiver = bound(trial, { path: `@${hands.socketPath()}` });
    const sender = bound(trial, { path: "" });
    assertEquals(trial.kernel.connectSocket(sender, addressOf(trial, receiver)), 0);
    assertEquals(trial.poller.watch(sender, OUT | IoEvent.ET, false, 1), 0);
    assertEquals(trial.reports(), [[1, OUT]]);
    while (send(trial, sender, "x") >= 0);
    assertEquals(trial.reports(), []);
    assertEquals(receive(trial, receiver), "x");
    assertEquals(trial.reports(), [[1, OUT]]);
    // Somebody else may fill it as well.
    const other = bound(trial, { path: "" });
    while (receive(trial, receiver) !== "EAGAIN");
    while (send(trial, other, "y", addressOf(trial, receiver)) >= 0);
    assertEquals(trial.poller.rewatch(sender, OUT | IoEvent.ET, false, 1), 0);
    assertEquals([send(trial, sender, "x"), trial.reports()], [-Errno.EAGAIN, []]);
    assertEquals(receive(trial, receiver), "y");
    assertEquals(trial.reports(), [[1, OUT]]);
  });

  contractTest(hands, "AF_UNIX tells a connected socket that its peer has turned away from what it sent: ECONNRESET, once", (trial) => {
    const [one, other, third] = [1, 2, 3].map(() => bound(trial, { path: `@${hands.socketPath()}` }));
    assertEquals(trial.kernel.connectSocket(one, addressOf(trial, other)), 0);
    assertEquals(trial.kernel.connectSocket(other, addressOf(trial, one)), 0);
    assertEquals(trial.kernel.connectSocket(one, addressOf(trial, third)), 0);
    assertEquals(trial.kernel.socketError(other), 0);
    assertEquals(trial.kernel.connectSocket(one, addressOf(trial, other)), 0);
    assertEquals(send(trial, other, "unread"), 6);
    assertEquals(trial.kernel.connectSocket(one, addressOf(trial, third)), 0);
    assertEquals([trial.kernel.socketError(other), trial.kernel.socketError(other)], [-Errno.ECONNRESET, 0]);
    assertEquals(receive(trial, one), "EAGAIN");
  });

  contractTest(hands, "AF_UNIX tells who nobody is: ENOENT, ECONNREFUSED, EPROTOTYPE, ENOTCONN", (trial) => {
    const sender = bound(trial, { path: "" });
    assertEquals(trial.kernel.localAddress(sender), undefined);
    const path = hands.socketPath();
    assertEquals(send(trial, sender, "x"), -Errno.ENOTCONN);
    assertEquals(send(trial, sender, "x", { path }), -Errno.ENOENT);
    assertEquals(send(trial, sender, "x", { path: `@${path}` }), -Errno.ECONNREFUSED);
    trial.drop(bound(trial, { path }));
    assertEquals(send(trial, sender, "x", { path }), -Errno.ECONNREFUSED);
    assertEquals(trial.kernel.connectSocket(sender, { path }), -Errno.ECONNREFUSED);
    assertEquals(trial.kernel.removeSocketFile(path), 0);
    trial.own(trial.kernel.openListener({ path }));
    assertEquals(send(trial, sender, "x", { path }), -Errno.EPROTOTYPE);
    assertEquals(trial.kernel.removeSocketFile(path), 0);
    const datagrams = bound(trial, { path });
    assertEquals(trial.kernel.openStream({ path }), -Errno.EPROTOTYPE);
    removeFiles(trial, datagrams);
    assertEquals(send(trial, sender, "x", { port: 9 }), -Errno.EINVAL);
  });

  contractTest(hands, "A pair of datagram sockets: messages, and ECONNREFUSED when one end is gone", (trial) => {
    const [one, other] = pair(trial, "datagram");
    assertEquals([send(trial, one, "a"), send(trial, one, "b"), send(trial, other, "c")], [1, 1, 1]);
    assertEquals([receive(trial, other), receive(trial, other), receive(trial, one)], ["a", "b", "c"]);
    assertEquals(trial.kernel.remoteAddress(one), undefined);
    trial.drop(other);
    assertEquals([receive(trial, one), send(trial, one, "x"), send(trial, one, "x")], ["EAGAIN", -Errno.ECONNREFUSED, -Errno.ENOTCONN]);
  });

  contractTest(hands, "A pair of datagram sockets takes many messages, then EAGAIN, and OUT comes back when there is room", (trial) => {
    const [one, other] = pair(trial, "datagram");
    const block = new Uint8Array(10_000);
    assertEquals(trial.kernel.trySend(one, [new Uint8Array(10_000_000)], undefined, []), -Errno.EMSGSIZE);
    assertEquals(trial.poller.watch(one, OUT | IoEvent.ET, false, 1), 0);
    assertEquals(trial.reports(), [[1, OUT]]);
    let sent = 0;
    while (trial.kernel.trySend(one, [block], undefined, []) >= 0) sent++;
    assertGreater(sent, 1);
    assertEquals(trial.reports(), []);
    // A little room is not told of.
    assertEquals(trial.kernel.tryReceive(other, [block], 0, 0, undefined), block.length);
    assertEquals(trial.reports(), []);
    for (let count = 1; count < sent; count++) assertEquals(trial.kernel.tryReceive(other, [block], 0, 0, undefined), block.length);
    assertEquals(trial.reports(), [[1, OUT]]);
  });

  contractTest(hands, "A pair of streams tells who watches of the end of each direction, also of the own one", (trial) => {
    const [one, other] = pair(trial, "stream");
    const { HUP, RDHUP, ET } = IoEvent;
    assertEquals(trial.poller.watch(one, RDHUP | ET, false, 1), 0);
    assertEquals(trial.reports(), []);
    assertEquals(trial.kernel.closeWrite(other), 0);
    assertEquals(trial.reports(), [[1, RDHUP]]);
    assertEquals(trial.kernel.closeWrite(one), 0);
    assertEquals(trial.reports(), [[1, RDHUP | HUP]]);
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "A pair of streams: bytes, and the end", (trial) => {
    const [one, other] = pair(trial, "stream");
    assertEquals([send(trial, one, "ab"), send(trial, one, "cd")], [2, 2]);
    assertEquals([receive(trial, other, PEEK), receive(trial, other), receive(trial, other)], ["abcd", "abcd", "EAGAIN"]);
    assertEquals(send(trial, one, "x", { path: "@nobody" }), -Errno.EISCONN);
    trial.drop(one);
    assertEquals([receive(trial, other), send(trial, other, "x")], ["", -Errno.EPIPE]);
  });
}

function testTcp(hands: KernelHands): void {
  contractTest(hands, "Kernel.tryReceive() and Kernel.trySend() move the bytes of TCP", async (trial) => {
    const { kernel } = trial;
    const listener = trial.own(kernel.openListener({ hostname: localhost, port: 0 }));
    const there = addressOf(trial, listener);
    const client = trial.own(kernel.openStream(there));
    await trial.waitFor(client, OUT);
    const server = trial.own(kernel.tryAccept(listener));
    // An address is of no use there, and does no harm.
    assertEquals([send(trial, client, "abc"), send(trial, client, "defghi", { port: 9 })], [3, 6]);
    await trial.waitFor(server, IN);
    const message = emptyMessage();
    const buffer = new Uint8Array(4);
    assertEquals(kernel.tryReceive(server, [buffer], PEEK, 5, message), 4);
    assertEquals([textOf(buffer), message], ["abcd", { address: undefined, handles: [], flags: 0 }]);
    assertEquals([kernel.tryReceive(server, [buffer.fill(46)], TRUNC, 0, message), textOf(buffer), message.flags], [4, "....", 0]);
    assertEquals([receive(trial, server), receive(trial, server)], ["efghi", "EAGAIN"]);
    assertEquals([receive(trial, listener), send(trial, listener, "x")], ["ENOTCONN", -Errno.EPIPE]);
    assertEquals(kernel.closeWrite(client), 0);
    await trial.waitFor(server, IN);
    assertEquals([receive(trial, server), send(trial, client, "x")], ["", -Errno.EPIPE]);
  });
}

function testMisuse(hands: KernelHands): void {
  contractTest(hands, "The calls for messages report ENOTSOCK for what is no socket, and EBADF for what is not open", (trial) => {
    const [reader, writer] = trial.pipe();
    for (const [handle, errno] of [[reader, Errno.ENOTSOCK], [987_654, Errno.EBADF]]) {
      assertEquals(trial.kernel.tryReceive(handle, [byte], 0, 0, undefined), -errno);
      assertEquals(trial.kernel.trySend(handle, [byte], undefined, []), -errno);
      assertEquals(trial.kernel.trySend(handle, [byte], undefined, [writer]), -errno);
    }
    assertEquals(trial.kernel.tryReadVector(987_654, [byte]), -Errno.EBADF);
    assertEquals(trial.kernel.tryWriteVector(987_654, [byte]), -Errno.EBADF);
  });

  contractTest(hands, "A call that fails leaves the message alone", (trial) => {
    const [one] = pair(trial, "datagram");
    const message = emptyMessage();
    assertEquals(trial.kernel.tryReceive(one, [byte], 0, 9, message), -Errno.EAGAIN);
    assertEquals(message, emptyMessage());
  });

  contractTest(hands, "Kernel.tryReceive() reports EINVAL for flags that are none of its own", (trial) => {
    const [one] = pair(trial, "datagram");
    for (const flags of [DONTWAIT, CTRUNC, 1, 1 << 20]) {
      assertEquals(trial.kernel.tryReceive(one, [byte], flags, 0, undefined), -Errno.EINVAL, `${flags}`);
    }
  });

  contractTest(hands, "A message has at most 1024 pieces, or EMSGSIZE", (trial) => {
    const [one, other] = pair(trial, "datagram");
    const pieces = Array.from({ length: 1_025 }, () => new Uint8Array(1));
    assertEquals(trial.kernel.trySend(one, pieces, undefined, []), -Errno.EMSGSIZE);
    assertEquals(trial.kernel.trySend(one, pieces.slice(1), undefined, []), 1_024);
    assertEquals(trial.kernel.tryReceive(other, pieces, 0, 0, undefined), -Errno.EMSGSIZE);
    assertEquals(trial.kernel.tryReceive(other, pieces.slice(1), 0, 0, undefined), 1_024);
  });

  contractTest(
    hands,
    "Kernel.openDatagram(), Kernel.trySend() and Kernel.connectSocket() report EINVAL for what is no address",
    (trial) => {
      const { kernel } = trial;
      const socket = bound(trial, { port: 0 });
      const addresses: SocketAddress[] = [{ hostname: "localhost", port: 80 }, { hostname: localhost, port: 65_536 }, { port: 0.5 }, {
        path: "a\0b",
      }];
      for (const address of addresses) {
        assertEquals(kernel.openDatagram(address), -Errno.EINVAL, JSON.stringify(address));
        assertEquals(kernel.trySend(socket, [byte], address, []), -Errno.EINVAL, JSON.stringify(address));
        assertEquals(kernel.connectSocket(socket, address), -Errno.EINVAL, JSON.stringify(address));
      }
      assertEquals(kernel.openDatagram({ path: "/".repeat(108) }), -Errno.ENAMETOOLONG);
      assertEquals(kernel.trySend(socket, [byte], { path: "/".repeat(108) }, []), -Errno.ENAMETOOLONG);
      assertEquals(kernel.trySend(socket, [byte], { path: "" }, []), -Errno.EINVAL);
      assertEquals(kernel.trySend(socket, [byte], { port: 0 }, []), -Errno.EINVAL);
    },
  );

  contractTest(hands, "Kernel.tryAccept() of a datagram socket is EOPNOTSUPP, and it ends its writing direction by EPIPE", (trial) => {
    const [one, other] = pair(trial, "datagram");
    assertEquals(trial.kernel.tryAccept(one), -Errno.EOPNOTSUPP);
    assertEquals(trial.kernel.closeWrite(one), 0);
    assertEquals([send(trial, one, "x"), send(trial, other, "y")], [-Errno.EPIPE, 1]);
    assertEquals(receive(trial, one), "y");
  });
}

/** A datagram socket, the trial's. */
function bound(trial: Trial, address: DatagramAddress): Handle {
  return trial.own(trial.kernel.openDatagram(address));
}

/** Of the same kind as an address, one that no other socket needs. */
function nobody(address: DatagramAddress): DatagramAddress {
  return "path" in address ? { path: "" } : address;
}

/** Two sockets that are connected, the trial's. */
export function pair(trial: Trial, kind: "stream" | "datagram"): [Handle, Handle] {
  const ends = trial.kernel.openSocketPair(kind);
  assert(typeof ends === "object");
  return [trial.own(ends[0]), trial.own(ends[1])];
}

function addressOf(trial: Trial, handle: Handle): SocketAddress {
  const address = trial.kernel.localAddress(handle);
  assert(typeof address === "object");
  return address;
}

/** Sends a text. */
export function send(trial: Trial, handle: Handle, text: string, address?: SocketAddress, handles: readonly Handle[] = []): number {
  return trial.kernel.trySend(handle, [bytesOf(text)], address, handles);
}

/** What there is to receive, as text, or the error's name. */
export function receive(trial: Trial, handle: Handle, flags: number = 0): string {
  const buffer = new Uint8Array(70_000);
  const count = trial.kernel.tryReceive(handle, [buffer], flags, 0, undefined);
  return count < 0 ? errorCode(-count) : textOf(buffer.subarray(0, count));
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.slice());
}

function removeFiles(trial: Trial, ...handles: Handle[]): void {
  for (const handle of handles) {
    const address = addressOf(trial, handle);
    if ("path" in address && !address.path.startsWith("@")) assertEquals(trial.kernel.removeSocketFile(address.path), 0);
  }
}
