/**
 * The kernels, and which one a loop takes that names none.
 *
 * @module
 */

import type { Kernel } from "./kernel.ts";
import { linuxKernelIfPermitted } from "./linux/mod.ts";
import { portableKernel } from "./portable/mod.ts";

export { linuxKernel } from "./linux/mod.ts";
export { portableKernel } from "./portable/mod.ts";
export {
  type SimulatedFiles,
  type SimulatedKernel,
  simulatedKernel,
  type SimulatedPressure,
  type SimulatedPressureKind,
  type SimulatedProcess,
  type SimulationOptions,
} from "./simulated/mod.ts";
export * from "./kernel.ts";
export type { ClockIndex } from "../time.ts";

/** What a loop stands on by default: Linux where calling libc is permitted already, else the host's own API. Nobody is asked for a permission. */
export function defaultKernel(): Kernel {
  return linuxKernelIfPermitted() ?? portableKernel();
}
