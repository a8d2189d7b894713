/**
 * All types of source.
 *
 * @module
 */

import type { ChildSource } from "./child_source.ts";
import type { DeferSource } from "./defer_source.ts";
import type { ExitSource } from "./exit_source.ts";
import type { InotifySource } from "./inotify_source.ts";
import type { IoSource } from "./io_source.ts";
import type { PostSource } from "./post_source.ts";
import type { PressureSource } from "./pressure_source.ts";
import type { SignalSource } from "./signal_source.ts";
import type { TimeChangeSource } from "./time_change_source.ts";
import type { TimeSource } from "./time_source.ts";

/** A source of any type: its `type` tells which. */
export type AnySource =
  | IoSource
  | TimeSource
  | TimeChangeSource
  | SignalSource
  | ChildSource
  | InotifySource
  | DeferSource
  | PostSource
  | ExitSource
  | PressureSource;
