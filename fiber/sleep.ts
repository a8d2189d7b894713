/**
 * Waiting for time to pass (sd-future, section 9).
 *
 * @module
 */

import { ClockIndex, type Usec } from "../event/time.ts";
import { later } from "../event/time_source.ts";
import { requireUsec } from "../event/validate.ts";
import { type CurrentFiber, EMPTY, ERROR } from "../future/current.ts";
import { finishWait } from "../future/await.ts";
import { BaseOperation, type Operation } from "../future/operation.ts";
import { letGo } from "../future/event_future.ts";
import { timeFutureCore } from "../future/time_future.ts";
import type { FiberCore } from "./fiber_core.ts";
import { suspend } from "./suspend.ts";
import { yieldNow } from "./yield_now.ts";

class SleepOperation extends BaseOperation<void> {
  declare private readonly usec: Usec;

  constructor(usec: Usec) {
    super();
    this.usec = usec;
  }

  protected override start(fiber: CurrentFiber): boolean {
    if (fiber.cell >= ERROR) throw fiber.takeError();
    if ((fiber as FiberCore).refuse()) return false;
    if (fiber.cell !== EMPTY) fiber.takeValue();
    const core = fiber.core;
    fiber.parkOn(timeFutureCore(core, ClockIndex.monotonic, later(core, ClockIndex.monotonic, this.usec), 1));
    return false;
  }

  protected override resume(fiber: CurrentFiber): boolean {
    const timer = (fiber as FiberCore).awaiting!;
    try {
      finishWait(fiber, timer);
    } finally {
      letGo(timer);
    }
    this.value = undefined;
    return true;
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
