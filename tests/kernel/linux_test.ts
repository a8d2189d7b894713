/**
 * The Linux kernel under the contract.
 *
 * @module
 */

import { assert } from "@std/assert";
import { openSync } from "node:fs";
import { libc } from "../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../event/kernel/linux/mod.ts";
import type { Kernel } from "../../event/kernel/kernel.ts";
import { signalName } from "../../event/signal_names.ts";
import { type KernelHands, type Program, testKernel } from "./contract.ts";

const AF_INET = 2;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 0x8_0801;

let socketNumber = 0;

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
  socketPath: () => `/tmp/sd-fibers-${Deno.pid}-${socketNumber++}`,
  finish: () => {},
};

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
