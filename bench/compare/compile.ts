/**
 * The programs in C, built when a comparison starts.
 *
 * @module
 */

import { pathOf } from "./processes.ts";

/** What could be built; the reason where something could not. */
export interface Programs {
  /** The works on libsystemd. */
  readonly side: string | undefined;
  /** An echo server on libsystemd. */
  readonly echo: string | undefined;
  /** Clients of an echo server; it needs libc alone. */
  readonly load: string | undefined;
  readonly missing: readonly string[];
}

const sources = {
  side: ["side.c", "loop.c", "timers.c", "fibers.c"],
  echo: ["echo.c"],
  load: ["load.c"],
} as const;

/** Compiles into a folder all that this machine can compile. */
export async function compile(folder: string): Promise<Programs> {
  const missing: string[] = [];
  async function build(name: keyof typeof sources, libraries: readonly string[]): Promise<string | undefined> {
    const program = `${folder}/${name}`;
    const complaint = await gcc(program, sources[name].map((file) => pathOf(`c/${file}`)), libraries);
    if (complaint === undefined) return program;
    missing.push(`Cannot compile ${sources[name].map((file) => `bench/compare/c/${file}`).join(" ")}: ${complaint}`);
    return undefined;
  }
  const [side, echo, load] = await Promise.all([build("side", ["systemd"]), build("echo", ["systemd"]), build("load", [])]);
  return { side, echo, load, missing };
}

/** What it complains of; `undefined` when all is well. */
async function gcc(program: string, files: readonly string[], libraries: readonly string[]): Promise<string | undefined> {
  const args = ["-std=gnu17", "-O2", "-o", program, ...files, ...libraries.map((library) => `-l${library}`)];
  try {
    const { success, stderr } = await new Deno.Command("gcc", { args, stderr: "piped" }).output();
    return success ? undefined : new TextDecoder().decode(stderr).split("\n")[0];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return "there is no gcc";
  }
}
