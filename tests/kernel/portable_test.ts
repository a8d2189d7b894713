/**
 * The portable kernel under the contract.
 *
 * @module
 */

import { assert } from "@std/assert";
import { portableKernel } from "../../event/kernel/portable/mod.ts";
import type { PortableKernel } from "../../event/kernel/portable/portable_kernel.ts";
import type { Kernel } from "../../event/kernel/kernel.ts";
import { hasIpv6 } from "../_host.ts";
import { systemHands } from "./_system_hands.ts";
import { ipv6Tests, type KernelHands, testKernel } from "./contract.ts";

const hands: KernelHands = {
  ...systemHands(),
  name: "portable",
  openKernel: portableKernel,
  openUnwatchable: (kernel) => kernel.openPath("/", 0),
  openSocket: () => -1,
  makeReceiver: () => () => [],
  lacks: {
    ...(hasIpv6() ? {} : { "IPv6 on this machine": ipv6Tests }),
    "a poll that waits for signals": ["Poller.poll() ends its wait when a signal comes"],
    "real-time signals": ["Real-time signals are all kept", "Poller.takeSignal() answers the lowest number"],
    "streams of a child that are the caller's own": ["Kernel.spawn() passes handles of the caller's on"],
    "news of stopped children": ["Stopping and continuing are", "A process that was continued", "A stopped process dies"],
    "news of files as the system has them": [
      "Kernel.addFileWatch() of a",
      "Kernel.addFileWatch() with ONESHOT",
      "A move has one cookie",
      "An open handle keeps a removed file",
      "Kernel.removeFileWatch() ends",
      "Two watchers watch the same file",
      "Kernel.tryRead() takes the records that fit",
      "A record that says the same as the last",
    ],
    "FIFOs": ["Poller.stop() ends the read of a FIFO"],
    "the path of what was moved": ["Kernel.pathOf()"],
    "pressure": ["Kernel.openPressure()", "A FIFO"],
    "changes of time": ["Kernel.openTimeChange()"],
    "resets over AF_UNIX": [
      "A stream over a socket file that was closed with data unread",
      "A stream over an abstract name that was closed with data unread",
    ],
    "socket files that outlive their listener": [
      "Kernel.openStream() to a socket file that outlived its listener",
      "Kernel.removeSocketFile() frees the path",
    ],
    "ports that are shared": ["Listeners share a port", "Datagram sockets share a port", "UDP sends to everybody"],
    "sockets that are sent off later": ["Kernel.connectSocket()"],
    "datagrams of AF_UNIX": [
      "Kernel.sendDatagram()",
      "Kernel.trySend() reaches a datagram socket on a socket file",
      "Messages to a socket file",
      "A message to a socket file",
      "A datagram socket on a socket file",
      "Kernel.openDatagram() reports EADDRINUSE for a socket file",
      "Kernel.tryReceive() and Kernel.trySend() do not wait, also on a blocking socket on a socket file",
      "Kernel.trySend() reaches a datagram socket on an abstract name",
      "Messages to an abstract name",
      "A message to an abstract name",
      "A datagram socket on an abstract name",
      "Kernel.openDatagram() reports EADDRINUSE for an abstract name",
      "Kernel.tryReceive() and Kernel.trySend() do not wait, also on a blocking socket on an abstract name",
      "Kernel.trySend() to a full AF_UNIX queue",
      "A connected AF_UNIX socket",
      "AF_UNIX tells",
    ],
    "pairs of sockets": [
      "A pair of",
      "Handles over a",
      "Handles on their way",
      "Kernel.tryRead() on a",
      "Kernel.tryReadVector() on a",
      "Kernel.tryReceive() without a message",
      "PEEK at a",
      "Kernel.trySend() on a",
      "A message over a",
      "In a stream",
      "A call that fails leaves",
      "Kernel.tryReceive() reports EINVAL",
      "A message has at most 1024",
      "Kernel.tryAccept() of a datagram",
    ],
    "messages that are there at once": [
      "Messages to an IP",
      "A message to an IP",
      "A datagram socket on an IP",
      "A datagram socket on all of IPv6",
      "A datagram socket without a hostname",
      "UDP loses what",
    ],
    "news that nobody is there": [
      "UDP tells a connected socket",
    ],
  },
  finish,
};

/** The host sees the end of all children. */
async function finish(kernel: Kernel): Promise<void> {
  for (let turns = 0; (kernel as PortableKernel).runningProcesses > 0; turns++) {
    assert(turns < 10_000, "A child never ends");
    await kernel.turn("io");
  }
}

testKernel(hands);
