/**
 * The kernel under tests that move time themselves: the simulated one, unless a suite that runs them again says which.
 *
 * @module
 */

import { type SimulatedKernel, simulatedKernel, type SimulationOptions } from "@sd/fibers";

type Factory = (options?: SimulationOptions) => SimulatedKernel;

let factory: Factory = simulatedKernel;

/** A new kernel. */
export function virtualKernel(options?: SimulationOptions): SimulatedKernel {
  return factory(options);
}

/** All that are made in this isolate from now on are made so. */
export function useKernels(other: Factory): void {
  factory = other;
}
