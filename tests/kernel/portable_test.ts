/**
 * The portable kernel under the contract.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { portableKernel } from "../../event/kernel/portable/mod.ts";
import type { PortableKernel } from "../../event/kernel/portable/portable_kernel.ts";
import type { Kernel } from "../../event/kernel/kernel.ts";
import { signalName } from "../../event/signal_names.ts";
import { realFiles } from "../_files.ts";
import { type KernelHands, type Program, testKernel } from "./contract.ts";

/** What is to be removed when a test ends. */
const made: string[] = [];
const directories: Disposable[] = [];
let pathNumber = 0;

const hands: KernelHands = {
  name: "portable",
  openKernel: portableKernel,
  openUnwatchable: (kernel) => kernel.openPath("/", 0),
  openSocket: () => -1,
  noteEffect,
  programs: {
    exit: (code: number): Program => ({ command: "sh", args: ["-c", `exit ${code}`] }),
    copy: (): Program => ({ command: "cat", args: [] }),
    live: (): Program => ({ command: "sleep", args: ["1000"] }),
  },
  socketPath: freshPath,
  path: freshPath,
  makeFifo: (_kernel, path) => {
    made.push(path);
    assertEquals(new Deno.Command("mkfifo", { args: [path] }).outputSync().code, 0);
  },
  makeDirectory: (_kernel, path) => {
    made.push(path);
    Deno.mkdirSync(path);
  },
  makeFile: (_kernel, path) => Deno.writeTextFileSync(path, ""),
  makeReceiver: () => () => [],
  openFiles: () => {
    const files = realFiles();
    directories.push(files);
    return files;
  },
  lacks: {
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
      "AF_UNIX tells who nobody is",
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

function freshPath(): string {
  return `/tmp/sd-fibers-portable-${Deno.pid}-${pathNumber++}`;
}

/** The host listens to the signal. */
function noteEffect(kernel: Kernel, signal: number): (send: () => void) => Promise<void> {
  const name = signalName(signal) as Deno.Signal;
  let isHeard = false;
  const hear = () => void (isHeard = true);
  Deno.addSignalListener(name, hear);
  return async (send) => {
    isHeard = false;
    send();
    await turns(kernel, () => isHeard);
    Deno.removeSignalListener(name, hear);
  };
}

/** The host sees the end of all children. */
async function finish(kernel: Kernel): Promise<void> {
  await turns(kernel, () => (kernel as PortableKernel).runningProcesses === 0);
  for (const files of directories.splice(0)) files[Symbol.dispose]();
  for (const path of made.splice(0)) Deno.removeSync(path, { recursive: true });
}

async function turns(kernel: Kernel, isDone: () => boolean): Promise<void> {
  for (let count = 0; !isDone(); count++) {
    assert(count < 10_000, "It never happens");
    await kernel.turn("io");
  }
}

testKernel(hands);
