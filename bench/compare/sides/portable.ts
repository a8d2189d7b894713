/**
 * This package on the portable kernel, with the host alive beside it: what a program without a permission for libc uses.
 *
 * @module
 */

import { portableKernel } from "@sd/fibers";
import type { Side } from "../side.ts";
import { ours } from "./_ours.ts";

export const side: Side = ours((loop) => loop.loop(), portableKernel);
