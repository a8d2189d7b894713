/**
 * Clean-up that interruptions from outside must not cut short.
 *
 * @module
 */

import { ClockIndex, type Usec } from "../event/time.ts";
import { later } from "../event/time_source.ts";
import { requireOptions, requireUsec } from "../event/validate.ts";
import { CANCEL, type Interruption, TIMEOUT } from "../future/current.ts";
import type { FutureCore } from "../future/future_core.ts";
import type { Canceller } from "../future/interruption.ts";
import { type Operation, operationOf, requireFiber, type Runnable } from "../future/operation.ts";
import { Slot } from "../future/slot.ts";
import { letGo } from "../future/event_future.ts";
import { timeFutureCore } from "../future/time_future.ts";
import type { FiberCore } from "./fiber_core.ts";
import { TimeoutScopeCore } from "./timeout_scope.ts";

/** Holds a fiber's interruptions back. */
export class Shield {
  readonly #fiber: FiberCore;
  readonly #outer: Shield | undefined;
  readonly #timer: FutureCore | undefined;
  readonly #slot: Slot | undefined;
  #held: Interruption | undefined = undefined;
  /** Nothing is held back any more. */
  #open = false;

  constructor(fiber: FiberCore, grace: Usec) {
    this.#fiber = fiber;
    this.#outer = fiber.shield;
    const queued = fiber.cell >= TIMEOUT ? fiber.takeInterruption() : undefined;
    fiber.shield = this;
    if (queued !== undefined) fiber.restore(queued);
    if (grace === Infinity || fiber.core.exitRequested) return;
    const timer = timeFutureCore(fiber.core, ClockIndex.monotonic, later(fiber.core, ClockIndex.monotonic, grace), 1);
    this.#timer = timer;
    this.#slot = new Slot(timer, () => this.#release());
  }

  get holdsCancel(): boolean {
    return this.#held?.kind === CANCEL || (this.#outer?.holdsCancel ?? false);
  }

  /** Its grace may end, and let through what it holds back. */
  get mayOpen(): boolean {
    return this.#held !== undefined && this.#timer !== undefined || (this.#outer?.mayOpen ?? false);
  }

  /** Whether it keeps this interruption. In the exit phase it keeps none: what a clean-up would wait for can hardly come any more. */
  hold(kind: number, content: unknown, by: Canceller | undefined): boolean {
    if (this.#open || this.#fiber.core.exitRequested) return this.#outer?.hold(kind, content, by) ?? false;
    if (kind === TIMEOUT && (content as TimeoutScopeCore).shield === this) return false;
    if (this.#held?.kind !== CANCEL) this.#held = { kind, content, by };
    return true;
  }

  /** The grace is over. */
  #release(): void {
    this.#open = true;
    const held = this.#takeHeld();
    if (held !== undefined) this.#fiber.interrupt(held);
  }

  /** The body has ended: what was held back comes at the next suspension. */
  close(): void {
    const fiber = this.#fiber;
    fiber.shield = this.#outer;
    this.#slot?.remove();
    if (this.#timer !== undefined) letGo(this.#timer);
    const held = this.#takeHeld();
    if (held !== undefined) fiber.restore(held);
  }

  /** What was held back, unless that was a deadline which is closed by now. */
  #takeHeld(): Interruption | undefined {
    const held = this.#held;
    this.#held = undefined;
    if (held?.kind !== TIMEOUT) return held;
    const content = TimeoutScopeCore.untold(this.#fiber);
    return content && { kind: TIMEOUT, content };
  }
}

/**
 * Runs the body to its end and holds interruptions from outside back until then: for clean-up that must suspend, in a `finally`.
 *
 * What was held back, or was queued before, comes at the next suspension after it. Deadlines that are opened inside interrupt the body
 * as usual. In the exit phase nothing is held back.
 *
 * @typeParam T What the body returns.
 * @param options `grace`: for how long, in microseconds, interruptions are held back at most. Default: Infinity.
 * @throws {SystemError} ESRCH off a fiber, EINVAL.
 *
 * @example Saying goodbye in spite of a cancellation
 * ```ts
 * import { cancelWait, msec, run, sec, shield, sleep, spawn } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * function* serve() {
 *   try {
 *     yield* sleep(sec(10));
 *   } finally {
 *     yield* shield(function* () {
 *       yield* sleep(msec(1));
 *       log.push("goodbye");
 *     }, { grace: sec(1) });
 *   }
 * }
 * await run(function* () {
 *   const fiber = spawn(serve);
 *   yield* sleep(1);
 *   yield* cancelWait(fiber);
 * });
 * assertEquals(log, ["goodbye"]);
 * ```
 */
export function* shield<T>(body: Runnable<T>, options: { grace?: Usec } = {}): Operation<T> {
  requireOptions(options, ["grace"], "shield");
  const guard = new Shield(requireFiber() as FiberCore, requireUsec(options.grace ?? Infinity, "grace"));
  try {
    return yield* operationOf(body);
  } finally {
    guard.close();
  }
}
