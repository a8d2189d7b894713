/**
 * The children of a group, and what they decide (sd-future, section 7).
 *
 * A child counts from the moment at which it resolves; the group looks at what has come together when a child's resolution is delivered.
 * So it knows at each delivery of all that have resolved by then, and asks none of them: a group takes linear time, and keeps no child
 * longer than until that has been delivered.
 *
 * @module
 */

import type { ErrorOrigin } from "../event/error_origin.ts";
import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { TaskNode, type TaskOwner } from "../event/task.ts";
import { current, type CurrentFiber } from "./current.ts";
import { FULFILLED, FutureCore, type FutureKind, REJECTED, UNRESOLVED } from "./future_core.ts";
import { cancelledError, type Canceller, reasonForAll } from "./interruption.ts";

/** What decides a group: all of its children, or any of them. */
export type GroupPolicy = "all" | "any";

/** An outcome that stands, while the children that are left end. */
interface Decision {
  readonly state: number;
  readonly content: unknown;
}

/** What a child's cancel threw; in a box, because it may be anything. */
interface Failure {
  readonly error: unknown;
}

/** One child of one group, and its place in the order of insertion. */
class Member implements TaskOwner {
  readonly child: FutureCore;
  readonly index: number;
  readonly followsExit = true;
  readonly #group: GroupCore;

  constructor(group: GroupCore, child: FutureCore, index: number) {
    this.#group = group;
    this.child = child;
    this.index = index;
    const task = new TaskNode(child.core, this, current?.priority ?? 0);
    child.observed = true;
    if (child.state === UNRESOLVED) {
      child.addWaiter(task);
    } else {
      this.awaited();
      child.core.arm(task);
    }
  }

  awaited(): void {
    this.#group.childResolved(this);
  }

  dispatch(): void {
    this.#group.childDelivered(this);
  }

  errorOrigin(): ErrorOrigin {
    return { kind: "future", name: "group" };
  }
}

/** See the head of this module. */
export class GroupCore {
  readonly future: FutureCore;
  readonly policy: GroupPolicy;
  readonly ignoreErrors: boolean;
  /** In order of insertion, until their resolutions are delivered. */
  readonly #children: Set<FutureCore> = new Set();
  /** How many were ever added. */
  size: number = 0;
  /** How many of them have not resolved. */
  #running = 0;
  /** Of those that have, the first in order of insertion that succeeded, and that failed. */
  #succeeded: Member | undefined = undefined;
  #failed: Member | undefined = undefined;
  #open: boolean;
  #sealed = false;
  #decision: Decision | undefined = undefined;
  #priority: number | undefined = undefined;
  /** The fiber that made it, to be cancelled when a child fails. */
  readonly #parent: CurrentFiber | undefined;
  /** A cancel is on its way to the children: one of them that cancels the group in turn must not start another. */
  #cancelling = false;

  constructor(core: LoopCore, policy: GroupPolicy, options: { ignoreErrors: boolean; open: boolean }) {
    this.future = new FutureCore(core, kind, this);
    this.policy = policy;
    this.ignoreErrors = options.ignoreErrors;
    this.#open = options.open;
    this.#parent = current?.core === core ? current : undefined;
  }

  // Adding

  /** All or none of them: only what cannot fail changes the group. */
  add(children: readonly FutureCore[]): void {
    if (children.length === 0) return;
    this.#requireFitting(children);
    if (this.#priority !== undefined) {
      for (const child of children) inherit(child, this.#priority);
      this.#requireUndecided();
    }
    for (const child of children) {
      if (this.#children.has(child)) continue;
      this.#children.add(child);
      this.#running++;
      if (this.policy === "any") child.markExpendable();
      new Member(this, child, this.size++);
    }
  }

  #requireFitting(children: readonly FutureCore[]): void {
    const { future } = this;
    for (const child of children) {
      if (child === future) throw new SystemError("EINVAL", "Cannot add a group to itself: it would wait for itself");
      if (child.core !== future.core) {
        throw new SystemError(
          "EINVAL",
          `Cannot add a future of loop '${child.core.name}' to a group of loop '${future.core.name}': bridge it by promiseFuture()`,
        );
      }
    }
    this.#requireUndecided();
  }

  /** Setting a child's priority may have called code of the user's that cancelled the group, or sealed it. */
  #requireUndecided(): void {
    if (this.#decision !== undefined) throw new SystemError("ESTALE", "Cannot add to a group whose outcome is decided");
    if (this.#sealed) throw new SystemError("ESTALE", "Cannot add to a group that was sealed");
  }

  seal(): void {
    this.#sealed = true;
    this.#open = false;
    if (this.#decision === undefined) this.#evaluate();
  }

  // Deciding

  /** Nobody is told inline: this only counts. */
  childResolved(member: Member): void {
    this.#running--;
    if (member.child.state === FULFILLED) this.#succeeded = firstOf(this.#succeeded, member);
    else this.#failed = firstOf(this.#failed, member);
  }

  childDelivered({ child }: Member): void {
    this.#children.delete(child);
    if (this.#decision === undefined) this.#evaluate();
    else this.#drain();
  }

  /** Looks at all that have resolved by now. */
  #evaluate(): void {
    const isOver = !this.#open && this.#running === 0;
    if (this.policy === "any" && this.#succeeded !== undefined) {
      // As anybody who takes the value: a receive is told that its item is taken.
      this.#decide(FULFILLED, this.#succeeded.child.result(), undefined, this.#succeeded.child);
    } else if (this.#failed !== undefined && (isOver || !this.ignoreErrors)) {
      const { child } = this.#failed;
      this.#decide(REJECTED, child.content, child.content, child);
    } else if (isOver && this.policy === "all") {
      this.#decide(FULFILLED, undefined);
    } else if (isOver) {
      this.#rejectEmpty();
    }
  }

  /** The outcome stands; what still runs is cancelled. */
  #decide(state: number, content: unknown, reason?: unknown, by?: FutureCore): void {
    this.#decision = { state, content };
    const failure = this.#cancelChildren(reason, by);
    if (failure !== undefined) this.future.core.report(failure.error, { kind: "future", name: "cancel" });
    if (state === REJECTED) this.#cancelParent(content, by);
    this.#drain();
  }

  /** Nobody's failure: there is nobody. */
  #rejectEmpty(): void {
    const error = new SystemError("ENODATA", "Cannot choose any future of a group that was sealed without children");
    this.#decision = { state: REJECTED, content: error };
    this.#drain();
  }

  #cancelParent(error: unknown, by: FutureCore | undefined): void {
    const parent = this.#parent;
    if (parent === undefined || this.ignoreErrors || parent === current || parent.awaiting === this.future) return;
    parent.cancel(error, by);
  }

  /** Resolves once no child is left that has not. */
  #drain(): void {
    const { future } = this;
    if (future.state !== UNRESOLVED || this.#running > 0) return;
    const { state, content } = this.#decision!;
    if (state === FULFILLED) future.fulfil(content);
    else future.reject(content);
  }

  // Cancelling

  /** Throws the first error that a child's cancel threw, when all have been asked. */
  cancel(reason: unknown, by: Canceller | undefined): void {
    this.#decision ??= { state: REJECTED, content: cancelledError(reason, by) };
    const failure = this.#cancelChildren(reason, by);
    this.#drain();
    if (failure !== undefined) throw failure.error;
  }

  #cancelChildren(reason: unknown, by: Canceller | undefined): Failure | undefined {
    if (this.#cancelling) return undefined;
    this.#cancelling = true;
    const pending = [...this.#children].filter(({ state }) => state === UNRESOLVED).length;
    const shared = reasonForAll(pending, reason, { by, debug: this.future.core.debug });
    let failure: Failure | undefined = undefined;
    // One may be added, or end, while another is asked.
    for (const child of this.#children) {
      if (child.state !== UNRESOLVED) continue;
      try {
        child.cancel(shared, by);
      } catch (error) {
        failure ??= { error };
      }
    }
    this.#cancelling = false;
    return failure;
  }

  // Priority

  setPriority(priority: number): void {
    let failure: Failure | undefined = undefined;
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

function firstOf(before: Member | undefined, member: Member): Member {
  return before === undefined || member.index < before.index ? member : before;
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
  name: "group",
  cancel: (future, reason, by) => (future.backing as GroupCore).cancel(reason, by),
  setPriority: (future, priority) => (future.backing as GroupCore).setPriority(priority),
};
