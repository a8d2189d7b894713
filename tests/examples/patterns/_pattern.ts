/**
 * How the patterns are tried: in a virtual world, and as a program with no permission but that for libc.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { EventLoop, type Operation, run, type SimulatedKernel, simulatedKernel } from "@sd/fibers";
import { ClockIndex } from "../../../event/time.ts";
import { libcPlaces } from "../../../event/kernel/linux/libc.ts";

/** A virtual world with a loop in it. */
export interface World {
  readonly kernel: SimulatedKernel;
  readonly loop: EventLoop;
  /** Virtual milliseconds since the beginning. */
  elapsed(): number;
}

/** Registers a test in a virtual world, in which nothing may be left or reported. */
export function patternTest(name: string, body: (world: World) => Operation<void>): void {
  Deno.test(name, async () => {
    const kernel = simulatedKernel();
    const reports: unknown[] = [];
    const loop = new EventLoop({ kernel, onError: (error) => reports.push(error) });
    const start = kernel.now(ClockIndex.monotonic);
    await run(() => body({ kernel, loop, elapsed: () => (kernel.now(ClockIndex.monotonic) - start) / 1000 }), { loop });
    loop[Symbol.dispose]();
    assertEquals([reports, kernel.leaks()], [[], []]);
  });
}

/** Runs the program of a pattern: what it prints, once it has ended well and complained of nothing. */
export async function programOutput(name: string, ...args: string[]): Promise<string[]> {
  const program = new URL(`../../../examples/patterns/${name}.ts`, import.meta.url).pathname;
  const flags = ["run", "--no-prompt", `--allow-ffi=${libcPlaces()}`];
  const command = new Deno.Command(Deno.execPath(), { args: [...flags, program, ...args], stdin: "null", env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  assertEquals({ code, stderr: decoder.decode(stderr) }, { code: 0, stderr: "" });
  return decoder.decode(stdout).trimEnd().split("\n");
}
