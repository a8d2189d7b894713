/**
 * Datagrams in the virtual world: what somebody else receives, what goes wrong, and what stays open on its way.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Errno, SystemError } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import type { Handle, Kernel, ReceivedMessage } from "../../../event/kernel/kernel.ts";
import { simulatedKernel } from "../../../event/kernel/simulated/mod.ts";
import { opened, openPoller, read, write } from "./_world.ts";

const { IN, OUT, ET } = IoEvent;
const localhost = { hostname: "127.0.0.1", port: 0 };

function pair(kernel: Kernel, kind: "stream" | "datagram"): [Handle, Handle] {
  const ends = kernel.openSocketPair(kind);
  assert(typeof ends === "object");
  return ends;
}

function send(kernel: Kernel, handle: Handle, text: string, handles: readonly Handle[] = []): number {
  return kernel.trySend(handle, [new TextEncoder().encode(text)], undefined, handles);
}

Deno.test("SimulatedKernel.datagrams() receives what sockets of the program send there, and closes what comes along", () => {
  const kernel = simulatedKernel();
  const received = kernel.datagrams("/run/notify");
  const socket = opened(kernel.openDatagram({ path: "" }));
  const { reader, writer } = kernel.pipe();
  assertEquals(kernel.trySend(socket, [Uint8Array.of(1), Uint8Array.of(2)], { path: "/run/notify" }, [writer]), 2);
  kernel.close(writer);
  assertEquals(read(kernel, reader), "");
  assertEquals(kernel.connectSocket(socket, { path: "/run/notify" }), 0);
  for (let count = 0; count < 100; count++) assertEquals(send(kernel, socket, "x"), 1);
  assertEquals([received[0], received.length], [Uint8Array.of(1, 2), 101]);
  assertEquals(kernel.openDatagram({ path: "/run/notify" }), -Errno.EADDRINUSE);
  assertEquals(kernel.openStream({ path: "/run/notify" }), -Errno.EPROTOTYPE);
});

Deno.test("SimulatedKernel.datagrams() is refused where something else is", () => {
  const kernel = simulatedKernel();
  opened(kernel.openListener({ path: "/run/listener" }));
  assertEquals(assertThrows(() => kernel.datagrams("/run/listener"), SystemError).code, "EADDRINUSE");
});

Deno.test("Faults of EAGAIN come to messages too, and readiness comes again", () => {
  const kernel = simulatedKernel({ faults: { EAGAIN: 1 } });
  const poller = openPoller(kernel);
  for (const kind of ["stream", "datagram"] as const) {
    const [one] = pair(kernel, kind);
    poller.watch(one, OUT | ET, false, 1);
    for (let round = 0; round < 3; round++) {
      assertEquals(poller.poll(0), 1);
      assertEquals(send(kernel, one, "x"), -Errno.EAGAIN);
    }
    poller.unwatch(one);
  }
  poller.close();
});

Deno.test("Faults of short-read and short-write cut what a stream moves, at least one byte, and never a datagram", () => {
  for (let seed = 0; seed < 20; seed++) {
    const kernel = simulatedKernel({ seed, faults: { "short-read": 1, "short-write": 1 } });
    const buffer = new Uint8Array(100);
    const [one, other] = pair(kernel, "datagram");
    assertEquals(send(kernel, one, "whole"), 5);
    assertEquals(write(kernel, one, "whole"), 5);
    assertEquals(kernel.tryReceive(other, [buffer], 0, 0, undefined), 5);
    assertEquals(kernel.tryRead(other, buffer), 5);
    const [stream, end] = pair(kernel, "stream");
    const sent = send(kernel, stream, "parts");
    assert(sent >= 1 && sent < 5);
    const received = kernel.tryReceive(end, [buffer], 0, 0, undefined);
    assert(received >= 1 && (received < sent || sent === 1));
  }
});

Deno.test("Faults of short-write send handles all the same", () => {
  const kernel = simulatedKernel({ seed: 1, faults: { "short-write": 1 } });
  const [one, other] = pair(kernel, "stream");
  assert(send(kernel, one, "parts", [one, one]) < 5);
  const message: ReceivedMessage = { address: undefined, handles: [], flags: 0 };
  kernel.tryReceive(other, [new Uint8Array(9)], 0, 2, message);
  assertEquals([message.handles.length, message.flags], [2, 0]);
});

Deno.test("Faults of datagram-loss strike what is sent by UDP, and nothing else", () => {
  const kernel = simulatedKernel({ faults: { "datagram-loss": 1 } });
  const [udp, other] = [opened(kernel.openDatagram(localhost)), opened(kernel.openDatagram(localhost))];
  const there = kernel.localAddress(other);
  assert(typeof there === "object");
  assertEquals(kernel.trySend(udp, [Uint8Array.of(1)], there, []), 1);
  assertEquals(read(kernel, other), "EAGAIN");
  const [one, end] = pair(kernel, "datagram");
  assertEquals(send(kernel, one, "x"), 1);
  assertEquals(read(kernel, end), "x");
});

Deno.test("A file that is on its way stays open and watched, and is closed with the socket it was sent to", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const [one, other] = pair(kernel, "datagram");
  const { reader, writer } = kernel.pipe();
  poller.watch(reader, IN, false, 1);
  send(kernel, one, "x", [writer]);
  kernel.close(writer);
  assertEquals(poller.poll(0), 0);
  kernel.close(other);
  assertEquals([poller.poll(0), poller.readyEvents[0]], [1, IoEvent.HUP]);
  kernel.close(one);
  kernel.close(reader);
  poller.close();
  assertEquals(kernel.leaks(), []);
});

Deno.test("A child of the simulation can be sent handles, and its own are those it receives", () => {
  const kernel = simulatedKernel();
  const [one, other] = pair(kernel, "stream");
  const { reader, writer } = kernel.pipe();
  kernel.program("writer", (process) => {
    const message: ReceivedMessage = { address: undefined, handles: [], flags: 0 };
    assertEquals(kernel.tryReceive(process.stdin, [new Uint8Array(9)], 0, 1, message), 1);
    write(kernel, message.handles[0], "from the child");
    process.exit(0);
  });
  send(kernel, one, "x", [writer]);
  const command = { command: "writer", args: [], cwd: undefined, env: {}, clearEnv: false, processGroup: false };
  const child = kernel.spawn({ ...command, stdin: { fd: other }, stdout: "null", stderr: "null" });
  assert(typeof child === "object");
  kernel.close(writer);
  kernel.reapKilledProcess(child.handle);
  assertEquals([read(kernel, reader), read(kernel, reader)], ["from the child", ""]);
});

Deno.test("The description of datagram sockets in the report of leaks says where they are", () => {
  const kernel = simulatedKernel();
  opened(kernel.openDatagram({ path: "/run/x" }));
  opened(kernel.openDatagram({ path: "" }));
  opened(kernel.openDatagram({ hostname: "::1", port: 53 }));
  assertEquals(kernel.leaks(), [
    "datagram socket on /run/x, handle 3",
    "datagram socket, handle 4",
    "datagram socket on [::1]:53, handle 5",
  ]);
});
