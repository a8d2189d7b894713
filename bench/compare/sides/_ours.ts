/**
 * This package as a side, driven in either way.
 *
 * @module
 */

import type { EventLoop } from "@sd/fibers";
import type { Side } from "../side.ts";
import { fiberWorks, park, spin } from "./_ours_fibers.ts";
import { loopWorks } from "./_ours_loop.ts";

/** Iterates until exit, and leaves the host alive or not. */
export type Drive = (loop: EventLoop) => Promise<number> | number;

/** All that it can do, on loops of their own. */
export function ours(drive: Drive): Side {
  return {
    works: { ...loopWorks(drive), ...fiberWorks(drive) },
    park: (n) => park(drive, n),
    spin: (spinning) => spin(drive, spinning),
  };
}
