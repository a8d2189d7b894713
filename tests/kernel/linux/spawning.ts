/** What the tests of processes start them with. */

import { assert, assertEquals } from "@std/assert";
import { ChildEvent } from "../../../event/flags.ts";
import type { Handle, ProcessRecord, SpawnCommand, SpawnedProcess } from "../../../event/kernel/kernel.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";

const kernel = linuxKernel();

/** A command for a shell, with nothing on its streams but what is asked for. */
export function shell(script: string, options: Partial<SpawnCommand> = {}): SpawnCommand {
  return {
    command: "sh",
    args: ["-c", script],
    cwd: undefined,
    env: {},
    clearEnv: false,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
    processGroup: false,
    ...options,
  };
}

/** Starts a process. */
export function start(command: SpawnCommand): SpawnedProcess {
  const process = kernel.spawn(command);
  if (typeof process === "number") throw new Error(`spawn: ${process}`);
  return process;
}

/** A record with nothing in it. */
export function emptyRecord(): ProcessRecord {
  return { pid: -1, uid: -1, code: -1, status: -1 };
}

/** Waits until a descriptor is readable. */
export function waitReadable(handle: Handle): void {
  assertEquals(libc.poll(Int32Array.of(handle, 1), 1n, -1), 1);
}

/** Waits for the end of a process, reaps it and closes its handle: what is known of its end. */
export function finish(process: SpawnedProcess): ProcessRecord {
  waitReadable(process.handle);
  const record = emptyRecord();
  assertEquals(kernel.reapProcess(process.handle, ChildEvent.EXITED, record), 1);
  assertEquals(kernel.close(process.handle), 0);
  return record;
}

/** All that comes out of a descriptor, which is closed then. */
export function readAll(handle: Handle): string {
  const buffer = new Uint8Array(65536);
  let text = "";
  for (;;) {
    waitReadable(handle);
    const count = kernel.tryRead(handle, buffer);
    assert(count >= 0);
    if (count === 0) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  assertEquals(kernel.close(handle), 0);
  return text;
}

/** What a shell script prints. A pipe for its input is closed. */
export function output(script: string, options: Partial<SpawnCommand> = {}): string {
  const process = start(shell(script, { stdout: "piped", ...options }));
  if (process.stdin >= 0) kernel.close(process.stdin);
  const text = readAll(process.stdout);
  assertEquals(finish(process).status, 0);
  return text.trim();
}
