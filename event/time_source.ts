/**
 * Sources that wait for a time (sd-event, sections 9.2 and 10).
 *
 * @module
 */

import { check, SystemError } from "./errno.ts";
import type { LoopCore } from "./loop_core.ts";
import type { LimitedOptions, LimitedSource } from "./source.ts";
import type { Bucket } from "./pending_queue.ts";
import type { QueueNode } from "./queue_node.ts";
import { LimitedHandle, setExtras } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import { clearPending } from "./source_lifecycle.ts";
import { highOf, lowOf, OFF, ONESHOT, type SourceExtra, type SourceNode, timeOf } from "./source_node.ts";
import type { TimerHeap } from "./timer_heap.ts";
import { DEFAULT_ACCURACY } from "./timer_window.ts";
import { type Clock, ClockIndex, clockNames, type Usec } from "./time.ts";
import { clockIndex, enabledNumber, limitedOptions, requireCallback, requireOptions, requirePriority, requireUsec } from "./validate.ts";

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

/** The clocks from this one on wake a suspended machine. */
const FIRST_ALARM = ClockIndex["realtime-alarm"];

/** The one that most timers have stands first. */
const timeOptions = ["accuracy", ...limitedOptions];

/** One kind a clock: what every kind whose sources wait for a time has in common. */
export function timeKinds(invoke: (node: SourceNode) => unknown, rateLimitable: boolean): readonly SourceKind[] {
  return clockNames.map((name) => new SourceKind({ name, kernelFed: true, rateLimitable, invoke, goOnline, goOffline, pendingChanged }));
}

function goOnline(node: SourceNode): number {
  if (!node.isPending) startTimer(node);
  return 0;
}

function goOffline(node: SourceNode): void {
  const heap = node.heap!;
  if (heap.has(node)) heap.queue.remove(heap, node);
}

function pendingChanged(node: SourceNode): void {
  if (node.isPending) goOffline(node);
  else if (node.online) startTimer(node);
}

function startTimer(node: SourceNode): void {
  const heap = node.heap!;
  heap.queue.add(heap, node, timeOf(node));
}

const kinds = timeKinds((node) => (node as TimeHandle).callback(timeOf(node), node as TimeHandle), true);

/** Its own node: there may be a million, and what the collector has to copy of each takes longer than all that the loop does with it. */
class TimeHandle extends LimitedHandle implements TimeSource, SourceNode {
  declare readonly kind: SourceKind;
  declare rank: number;
  declare pendingIteration: number;
  declare sequence: number;
  declare bucket: Bucket | undefined;
  declare previous: QueueNode | undefined;
  declare next: QueueNode | undefined;
  declare heapIndex: number;
  declare core: LoopCore | undefined;
  declare mode: number;
  declare isPending: boolean;
  declare extra: SourceExtra | undefined;
  declare previousSource: SourceNode | undefined;
  declare nextSource: SourceNode | undefined;
  declare heap: TimerHeap;
  declare timeHigh: number;
  declare timeLow: number;
  declare readonly callback: (usec: Usec, source: TimeSource) => unknown;

  constructor(core: LoopCore, heap: TimerHeap, usec: Usec, callback: TimeCallback | null | undefined, options: TimeOptions | undefined) {
    super();
    this.kind = kinds[heap.queue.clock];
    this.rank = options?.priority === undefined ? 0 : requirePriority(options.priority);
    this.pendingIteration = core.iteration;
    this.sequence = 0;
    this.bucket = undefined;
    this.previous = undefined;
    this.next = undefined;
    this.heapIndex = -1;
    this.core = core;
    this.mode = options?.enabled === undefined ? ONESHOT : enabledNumber(options.enabled);
    this.isPending = false;
    this.extra = undefined;
    this.previousSource = undefined;
    this.nextSource = undefined;
    this.heap = heap;
    this.timeHigh = highOf(usec);
    this.timeLow = lowOf(usec);
    this.callback = callback ?? (() => core.exit(0));
    if (options !== undefined) setExtras(this, options);
    this.connectWith(core, options, "add a timer");
  }

  get node(): this {
    return this;
  }

  get owner(): this {
    return this;
  }

  get online(): boolean {
    return this.mode !== OFF && !this.rateLimited;
  }

  get clock(): Clock {
    return this.kind.name as Clock;
  }

  override get type(): Clock {
    return this.clock;
  }

  get usec(): Usec {
    return timeOf(this);
  }

  set usec(usec: Usec) {
    this.change(requireUsec(usec, "time"), this.heap);
  }

  get accuracy(): Usec {
    return this.heap.accuracy;
  }

  set accuracy(accuracy: Usec) {
    this.change(this.usec, this.heap.queue.heapOf(accuracyOf(accuracy)));
  }

  setRelative(usec: Usec): void {
    const core = this.liveCore("move");
    this.usec = usec === Infinity ? usec : later(core, this.heap.queue.clock, usec);
  }

  private change(usec: Usec, heap: TimerHeap): void {
    const core = this.liveCore("move");
    clearPending(core, this);
    goOffline(this);
    this.heap = heap;
    this.timeHigh = highOf(usec);
    this.timeLow = lowOf(usec);
    if (this.online) startTimer(this);
    core.touch();
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
  const accuracy = accuracyOf(options?.accuracy ?? 0);
  requireUsec(usec, "time");
  requireCallback(callback, "add a timer");
  requireOptions(options, timeOptions, "add a timer");
  core.requireLive("add a timer");
  return new TimeHandle(core, core.clocks[requireClock(core, clock)].heapOf(accuracy), usec, callback, options);
}

/** The index of a clock that timers can be on: EOPNOTSUPP for an unknown one, and what the kernel refuses for an alarm clock. */
export function requireClock(core: LoopCore, clock: Clock): ClockIndex {
  const index = clockIndex(clock);
  if (index >= FIRST_ALARM) openAlarmClock(core, index);
  return index;
}

function openAlarmClock(core: LoopCore, clock: ClockIndex): void {
  const title = clockNames[clock];
  check(core.poller.openClock(clock), (code) => `Cannot add a timer on ${title}: ${code}, it needs CAP_WAKE_ALARM and a real-time clock`);
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
