/**
 * Sources that wait for a time (sd-event, sections 9.2 and 10).
 *
 * @module
 */

import { check, SystemError } from "./errno.ts";
import type { LoopCore } from "./loop_core.ts";
import type { LimitedOptions, LimitedSource } from "./source.ts";
import { LimitedHandle } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import { clearPending } from "./source_lifecycle.ts";
import type { SourceNode } from "./source_node.ts";
import { DEFAULT_ACCURACY } from "./timer_window.ts";
import { type Clock, ClockIndex, clockNames, type Usec } from "./time.ts";
import { clockIndex, limitedOptions, requireCallback, requireOptions, requireUsec } from "./validate.ts";

/** Told the time that was asked for, not the one that it has become. */
export type TimeCallback = (usec: Usec, source: TimeSource) => void;

/** What `EventLoop.addTime` takes besides. `enabled` defaults to `"oneshot"`. */
export interface TimeOptions extends LimitedOptions {
  /** How much later it may fire, so that wake-ups can be shared, in microseconds. 0 stands for the default, 250 ms; 1 is the most precise. */
  accuracy?: Usec;
}

/** Waits for a time. */
export interface TimeSource extends LimitedSource {
  /** Its clock. */
  readonly type: Clock;
  /** Its clock. */
  readonly clock: Clock;
  /** When, on its clock. Setting clears `pending` and enables nothing. Throws EINVAL, ESTALE. */
  usec: Usec;
  /** How much later it may fire. Setting clears `pending`; 0 stands for 250 ms. Throws EINVAL for `Infinity`, ESTALE. */
  accuracy: Usec;
  /** Sets the time to `usec` from now; `Infinity` is never. Throws EOVERFLOW, and as setting `usec`. */
  setRelative(usec: Usec): void;
}

/** The head of the queue that times of this size still fit in: whole numbers are exact up to it. */
const LAST_USEC = Number.MAX_SAFE_INTEGER;

const timeOptions = [...limitedOptions, "accuracy"];

/** One kind a clock, all with the same functions: they find the clock in the kind's name. */
export const timeKinds: readonly SourceKind[] = clockNames.map((name, clock) =>
  new SourceKind({
    name,
    kernelFed: true,
    rateLimitable: true,
    invoke(node) {
      const handle = node.owner as TimeHandle;
      return handle.callback(node.usec, handle);
    },
    ...timerFunctions(clock as ClockIndex),
  })
);

/** What every kind whose sources wait for a time on this clock has in common. */
export function timerFunctions(clock: ClockIndex): {
  goOnline(node: SourceNode): number;
  goOffline(node: SourceNode): void;
  pendingChanged(node: SourceNode): void;
} {
  return {
    goOnline(node) {
      if (!node.pending) node.core!.clocks[clock].add(node, node.usec, node.accuracy);
      return 0;
    },
    goOffline(node) {
      node.core!.clocks[clock].remove(node);
    },
    pendingChanged(node) {
      const queue = node.core!.clocks[clock];
      if (node.pending) queue.remove(node);
      else if (node.online) queue.add(node, node.usec, node.accuracy);
    },
  };
}

class TimeHandle extends LimitedHandle implements TimeSource {
  declare readonly clock: Clock;
  declare readonly callback: (usec: Usec, source: TimeSource) => unknown;

  constructor(core: LoopCore, clock: ClockIndex, usec: Usec, callback: TimeCallback | null | undefined, options: TimeOptions | undefined) {
    super(core, timeKinds[clock], "oneshot", options);
    this.clock = clockNames[clock];
    this.callback = callback ?? (() => core.exit(0));
    this.node.usec = usec;
    this.node.accuracy = accuracyOf(options?.accuracy ?? 0);
    this.connectWith(core, options, `add a timer on ${this.clock}`);
  }

  get usec(): Usec {
    return this.node.usec;
  }

  set usec(usec: Usec) {
    this.change(requireUsec(usec, "time"), this.node.accuracy);
  }

  get accuracy(): Usec {
    return this.node.accuracy;
  }

  set accuracy(accuracy: Usec) {
    this.change(this.node.usec, accuracyOf(accuracy));
  }

  setRelative(usec: Usec): void {
    const core = this.liveCore("move");
    this.usec = usec === Infinity ? usec : later(core, clockIndex(this.clock), usec);
  }

  private change(usec: Usec, accuracy: Usec): void {
    const { node } = this;
    const core = this.liveCore("move");
    clearPending(core, node);
    if (node.online) node.kind.goOffline(node);
    node.usec = usec;
    node.accuracy = accuracy;
    if (node.online) node.kind.goOnline(node);
    core.touch();
  }

  override get type(): Clock {
    return this.clock;
  }
}

function accuracyOf(accuracy: Usec): Usec {
  if (accuracy === Infinity) throw new SystemError("EINVAL", "Cannot use accuracy 'Infinity': a timer has to fire at some time");
  return requireUsec(accuracy, "accuracy") || DEFAULT_ACCURACY;
}

/** `usec` from the loop's present; EOVERFLOW when that is past all that can be told apart. */
export function later(core: LoopCore, clock: ClockIndex, usec: Usec): Usec {
  const time = core.stamp(clock) + requireUsec(usec, "span");
  if (time <= LAST_USEC) return time;
  throw new SystemError("EOVERFLOW", `Cannot wait for '${usec}' us from now: that is later than 2^53 us`);
}

/** See `EventLoop.addTime`. */
export function addTime(core: LoopCore, clock: Clock, usec: Usec, callback?: TimeCallback | null, options?: TimeOptions): TimeSource {
  accuracyOf(options?.accuracy ?? 0);
  requireUsec(usec, "time");
  requireCallback(callback, "add a timer");
  requireOptions(options, timeOptions, "add a timer");
  core.requireLive("add a timer");
  return new TimeHandle(core, requireClock(core, clock), usec, callback, options);
}

/** The index of a clock that timers can be on: EOPNOTSUPP for an unknown one, and what the kernel refuses for an alarm clock. */
export function requireClock(core: LoopCore, clock: Clock): ClockIndex {
  const index = clockIndex(clock);
  if (index === ClockIndex["realtime-alarm"] || index === ClockIndex["boottime-alarm"]) {
    check(core.poller.openClock(index), (code) => `Cannot add a timer on ${clock}: ${code}, it needs CAP_WAKE_ALARM and a real-time clock`);
  }
  return index;
}

/** See `EventLoop.addTimeRelative`. */
export function addTimeRelative(
  core: LoopCore,
  clock: Clock,
  usec: Usec,
  callback?: TimeCallback | null,
  options?: TimeOptions,
): TimeSource {
  return addTime(core, clock, later(core, clockIndex(clock), usec), callback, options);
}
