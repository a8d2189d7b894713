/**
 * The cases of a `select`: each can be tried, can wait, and can leave without a trace.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { ClockIndex, type Usec } from "../event/time.ts";
import { later } from "../event/time_source.ts";
import { requireFd, requireUsec } from "../event/validate.ts";
import { requireAwaitable } from "../future/await.ts";
import { Future, futureCoreOf } from "../future/future.ts";
import { type FutureCore, UNRESOLVED } from "../future/future_core.ts";
import { Slot } from "../future/slot.ts";
import { letGo } from "../future/event_future.ts";
import { timeFutureCore } from "../future/time_future.ts";
import type { FiberCore } from "./fiber_core.ts";
import { type PollEntry, pollNow, requireEvents } from "./poll.ts";
import { Readiness } from "./readiness.ts";
import { Receiver, receptionOf } from "./receiver.ts";
import { requireSameLoop, type SelectableOperation, WaitOperation } from "./wait_operation.ts";
import { GRANTED, WAIT, Waiter, WAITING, type WaitQueue } from "./wait_queue.ts";

/**
 * What can be a case of a `select`.
 *
 * - A primitive's operation, `mutex.lock()` or `jobs.push(job)`: what it returns. A channel or a subscription: as its `pop()`.
 * - A future: its value.
 * - `{ fd, events }`, as for `poll`: what the descriptor is ready for, an `IoEvent` word.
 * - A number: a timeout in microseconds. 0 is the default: what happens when nothing else is ready.
 */
export type Selectable = Receiver<unknown> | SelectableOperation<unknown> | Future<unknown> | PollEntry | Usec;

/**
 * What a case gives.
 *
 * @typeParam S The case.
 */
export type Chosen<S> = S extends Receiver<infer T> ? T
  : S extends Future<infer T> ? T
  : S extends SelectableOperation<infer T> ? T
  : S extends PollEntry ? number
  : void;

/** One case, while it is selected from. */
export interface Case {
  readonly key: string;
  /** What stands for it when it comes to fairness; `undefined`: it comes last. */
  readonly source: object | undefined;
  /** What is tried when all others are not ready. */
  readonly isDefault: boolean;
  /** It waits for what the kernel tells, which in the exit phase nobody hears. */
  readonly isFed: boolean;
  requireFitting(fiber: FiberCore): void;
  /** Its value if it is ready, else WAIT. Throws its error. */
  attempt(fiber: FiberCore): unknown;
  wait(fiber: FiberCore, select: Selection): void;
  /** What it has come to: it was chosen. */
  result(): unknown;
  /** It waits no more. Nobody is served because of that yet. */
  withdraw(): void;
  /** It was chosen, and nobody will have its value. */
  takeBack?(): void;
  priorityChanged?(priority: number): void;
}

/** Who is told that a case is ready. */
export interface Selection {
  choose(chosen: Case): void;
}

/** The place of a select in a queue. What a push brought stays with whoever selects until it is chosen. */
class CaseWaiter extends Waiter {
  readonly #case: Case;
  readonly #select: Selection;

  constructor(queue: WaitQueue, request: unknown, fiber: FiberCore, owner: Case, select: Selection) {
    super(queue, request, fiber, true);
    this.#case = owner;
    this.#select = select;
  }

  override ended(): void {
    this.#select.choose(this.#case);
  }
}

class OperationCase implements Case {
  readonly key: string;
  readonly isDefault: boolean = false;
  readonly isFed: boolean = false;
  readonly #operation: WaitOperation<unknown, unknown>;
  #waiter: CaseWaiter | undefined = undefined;

  constructor(key: string, operation: WaitOperation<unknown, unknown>) {
    this.key = key;
    this.#operation = operation;
  }

  get source(): WaitQueue {
    return this.#operation.queue;
  }

  requireFitting(fiber: FiberCore): void {
    requireSameLoop(fiber, this.source);
  }

  attempt(fiber: FiberCore): unknown {
    this.source.requireOpen();
    return this.#operation.attempt(fiber);
  }

  wait(fiber: FiberCore, select: Selection): void {
    const { queue, request } = this.#operation;
    this.#waiter = new CaseWaiter(queue, request, fiber, this, select);
    queue.park(this.#waiter);
  }

  result(): unknown {
    return this.#operation.resultOf(this.#waiter!);
  }

  withdraw(): void {
    const waiter = this.#waiter;
    if (waiter?.state === WAITING) this.source.withdraw(waiter);
    this.#waiter = undefined;
  }

  takeBack(): void {
    const { state, content } = this.#waiter!;
    if (state === GRANTED) this.source.takeBack(content);
  }

  priorityChanged(priority: number): void {
    const waiter = this.#waiter;
    if (waiter?.state === WAITING) this.source.reprioritise(waiter, priority);
  }
}

class FutureCase implements Case {
  readonly key: string;
  readonly source: FutureCore;
  readonly isDefault: boolean = false;
  readonly isFed: boolean = false;
  #slot: Slot | undefined = undefined;

  constructor(key: string, future: Future<unknown>) {
    this.key = key;
    this.source = futureCoreOf(future);
  }

  requireFitting(fiber: FiberCore): void {
    requireAwaitable(fiber, this.source);
  }

  attempt(): unknown {
    return this.source.state === UNRESOLVED ? WAIT : this.result();
  }

  wait(_fiber: FiberCore, select: Selection): void {
    this.#slot = new Slot(this.source, () => select.choose(this));
  }

  result(): unknown {
    return this.source.result();
  }

  withdraw(): void {
    this.#slot?.remove();
  }
}

/** What stands for descriptors when it comes to fairness, by their numbers: as many as were ever open at once. */
const descriptors = new WeakMap<LoopCore, Map<number, object>>();

function descriptorOf(core: LoopCore, fd: number): object {
  const known = descriptors.get(core) ?? new Map<number, object>();
  descriptors.set(core, known);
  const descriptor = known.get(fd) ?? {};
  known.set(fd, descriptor);
  return descriptor;
}

class DescriptorCase implements Case {
  readonly key: string;
  readonly isDefault: boolean = false;
  readonly isFed: boolean = true;
  readonly #entry: PollEntry;
  source: object | undefined = undefined;
  #readiness: Readiness | undefined = undefined;

  constructor(key: string, { fd, events }: PollEntry) {
    this.key = key;
    requireFd(fd, `select case '${key}' of`);
    this.#entry = { fd, events: requireEvents(events, `select case '${key}' of fd ${fd}`) };
  }

  requireFitting({ core }: FiberCore): void {
    this.source = descriptorOf(core, this.#entry.fd);
  }

  attempt(fiber: FiberCore): unknown {
    const revents = pollNow(fiber, this.#entry);
    return revents === 0 ? WAIT : revents;
  }

  wait(fiber: FiberCore, select: Selection): void {
    this.#readiness = new Readiness(fiber, this.#entry, () => select.choose(this));
  }

  result(): number {
    return this.#readiness!.revents;
  }

  withdraw(): void {
    this.#readiness?.dispose();
  }

  priorityChanged(priority: number): void {
    this.#readiness?.setPriority(priority);
  }
}

class TimeoutCase implements Case {
  readonly key: string;
  readonly source: undefined = undefined;
  readonly isDefault: boolean;
  readonly isFed: boolean;
  readonly #usec: Usec;
  #timer: FutureCore | undefined = undefined;
  #slot: Slot | undefined = undefined;

  constructor(key: string, usec: Usec) {
    this.key = key;
    this.#usec = requireUsec(usec, `timeout of case '${key}'`);
    this.isDefault = usec === 0;
    this.isFed = usec !== Infinity;
  }

  requireFitting(): void {}

  attempt(): unknown {
    return this.isDefault ? undefined : WAIT;
  }

  wait({ core }: FiberCore, select: Selection): void {
    if (!this.isFed) return;
    this.#timer = timeFutureCore(core, ClockIndex.monotonic, later(core, ClockIndex.monotonic, this.#usec), 1);
    this.#slot = new Slot(this.#timer, () => select.choose(this));
  }

  result(): void {}

  withdraw(): void {
    this.#slot?.remove();
    if (this.#timer !== undefined) letGo(this.#timer);
  }
}

function isEntry(selectable: unknown): selectable is PollEntry {
  return typeof selectable === "object" && selectable !== null && "fd" in selectable && "events" in selectable;
}

/** The case of this name; EINVAL for what is none. */
export function caseOf(key: string, selectable: Selectable): Case {
  if (typeof selectable === "number") return new TimeoutCase(key, selectable);
  if (selectable instanceof WaitOperation && selectable.isSelectable) return new OperationCase(key, selectable);
  if (selectable instanceof Receiver) return new OperationCase(key, new WaitOperation(receptionOf(selectable).queue, undefined));
  if (selectable instanceof Future) return new FutureCase(key, selectable);
  if (isEntry(selectable)) return new DescriptorCase(key, selectable);
  throw new SystemError(
    "EINVAL",
    `Cannot select case '${key}' of '${
      String(selectable)
    }': it takes a channel, an operation of a primitive that can be one of several, a future, ` +
      "{ fd, events }, or a timeout",
  );
}
