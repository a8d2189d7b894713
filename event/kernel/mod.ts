/**
 * The kernels, and which one a loop takes that names none.
 *
 * @module
 */

import type { Kernel } from "./kernel.ts";
import { linuxKernel } from "./linux/mod.ts";

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

/** What a loop stands on by default. */
export function defaultKernel(): Kernel {
  return linuxKernel();
}
