/**
 * The signals of this process, as far as the host tells of them.
 *
 * The host says that a signal came, not from whom and not how often. It knows no real-time signals, and on Windows few others. A claimed
 * signal reaches listeners of the host's too, if there are any, and a listener keeps nothing alive.
 *
 * @module
 */

import type { constants } from "node:os";
import { Errno } from "../../errno.ts";
import { signalName } from "../../signal_names.ts";
import { canBeClaimed } from "../emulated/signal_actions.ts";
import type { SignalClaims, SignalQueue } from "../emulated/signal_queue.ts";
import type { Result } from "../kernel.ts";
import { hostProcess, os } from "./builtin.ts";

/** The name of a signal, as the host has it. */
export type HostSignal = keyof typeof constants.signals;

/** Who has claimed a signal, and the listener that fills their queue. */
interface Claim {
  readonly queue: SignalQueue;
  readonly listener: () => void;
}

/** The claims of all pollers of this isolate. */
export class Signals implements SignalClaims {
  readonly #claims = new Map<number, Claim>();

  claim(signal: number, queue: SignalQueue): Result {
    if (!canBeClaimed(signal)) return -Errno.EINVAL;
    if (this.#claims.has(signal)) return -Errno.EBUSY;
    const name = hostSignal(signal);
    if (name === undefined) return -Errno.EOPNOTSUPP;
    const listener = () => queue.arrive({ signal, errno: 0, code: 0, pid: 0, uid: 0, value: 0, status: 0 });
    try {
      hostProcess().on(name, listener);
    } catch {
      return -Errno.EOPNOTSUPP; // the system has the name, but nobody can listen to it
    }
    this.#claims.set(signal, { queue, listener });
    return 0;
  }

  release(signal: number, queue: SignalQueue): void {
    const claim = this.#claims.get(signal);
    if (claim?.queue !== queue) return;
    this.#claims.delete(signal);
    hostProcess().off(hostSignal(signal)!, claim.listener);
    queue.drop(signal);
  }

  claimedBy(queue: SignalQueue): number[] {
    return [...this.#claims].filter(([, claim]) => claim.queue === queue).map(([signal]) => signal);
  }
}

/** What the host calls a signal; its own number for it may be another one. `undefined`: it knows nothing of it. */
export function hostSignal(signal: number): HostSignal | undefined {
  const name = signalName(signal);
  return Object.hasOwn(os().constants.signals, name) ? name as HostSignal : undefined;
}
