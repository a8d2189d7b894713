/**
 * The portable kernel's datagram sockets.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { IoEvent, MessageFlag } from "../../../event/flags.ts";
import type { Result, SocketAddress } from "../../../event/kernel/kernel.ts";
import { DatagramSocket } from "../../../event/kernel/portable/datagram.ts";
import type { InternetAddress } from "../../../event/kernel/portable/addresses.ts";
import { ipv6Test } from "../../_host.ts";
import { SocketTrial } from "./_sockets.ts";

const { IN, OUT, ERR } = IoEvent;

/** A socket of a test's, and where it is. */
interface Bound extends Disposable {
  readonly socket: DatagramSocket;
  readonly address: InternetAddress;
}

function bound(hostname = "127.0.0.1", options: { broadcast?: boolean } = {}): Bound {
  const socket = DatagramSocket.open({ hostname, port: 0, ...options });
  assert(socket instanceof DatagramSocket, `${socket} instead of a socket`);
  return { socket, address: socket.localAddress as InternetAddress, [Symbol.dispose]: () => socket.release() };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A message and whose it is, or why there is none. */
function take({ socket }: Bound, flags = 0): { data: Uint8Array; address: InternetAddress } | Result {
  const buffer = new Uint8Array(70_000);
  const delivery = socket.receive(buffer, flags);
  if (typeof delivery === "number") return delivery;
  assertEquals(delivery.wholeCount, delivery.count);
  return { data: buffer.subarray(0, delivery.count), address: delivery.address as InternetAddress };
}

function send({ socket }: Bound, data: Uint8Array, address: SocketAddress): Result {
  return socket.send({ data, address, parcel: undefined });
}

/** What comes next, as text, and from which port. */
async function receive(trial: SocketTrial, bound: Bound): Promise<[text: string, port: number]> {
  await trial.until(() => (bound.socket.readiness() & IN) !== 0);
  const message = take(bound);
  assert(typeof message === "object", `${message} instead of a message`);
  return [new TextDecoder().decode(message.data), message.address.port];
}

Deno.test("DatagramSocket.open() knows at once where it is bound, and why it cannot be", () => {
  using one = bound();
  assertEquals(one.address.hostname, "127.0.0.1");
  assert(one.address.port > 0);
  assertEquals(DatagramSocket.open(one.address), -Errno.EADDRINUSE);
  assertEquals(DatagramSocket.open({ hostname: "localhost", port: 0 }), -Errno.EINVAL);
  assertEquals(DatagramSocket.open({ port: 65_536 }), -Errno.EINVAL);
});

for (const [hostname, test] of [["127.0.0.1", Deno.test], ["::1", ipv6Test]] as const) {
  test(`DatagramSocket.send() reaches a socket on ${hostname}, which can answer`, async () => {
    await using trial = new SocketTrial();
    using one = bound(hostname);
    using other = bound(hostname);
    assertEquals(take(other), -Errno.EAGAIN);
    for (const text of ["question", "", "another"]) assertEquals(send(one, bytesOf(text), other.address), text.length);
    assertEquals(await receive(trial, other), ["question", one.address.port]);
    assertEquals(await receive(trial, other), ["", one.address.port]);
    assertEquals(await receive(trial, other), ["another", one.address.port]);
    assertEquals(send(other, bytesOf("answer"), one.address), 6);
    assertEquals(await receive(trial, one), ["answer", other.address.port]);
  });
}

Deno.test("DatagramSocket.receive() leaves a message that is only looked at, and read() cuts one off", async () => {
  await using trial = new SocketTrial();
  using one = bound();
  using other = bound();
  send(one, bytesOf("abcdef"), other.address);
  await trial.until(() => (other.socket.readiness() & IN) !== 0);
  const message = take(other, MessageFlag.PEEK);
  assert(typeof message === "object");
  assertEquals(message.data.length, 6);
  const buffer = new Uint8Array(4);
  assertEquals(other.socket.read(buffer), 4);
  assertEquals(new TextDecoder().decode(buffer), "abcd");
  assertEquals(other.socket.read(buffer), -Errno.EAGAIN);
});

ipv6Test("A datagram socket on all of IPv6 takes in IPv4 and can answer it", async () => {
  await using trial = new SocketTrial();
  using server = bound("::");
  using client = bound();
  const { port } = server.address;
  send(client, bytesOf("four"), { port });
  await trial.until(() => (server.socket.readiness() & IN) !== 0);
  const message = take(server);
  assert(typeof message === "object");
  assertEquals(message.address, { hostname: "::ffff:127.0.0.1", port: client.address.port });
  assertEquals(send(server, bytesOf("six"), message.address), 3);
  assertEquals(await receive(trial, client), ["six", port]);
  assertEquals(send(client, bytesOf("x"), { hostname: "::1", port }), -Errno.EAFNOSUPPORT);
});

ipv6Test("DatagramSocket.connect() sends there by default, and hears nobody else", async () => {
  await using trial = new SocketTrial();
  using one = bound("::1");
  using other = bound("::1");
  using third = bound("::1");
  assertEquals([one.socket.remoteAddress, one.socket.closeWrite()], [-Errno.ENOTCONN, -Errno.ENOTCONN]);
  assertEquals(one.socket.write(bytesOf("where to?")), -Errno.EDESTADDRREQ);
  assertEquals(one.socket.connect({ hostname: "0:0:0::1", port: other.address.port }), 0);
  assertEquals(one.socket.remoteAddress, other.address);
  assertEquals(one.socket.write(bytesOf("to you")), 6);
  assertEquals(await receive(trial, other), ["to you", one.address.port]);
  send(third, bytesOf("stranger"), one.address);
  send(other, bytesOf("peer"), one.address);
  assertEquals(await receive(trial, one), ["peer", other.address.port]);
  await trial.settled(() => one.socket.readiness());
  assertEquals(take(one), -Errno.EAGAIN);
  assertEquals(send(one, bytesOf("elsewhere"), third.address), 9);
  assertEquals(await receive(trial, third), ["elsewhere", one.address.port]);
  assertEquals(one.socket.closeWrite(), 0);
  assertEquals(one.socket.write(bytesOf("x")), -Errno.EPIPE);
});

Deno.test("DatagramSocket.send() refuses what can never be sent", () => {
  using one = bound();
  using other = bound();
  assertEquals(send(one, new Uint8Array(65_508), other.address), -Errno.EMSGSIZE);
  assertEquals(send(one, bytesOf("x"), { path: "/somewhere" }), -Errno.EAFNOSUPPORT);
  assertEquals(send(one, bytesOf("x"), { hostname: "localhost", port: 1 }), -Errno.EINVAL);
  assertEquals(send(one, bytesOf("x"), { port: 0 }), -Errno.EINVAL);
  assertEquals(send(one, bytesOf("x"), { hostname: "255.255.255.255", port: 9 }), -Errno.EACCES);
  assertEquals(DatagramSocket.open({ path: "/somewhere", port: 1 } as { port: number }), -Errno.EOPNOTSUPP);
});

Deno.test("DatagramSocket.send() has a limit, and OUT tells when there is room", async () => {
  await using trial = new SocketTrial();
  using one = bound();
  using other = bound();
  const block = new Uint8Array(60_000);
  let result = 0;
  for (let count = 0; (result = send(one, block, other.address)) >= 0; count++) assertLess(count, 100);
  assertEquals(result, -Errno.EAGAIN);
  assertEquals(one.socket.readiness() & OUT, 0);
  await trial.until(() => (one.socket.readiness() & OUT) !== 0);
  assertEquals(send(one, block, other.address), block.length);
});

Deno.test("A datagram socket loses what its receiver has no room for", async () => {
  await using trial = new SocketTrial();
  using one = bound();
  using other = bound();
  const block = new Uint8Array(50_000);
  let sent = 0;
  await trial.until(() => send(one, block, other.address) >= 0 && ++sent === 50);
  await trial.settled(() => 0);
  let received = 0;
  while (typeof take(other) === "object") received++;
  assert(received > 0 && received < 50, `${received} of 50`);
  // There is room again.
  await trial.until(() => send(one, block, other.address) >= 0);
  await trial.until(() => (other.socket.readiness() & IN) !== 0);
  assertEquals(typeof take(other), "object");
});

Deno.test("DatagramSocket.send() takes a copy, the caller's buffer may change at once", async () => {
  await using trial = new SocketTrial();
  using one = bound();
  using other = bound();
  const data = bytesOf("first");
  for (const text of ["first", "other"]) {
    data.set(bytesOf(text));
    assertEquals(send(one, data, other.address), 5);
  }
  data.fill(0);
  assertEquals([(await receive(trial, other))[0], (await receive(trial, other))[0]], ["first", "other"]);
});

Deno.test("DatagramSocket.connect() tells who has the peer's port on another address from the peer", async () => {
  await using trial = new SocketTrial();
  using one = bound();
  using peer = bound();
  const stranger = DatagramSocket.open({ hostname: "127.0.0.2", port: peer.address.port });
  assert(stranger instanceof DatagramSocket);
  assertEquals(one.socket.connect(peer.address), 0);
  assertEquals(stranger.send({ data: bytesOf("stranger"), address: one.address, parcel: undefined }), 8);
  await trial.settled(() => one.socket.readiness());
  assertEquals(take(one), -Errno.EAGAIN);
  send(peer, bytesOf("peer"), one.address);
  assertEquals(await receive(trial, one), ["peer", peer.address.port]);
  stranger.release();
});

Deno.test("DatagramSocket.release() still sends what is on its way", async () => {
  await using trial = new SocketTrial();
  using receiver = bound();
  const sender = bound();
  for (let count = 0; count < 3; count++) send(sender, bytesOf(`farewell ${count}`), receiver.address);
  sender.socket.release();
  for (let count = 0; count < 3; count++) assertEquals((await receive(trial, receiver))[0], `farewell ${count}`);
});

Deno.test("DatagramSocket.send() that fails on its way is told of by the next call, once", async () => {
  await using trial = new SocketTrial();
  // Nobody sends from the local host to a network.
  using socket = bound("127.0.0.1");
  assertEquals(send(socket, bytesOf("x"), { hostname: "203.0.113.5", port: 9 }), 1);
  await trial.until(() => (socket.socket.readiness() & ERR) !== 0);
  // Hosts name the reason each in its own way.
  assertLess(socket.socket.takeError(), 0);
  assertEquals([socket.socket.takeError(), socket.socket.readiness()], [0, OUT]);
});
