/**
 * What the virtual network does beyond the contract.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import type { SocketAddress } from "../../../event/kernel/kernel.ts";
import { type SimulatedKernel, simulatedKernel } from "../../../event/kernel/simulated/mod.ts";
import { numericHostname } from "../../../event/kernel/simulated/addresses.ts";
import { opened, openPoller, read, write } from "./_world.ts";

function look(kernel: SimulatedKernel): void {
  kernel.advance(0);
}

Deno.test("A TCP listener takes in one more than its backlog, the rest goes on trying", () => {
  const kernel = simulatedKernel();
  const listener = opened(kernel.openListener({ port: 80, backlog: 1 }));
  const clients = [1, 2, 3].map(() => opened(kernel.openStream({ port: 80 })));
  look(kernel);
  assertEquals(clients.map((client) => typeof kernel.remoteAddress(client)), ["object", "object", "number"]);
  opened(kernel.tryAccept(listener));
  assertEquals(typeof kernel.remoteAddress(clients[2]), "object");
});

Deno.test("Closing a TCP listener refuses those that go on trying", () => {
  const kernel = simulatedKernel();
  const listener = opened(kernel.openListener({ port: 80, backlog: 0 }));
  const clients = [1, 2].map(() => opened(kernel.openStream({ port: 80 })));
  look(kernel);
  kernel.close(listener);
  assertEquals(clients.map((client) => kernel.socketError(client)), [-Errno.ECONNRESET, -Errno.ECONNREFUSED]);
});

Deno.test("An AF_UNIX listener whose queue is full answers EAGAIN", () => {
  const kernel = simulatedKernel();
  const listener = opened(kernel.openListener({ path: "/x", backlog: 0 }));
  opened(kernel.openStream({ path: "/x" }));
  assertEquals(kernel.openStream({ path: "/x" }), -Errno.EAGAIN);
  opened(kernel.tryAccept(listener));
  opened(kernel.openStream({ path: "/x" }));
});

Deno.test("A TCP client that is closed while it goes on trying is passed over", () => {
  const kernel = simulatedKernel();
  const listener = opened(kernel.openListener({ port: 80, backlog: 0 }));
  const [, second, third] = [1, 2, 3].map(() => opened(kernel.openStream({ port: 80 })));
  look(kernel);
  kernel.close(second);
  opened(kernel.tryAccept(listener));
  const server = opened(kernel.tryAccept(listener));
  assertEquals(kernel.remoteAddress(server), kernel.localAddress(third));
  assertEquals(kernel.tryAccept(listener), -Errno.EAGAIN);
});

Deno.test("A TCP stream learns by a write that its peer was closed, and has ended in both directions then", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const listener = opened(kernel.openListener({ port: 80 }));
  const client = opened(kernel.openStream({ port: 80 }));
  look(kernel);
  kernel.close(opened(kernel.tryAccept(listener)));
  assertEquals(poller.watch(client, IoEvent.ET, false, 1), 0);
  assertEquals(poller.poll(0), 0);
  assertEquals(write(kernel, client, "x"), -Errno.EPIPE);
  assertEquals([poller.poll(0), poller.readyEvents[0]], [1, IoEvent.HUP]);
  poller.close();
});

Deno.test("A TCP stream that is closed on its way never arrives", () => {
  const kernel = simulatedKernel();
  const listener = opened(kernel.openListener({ port: 80 }));
  kernel.close(opened(kernel.openStream({ port: 80 })));
  look(kernel);
  assertEquals(kernel.tryAccept(listener), -Errno.EAGAIN);
});

Deno.test("Listeners that share a port share the connections", () => {
  const kernel = simulatedKernel();
  const listeners = [1, 2].map(() => opened(kernel.openListener({ port: 80, reusePort: true })));
  for (let clients = 0; clients < 10; clients++) opened(kernel.openStream({ port: 80 }));
  look(kernel);
  const counts = listeners.map((listener) => {
    let count = 0;
    while (kernel.tryAccept(listener) >= 0) count++;
    return count;
  });
  assertEquals(counts, [5, 5]);
});

Deno.test("A listener on :: takes IPv4 in, one on 0.0.0.0 no IPv6", () => {
  const kernel = simulatedKernel();
  opened(kernel.openListener({ hostname: "::", port: 80 }));
  assertEquals(kernel.openListener({ hostname: "10.0.0.1", port: 80 }), -Errno.EADDRINUSE);
  opened(kernel.openListener({ hostname: "0.0.0.0", port: 81 }));
  const reached = ([["10.0.0.1", 80], ["::1", 80], ["::", 80], ["10.0.0.1", 81], ["::1", 81]] as const).map(([hostname, port]) => {
    const client = opened(kernel.openStream({ hostname, port }));
    look(kernel);
    return kernel.socketError(client);
  });
  assertEquals(reached, [0, 0, 0, 0, -Errno.ECONNREFUSED]);
});

Deno.test("SimulatedKernel.socket() makes a socket that can be connected", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  opened(kernel.openListener({ port: 80 }));
  const unixListener = opened(kernel.openListener({ path: "@x" }));
  const socket = kernel.socket();
  assertEquals(read(kernel, socket), "ENOTCONN");
  assertEquals(kernel.localAddress(socket), { hostname: "0.0.0.0", port: 0 });
  assertEquals(kernel.connectSocket(socket, { path: "@x" }), -Errno.EAFNOSUPPORT);
  assertEquals(kernel.connectSocket(socket, { port: 80 }), -Errno.EINPROGRESS);
  assertEquals(kernel.connectSocket(socket, { port: 80 }), -Errno.EALREADY);
  poller.poll(0);
  assertEquals(kernel.connectSocket(socket, { port: 80 }), -Errno.EISCONN);
  const unix = kernel.socket("unix");
  assertEquals(kernel.connectSocket(unix, { path: "@x" }), 0);
  assertEquals(write(kernel, unix, "hello"), 5);
  assertEquals(read(kernel, opened(kernel.tryAccept(unixListener))), "hello");
  poller.close();
});

Deno.test("A socket file that was removed leaves its listener out of reach", () => {
  const kernel = simulatedKernel();
  const address: SocketAddress = { path: "/x" };
  const first = opened(kernel.openListener(address));
  kernel.removeSocketFile("/x");
  const second = opened(kernel.openListener(address));
  kernel.close(first);
  opened(kernel.openStream(address));
  assertEquals(kernel.tryAccept(second) > 0, true);
});

Deno.test("numericHostname() spells an address in one way, and knows what is none", () => {
  const spellings: [string, string | undefined][] = [
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.256", undefined],
    ["127.0.1", undefined],
    ["127.0.0.1.", undefined],
    ["127.00.0.1", undefined],
    ["0:0:0::1", "::1"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["fe80::1%2", "fe80::1%2"],
    ["fe80::1%eth0", undefined],
    [":::", undefined],
    ["12345::", undefined],
    ["localhost", undefined],
    ["[::1]", undefined],
    ["", undefined],
  ];
  for (const [text, canonical] of spellings) assertEquals(numericHostname(text), canonical, text);
});
