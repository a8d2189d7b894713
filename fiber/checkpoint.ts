/**
 * The beginning of what may end without a wait.
 *
 * @module
 */

import { type CurrentFiber, ERROR } from "../future/current.ts";
import { BaseOperation } from "../future/operation.ts";
import type { FiberCore } from "./fiber_core.ts";

/** Throws what is queued for the fiber; in the exit phase it refuses to go on. */
export class Checkpoint extends BaseOperation<void> {
  protected override start(fiber: CurrentFiber): boolean {
    if (fiber.cell >= ERROR) throw fiber.takeError();
    if ((fiber as FiberCore).refuse()) return false;
    return this.resume();
  }

  protected override resume(): true {
    this.value = undefined;
    return true;
  }
}
