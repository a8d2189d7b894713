/**
 * Programs on the Linux kernel, in a process of their own because the environment is theirs, and places in the file system.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { libcPlaces } from "../../event/kernel/linux/libc.ts";

/** Starts one of `tests/event/programs/`, which may call libc and nothing else. Disposing it ends it, also when the test has failed. */
export function startProgram(name: string, env: Record<string, string>, args: string[] = []): Deno.ChildProcess {
  const program = new URL(`programs/${name}.ts`, import.meta.url).pathname;
  const flags = ["run", "--no-prompt", "--quiet", `--allow-ffi=${libcPlaces().join(",")}`];
  return new Deno.Command(Deno.execPath(), { args: [...flags, program, ...args], env }).spawn();
}

/** A directory of its own, and a path in it where nothing is yet; disposing it removes all of it. */
export function freshPlace(): { readonly directory: string; readonly path: string } & Disposable {
  const directory = Deno.makeTempDirSync({ prefix: "sd-fibers-" });
  return { directory, path: `${directory}/new`, [Symbol.dispose]: () => Deno.removeSync(directory, { recursive: true }) };
}

/** Makes a FIFO. */
export function makeFifo(path: string): void {
  assertEquals(new Deno.Command("mkfifo", { args: [path] }).outputSync().code, 0);
}
