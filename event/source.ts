/**
 * What all sources share, as users see it.
 *
 * @module
 */

import type { EventLoop } from "./event_loop.ts";
import type { PressureResource } from "./kernel/kernel.ts";
import type { RateLimit } from "./rate_limit.ts";
import type { Clock } from "./time.ts";

/** Whether a source is served: not at all, always, or once, after which it turns itself off. */
export type Enabled = "off" | "on" | "oneshot";

/** Tells the types of source apart. Time sources have their clock's name. */
export type SourceType =
  | "io"
  | Clock
  | "signal"
  | "child"
  | "inotify"
  | "defer"
  | "post"
  | "exit"
  | "time-change"
  | `${PressureResource}-pressure`;

/** A callback that is told of nothing but its source. */
export type PlainCallback = (source: QueuedSource) => void;

/** What every source takes. An add that fails, because of an option too, leaves nothing behind. */
export interface SourceOptions {
  /** Default: see the add function. */
  enabled?: Enabled;
  /** A whole number; smaller is more important. Default: 0. */
  priority?: number;
  /** For error reports. */
  description?: string;
  /** Called once, when the source goes. */
  onDestroy?: () => void;
}

/** What all but exit sources take. */
export interface QueuedOptions extends SourceOptions {
  /** A callback that fails ends the loop with its error. Default: `false`. */
  exitOnFailure?: boolean;
  /** Called in each iteration before the loop waits, as long as the source is enabled. */
  prepare?: PlainCallback;
}

/** What all but child, post and exit sources take. */
export interface LimitedOptions extends QueuedOptions {
  /** How often it may be dispatched. Default: as often as it likes. */
  rateLimit?: RateLimit;
  /** Called when it is served again after its limit was exceeded. */
  onRateLimitExpired?: PlainCallback;
}

/**
 * One thing that the loop waits for.
 *
 * The loop owns its sources: dropping the variable stops nothing, disposing does (`using`, or by hand). A disposed source is off the
 * loop at once, also inside its own callback. Changing it then throws ESTALE; turning it off does nothing.
 */
export interface Source extends Disposable {
  /** Its type. */
  readonly type: SourceType;
  /** The loop that owns it; `undefined` once it is disposed. */
  readonly loop: EventLoop | undefined;
  /** Setting throws ESTALE when it is disposed or the loop has finished (not for `"off"`), and what the kernel refuses. */
  enabled: Enabled;
  /** Setting throws ESTALE when it is disposed or the loop has finished, EINVAL for what is no whole number. */
  priority: number;
  /** For error reports; `undefined` when none was given. */
  description: string | undefined;
  /** Called once, when the source goes. Setting throws EINVAL when it is disposed. */
  onDestroy: (() => void) | undefined;
}

/** All but exit sources. */
export interface QueuedSource extends Source {
  /** It has something to deliver. Inside its own callback: `false`, but for defer sources. */
  readonly pending: boolean;
  /** A callback that fails ends the loop with its error. */
  exitOnFailure: boolean;
  /** Called in each iteration before the loop waits, as long as the source is enabled. */
  prepare: PlainCallback | undefined;
}

/** All but child, post and exit sources. */
export interface LimitedSource extends QueuedSource {
  /** `undefined`: no limit. Setting leaves the suspended state without a call of `onRateLimitExpired`. */
  rateLimit: RateLimit | undefined;
  /** It exceeded its limit and is suspended until the window ends. */
  readonly rateLimited: boolean;
  /** Called when it is served again after its limit was exceeded. */
  onRateLimitExpired: PlainCallback | undefined;
  /** Ends the suspension early; `false` when there is none. */
  leaveRateLimit(): boolean;
}
