/**
 * A kernel whose clocks, descriptors, signals and processes are virtual: the same contract, one seed, one run. For tests.
 *
 * @module
 */

import type { SimulatedKernel, SimulationOptions } from "./simulated_kernel.ts";
import { VirtualKernel } from "./virtual_kernel.ts";

export type {
  SimulatedFiles,
  SimulatedKernel,
  SimulatedPressure,
  SimulatedPressureKind,
  SimulatedProcess,
  SimulationOptions,
} from "./simulated_kernel.ts";

/**
 * A new virtual world.
 *
 * @param options Its seed, its faults, and how its time passes.
 * @returns A kernel to stand on, and the hands to move its world.
 *
 * @example A second passes in no time
 * ```ts
 * import { simulatedKernel } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const kernel = simulatedKernel();
 * const { reader, writer } = kernel.pipe();
 * kernel.after(1_000_000, () => kernel.close(writer));
 * kernel.advance(1_000_000);
 * assertEquals(kernel.leaks(), [`pipe reader, handle ${reader}`]);
 * ```
 */
export function simulatedKernel(options: SimulationOptions = {}): SimulatedKernel {
  return new VirtualKernel(options);
}
