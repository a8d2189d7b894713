/**
 * Waiting for the first of several things, of which exactly one takes effect.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { requireOptions } from "../event/validate.ts";
import { type CurrentFiber, EMPTY, TIMEOUT, VALUE } from "../future/current.ts";
import { BaseOperation, type Operation } from "../future/operation.ts";
import { mayGoOn, ON_THE_SPOT } from "./credit.ts";
import type { FiberCore } from "./fiber_core.ts";
import type { FiberWait } from "./fiber_wait.ts";
import { type Case, caseOf, type Chosen, type Selectable, type Selection } from "./select_case.ts";
import { wokenError } from "./wait_operation.ts";
import { lookAfter, WAIT } from "./wait_queue.ts";

export type { Chosen, Selectable };

/** How to choose. */
export interface SelectOptions {
  /** Of several cases that are ready, the one that was chosen longest ago. Default: `false`, the one that stands first. */
  fair?: boolean;
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
  /** It has other ways to end. */
  readonly obstacle: undefined;
  readonly #fair: boolean;
  #cases: readonly Case[];
  #chosen: Case | undefined = undefined;
  #fiber: FiberCore | undefined = undefined;
  /** It lets others run before it asks. */
  #isPaused = false;

  constructor(cases: readonly Case[], fair: boolean) {
    super();
    this.#cases = cases;
    this.#fair = fair;
  }

  protected override start(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    for (const each of this.#cases) each.requireFitting(fiber);
    if (fiber.cell < TIMEOUT && !mayGoOn(ON_THE_SPOT)) {
      this.#isPaused = true;
      fiber.parkReady();
      fiber.waiter = this;
      return false;
    }
    return this.#proceed(fiber);
  }

  #proceed(fiber: FiberCore): boolean {
    if (fiber.cell >= TIMEOUT) throw fiber.takeError();
    if (this.#fair) this.#cases = this.#cases.toSorted((a, b) => age(a) - age(b) || 0);
    for (const each of this.#cases) {
      const value = each.isDefault ? WAIT : each.attempt(fiber);
      if (value !== WAIT) return this.#end(each, value);
    }
    const otherwise = this.#cases.find((each) => each.isDefault);
    if (otherwise !== undefined) return this.#end(otherwise, undefined);
    if (fiber.cell !== EMPTY) throw wokenError(fiber);
    if (this.#cases.some((each) => each.isFed) && fiber.refuse()) return false;
    this.#wait(fiber);
    return false;
  }

  #wait(fiber: FiberCore): void {
    this.#chosen = undefined;
    this.#fiber = fiber;
    fiber.parkFor(this);
    try {
      for (const each of this.#cases) {
        if (this.#chosen === undefined) each.wait(fiber, this);
      }
    } catch (error) {
      fiber.unpark();
      throw error;
    }
  }

  /** All but the chosen one leave, then those whom they kept waiting are looked after: nobody can be granted two. */
  #withdraw(): void {
    for (const each of this.#cases) {
      if (each !== this.#chosen) each.withdraw();
    }
    lookAfter();
  }

  /** The first that is ready; the others leave no trace. */
  choose(chosen: Case): void {
    this.#chosen = chosen;
    this.#withdraw();
    this.#fiber!.endWait();
  }

  protected override resume(current: CurrentFiber): boolean {
    const fiber = current as FiberCore;
    const chosen = this.#chosen;
    fiber.waiter = undefined;
    fiber.unpark();
    if (this.#isPaused) {
      this.#isPaused = false;
      return this.#proceed(fiber);
    }
    if (chosen === undefined) {
      this.#withdraw();
      throw wokenError(fiber);
    }
    if (fiber.cell === VALUE) fiber.takeValue();
    return this.#finish(chosen);
  }

  #finish(chosen: Case): true {
    try {
      return this.#end(chosen, chosen.result());
    } finally {
      chosen.withdraw();
    }
  }

  #end(chosen: Case, value: unknown): true {
    if (this.#fair && chosen.source !== undefined) chosenAt.set(chosen.source, ++choices);
    this.value = { key: chosen.key, value };
    return true;
  }

  abandoned(): void {
    this.#isPaused = false;
    this.#withdraw();
    this.#chosen?.takeBack?.();
  }

  priorityChanged(priority: number): void {
    for (const each of this.#cases) each.priorityChanged?.(priority);
  }
}

/**
 * Waits for the first of several things; exactly one takes effect, and nothing is lost in the others.
 *
 * A case is an operation of a primitive (`mutex.lock()`, `slots.acquire(2)`, `table.read()`, `gate.pass()`, `requests.wait()`, `jobs.pop()`,
 * `jobs.next()`, `jobs.push(job)`) and stands for what it returns; a channel or a subscription stands for its `pop()`, a future for its value,
 * `{ fd, events }` for what the descriptor is ready for, a number for a timeout in microseconds.
 *
 * The cases are tried in the order of the object's keys, so of several that are ready the one that stands first is chosen, or with `fair` the one
 * that was chosen longest ago. If none is ready, the fiber suspends, and waits in all their queues together until one is. A timeout of 0 is the
 * default: wherever it stands, it is what happens when nothing else is ready, and the fiber does not suspend. A case that would throw is ready,
 * and choosing it throws: a channel that is closed and empty, one that is closed to a push, a disposed or broken lock, a future that was rejected.
 *
 * The item of a push belongs to the channel when the push was chosen and succeeded. In all else it stays yours, and does not go to `onDrop`. A select
 * never meets itself, in a channel that it both pushes to and pops from. A select has other ways to go on, so waiting for a lock in one closes no
 * circle (EDEADLK); a mutex that the fiber holds itself is a mistake all the same. Where something is
 * always ready, the fiber gives way to others now and then.
 *
 * What does something to others by the wait alone is no case: `Barrier.wait`, `Condition.wait`, `Once.get`. Their futures are, which wait on when
 * another case is chosen.
 *
 * Interrupted, the fiber has left all queues and took nothing. If a case was chosen before it ran again, that counts, and the interruption comes at
 * the next suspension.
 *
 * @typeParam C The cases.
 * @param cases By their names.
 * @returns The name of the one that was chosen, and its value: of a lock what gives it back, for `using`.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber; EINVAL for no cases, what is no case, another loop's; EBADF for what is no descriptor; EDEADLK for the
 * fiber's own future or mutex; ECANCELED on a loop that is exiting, if it would have to wait for a time or a descriptor; EBUSY when somebody's
 * `resume` woke the fiber. What the chosen case throws is thrown as it is: EPIPE of a closed channel or a disposed lock, EOWNERDEAD, what the future
 * was rejected with.
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
 *
 * @example Passing a job on, or doing it here, or neither
 * ```ts
 * import { Channel, run, select, Semaphore } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * await run(function* () {
 *   const jobs = new Channel<string>({ capacity: 1 });
 *   const slots = new Semaphore(1);
 *   using taken = new DisposableStack();
 *   for (const job of ["first", "second", "third"]) {
 *     const got = yield* select({ sent: jobs.push(job), slot: slots.acquire(), default: 0 });
 *     if (got.key === "slot") taken.use(got.value);
 *     log.push(`${job}: ${got.key}`);
 *   }
 * });
 * assertEquals(log, ["first: sent", "second: slot", "third: default"]);
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
