/**
 * Waiting for the first of several things, of which exactly one takes effect.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { ClockIndex, type Usec } from "../event/time.ts";
import { later } from "../event/time_source.ts";
import { requireOptions, requireUsec } from "../event/validate.ts";
import { requireAwaitable } from "../future/await.ts";
import { type CurrentFiber, EMPTY, TIMEOUT, VALUE } from "../future/current.ts";
import { Future, futureCoreOf } from "../future/future.ts";
import { type FutureCore, UNRESOLVED } from "../future/future_core.ts";
import { BaseOperation, type Operation } from "../future/operation.ts";
import { Slot } from "../future/slot.ts";
import { timeFutureCore } from "../future/time_future.ts";
import type { FiberCore, FiberWait } from "./fiber_core.ts";
import { Receiver, receptionOf } from "./receiver.ts";
import { requireSameLoop, wokenError } from "./wait_operation.ts";
import { GRANTED, type MakeError, WAIT, Waiter, WAITING, type WaitQueue } from "./wait_queue.ts";

/** What can be a case of a `select`: a channel or subscription is a pop, a future its value, a number a timeout in microseconds. */
export type Selectable = Receiver<unknown> | Future<unknown> | Usec;

/**
 * What a case gives.
 *
 * @typeParam S The case.
 */
export type Chosen<S> = S extends Receiver<infer T> ? T : S extends Future<infer T> ? T : void;

/** How to choose. */
export interface SelectOptions {
  /** Of several cases that are ready, the one that was chosen longest ago. Default: `false`, the one that stands first. */
  fair?: boolean;
}

/** One case, while it is selected from. */
interface Case {
  readonly key: string;
  /** What stands for it when it comes to fairness; `undefined`: it comes last. */
  readonly source: object | undefined;
  /** It waits for a time, and in the exit phase none comes. */
  readonly isTimer: boolean;
  requireFitting(fiber: FiberCore): void;
  /** Its value if it is ready, else WAIT. Throws its error. */
  attempt(fiber: FiberCore): unknown;
  wait(fiber: FiberCore, select: Selection): void;
  /** What it has come to: it was chosen. */
  result(): unknown;
  /** It waits no more. */
  withdraw(): void;
  /** It was chosen, and nobody will have its value. */
  takeBack?(): void;
  priorityChanged?(priority: number): void;
}

/** Who is told that a case is ready. */
interface Selection {
  choose(chosen: Case): void;
}

/** The place of a select in a queue. */
class CaseWaiter extends Waiter {
  readonly #case: Case;
  readonly #select: Selection;

  constructor(queue: WaitQueue, fiber: FiberCore, owner: Case, select: Selection) {
    super(queue, undefined, fiber);
    this.#case = owner;
    this.#select = select;
  }

  override ended(): void {
    this.#select.choose(this.#case);
  }
}

class ReceiveCase implements Case {
  readonly key: string;
  readonly source: WaitQueue<void>;
  readonly isTimer: boolean = false;
  #waiter: CaseWaiter | undefined = undefined;

  constructor(key: string, receiver: Receiver<unknown>) {
    this.key = key;
    this.source = receptionOf(receiver).queue;
  }

  requireFitting(fiber: FiberCore): void {
    requireSameLoop(fiber, this.source);
  }

  attempt(fiber: FiberCore): unknown {
    return this.source.attempt(undefined, fiber);
  }

  wait(fiber: FiberCore, select: Selection): void {
    this.#waiter = new CaseWaiter(this.source, fiber, this, select);
    this.source.park(this.#waiter);
  }

  result(): unknown {
    const { state, content } = this.#waiter!;
    if (state === GRANTED) return content;
    throw (content as MakeError)();
  }

  withdraw(): void {
    const waiter = this.#waiter;
    if (waiter?.state === WAITING) this.source.cancel(waiter);
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
  readonly isTimer: boolean = false;
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

class TimeoutCase implements Case {
  readonly key: string;
  readonly source: undefined = undefined;
  readonly isTimer: boolean;
  readonly #usec: Usec;
  #timer: FutureCore | undefined = undefined;
  #slot: Slot | undefined = undefined;

  constructor(key: string, usec: Usec) {
    this.key = key;
    this.#usec = requireUsec(usec, `timeout of case '${key}'`);
    this.isTimer = usec !== Infinity;
  }

  requireFitting(): void {}

  attempt(): unknown {
    return this.#usec === 0 ? undefined : WAIT;
  }

  wait({ core }: FiberCore, select: Selection): void {
    if (!this.isTimer) return;
    this.#timer = timeFutureCore(core, ClockIndex.monotonic, later(core, ClockIndex.monotonic, this.#usec), 1);
    this.#slot = new Slot(this.#timer, () => select.choose(this));
  }

  result(): void {}

  withdraw(): void {
    this.#slot?.remove();
    this.#timer?.cancel(undefined);
  }
}

/** When what stands for a case was last chosen fairly. */
const chosenAt = new WeakMap<object, number>();
let choices = 0;

function age({ source }: Case): number {
  return source === undefined ? Infinity : chosenAt.get(source) ?? 0;
}

/** The choice of one case, with its value. */
interface Choice {
  readonly key: string;
  readonly value: unknown;
}

class SelectOperation extends BaseOperation<Choice> implements FiberWait, Selection {
  readonly title: string = "one of several";
  readonly #fair: boolean;
  #cases: readonly Case[];
  #chosen: Case | undefined = undefined;
  #fiber: FiberCore | undefined = undefined;

  constructor(cases: readonly Case[], fair: boolean) {
    super();
    this.#cases = cases;
    this.#fair = fair;
  }

  protected override start(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    for (const each of this.#cases) each.requireFitting(fiber);
    if (fiber.cell >= TIMEOUT) throw fiber.takeError();
    if (this.#fair) this.#cases = this.#cases.toSorted((a, b) => age(a) - age(b) || 0);
    for (const each of this.#cases) {
      const value = each.attempt(fiber);
      if (value !== WAIT) return this.#end(each, value);
    }
    if (fiber.cell !== EMPTY) throw wokenError(fiber);
    if (this.#cases.some((each) => each.isTimer) && fiber.refuse()) return false;
    this.#wait(fiber);
    fiber.parkFor(this);
    return false;
  }

  #wait(fiber: FiberCore): void {
    this.#chosen = undefined;
    this.#fiber = fiber;
    try {
      for (const each of this.#cases) each.wait(fiber, this);
    } catch (error) {
      this.#withdraw();
      throw error;
    }
  }

  #withdraw(): void {
    for (const each of this.#cases) each.withdraw();
  }

  /** The first that is ready; the others leave no trace. */
  choose(chosen: Case): void {
    this.#chosen = chosen;
    for (const each of this.#cases) {
      if (each !== chosen) each.withdraw();
    }
    this.#fiber!.endWait();
  }

  protected override resume(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    const chosen = this.#chosen;
    fiber.waiter = undefined;
    fiber.unpark();
    if (chosen === undefined) {
      this.#withdraw();
      throw wokenError(fiber);
    }
    if (fiber.cell === VALUE) fiber.takeValue();
    chosen.withdraw();
    return this.#end(chosen, chosen.result());
  }

  #end(chosen: Case, value: unknown): true {
    if (this.#fair && chosen.source !== undefined) chosenAt.set(chosen.source, ++choices);
    this.value = { key: chosen.key, value };
    return true;
  }

  abandoned(): void {
    this.#withdraw();
    this.#chosen?.takeBack?.();
  }

  priorityChanged(priority: number): void {
    for (const each of this.#cases) each.priorityChanged?.(priority);
  }
}

function caseOf(key: string, selectable: Selectable): Case {
  if (typeof selectable === "number") return new TimeoutCase(key, selectable);
  if (selectable instanceof Future) return new FutureCase(key, selectable);
  if (selectable instanceof Receiver) return new ReceiveCase(key, selectable);
  throw new SystemError("EINVAL", `Cannot select case '${key}' of '${String(selectable)}': it takes a channel, a future or a timeout`);
}

/**
 * Waits for the first of several things; exactly one takes effect, and nothing is lost in the others.
 *
 * A channel or a subscription stands for a pop, a future for its value, a number for a timeout in microseconds. The cases are tried in order, so
 * of several that are ready the one that stands first is chosen, or with `fair` the one that was chosen longest ago. If none is ready,
 * the fiber suspends, and waits in all their queues together until one is. A timeout of 0 is ready at once: standing last, it is what
 * happens when nothing else is ready. A channel that is closed and empty is ready, and so is a future that was rejected: choosing it throws
 * its error.
 *
 * Interrupted, the fiber has left all queues and took nothing. If a case was chosen before it ran again, that counts, and the interruption comes at
 * the next suspension.
 *
 * @typeParam C The cases.
 * @param cases By their names.
 * @returns The name of the one that was chosen, and its value.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber; EPIPE when the chosen channel is closed; EINVAL for no cases, what is no case, another loop's;
 * EDEADLK for the fiber's own future; EBUSY when somebody's `resume` woke the fiber. What the chosen future was rejected with is thrown as
 * it is.
 *
 * @example Jobs until told to stop
 * ```ts
 * import { Channel, Future, run, sec, select, EventLoop } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * await run(function* () {
 *   const jobs = new Channel<string>({ capacity: 4 });
 *   const stop = Future.withResolvers<void>(EventLoop.default());
 *   jobs.tryPush("a job");
 *   for (;;) {
 *     const got = yield* select({ job: jobs, stop: stop.future, idle: sec(1) });
 *     if (got.key !== "job") break;
 *     log.push(got.value);
 *     stop.resolve();
 *   }
 *   log.push("stopped");
 * });
 * assertEquals(log, ["a job", "stopped"]);
 * ```
 */
export function select<const C extends Readonly<Record<string, Selectable>>>(
  cases: C,
  options: SelectOptions = {},
): Operation<{ [K in keyof C]: { readonly key: K; readonly value: Chosen<C[K]> } }[keyof C]> {
  requireOptions(options, ["fair"], "select");
  const made = Object.entries(cases ?? {}).map(([key, selectable]) => caseOf(key, selectable));
  if (made.length === 0) throw new SystemError("EINVAL", "Cannot select from no cases: nothing would ever be ready");
  return new SelectOperation(made, options.fair ?? false) as unknown as Operation<
    { [K in keyof C]: { readonly key: K; readonly value: Chosen<C[K]> } }[keyof C]
  >;
}
