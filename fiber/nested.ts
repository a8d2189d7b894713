/**
 * Driving another loop on a fiber (sd-future, section 14; sd-event, section 17).
 *
 * @module
 */

import { requireUndriven } from "../event/driver.ts";
import { SystemError } from "../event/errno.ts";
import { coreOf, type EventLoop } from "../event/event_loop.ts";
import { IoEvent } from "../event/flags.ts";
import type { LoopCore, LoopWatcher } from "../event/loop_core.ts";
import { FINISHED, INITIAL } from "../event/loop_state.ts";
import { ClockIndex, type Usec } from "../event/time.ts";
import { later } from "../event/time_source.ts";
import { requireUsec } from "../event/validate.ts";
import { AwaitOperation } from "../future/await.ts";
import { FutureCore, UNRESOLVED } from "../future/future_core.ts";
import { ioFutureCore } from "../future/io_future.ts";
import { type Operation, requireFiber, type Suspension } from "../future/operation.ts";
import { Slot } from "../future/slot.ts";
import { letGo } from "../future/event_future.ts";
import { timeFutureCore } from "../future/time_future.ts";
import { mayGoOn, SYSTEM_CALL } from "./credit.ts";
import type { FiberCore } from "./fiber_core.ts";
import { Checkpoint } from "./checkpoint.ts";
import { yieldNow } from "./yield_now.ts";

/** One loop that a fiber of another one drives, until this is disposed, or the outer loop is over with the fiber suspended for good. */
class Nesting implements Disposable, LoopWatcher {
  readonly #fiber: FiberCore;
  readonly #inner: LoopCore;

  constructor(inner: LoopCore) {
    this.#fiber = requireFiber() as FiberCore;
    this.#inner = inner;
    requireNestable(this.#fiber.core, inner);
    requireUndriven(inner, "run");
    inner.require(INITIAL, "run");
    inner.driven = true;
    this.#fiber.core.watchers.add(this);
  }

  ended(): void {
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    const inner = this.#inner;
    this.#fiber.core.watchers.delete(this);
    inner.unpark = undefined;
    inner.driven = inner.blocking = false;
    for (const tell of inner.driver.released.splice(0)) tell();
  }

  /** One iteration. */
  *run(timeout: Usec): Generator<Suspension, boolean, unknown> {
    yield* new Checkpoint();
    if (!mayGoOn(SYSTEM_CALL)) yield* yieldNow();
    if (this.#dispatch()) return true;
    if (timeout === 0) return false;
    yield* this.#wait(timeout);
    return this.#dispatch();
  }

  /** Dispatches one source, if one is pending. The inner loop is in its initial state before and after, or has finished. */
  #dispatch(): boolean {
    const inner = this.#inner;
    const outer = this.#fiber.core;
    inner.blocking = outer.blocking;
    if (!inner.prepare() && !inner.wait(0)) return false;
    inner.dispatch();
    if (inner.settledPromise) {
      inner.settledPromise = false;
      outer.settledPromise = true;
    }
    return true;
  }

  /** Until the kernel has something for the inner loop, something of it was changed from outside, or the time is over. */
  *#wait(timeout: Usec): Generator<Suspension, void, unknown> {
    const inner = this.#inner;
    const { core } = this.#fiber;
    const awake = new FutureCore(core, undefined, undefined);
    const wake = () => {
      if (awake.state === UNRESOLVED) awake.fulfil(undefined);
    };
    const slots: Slot[] = [];
    try {
      if (timeout !== Infinity) {
        const end = later(core, ClockIndex.monotonic, timeout);
        slots.push(new Slot(timeFutureCore(core, ClockIndex.monotonic, end, 1), wake));
      }
      slots.push(new Slot(ioFutureCore(core, inner.poller.handle, IoEvent.IN), wake));
      inner.unpark = wake;
      yield* new AwaitOperation(awake);
    } finally {
      inner.unpark = undefined;
      for (const slot of slots) {
        slot.remove();
        letGo(slot.future);
      }
    }
  }
}

function requireNestable(outer: LoopCore, inner: LoopCore): void {
  const action = `Cannot run loop '${inner.name}' on a fiber of loop '${outer.name}'`;
  if (inner === outer) throw new SystemError("EINVAL", `${action}: it runs already, or the fiber would not`);
  if (!inner.kernel.features.has("nesting")) {
    throw new SystemError("EOPNOTSUPP", `${action}: a loop of the ${inner.kernel.name} kernel cannot be waited for`);
  }
  if (inner.kernel !== outer.kernel) throw new SystemError("EINVAL", `${action}: they stand on different kernels`);
}

/**
 * One iteration of another loop, on this fiber: dispatches one of its sources, waiting for one if need be (sd_event_run on a fiber).
 *
 * Both loops go on: the fiber is suspended while it waits, and gives way now and then where something is always pending. Its fibers and
 * callbacks run inside this one, which stays running meanwhile; cancelling it from a fiber in there queues the interruption for its next
 * suspension. Until this returns, any other driver of the inner loop is EBUSY. Interrupted, nothing was dispatched, nothing stays behind on
 * the outer loop, and the inner loop can be run on.
 *
 * @param inner A loop on the same kernel.
 * @param timeout Microseconds. 0 does not wait. Default: Infinity.
 * @returns Whether something was dispatched. `false`: the time is over, or what ended the wait, such as a timer that somebody added, gave
 * nothing to dispatch yet.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber; EINVAL for the fiber's own loop, one on another kernel and for what is no time; EOPNOTSUPP for a loop that
 * cannot be waited for; EBUSY when the inner loop is driven already or in the middle of an iteration, ESTALE when it has finished; EBUSY when somebody's
 * `resume` woke the fiber.
 */
export function* runNested(inner: EventLoop, timeout: Usec = Infinity): Operation<boolean> {
  requireUsec(timeout, "timeout");
  using nesting = new Nesting(coreOf(inner));
  return yield* nesting.run(timeout);
}

/**
 * Iterates another loop on this fiber until it has finished (sd_event_loop on a fiber). As {@linkcode runNested}, again and again.
 *
 * Interrupted, the inner loop can be run on: it has not been asked to exit.
 *
 * @returns Its exit code.
 * @throws {SystemError} EBUSY also when it has finished already. Else as {@linkcode runNested}.
 *
 * @example A loop in a loop
 * ```ts
 * import { EventLoop, loopNested, msec, run, spawn, sleep } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * using inner = new EventLoop({ name: "inner" });
 * inner.addTimeRelative("monotonic", msec(2), () => inner.exit(7));
 * const log: string[] = [];
 * const code = await run(function* () {
 *   const other = spawn(function* () {
 *     yield* sleep(msec(1));
 *     log.push("the outer loop goes on");
 *   });
 *   const code = yield* loopNested(inner);
 *   yield* other;
 *   return code;
 * });
 * assertEquals(code, 7);
 * assertEquals(log, ["the outer loop goes on"]);
 * ```
 */
export function* loopNested(inner: EventLoop): Operation<number> {
  const core = coreOf(inner);
  if (core.state === FINISHED) throw new SystemError("EBUSY", `Cannot drive loop '${inner.name}': it has finished`);
  using nesting = new Nesting(core);
  while (core.state !== FINISHED) yield* nesting.run(Infinity);
  return core.exitCode;
}
