/**
 * The signals of this process, as far as the host tells of them.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { SignalClaims, SignalQueue } from "../emulated/signal_queue.ts";
import type { Result } from "../kernel.ts";

/** The claims of all pollers. */
export class Signals implements SignalClaims {
  claim(_signal: number, _queue: SignalQueue): Result {
    return -Errno.EOPNOTSUPP;
  }

  release(_signal: number, _queue: SignalQueue): void {}

  claimedBy(_queue: SignalQueue): number[] {
    return [];
  }
}
