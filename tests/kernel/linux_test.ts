/**
 * The Linux kernel under the contract.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { openSync } from "node:fs";
import { libc } from "../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../event/kernel/linux/mod.ts";
import { AF_UNIX, encodeAddress } from "../../event/kernel/linux/socket_address.ts";
import type { Kernel } from "../../event/kernel/kernel.ts";
import { signalName } from "../../event/signal_names.ts";
import { realFiles } from "../_files.ts";
import { type KernelHands, type Program, testKernel } from "./contract.ts";

const AF_INET = 2;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 0x8_0802;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 0x8_0801;

/** What is to be removed and closed when a test ends. */
const made: string[] = [];
const receivers: number[] = [];
const directories: Disposable[] = [];
let pathNumber = 0;

const hands: KernelHands = {
  name: "linux",
  openKernel: linuxKernel,
  openUnwatchable: () => openSync(new URL(import.meta.url), "r"),
  openSocket: () => libc.socket(AF_INET, SOCK_STREAM_NONBLOCK_CLOEXEC, 0),
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
  makeReceiver,
  openFiles: () => {
    const files = realFiles();
    directories.push(files);
    return files;
  },
  finish: () => {
    for (const files of directories.splice(0)) files[Symbol.dispose]();
    for (const handle of receivers.splice(0)) libc.close(handle);
    for (const path of made.splice(0)) Deno.removeSync(path, { recursive: true });
  },
};

function freshPath(): string {
  return `/tmp/sd-fibers-${Deno.pid}-${pathNumber++}`;
}

/** The host has no datagram sockets of this kind. */
function makeReceiver(kernel: Kernel, path: string): () => string[] {
  const address = encodeAddress({ path }, "");
  assert(typeof address === "object");
  const handle = libc.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
  assertEquals(libc.bind(handle, address.bytes, address.bytes.length), 0);
  receivers.push(handle);
  if (!path.startsWith("@")) made.push(path);
  const buffer = new Uint8Array(100);
  return () => {
    const texts: string[] = [];
    for (let count = 0; (count = kernel.tryRead(handle, buffer)) >= 0;) texts.push(new TextDecoder().decode(buffer.subarray(0, count)));
    return texts;
  };
}

/** The host listens to the signal. */
function noteEffect(kernel: Kernel, signal: number): (send: () => void) => Promise<void> {
  const name = signalName(signal) as Deno.Signal;
  let isHeard = false;
  const hear = () => void (isHeard = true);
  Deno.addSignalListener(name, hear);
  return async (send) => {
    send();
    for (let turns = 0; !isHeard; turns++) {
      assert(turns < 1_000, "The host never hears of it");
      await kernel.turn("io");
    }
    Deno.removeSignalListener(name, hear);
  };
}

testKernel(hands);
