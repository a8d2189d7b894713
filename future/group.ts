/**
 * Several futures as one (sd-future, section 7).
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { coreOf, type EventLoop } from "../event/event_loop.ts";
import { requireOptions } from "../event/validate.ts";
import { Future, futureCoreOf, onAccount } from "./future.ts";
import { GroupCore, type GroupPolicy } from "./group_core.ts";

/** How a group is made. */
export interface GroupOptions {
  /** Do not decide early because of a failure, nor cancel the parent fiber. A failure still counts in the end. Default: `false`. */
  ignoreErrors?: boolean;
  /** Takes children until it is sealed, and only then may "all have ended" decide it. Default: `false`, that does as soon as it is true. */
  open?: boolean;
}

/**
 * Several futures as one future.
 *
 * Evaluated when a child's resolution is delivered, over all children that have resolved by then, in the order in which they were added.
 * `all`: fulfilled when all are, rejected by the first failure, with `ignoreErrors` only when all have ended. `any`: fulfilled by the first
 * success, rejected by the first failure, with `ignoreErrors` only when all have failed. Once the outcome is decided the other children are
 * cancelled, and the group resolves when all have ended: who sees it resolved sees all of them resolved.
 *
 * A child's failure cancels the fiber that made the group, unless `ignoreErrors` is set, that fiber runs at the moment, or it waits
 * for this very group, and gets the error that way. Failures that do not decide it are not reported: look at the children. What a child's
 * cancel throws goes to the loop's `onError`. A group without children stays pending until it is cancelled or sealed; sealed without
 * any, `all` is fulfilled and `any` rejected with ENODATA.
 *
 * Interrupted, a wait for it leaves group and children alone. Its `cancel` asks all that have not ended, every time, then throws what the
 * first of them threw; it never cancels the fiber that made it. Its `setPriority` is for all children, and for those to come unless it threw.
 * The group keeps no child that has ended.
 *
 * @typeParam T What its children are fulfilled with.
 * @typeParam R What it is fulfilled with.
 */
export class FutureGroup<T = unknown, R = void> extends Future<R> {
  readonly #group: GroupCore;

  /** Not for users: see {@linkcode FutureGroup.all} and {@linkcode FutureGroup.any}. */
  protected constructor(group: object) {
    if (!(group instanceof GroupCore)) {
      throw new SystemError("EINVAL", "Cannot make a group by new: use FutureGroup.all() or FutureGroup.any()");
    }
    super(group.future);
    this.#group = group;
    onAccount(group.future);
  }

  /** Waits for all of them. */
  static all(loop: EventLoop, options: GroupOptions = {}): FutureGroup<unknown, void> {
    return new FutureGroup<unknown, void>(groupOf(loop, "all", options));
  }

  /**
   * Waits for any of them.
   *
   * @typeParam T What the children are fulfilled with.
   */
  static any<T>(loop: EventLoop, options: GroupOptions = {}): FutureGroup<T, T> {
    return new FutureGroup<T, T>(groupOf(loop, "any", options));
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
   * Adds futures: all or none of them. One that has resolved counts in the next iteration.
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

  /** No more children will come: that all have ended may decide it now. */
  seal(): void {
    this.#group.seal();
  }
}

function groupOf(loop: EventLoop, policy: GroupPolicy, options: GroupOptions): GroupCore {
  requireOptions(options, ["ignoreErrors", "open"], "make a group");
  return new GroupCore(coreOf(loop), policy, { ignoreErrors: options.ignoreErrors ?? false, open: options.open ?? false });
}
