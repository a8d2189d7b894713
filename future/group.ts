/**
 * Several futures as one (sd-future, section 7).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { coreOf, type EventLoop } from "../event/event_loop.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { current, type CurrentFiber } from "./current.ts";
import { FULFILLED, FutureCore, type FutureKind, REJECTED, UNRESOLVED } from "./future_core.ts";
import { Future, futureCoreOf } from "./future.ts";
import { CancelledError } from "./interruption.ts";
import { Slot } from "./slot.ts";

/** How a group is made. */
export interface GroupOptions {
  /** Do not decide early because of a failure, nor cancel the parent fiber. A failure still counts in the end. Default: `false`. */
  ignoreErrors?: boolean;
  /** Takes children until it is sealed, and only then may "all have ended" decide it. Default: `false`, that does as soon as it is true. */
  open?: boolean;
}

/** An outcome that stands, while the children that are left end. */
interface Decision {
  readonly state: number;
  readonly content: unknown;
}

/** The children of one group, and what they decide. */
class Group {
  readonly future: FutureCore;
  readonly policy: "all" | "any";
  readonly ignoreErrors: boolean;
  /** In order of insertion; those that can decide nothing any more have left. */
  readonly #children: Set<FutureCore> = new Set();
  /** Those of whom it is not known yet that they have resolved, and some at the front that have. */
  readonly #order: FutureCore[] = [];
  #resolvedInFront = 0;
  /** How many were ever added. */
  size: number = 0;
  #open: boolean;
  #decision: Decision | undefined = undefined;
  #priority: number | undefined = undefined;
  /** The fiber that made it, to be cancelled when a child fails. */
  readonly #parent: CurrentFiber | undefined;
  /** A cancel is on its way to the children: one of them that cancels the group in turn must not start another. */
  #cancelling = false;

  constructor(core: LoopCore, policy: "all" | "any", options: GroupOptions) {
    this.future = new FutureCore(core, kind, this);
    this.policy = policy;
    this.ignoreErrors = options.ignoreErrors ?? false;
    this.#open = options.open ?? false;
    this.#parent = current?.core === core ? current : undefined;
  }

  /** All or none of them. */
  add(children: readonly FutureCore[]): void {
    for (const child of children) this.#requireFitting(child);
    const added: { child: FutureCore; slot: Slot }[] = [];
    try {
      for (const child of children) {
        if (this.#priority !== undefined) inherit(child, this.#priority);
        if (this.#children.has(child)) continue;
        added.push({ child, slot: new Slot(child, () => this.#childEnded(child)) });
        this.#children.add(child);
      }
    } catch (error) {
      for (const { child, slot } of added) {
        slot.remove();
        this.#children.delete(child);
      }
      throw error;
    }
    for (const { child } of added) this.#order.push(child);
    this.size += added.length;
  }

  /** Resolved futures stay so: each is looked at once. */
  get #allResolved(): boolean {
    const order = this.#order;
    while (this.#resolvedInFront < order.length && order[this.#resolvedInFront].state !== UNRESOLVED) this.#resolvedInFront++;
    // A group that lives long must not keep all that ever ended.
    if (this.#resolvedInFront >= 32 && this.#resolvedInFront * 2 > order.length) {
      order.splice(0, this.#resolvedInFront);
      this.#resolvedInFront = 0;
    }
    return this.#resolvedInFront === order.length;
  }

  #requireFitting(child: FutureCore): void {
    const { future } = this;
    if (child === future) throw new SystemError("EINVAL", "Cannot add a group to itself: it would wait for itself");
    if (child.core !== future.core) {
      throw new SystemError("EINVAL", `Cannot add a future of loop '${child.core.name}' to a group of loop '${future.core.name}'`);
    }
    if (future.state !== UNRESOLVED || this.#decision !== undefined) {
      throw new SystemError("ESTALE", "Cannot add to a group whose outcome is decided");
    }
    if (this.#sealed) throw new SystemError("ESTALE", "Cannot add to a group that was sealed");
  }

  #sealed = false;

  seal(): void {
    this.#sealed = true;
    if (!this.#open) return;
    this.#open = false;
    if (this.#decision === undefined && this.future.state === UNRESOLVED) this.#evaluate();
  }

  #childEnded(child: FutureCore): void {
    if (this.future.state !== UNRESOLVED) return;
    if (this.#decision !== undefined) this.#drain();
    else if (this.policy === "any" || child.state === REJECTED || this.#allResolved) this.#evaluate();
    // In a group that waits for all, who ended well has nothing more to say.
    if (this.policy === "all" && child.state === FULFILLED) this.#children.delete(child);
  }

  /** Looks at all that have resolved by now, in order of insertion. */
  #evaluate(): void {
    const over = !this.#open && this.#allResolved;
    const succeeded = this.policy === "any" ? this.#first(FULFILLED) : undefined;
    const failed = over || !this.ignoreErrors ? this.#first(REJECTED) : undefined;
    if (succeeded !== undefined) this.#decide(FULFILLED, succeeded.content);
    else if (failed !== undefined) this.#decide(REJECTED, failed.content);
    else if (over && this.policy === "all") this.#decide(FULFILLED, undefined);
  }

  #first(state: number): FutureCore | undefined {
    for (const child of this.#children) {
      if (child.state === state) return child;
    }
    return undefined;
  }

  /** The outcome stands; what still runs is cancelled. Answers the first error that a cancel threw. */
  #decide(state: number, content: unknown, byCancel: boolean = false): { error: unknown } | undefined {
    this.#decision = { state, content };
    const failure = this.#cancelChildren(content);
    if (state === REJECTED && !byCancel) this.#cancelParent(content);
    this.#drain();
    return failure;
  }

  #cancelParent(error: unknown): void {
    const parent = this.#parent;
    if (parent === undefined || this.ignoreErrors || parent === current || parent.awaiting === this.future) return;
    parent.cancel(error);
  }

  #cancelChildren(reason: unknown): { error: unknown } | undefined {
    if (this.#cancelling) return undefined;
    this.#cancelling = true;
    let failure: { error: unknown } | undefined = undefined;
    for (const child of this.#children) {
      if (child.state !== UNRESOLVED) continue;
      try {
        child.cancel(reason);
      } catch (error) {
        failure ??= { error };
      }
    }
    this.#cancelling = false;
    return failure;
  }

  /** Resolves once no child is left that has not. */
  #drain(): void {
    const { future } = this;
    if (future.state !== UNRESOLVED || !this.#allResolved) return;
    const { state, content } = this.#decision!;
    if (state === FULFILLED) future.fulfil(content);
    else future.reject(content);
  }

  cancel(reason: unknown): void {
    const failure = this.#decision === undefined
      ? this.#decide(REJECTED, new CancelledError(reason), true)
      : this.#cancelChildren(reason) ?? void this.#drain();
    if (failure !== undefined) throw failure.error;
  }

  setPriority(priority: number): void {
    let failure: { error: unknown } | undefined = undefined;
    for (const child of this.#children) {
      try {
        inherit(child, priority);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
    this.#priority = priority;
  }
}

/** A child that has ended, or has no priority, is left alone. */
function inherit(child: FutureCore, priority: number): void {
  if (child.state !== UNRESOLVED) return;
  try {
    child.setPriority(priority);
  } catch (error) {
    if (!(error instanceof SystemError && error.code === "EOPNOTSUPP")) throw error;
  }
}

const kind: FutureKind = {
  cancel: (future, reason) => (future.backing as Group).cancel(reason),
  setPriority: (future, priority) => (future.backing as Group).setPriority(priority),
};

/**
 * Several futures as one future.
 *
 * Evaluated when a child's resolution is delivered, over all children that have resolved by then, in the order in which they were added.
 * `all`: fulfilled when all are, rejected by the first failure, with `ignoreErrors` only when all have ended. `any`: fulfilled by the first
 * success, rejected by the first failure, with `ignoreErrors` only when all have failed. Once the outcome is decided the other children are
 * cancelled, and the group resolves when all have ended: who sees it resolved sees all of them resolved.
 *
 * A child's failure cancels the fiber that made the group, unless `ignoreErrors` is set, that fiber runs at the moment, or it waits
 * for this very group, and gets the error that way. A group without children stays pending until it is cancelled; an open one that is
 * sealed without any is fulfilled.
 *
 * @typeParam T What its children are fulfilled with.
 * @typeParam R What it is fulfilled with.
 */
export class FutureGroup<T = unknown, R = void> extends Future<R> {
  readonly #group: Group;

  /** Not for users: see {@linkcode FutureGroup.all} and {@linkcode FutureGroup.any}. */
  protected constructor(group: object) {
    if (!(group instanceof Group)) {
      throw new SystemError("EINVAL", "Cannot make a group by new: use FutureGroup.all() or FutureGroup.any()");
    }
    super(group.future);
    this.#group = group;
    group.future.handle = this;
  }

  /** Waits for all of them. */
  static all(loop: EventLoop, options: GroupOptions = {}): FutureGroup<unknown, void> {
    return new FutureGroup<unknown, void>(new Group(coreOf(loop), "all", options));
  }

  /**
   * Waits for any of them.
   *
   * @typeParam T What the children are fulfilled with.
   */
  static any<T>(loop: EventLoop, options: GroupOptions = {}): FutureGroup<T, T> {
    return new FutureGroup<T, T>(new Group(coreOf(loop), "any", options));
  }

  /** What decides it. */
  get policy(): "all" | "any" {
    return this.#group.policy;
  }

  /** A failure does not decide it early. */
  get ignoreErrors(): boolean {
    return this.#group.ignoreErrors;
  }

  /** How many children were ever added. */
  get size(): number {
    return this.#group.size;
  }

  /**
   * Adds futures: all or none of them.
   *
   * @throws {SystemError} EINVAL for itself, for what is no future or of another loop; ESTALE when the outcome is decided or it was sealed; what
   * setting the group's priority on a child throws.
   */
  add(...children: Future<T>[]): void {
    for (const child of children) {
      if (!(child instanceof Future)) throw new SystemError("EINVAL", `Cannot add '${String(child)}' to a group: it is no future`);
    }
    this.#group.add(children.map((child) => futureCoreOf(child)));
  }

  /** No more children will come. */
  seal(): void {
    this.#group.seal();
  }
}
