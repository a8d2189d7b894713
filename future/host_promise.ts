/**
 * Futures as promises of the host.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore, LoopWatcher } from "../event/loop_core.ts";
import { FINISHED } from "../event/loop_state.ts";
import { FULFILLED, type FutureCore, UNRESOLVED } from "./future_core.ts";
import { Slot } from "./slot.ts";
import { withResolvers } from "../event/with_resolvers.ts";

/** A promise that waits for a future. */
interface Waiting {
  readonly future: FutureCore;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The promises of one loop that have not settled: none may outlive it. */
class WaitingPromises implements LoopWatcher {
  readonly #waiting: Set<Waiting> = new Set();

  add(waiting: Waiting): void {
    this.#waiting.add(waiting);
  }

  settle(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    settle(waiting);
  }

  ended(): void {
    for (const waiting of this.#waiting) settle(waiting);
    this.#waiting.clear();
  }
}

const waitingOf = new WeakMap<LoopCore, WaitingPromises>();

/** A promise of the future's outcome. */
export function promiseOf(future: FutureCore): Promise<unknown> {
  const { promise, resolve, reject } = withResolvers<unknown>();
  const waiting: Waiting = { future, resolve, reject };
  const { core } = future;
  if (core.state === FINISHED) {
    settle(waiting);
    return promise;
  }
  let promises = waitingOf.get(core);
  if (promises === undefined) {
    waitingOf.set(core, promises = new WaitingPromises());
    core.watchers.add(promises);
  }
  promises.add(waiting);
  new Slot(future, () => {
    promises.settle(waiting);
    core.settledPromise = true;
  });
  return promise;
}

function settle({ future, resolve, reject }: Waiting): void {
  future.observed = true;
  if (future.state === FULFILLED) resolve(future.content);
  else if (future.state !== UNRESOLVED) reject(future.content);
  else reject(new SystemError("ECANCELED", `Cannot wait for the future any longer: loop '${future.core.name}' has finished`));
}
