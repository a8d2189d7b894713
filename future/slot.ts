/**
 * Callbacks of a future's resolution (sd-future, section 4).
 *
 * @module
 */

import type { ErrorOrigin } from "../event/error_origin.ts";
import { checkCallbackResult } from "../event/failure.ts";
import { TaskNode, type TaskOwner } from "../event/task.ts";
import { current } from "./current.ts";
import { type FutureCore, UNRESOLVED } from "./future_core.ts";

/** One callback, called once, from the loop, after the future has resolved. */
export class Slot implements TaskOwner {
  declare readonly future: FutureCore;
  declare readonly callback: () => unknown;
  declare private readonly task: TaskNode;
  /** It was called, or will not be. */
  declare done: boolean;

  /** `observes`: with it a failure counts as looked at. */
  constructor(future: FutureCore, callback: () => unknown, { observes }: { observes: boolean } = { observes: true }) {
    this.future = future;
    this.callback = callback;
    this.done = false;
    this.task = new TaskNode(future.core, this, current?.priority ?? 0);
    if (observes) future.observed = true;
    if (future.state === UNRESOLVED) future.addWaiter(this.task);
    else future.core.arm(this.task);
  }

  get followsExit(): boolean {
    return true;
  }

  dispatch(): void {
    this.done = true;
    const result = this.callback();
    if (result !== undefined) checkCallbackResult(this.task, result);
  }

  awaited(): void {}

  /** The callback will not be called, even if the future has resolved. */
  remove(): void {
    if (this.done) return;
    this.done = true;
    if (this.task.bucket !== undefined) this.future.core.disarm(this.task);
    else if (this.future.state === UNRESOLVED) this.future.removeWaiter(this.task);
  }

  errorOrigin(): ErrorOrigin {
    return { kind: "future", name: "callback" };
  }
}
