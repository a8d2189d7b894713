/**
 * sd-event: the loop and its sources.
 *
 * @module
 */

export { EventLoop, type EventLoopOptions } from "./event_loop.ts";
export type { LoopState } from "./loop_state.ts";
export type {
  Enabled,
  LimitedOptions,
  LimitedSource,
  PlainCallback,
  QueuedOptions,
  QueuedSource,
  Source,
  SourceOptions,
  SourceType,
} from "./source.ts";
export type { AnySource } from "./any_source.ts";
export type { IoCallback, IoOptions, IoSource } from "./io_source.ts";
export type { TimeCallback, TimeOptions, TimeSource } from "./time_source.ts";
export type { SignalCallback, SignalInfo, SignalSource } from "./signal_source.ts";
export type { ChildCallback, ChildInfo, ChildOptions, ChildSource, ChildTarget } from "./child_source.ts";
export type { InotifyCallback, InotifySource, InotifyTarget } from "./inotify_source.ts";
export type { InotifyEvent } from "./inotify_event.ts";
export type { DeferSource } from "./defer_source.ts";
export type { PostSource } from "./post_source.ts";
export type { PressureSource } from "./pressure_source.ts";
export type { TimeChangeSource } from "./time_change_source.ts";
export type { ExitCallback, ExitSource } from "./exit_source.ts";
export type { RateLimit } from "./rate_limit.ts";
export type { ErrorHandler, ErrorOrigin } from "./error_origin.ts";
export { type ErrorCode, SystemError, type SystemErrorOptions } from "./errno.ts";
export { type Signal, type SignalName } from "./signal_names.ts";
export { type Clock, msec, sec, type Usec } from "./time.ts";
export { ChildEvent, IoEvent, MessageFlag, Priority, WatchEvent, type WatchEventName } from "./flags.ts";
export * from "./kernel/mod.ts";
