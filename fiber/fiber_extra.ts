/**
 * What few fibers have: it stands apart, since there may be a million of the others.
 *
 * @module
 */

import type { Canceller } from "../future/interruption.ts";
import type { UnseenFailures } from "../future/unseen_failure.ts";
import type { FiberCore } from "./fiber_core.ts";
import type { FiberLocals } from "./fiber_local.ts";
import type { Shield } from "./shield.ts";
import type { TimeoutScopeCore } from "./timeout_scope.ts";

/** What a fiber holds. */
export interface FiberLocks {
  /** Somebody waits for some of it. */
  readonly areWaitedFor: boolean;
  /** The fiber is to have this priority, or a better one that it was lent. */
  setPriority(priority: number): void;
  fiberEnded(): void;
}

/** See the head of this module. */
export class FiberExtra {
  name: string | undefined = undefined;
  locks: FiberLocks | undefined = undefined;
  /** The innermost that is open. */
  deadline: TimeoutScopeCore | undefined = undefined;
  firstChild: FiberCore | undefined = undefined;
  /** Who cancelled it, while that lies in the cell. */
  canceller: Canceller | undefined = undefined;
  shield: Shield | undefined = undefined;
  /** Something may cancel it as a matter of course. */
  expendable: boolean = false;
  locals: FiberLocals | undefined = undefined;
  onDestroy: (() => void) | undefined = undefined;
  /** What failed on its account, and nobody has looked at yet. */
  failures: UnseenFailures | undefined = undefined;
  /** How often it was refused a wait in the exit phase. */
  refusals: number = 0;

  /** Who cancelled it: asked once. */
  takeCanceller(): Canceller | undefined {
    const by = this.canceller;
    this.canceller = undefined;
    return by;
  }

  fiberEnded(fiber: FiberCore): void {
    const { failures, onDestroy } = this;
    this.canceller =
      this.shield =
      this.locals =
      this.failures =
      this.onDestroy =
        undefined;
    failures?.report();
    if (onDestroy === undefined) return;
    try {
      onDestroy();
    } catch (error) {
      fiber.core.report(error, fiber.errorOrigin());
    }
  }
}
