/**
 * The portable kernel under the contract.
 *
 * @module
 */

import { portableKernel } from "../../event/kernel/portable/mod.ts";
import { type KernelHands, type Program, testKernel } from "./contract.ts";

const path = () => `/tmp/sd-fibers-portable-${Deno.pid}-${crypto.randomUUID()}`;

const hands: KernelHands = {
  name: "portable",
  openKernel: portableKernel,
  openUnwatchable: () => -1,
  openSocket: () => -1,
  noteEffect: () => () => Promise.resolve(),
  programs: {
    exit: (code: number): Program => ({ command: "sh", args: ["-c", `exit ${code}`] }),
    copy: (): Program => ({ command: "cat", args: [] }),
    live: (): Program => ({ command: "sleep", args: ["1000"] }),
  },
  socketPath: path,
  path,
  makeFifo: () => {},
  makeDirectory: () => {},
  makeFile: () => {},
  makeReceiver: () => () => [],
  openFiles: () => {
    throw new Error("Not yet");
  },
  lacks: {},
  finish: () => {},
};

testKernel(hands);
