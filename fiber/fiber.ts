/**
 * Fibers, as users see them.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { coreOf, EventLoop } from "../event/event_loop.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { requireOptions, requirePriority } from "../event/validate.ts";
import { current } from "../future/current.ts";
import { requireNotExiting } from "../future/event_future.ts";
import { Future, futureCoreOf, futureOf, heldHandle } from "../future/future.ts";
import type { FutureCore } from "../future/future_core.ts";
import type { FutureGroup } from "../future/group.ts";
import { type Operation, requireBody } from "../future/operation.ts";
import { CancelledError } from "../future/interruption.ts";
import { Slot } from "../future/slot.ts";
import { type FiberParent, joinFamily, leaveFamily, rootOf } from "./family.ts";
import { FiberCore } from "./fiber_core.ts";
import { COMPLETED, type FiberStatus, statusNames } from "./fiber_status.ts";

export type { FiberStatus };

/**
 * How a fiber is made.
 *
 * @typeParam T What its body returns.
 */
export interface FiberOptions<T = unknown> {
  /** Default: the current fiber's, else the default loop. */
  loop?: EventLoop;
  /** For error reports. Default: the function's name. */
  name?: string;
  /** Smaller is more important. Default: 0, whatever its creator's is. */
  priority?: number;
  /** Nobody's child: the loop's exit cancels it directly, and its failure is reported at once unless somebody waits for it. */
  floating?: boolean;
  /** Made and added to the group in one step; nothing is left behind when adding fails. Its loop is the group's. */
  group?: FutureGroup<T, unknown>;
  /** Cancels it, with the signal's reason. */
  signal?: AbortSignal;
  /** Called once, after it has ended. */
  onDestroy?: () => void;
}

/** Makes the handle of a core. */
export let fiberOf: <T>(core: FiberCore) => Fiber<T>;

/**
 * Straight-line code that suspends and goes on: a generator that the loop runs, and a future of what it returns.
 *
 * It belongs to the fiber that spawned it. One that returns with children running is a bug, and reported: the children are cancelled, and it
 * ends after them.
 *
 * @typeParam T What its body returns.
 */
export class Fiber<T> extends Future<T> {
  static {
    fiberOf = <T>(core: FiberCore) => heldHandle<Fiber<T>>(core) ?? new Fiber<T>(core);
  }

  /** Not for users: see {@linkcode spawn}. */
  protected constructor(core: object) {
    if (!(core instanceof FiberCore)) throw new SystemError("EINVAL", "Cannot make a fiber by new: use spawn()");
    super(core);
  }

  /** For error reports. */
  get name(): string {
    return coreOfFiber(this).name;
  }

  /** Where it stands. */
  get status(): FiberStatus {
    return statusNames[coreOfFiber(this).status];
  }

  /** Smaller is more important. Set by `setPriority`. */
  get priority(): number {
    return coreOfFiber(this).priority;
  }

  /** Nobody's child: see {@linkcode FiberOptions}. Setting it after the end changes nothing. */
  get floating(): boolean {
    return coreOfFiber(this).parent === undefined || coreOfFiber(this).parent === rootOf(coreOfFiber(this).core);
  }

  set floating(floating: boolean) {
    const core = coreOfFiber(this);
    if (core.status === COMPLETED || floating === this.floating) return;
    leaveFamily(core.parent!, core);
    joinFamily(parentOf(core.core, floating), core);
  }

  /** What it waits for, until it runs again. */
  get awaiting(): Future<unknown> | undefined {
    const core = coreOfFiber(this);
    core.waiter?.becomeFuture?.(core);
    return core.awaiting && handleOf(core.awaiting);
  }

  /** It was cancelled at some time, also if it swallowed that. */
  get cancelled(): boolean {
    return coreOfFiber(this).cancelled;
  }

  /** Wakes it: its suspension returns the value. One that runs gets it at its next suspension; one that has ended ignores it. */
  resume(value?: unknown): void {
    coreOfFiber(this).wake(value);
  }

  /** Wakes it: its suspension throws the error. A `CancelledError` counts as a cancellation. */
  resumeWithError(error: unknown): void {
    coreOfFiber(this).wakeWithError(error);
  }

  /** `"Fiber"`. */
  override get [Symbol.toStringTag](): string {
    return "Fiber";
  }

  /** The fiber that runs. */
  static get current(): Fiber<unknown> | undefined {
    return current && fiberOf(current as FiberCore);
  }
}

/** The core of a fiber. */
function coreOfFiber(fiber: Fiber<unknown>): FiberCore {
  return futureCoreOf(fiber) as FiberCore;
}

/** The handle that fits the core. */
function handleOf(core: FutureCore): Future<unknown> {
  return core instanceof FiberCore ? fiberOf(core) : futureOf(core);
}

/** The fiber that runs if it is of this loop, else the loop. */
function parentOf(core: LoopCore, floating: boolean): FiberParent {
  return !floating && current !== undefined && current.core === core ? current as FiberCore : rootOf(core);
}

/** The loop for what is made without naming one: the current fiber's, else the default loop. */
export function currentCore(loop: EventLoop | undefined): LoopCore {
  if (loop !== undefined) return coreOf(loop);
  return current?.core ?? coreOf(EventLoop.default());
}

/** The options of most fibers. */
const noOptions: FiberOptions<never> = Object.freeze({});
const fiberOptions = ["loop", "name", "priority", "floating", "group", "signal", "onDestroy"];

/** Makes a fiber under this parent. */
export function spawnCore(
  core: LoopCore,
  body: () => Operation<unknown>,
  parent: FiberParent,
  options: Omit<FiberOptions<never>, "group">,
): FiberCore {
  requireBody(body, "spawn");
  if (options !== noOptions) requireOptions(options, fiberOptions, "spawn a fiber");
  const { name, priority = 0, signal, onDestroy } = options;
  requirePriority(priority);
  requireNotExiting(core, "spawn a fiber");
  const fiber = new FiberCore(core, body, name, priority);
  if (onDestroy !== undefined) fiber.onDestroy = onDestroy;
  const locals = (current as FiberCore | undefined)?.locals;
  if (locals !== undefined) fiber.locals = locals;
  joinFamily(parent, fiber);
  if (signal !== undefined) cancelBySignal(fiber, signal);
  return fiber;
}

function cancelBySignal(fiber: FiberCore, signal: AbortSignal): void {
  const by = "an AbortSignal";
  if (signal.aborted) {
    fiber.cancel(signal.reason, by);
    return;
  }
  fiber.markExpendable();
  // A fiber that aborts its own signal cannot be cancelled by that, but interrupts itself.
  const abort = () => {
    if (fiber === current) fiber.wakeWithError(new CancelledError(signal.reason, by));
    else fiber.cancel(signal.reason, by);
  };
  signal.addEventListener("abort", abort, { once: true });
  new Slot(fiber, () => signal.removeEventListener("abort", abort), { observes: false });
}

/**
 * Starts a fiber. It runs from the loop, in a later iteration, never inline.
 *
 * @typeParam T What the body returns.
 * @param body Makes the operation that it runs. A function declared once starts faster than a fresh `function*` each time.
 * @returns The fiber, a future of what the body returns.
 * @throws {SystemError} ECANCELED when the loop is exiting, EINVAL for a body that is no function, a priority that is no whole number, an unknown
 * option; what adding it to the group throws.
 *
 * @example Two at once
 * ```ts
 * import { msec, run, sleep, spawn } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * function* double(n: number) {
 *   yield* sleep(msec(1));
 *   return 2 * n;
 * }
 * const sum = await run(function* () {
 *   const a = spawn(() => double(1));
 *   const b = spawn(() => double(2));
 *   return (yield* a) + (yield* b);
 * });
 * assertEquals(sum, 6);
 * ```
 */
export function spawn<T>(body: () => Operation<T>, options: FiberOptions<NoInfer<T>> = noOptions): Fiber<T> {
  const { group } = options;
  const core = currentCore(options.loop ?? group?.loop);
  const fiber = fiberOf<T>(spawnCore(core, body, parentOf(core, options.floating ?? false), options));
  if (group !== undefined) addToGroup(fiber, group);
  return fiber;
}

/** A fiber that has not begun ends at once when it is cancelled. */
function addToGroup<T>(fiber: Fiber<T>, group: FutureGroup<T, unknown>): void {
  try {
    group.add(fiber);
  } catch (error) {
    fiber.cancel();
    throw error;
  }
}
