/**
 * Waiting in a primitive's queue: on a fiber, and by a future.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { type CurrentFiber, EMPTY, ERROR, TIMEOUT, VALUE } from "../future/current.ts";
import { FutureCore, type FutureKind } from "../future/future_core.ts";
import { CancelledError } from "../future/interruption.ts";
import { BaseOperation } from "../future/operation.ts";
import type { FiberCore, FiberWait } from "./fiber_core.ts";
import { GRANTED, type MakeError, WAIT, Waiter, WAITING, type WaitQueue } from "./wait_queue.ts";

/** A fiber that waits in one queue. */
export class FiberWaiter extends Waiter implements FiberWait {
  get title(): string {
    return this.queue.title;
  }

  override ended(): void {
    this.fiber!.endWait();
  }

  abandoned(): void {
    if (this.state === WAITING) this.queue.cancel(this);
    else if (this.state === GRANTED) this.queue.takeBack(this.content);
  }

  priorityChanged(priority: number): void {
    if (this.state === WAITING) this.queue.reprioritise(this, priority);
  }
}

/**
 * A request on a fiber. What was queued as an interruption comes first, then what can be served at once; else it waits. A wait that
 * ended before the fiber ran again counts, and an interruption that came meanwhile shows at the next suspension.
 */
export class WaitOperation<R, T> extends BaseOperation<T> {
  declare protected readonly queue: WaitQueue<R>;
  declare private readonly request: R;

  constructor(queue: WaitQueue<R>, request: R) {
    super();
    this.queue = queue;
    this.request = request;
  }

  protected override start(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    const { queue, request } = this;
    requireSameLoop(fiber, queue);
    if (fiber.cell >= TIMEOUT) {
      queue.refuse(request);
      throw fiber.takeError();
    }
    const granted = this.attempt(fiber);
    if (granted !== WAIT) return this.end(granted);
    if (fiber.cell !== EMPTY) {
      queue.refuse(request);
      throw wokenError(fiber);
    }
    this.park(fiber);
    return false;
  }

  protected attempt(fiber: FiberCore): T | typeof WAIT {
    return this.queue.attempt(this.request, fiber) as T | typeof WAIT;
  }

  /** In this order: whom parking wakes or lends a priority may look at what the fiber waits for. */
  protected park(fiber: FiberCore): void {
    const waiter = new FiberWaiter(this.queue, this.request, fiber);
    fiber.parkFor(waiter);
    this.queue.park(waiter);
  }

  protected override resume(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    const waiter = fiber.waiter as FiberWaiter;
    fiber.waiter = undefined;
    fiber.unpark();
    if (waiter.state === WAITING) {
      waiter.queue.cancel(waiter);
      throw wokenError(fiber);
    }
    if (fiber.cell === VALUE) fiber.takeValue();
    return waiter.state === GRANTED ? this.end(waiter.content as T) : this.failed(waiter.content as MakeError);
  }

  /** The wait was ended by an error. */
  protected failed(error: MakeError): boolean {
    throw error();
  }

  protected end(value: T): true {
    this.value = value;
    return true;
  }
}

/** A fiber can only wait on its own loop. */
export function requireSameLoop(fiber: FiberCore, queue: WaitQueue): void {
  if (fiber.core === queue.core) return;
  throw new SystemError(
    "EINVAL",
    `Cannot wait for ${queue.title} of loop '${queue.core.name}' on a fiber of loop '${fiber.core.name}': use until() with its future`,
  );
}

/** What to throw when something else than the end of its wait has woken the fiber. */
export function wokenError(fiber: FiberCore): unknown {
  if (fiber.cell >= ERROR) return fiber.takeError();
  fiber.takeValue();
  return new SystemError("EBUSY", "The fiber was woken by somebody's resume() while it waited in a queue");
}

/** A future that waits in one queue. */
class FutureWaiter extends Waiter {
  readonly #future: FutureCore;

  constructor(queue: WaitQueue, request: unknown, future: FutureCore) {
    super(queue, request, undefined);
    this.#future = future;
  }

  override ended(): void {
    if (this.state === GRANTED) this.#future.fulfil(this.content);
    else this.#future.reject((this.content as MakeError)());
  }
}

const waiting: FutureKind = { name: "wait", cancel: cancelWaiting };

/** Ends the wait of a pending future: it is resolved before what it brought is dropped, by code of the user's. */
export function cancelWaiting(future: FutureCore, reason: unknown): void {
  const waiter = future.backing as Waiter;
  future.reject(new CancelledError(reason));
  waiter.queue.cancel(waiter);
}

/** A request by a future: resolved if it can be served at once. Throws what stands against the request. */
export function waitFutureCore<R>(queue: WaitQueue<R>, request: R, kind: FutureKind = waiting): FutureCore {
  const granted = queue.attempt(request, undefined);
  const future = new FutureCore(queue.core, kind, undefined);
  if (granted !== WAIT) {
    future.fulfil(granted);
    return future;
  }
  const waiter = new FutureWaiter(queue, request, future);
  future.backing = waiter;
  queue.park(waiter);
  return future;
}
