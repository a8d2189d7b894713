/**
 * What fibers hold: who holds what, at which priority, and what becomes of it when a fiber ends without giving it back.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { current } from "../future/current.ts";
import type { FiberCore } from "./fiber_core.ts";
import type { FiberLocks } from "./fiber_extra.ts";
import type { WaitQueue } from "./wait_queue.ts";

/** What fibers hold and others wait for. */
export interface Lock {
  readonly name: string;
  /** "mutex 'accounts'". */
  readonly title: string;
  readonly queue: WaitQueue;
  /** Whoever holds it runs at the best priority among those who wait for it. */
  readonly lendsPriority: boolean;
  /** The fibers that hold it. */
  holders(): Iterable<FiberCore>;
  /** Gives it back; nothing happens to a hold that was given back already. */
  release(hold: Hold): void;
  /** The fiber of this hold has ended. */
  ownerDied(hold: Hold): void;
}

/** That somebody holds a lock: disposed, it is given back. Twice does nothing. */
export class Hold implements Disposable {
  readonly lock: Lock;
  /** Whose it is; `undefined`: it belongs to whoever has this object. */
  readonly fiber: FiberCore | undefined;
  /** Its neighbours among all that the fiber holds. */
  previous: Hold | undefined = undefined;
  next: Hold | undefined = undefined;

  constructor(lock: Lock, fiber: FiberCore | undefined) {
    this.lock = lock;
    this.fiber = fiber;
  }

  [Symbol.dispose](): void {
    this.lock.release(this);
  }
}

/** All that one fiber holds. */
class HeldLocks implements FiberLocks {
  readonly #fiber: FiberCore;
  /** What it would run at without what others lend it. */
  #ownPriority: number;
  first: Hold | undefined = undefined;

  constructor(fiber: FiberCore) {
    this.#fiber = fiber;
    this.#ownPriority = fiber.priority;
  }

  add(hold: Hold): void {
    hold.next = this.first;
    if (this.first !== undefined) this.first.previous = hold;
    this.first = hold;
  }

  remove(hold: Hold): void {
    const { previous, next } = hold;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    hold.previous = hold.next = undefined;
  }

  /** Its own priority, or a better one that it was lent. */
  get priority(): number {
    let best = this.#ownPriority;
    for (let hold = this.first; hold !== undefined; hold = hold.next) {
      if (hold.lock.lendsPriority) best = Math.min(best, hold.lock.queue.best);
    }
    return best;
  }

  get areWaitedFor(): boolean {
    for (let hold = this.first; hold !== undefined; hold = hold.next) {
      if (hold.lock.queue.size > 0) return true;
    }
    return false;
  }

  setPriority(priority: number): void {
    this.#ownPriority = priority;
    refreshPriority(this.#fiber);
  }

  fiberEnded(): void {
    const fiber = this.#fiber;
    while (this.first !== undefined) {
      const hold = this.first;
      this.remove(hold);
      const { title } = hold.lock;
      const message = `Fiber '${fiber.name}' ended while it held ${title}: hold it by 'using', or unlock it in a finally`;
      hold.lock.ownerDied(hold);
      fiber.core.report(new SystemError("EOWNERDEAD", message), fiber.errorOrigin());
    }
  }
}

/** The fiber holds it from now on. */
export function addHold(hold: Hold): void {
  const { fiber } = hold;
  if (fiber !== undefined) ((fiber.locks ??= new HeldLocks(fiber)) as HeldLocks).add(hold);
}

/** The fiber does not hold it any more. */
export function removeHold(hold: Hold): void {
  const { fiber } = hold;
  if (fiber !== undefined) (fiber.locks as HeldLocks).remove(hold);
}

/** By what the fiber holds this lock, if it does. */
export function holdOf(fiber: FiberCore, lock: Lock): Hold | undefined {
  let hold = (fiber.locks as HeldLocks | undefined)?.first;
  while (hold !== undefined && hold.lock !== lock) hold = hold.next;
  return hold;
}

/** The fiber that runs, where it is one of the queue's loop: whatever it takes is its own. */
export function currentOwner(queue: WaitQueue): FiberCore | undefined {
  return current?.core === queue.core ? current as FiberCore : undefined;
}

/** Fibers whose priority has to be looked at. One leads to the next, along the chain of who waits for whom. */
const stale: FiberCore[] = [];
let refreshing = false;

/** Who waits for what the fiber holds has changed, or what it holds. */
export function refreshPriority(fiber: FiberCore | undefined): void {
  if (fiber === undefined || !isStale(fiber)) return;
  stale.push(fiber);
  if (refreshing) return;
  refreshing = true;
  try {
    for (let next = stale.pop(); next !== undefined; next = stale.pop()) refresh(next);
  } finally {
    refreshing = false;
    stale.length = 0;
  }
}

function isStale({ locks, priority }: FiberCore): boolean {
  return locks !== undefined && (locks as HeldLocks).priority !== priority;
}

/** If it waits itself, its waiter is told, and so on to whoever holds what that one waits for. */
function refresh(fiber: FiberCore): void {
  if (isStale(fiber)) fiber.setFiberPriority((fiber.locks as HeldLocks).priority);
}
