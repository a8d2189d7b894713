/**
 * The simulated kernel under the contract.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { simulatedKernel } from "../../event/kernel/simulated/mod.ts";
import type { SimulatedKernel, SimulatedProcess } from "../../event/kernel/simulated/mod.ts";
import type { Handle, Kernel } from "../../event/kernel/kernel.ts";
import { virtualFiles } from "../_files.ts";
import { type KernelHands, type Program, testKernel } from "./contract.ts";
import { commandOf } from "./_trial.ts";

let pathNumber = 0;

const hands: KernelHands = {
  name: "simulated",
  openKernel: () => {
    const kernel = simulatedKernel();
    kernel.program("exit", (process) => process.exit(Number(process.args[0])));
    kernel.program("copy", (process) => copy(kernel, process));
    kernel.program("live", () => {});
    return kernel;
  },
  openUnwatchable,
  openSocket: (kernel) => (kernel as SimulatedKernel).socket(),
  noteEffect: () => (send) => Promise.resolve(void assertThrows(send, Error, "Cannot survive SIGUSR1")),
  programs: {
    exit: (code: number): Program => ({ command: "exit", args: [`${code}`] }),
    copy: (): Program => ({ command: "copy", args: [] }),
    live: (): Program => ({ command: "live", args: [] }),
  },
  socketPath: () => `/run/contract-${pathNumber++}.socket`,
  path: () => `/${pathNumber++}`,
  makeFifo: (kernel, path) => (kernel as SimulatedKernel).pressureFile(path, "fifo"),
  makeDirectory: (kernel, path) => (kernel as SimulatedKernel).files.mkdir(path),
  makeFile: (kernel, path) => (kernel as SimulatedKernel).files.write(path),
  makeReceiver: (kernel, path) => {
    const received = (kernel as SimulatedKernel).datagrams(path);
    let seen = 0;
    return () => received.slice(seen, seen = received.length).map((data) => new TextDecoder().decode(data));
  },
  openFiles: (kernel) => virtualFiles(kernel as SimulatedKernel),
  finish: (kernel) => assertEquals((kernel as SimulatedKernel).leaks(), []),
};

function copy(kernel: SimulatedKernel, process: SimulatedProcess): void {
  const buffer = new Uint8Array(4_096);
  process.onInput = () => {
    for (let count = 0; (count = kernel.tryRead(process.stdin, buffer)) >= 0;) {
      if (count === 0) return process.exit(0);
      kernel.tryWrite(process.stdout, buffer.subarray(0, count));
    }
  };
}

/** The null device, as a child has it. */
function openUnwatchable(kernel: Kernel): Handle {
  const handles: Handle[] = [];
  (kernel as SimulatedKernel).program("null", (process) => {
    handles.push(kernel.duplicate(process.stdin));
    process.exit(0);
  });
  const spawned = kernel.spawn(commandOf({ command: "null", args: [] }));
  if (typeof spawned === "number") throw new Error("Cannot spawn a program that was just scripted");
  kernel.reapKilledProcess(spawned.handle);
  kernel.close(spawned.handle);
  return handles[0];
}

testKernel(hands);
