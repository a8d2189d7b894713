/**
 * Letting others run first (sd-future, section 8.2).
 *
 * @module
 */

import { type CurrentFiber, EMPTY, ERROR } from "../future/current.ts";
import { BaseOperation, type Operation } from "../future/operation.ts";
import type { FiberCore } from "./fiber_core.ts";

class YieldOperation extends BaseOperation<void> {
  protected override start(fiber: CurrentFiber): boolean {
    if (fiber.cell !== EMPTY) return this.end(fiber);
    (fiber as FiberCore).parkReady();
    return false;
  }

  protected override resume(fiber: CurrentFiber): boolean {
    fiber.resumed();
    return this.end(fiber);
  }

  private end(fiber: CurrentFiber): true {
    if (fiber.cell >= ERROR) throw fiber.takeError();
    if (fiber.cell !== EMPTY) fiber.takeValue();
    this.value = undefined;
    return true;
  }
}

/** It keeps nothing of its own, so one serves all. */
const operation = new YieldOperation();

/**
 * Lets the fibers and sources that are ready, of its own priority and better, run first (sd_fiber_yield; `yield` is a reserved word).
 *
 * What was queued for the fiber while it ran ends it at once, without giving way.
 *
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber has passed.
 * @throws {SystemError} ESRCH off a fiber.
 */
export function yieldNow(): Operation<void> {
  return operation;
}
