/**
 * This package, with the host alive beside it: what a program uses that has promises too.
 *
 * @module
 */

import type { Side } from "../side.ts";
import { ours } from "./_ours.ts";

export const side: Side = ours((loop) => loop.loop());
