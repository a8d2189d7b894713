/**
 * Failures that nobody has looked at.
 *
 * A future that users hold counts on the account of the code that made it: a fiber's, or the host's. It may be looked at until that fiber has ended, or
 * the loop; or until nobody holds it any more. Then it is reported.
 *
 * @module
 */

import type { LoopCore, LoopWatcher } from "../event/loop_core.ts";
import { FINISHED } from "../event/loop_state.ts";
import type { FutureCore } from "./future_core.ts";
import { Slot } from "./slot.ts";

/** Who may look at a failure. */
export interface FailureOwner {
  /** It has failed, and nobody has looked at that yet. */
  futureFailed(future: FutureCore): void;
}

/** Reports a failure, once, unless somebody has looked at it. */
function reportUnseen(future: FutureCore): void {
  if (!future.hasUnseenFailure) return;
  future.observed = true;
  future.core.report(future.content, future.errorOrigin());
}

/**
 * Reports it unless somebody looks at it within the microtasks to come, as with a promise. While the loop blocks the thread there are none: a later
 * iteration serves then.
 */
export function reportSoon(future: FutureCore): void {
  const report = () => reportUnseen(future);
  if (future.core.blocking) new Slot(future, report, { observes: false });
  else queueMicrotask(report);
}

/** Tells of futures that nobody holds any more. */
const abandoned = new FinalizationRegistry<{ future: FutureCore; failures: UnseenFailures }>(({ future, failures }) => {
  failures.abandon(future);
});

/** The failures on one account. */
export class UnseenFailures {
  readonly #futures: Set<FutureCore> = new Set();

  /** From now on the future does not keep alive what users hold of it. */
  add(future: FutureCore): void {
    this.#futures.add(future);
    const { handle } = future;
    if (handle === undefined) return;
    future.handle = new WeakRef(handle);
    abandoned.register(handle, { future, failures: this });
  }

  /** Nobody holds it any more. */
  abandon(future: FutureCore): void {
    this.#futures.delete(future);
    reportUnseen(future);
  }

  get isEmpty(): boolean {
    return this.#futures.size === 0;
  }

  /** Nobody will look any more. */
  report(): void {
    for (const future of this.#futures) reportUnseen(future);
    this.#futures.clear();
  }
}

/** What failed on the account of the host's code. */
class HostAccount implements FailureOwner, LoopWatcher {
  readonly #core: LoopCore;
  readonly #failures: UnseenFailures = new UnseenFailures();

  constructor(core: LoopCore) {
    this.#core = core;
    core.watchers.add(this);
  }

  futureFailed(future: FutureCore): void {
    this.#failures.add(future);
    if (this.#core.state === FINISHED || this.#core.disposed) this.ended();
  }

  /** Whoever drove the loop may look at its futures now: once the host has had a turn that is over. */
  ended(): void {
    if (!this.#failures.isEmpty) void this.#core.kernel.turn("tasks").then(() => this.#failures.report());
  }
}

const accounts = new WeakMap<LoopCore, HostAccount>();

/** The account of the host's code. */
export function hostAccountOf(core: LoopCore): FailureOwner {
  let account = accounts.get(core);
  if (account === undefined) accounts.set(core, account = new HostAccount(core));
  return account;
}
