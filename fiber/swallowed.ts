/**
 * Fibers that swallow a cancellation, told of under `debug`.
 *
 * @module
 */

import type { ErrorOrigin } from "../event/error_origin.ts";
import { SystemError } from "../event/errno.ts";
import { SourceKind } from "../event/source_kind.ts";
import { TaskNode } from "../event/source_node.ts";
import type { FiberCore } from "./fiber_core.ts";

const kind = new SourceKind({
  name: "cancellation check",
  alwaysPending: true,
  task: true,
  invoke: (node) => (node.owner as CancellationCheck).run(),
});

/** Looks at a fiber to which a cancellation was thrown, once nothing else is left to do. */
export class CancellationCheck {
  readonly #fiber: FiberCore;

  constructor(fiber: FiberCore) {
    this.#fiber = fiber;
    fiber.core.arm(new TaskNode(fiber.core, kind, this, Number.MAX_SAFE_INTEGER));
  }

  run(): void {
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
