/**
 * Waiting in a primitive's queue: on a fiber, and by a future.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { type CurrentFiber, EMPTY, ERROR, TIMEOUT, VALUE } from "../future/current.ts";
import { FutureCore, type FutureKind } from "../future/future_core.ts";
import { cancelledError } from "../future/interruption.ts";
import { BaseOperation, type Operation } from "../future/operation.ts";
import { requireNoCircle } from "./deadlock.ts";
import { mayGoOn, ON_THE_SPOT } from "./credit.ts";
import type { FiberCore } from "./fiber_core.ts";
import type { FiberWait } from "./fiber_wait.ts";
import type { Lock } from "./lock.ts";
import { GRANTED, type MakeError, WAIT, Waiter, WAITING, type WaitQueue } from "./wait_queue.ts";

/** An import may be anything to the compiler, which would call a function to compare with it; a constant of this module may not. */
const LATER: typeof WAIT = WAIT;

/**
 * An operation that is a case of `select` as well as something to `yield*`.
 *
 * @typeParam T What it returns.
 */
export interface SelectableOperation<T> extends Operation<T> {
  /** Nobody but this package makes one. */
  readonly selectable: never;
}

/** A fiber that waits in one queue. */
export class FiberWaiter extends Waiter implements FiberWait {
  get title(): string {
    return this.queue.title;
  }

  get isPause(): boolean {
    return false;
  }

  get obstacle(): Lock | undefined {
    return this.state === WAITING ? this.queue.lock : undefined;
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

/** A fiber that lets others run before it asks: it has no place in the queue yet. */
class Pause implements FiberWait {
  readonly title: string = "its next turn";
  readonly isPause: boolean = true;
  readonly obstacle: undefined;
  readonly #operation: { refuse(): void };

  constructor(operation: { refuse(): void }) {
    this.#operation = operation;
  }

  abandoned(): void {
    this.#operation.refuse();
  }

  priorityChanged(): void {}
}

/**
 * A request on a fiber. What was queued as an interruption comes first, then what can be served at once; else it waits. A wait that
 * ended before the fiber ran again counts, and an interruption that came meanwhile shows at the next suspension.
 *
 * Where everything can be served at once, the fiber gives way to others now and then, before it asks.
 */
export class WaitOperation<R, T> extends BaseOperation<T> implements SelectableOperation<T> {
  declare readonly selectable: never;
  declare readonly queue: WaitQueue<R>;
  declare readonly request: R;

  constructor(queue: WaitQueue<R>, request: R) {
    super();
    this.queue = queue;
    this.request = request;
  }

  /** Whether it may stand among others of which one is chosen: its wait by itself does nothing. */
  get isSelectable(): boolean {
    return true;
  }

  protected override start(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    requireSameLoop(fiber, this.queue);
    return fiber.cell < TIMEOUT && !mayGoOn(ON_THE_SPOT) ? this.pause(fiber) : this.proceed(fiber);
  }

  private pause(fiber: FiberCore): false {
    fiber.parkReady();
    fiber.waiter = new Pause(this);
    return false;
  }

  /** What seldom happens stands elsewhere: as small as this it is compiled into the code of its callers. */
  private proceed(fiber: FiberCore): boolean {
    if (fiber.cell >= TIMEOUT) this.refuseBy(fiber);
    const granted = this.attempt(fiber);
    return granted === LATER ? this.wait(fiber) : this.end(granted);
  }

  private refuseBy(fiber: FiberCore): never {
    this.refuse();
    throw wokenError(fiber);
  }

  /** Serves it at once, or answers WAIT, or throws what stands against it. */
  attempt(fiber: FiberCore): T | typeof WAIT {
    return this.queue.attempt(this.request, fiber) as T | typeof WAIT;
  }

  /** It came to nothing. */
  refuse(): void {
    this.queue.refuse(this.request);
  }

  /** In this order: whom parking wakes or lends a priority may look at what the fiber waits for. */
  private wait(fiber: FiberCore): false {
    const { queue } = this;
    if (fiber.cell !== EMPTY) this.refuseBy(fiber);
    if (queue.lock !== undefined) requireNoCircle(fiber, queue.lock);
    const waiter = new FiberWaiter(queue, this.request, fiber);
    fiber.parkFor(waiter);
    queue.park(waiter);
    return false;
  }

  protected override resume(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    const waiter = fiber.waiter as FiberWaiter | Pause;
    fiber.waiter = undefined;
    fiber.resumed();
    return waiter.isPause ? this.proceed(fiber) : this.afterWait(fiber, waiter as FiberWaiter);
  }

  private afterWait(fiber: FiberCore, waiter: FiberWaiter): boolean {
    if (waiter.state === WAITING) {
      waiter.queue.cancel(waiter);
      throw wokenError(fiber);
    }
    if (fiber.cell === VALUE) fiber.takeValue();
    return this.end(this.resultOf(waiter));
  }

  /** What its wait has come to. */
  resultOf({ state, content }: Waiter): T {
    return state === GRANTED ? content as T : this.failed(content as MakeError);
  }

  /** The wait was ended by an error. */
  protected failed(error: MakeError): T {
    throw error();
  }

  private end(value: T): true {
    this.value = value;
    return true;
  }
}

/** A fiber can only wait on its own loop. */
export function requireSameLoop(fiber: FiberCore, queue: WaitQueue): void {
  if (fiber.core !== queue.core) throw otherLoop(fiber, queue);
}

function otherLoop(fiber: FiberCore, queue: WaitQueue): SystemError {
  return new SystemError(
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
  future.reject(cancelledError(reason));
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
