/**
 * This package as a side, driven in either way, on either kernel.
 *
 * @module
 */

import { EventLoop, type Kernel, linuxKernel } from "@sd/fibers";
import type { Side } from "../side.ts";
import { fiberWorks, park, spin } from "./_ours_fibers.ts";
import { loopWorks } from "./_ours_loop.ts";

/** Iterates until exit, and leaves the host alive or not. */
export type Drive = (loop: EventLoop) => Promise<number> | number;

/** Where the works are done. */
export interface Place {
  /** A loop of its own for each. */
  open(): EventLoop;
  readonly drive: Drive;
}

/** All that it can do, on loops that are driven this way. */
export function ours(drive: Drive, openKernel: () => Kernel = linuxKernel): Side {
  const place: Place = { open: () => new EventLoop({ kernel: openKernel() }), drive };
  return {
    works: { ...loopWorks(place), ...fiberWorks(place) },
    park: (n) => park(place, n),
    spin: (spinning) => spin(place, spinning),
  };
}
