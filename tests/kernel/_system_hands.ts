/**
 * What kernels on a real system are tried with.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Kernel } from "../../event/kernel/kernel.ts";
import { signalName } from "../../event/signal_names.ts";
import { realFiles } from "../_files.ts";
import type { KernelHands, Program } from "./_trial.ts";

/** Those that have nothing to do with which kernel is on trial. */
type SystemHands = Pick<
  KernelHands,
  "noteEffect" | "programs" | "socketPath" | "path" | "makeFifo" | "makeDirectory" | "makeFile" | "openFiles" | "cleanUp"
>;

/** Hands whose files are all in directories for the test, and whose listeners go with it. */
export function systemHands(): SystemHands {
  const given: Disposable[] = [];
  let directory: string | undefined;
  let pathNumber = 0;

  const openFiles = () => {
    const files = realFiles();
    given.push(files);
    return files;
  };
  const freshPath = () => `${directory ??= openFiles().directory}/${pathNumber++}`;

  return {
    noteEffect: (kernel, signal) => noteEffect(kernel, signal, given),
    programs: {
      exit: (code: number): Program => ({ command: "sh", args: ["-c", `exit ${code}`] }),
      copy: (): Program => ({ command: "cat", args: [] }),
      live: (): Program => ({ command: "sleep", args: ["1000"] }),
    },
    socketPath: freshPath,
    path: freshPath,
    makeFifo: (_kernel, path) => assertEquals(new Deno.Command("mkfifo", { args: [path] }).outputSync().code, 0),
    makeDirectory: (_kernel, path) => Deno.mkdirSync(path),
    makeFile: (_kernel, path) => Deno.writeTextFileSync(path, ""),
    openFiles,
    cleanUp: () => {
      for (const each of given.splice(0)) each[Symbol.dispose]();
      directory = undefined;
    },
  };
}

/** The host listens to the signal. Whoever claims one with all that is known of it keeps it from the host. */
function noteEffect(kernel: Kernel, signal: number, given: Disposable[]): (send: () => void) => Promise<void> {
  const name = signalName(signal) as Deno.Signal;
  let isHeard = false;
  const hear = () => void (isHeard = true);
  Deno.addSignalListener(name, hear);
  given.push({ [Symbol.dispose]: () => Deno.removeSignalListener(name, hear) });
  return async (send) => {
    for (let turns = 0; turns < 3; turns++) await kernel.turn("io");
    if (kernel.features.has("siginfo")) assert(!isHeard, "The host has heard of a claimed signal");
    isHeard = false;
    send();
    for (let turns = 0; !isHeard; turns++) {
      assert(turns < 10_000, "The host never hears of it");
      await kernel.turn("io");
    }
  };
}
