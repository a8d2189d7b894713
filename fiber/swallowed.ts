/**
 * Fibers that swallow a cancellation, told of under `debug`.
 *
 * @module
 */

import type { ErrorOrigin } from "../event/error_origin.ts";
import { SystemError } from "../event/errno.ts";
import { TaskNode, type TaskOwner } from "../event/task.ts";
import type { FiberCore } from "./fiber_core.ts";

/** Looks at a fiber to which a cancellation was thrown, once nothing else is left to do. */
export class CancellationCheck implements TaskOwner {
  readonly followsExit = false;
  readonly #fiber: FiberCore;

  constructor(fiber: FiberCore) {
    this.#fiber = fiber;
    fiber.core.arm(new TaskNode(fiber.core, this, Number.MAX_SAFE_INTEGER));
  }

  awaited(): void {}

  dispatch(): void {
    const fiber = this.#fiber;
    if (!fiber.waitsUnprotected) return;
    fiber.core.report(
      new SystemError(
        "ECANCELED",
        `Fiber '${fiber.name}' was cancelled and ${fiber.occupation} again: let the CancelledError through, or put clean-up that waits into shield()`,
      ),
      fiber.errorOrigin(),
    );
  }

  errorOrigin(): ErrorOrigin {
    return this.#fiber.errorOrigin();
  }
}
