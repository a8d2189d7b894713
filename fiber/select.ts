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
