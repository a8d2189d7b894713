/**
 * Processes for tests of futures of them, on any kernel.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Kernel, SimulatedKernel, SimulatedProcess } from "@sd/fibers";

/** A process that runs; disposed, it is ended as by `end`. */
export interface StartedProcess extends Disposable {
  readonly pid: number;
  readonly pidfd: number;
  /** What it prints, where that is piped. */
  readonly stdout: number;
  /** Nobody has reaped it. */
  readonly isThere: boolean;
  /** Kills and reaps it, if nobody did, and closes its handles. */
  end(): void;
}

/** Starts a command of the system. */
export function startCommand(
  kernel: Kernel,
  command: string,
  args: readonly string[] = [],
  stdout: "null" | "piped" = "null",
): StartedProcess {
  const spawned = kernel.spawn({
    command,
    args,
    cwd: undefined,
    env: {},
    clearEnv: false,
    stdin: "null",
    stdout,
    stderr: "null",
    processGroup: false,
  });
  assert(typeof spawned === "object", `Cannot spawn ${command}`);
  const { pid, handle } = spawned;
  const end = () => {
    kernel.signalProcess(handle, 9, undefined);
    kernel.reapKilledProcess(handle);
    kernel.close(handle);
    if (spawned.stdout >= 0) kernel.close(spawned.stdout);
  };
  return {
    pid,
    pidfd: handle,
    stdout: spawned.stdout,
    get isThere() {
      return kernel.signalProcess(handle, 0, undefined) === 0;
    },
    end,
    [Symbol.dispose]: end,
  };
}

/** Starts a simulated process with this script. */
export function startProgram(kernel: SimulatedKernel, script: (process: SimulatedProcess) => void): StartedProcess {
  kernel.program("program", script);
  return startCommand(kernel, "program");
}
