/**
 * How the patterns are tried: in a virtual world, and as programs on both kernels.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { EventLoop, type Operation, run, type SimulatedKernel, simulatedKernel } from "@sd/fibers";
import { ClockIndex } from "../../../event/time.ts";
import { libcPlaces } from "../../../event/kernel/linux/libc.ts";
import { ownFlags, programOutput } from "../_program.ts";

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

/** Runs a program: what it prints, once it has ended well and complained of nothing. */
export type Run = (...args: string[]) => Promise<string[]>;

/** Registers a test of the program of a pattern: with the permission for libc, and with those that its first line names where these are others. */
export function programTest(name: string, program: string, body: (run: Run) => Promise<void>): void {
  const file = `patterns/${program}.ts`;
  const register = (kernel: string, flags: readonly string[]) =>
    Deno.test(`${name} (${kernel})`, () => body((...args) => programOutput(file, flags, ...args)));
  register("linux", [`--allow-ffi=${libcPlaces()}`]);
  const flags = ownFlags(file);
  if (!flags.some((flag) => flag.startsWith("--allow-ffi"))) register("portable", flags);
}
