/**
 * The signals of this process: who claims them and what they do.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { signalName } from "../../signal_names.ts";
import type { Result, SignalRecord } from "../kernel.ts";
import type { SignalClaims, SignalQueue } from "../emulated/signal_queue.ts";
import { canBeClaimed, defaultAction } from "../emulated/signal_actions.ts";

/** The claims of all pollers of one process. */
export class Signals implements SignalClaims {
  readonly #claims = new Map<number, SignalQueue>();

  claim(signal: number, queue: SignalQueue): Result {
    if (!canBeClaimed(signal)) return -Errno.EINVAL;
    if (this.#claims.has(signal)) return -Errno.EBUSY;
    this.#claims.set(signal, queue);
    return 0;
  }

  release(signal: number, queue: SignalQueue): void {
    if (this.#claims.get(signal) !== queue) return;
    this.#claims.delete(signal);
    queue.drop(signal);
  }

  claimedBy(queue: SignalQueue): number[] {
    return [...this.#claims].filter(([, owner]) => owner === queue).map(([signal]) => signal);
  }

  /**
   * Lets a signal arrive.
   *
   * @throws {Error} When nobody claims it and it would have ended or stopped this process.
   */
  deliver(record: SignalRecord): void {
    const queue = this.#claims.get(record.signal);
    if (queue !== undefined) return queue.arrive(record);
    const action = defaultAction(record.signal);
    if (action === "ignore" || action === "continue") return;
    throw new Error(`Cannot survive ${signalName(record.signal)}: its default action is to ${action}, claim it with a signal source first`);
  }
}
