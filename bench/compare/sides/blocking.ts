/**
 * This package, blocking the thread: what a program without promises uses.
 *
 * @module
 */

import type { Side } from "../side.ts";
import { ours } from "./_ours.ts";

export const side: Side = ours((loop) => loop.loopSync());
