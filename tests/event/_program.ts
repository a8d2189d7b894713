/**
 * Programs on the Linux kernel, in a process of their own because the environment is theirs.
 *
 * @module
 */

import { libcPlaces } from "../../event/kernel/linux/libc.ts";

/** Starts one of `tests/event/programs/`; it may call libc and nothing else. */
export function startProgram(name: string, env: Record<string, string>, args: string[] = []): Deno.ChildProcess {
  const program = new URL(`programs/${name}.ts`, import.meta.url).pathname;
  const flags = ["run", "--no-prompt", "--quiet", `--allow-ffi=${libcPlaces().join(",")}`];
  return new Deno.Command(Deno.execPath(), { args: [...flags, program, ...args], env }).spawn();
}

let pathNumber = 0;

/** A path where nothing is yet. */
export function freshPath(): string {
  return `${Deno.makeTempDirSync({ prefix: "sd-fibers-" })}/${pathNumber++}`;
}

/** Removes what is at such a path, and all around it. */
export function removePath(path: string): void {
  Deno.removeSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
}
