/**
 * The virtual world that the parts of one kernel share.
 *
 * @module
 */

import type { Surroundings } from "../emulated/poller.ts";
import type { Faults } from "./faults.ts";
import type { FileTree } from "./file_tree.ts";
import type { Names } from "./names.ts";
import type { Parking } from "./parking.ts";
import type { PressureFiles } from "./pressure.ts";
import type { Signals } from "./signals.ts";
import type { Timeline } from "./timeline.ts";
import type { VirtualClocks } from "./virtual_clocks.ts";

/** One of each. */
export interface World extends Surroundings {
  readonly clocks: VirtualClocks;
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly signals: Signals;
  readonly names: Names;
  readonly files: FileTree;
  /** What tells of pressure, and FIFOs: they are not in the tree. */
  readonly places: PressureFiles;
  readonly parking: Parking;
}
