/**
 * Waiting for time to pass (sd-future, section 9).
 *
 * There may be a hundred thousand at once, and a source and a future of each would be a third of what the collector has to copy. So the
 * fiber stands in the clock's heap and in the queue itself, where they would: it is the timer, then the callback, then ready. Who asks for
 * what it waits for gets a future all the same.
 *
 * @module
 */

import { handOver } from "../event/timed_task.ts";
import { ClockIndex, type Usec } from "../event/time.ts";
import { later } from "../event/time_source.ts";
import { requireUsec } from "../event/validate.ts";
import { endWait, finishWait } from "../future/await.ts";
import { type CurrentFiber, EMPTY, ERROR } from "../future/current.ts";
import { letGo } from "../future/event_future.ts";
import type { FutureCore } from "../future/future_core.ts";
import { BaseOperation, type Operation } from "../future/operation.ts";
import { bareTimeFuture } from "../future/time_future.ts";
import type { FiberCore } from "./fiber_core.ts";
import type { TimedWait } from "./fiber_wait.ts";
import { suspend } from "./suspend.ts";
import { yieldNow } from "./yield_now.ts";

class SleepOperation extends BaseOperation<void> implements TimedWait {
  declare private readonly usec: Usec;
  declare begunIn: number;

  constructor(usec: Usec) {
    super();
    this.usec = usec;
    this.begunIn = 0;
  }

  get title(): string {
    return "a time";
  }

  get obstacle(): undefined {
    return undefined;
  }

  abandoned(): void {}

  priorityChanged(): void {}

  protected override start(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    if (fiber.cell >= ERROR) throw fiber.takeError();
    if (fiber.refuse()) return false;
    if (fiber.cell !== EMPTY) fiber.takeValue();
    const { core } = fiber;
    const time = later(core, ClockIndex.monotonic, this.usec);
    this.begunIn = core.iteration;
    fiber.parkUntil(this, time);
    return false;
  }

  protected override resume(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    fiber.waiter = undefined;
    if (fiber.awaiting === undefined) endWait(fiber, true);
    else finishTimer(fiber, fiber.awaiting);
    this.value = undefined;
    return true;
  }

  becomeFuture(fiber: FiberCore): void {
    const { node, future } = bareTimeFuture(fiber.core, ClockIndex.monotonic);
    fiber.waiter = undefined;
    if (fiber.isTimer) {
      handOver(fiber.core, fiber, node);
      fiber.pendingIteration = this.begunIn;
      fiber.parkOn(future);
    } else {
      // Its time has come, and its source would be gone.
      node.core = undefined;
      future.fulfil(undefined);
      fiber.awaiting = future;
    }
  }
}

/** It waited for a future of the time in the end. */
function finishTimer(fiber: FiberCore, timer: FutureCore): void {
  try {
    finishWait(fiber, timer);
  } finally {
    letGo(timer);
  }
}

/**
 * Suspends the fiber for a time: at least this long, a microsecond more or less for the kernel's grain.
 *
 * Interrupted, the timer is gone. In the exit phase it throws ECANCELED at once.
 *
 * @param usec Microseconds; see `msec` and `sec`. 0 lets others run first, as `yieldNow`; `Infinity` waits until the fiber is resumed or interrupted.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for what is no time, EOVERFLOW past 2^53, EBUSY when somebody's `resume` woke it early.
 */
export function sleep(usec: Usec): Operation<void> {
  if (requireUsec(usec, "time to sleep") === 0) return yieldNow();
  return usec === Infinity ? suspend() as Operation<void> : new SleepOperation(usec);
}
