/**
 * One result, and who is told of it (sd-future, sections 3 to 5).
 *
 * What users hold is a thin handle over this, made when somebody asks for it. All futures are of this one class but fibers, so that
 * the code that every wait runs through stays monomorphic; what tells the kinds apart is their table of functions.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import type { Task } from "../event/task.ts";
import type { ErrorOrigin } from "../event/error_origin.ts";
import { CancelledError, cancelledError, type Canceller, reasonBehind } from "./interruption.ts";
import type { FailureOwner } from "./unseen_failure.ts";

/** The states of a future. */
export const UNRESOLVED = 0;
export const FULFILLED = 1;
export const REJECTED = 2;

const stateNames: readonly string[] = ["pending", "fulfilled", "rejected"];

/** What a kind of future does on request; one table a kind. */
export interface FutureKind {
  /** What it is, for error reports. Default: "future". */
  readonly name?: string;
  /** Called once per cancel of the pending future. Without it cancel rejects with `CancelledError` at once. */
  cancel?(future: FutureCore, reason: unknown, by?: Canceller): void;
  /** Without it `setPriority` is EOPNOTSUPP. */
  setPriority?(future: FutureCore, priority: number): void;
  /** Somebody reads its value. */
  read?(future: FutureCore): void;
  /** The one future without which this does not resolve, if it stands for another one. */
  behind?(future: FutureCore): FutureCore | undefined;
}

/** See the head of this module. */
export class FutureCore {
  declare readonly core: LoopCore;
  declare state: number;
  /** The value, or the error; while pending, what the kind keeps here. */
  declare content: unknown;
  declare readonly futureKind: FutureKind | undefined;
  /** What stands behind it, as its kind knows. */
  declare backing: unknown;
  /** Who waits, in order of arrival: tasks, linked by their idle `previous` and `next`. */
  declare firstWaiter: Task | undefined;
  declare lastWaiter: Task | undefined;
  /** What users hold, once somebody asked for it; a `WeakRef` of it where it must not be kept alive. */
  declare handle: object | undefined;
  /** On whose account its failure is: of a fiber, its parent. Without one nobody but our own code sees it. */
  declare parent: FailureOwner | undefined;
  /** Somebody looked at the outcome, or waits for it: a failure need not be reported. */
  declare observed: boolean;
  /** It was asked to end at some time. */
  declare cancelled: boolean;

  constructor(core: LoopCore, futureKind: FutureKind | undefined, backing: unknown) {
    this.core = core;
    this.state = UNRESOLVED;
    this.content = undefined;
    this.futureKind = futureKind;
    this.backing = backing;
    this.firstWaiter = undefined;
    this.lastWaiter = undefined;
    this.handle = undefined;
    this.parent = undefined;
    this.observed = false;
    this.cancelled = false;
  }

  fulfil(value: unknown): void {
    this.resolve(FULFILLED, value);
  }

  reject(error: unknown): void {
    this.resolve(REJECTED, error);
    if (this.parent !== undefined && this.hasUnseenFailure) this.parent.futureFailed(this);
  }

  /** State and outcome are set before anybody is told, and nobody is told inline. ESTALE the second time. */
  private resolve(state: number, content: unknown): void {
    if (this.state !== UNRESOLVED) throw new SystemError("ESTALE", "Cannot resolve a future a second time: its outcome stands");
    this.state = state;
    this.content = content;
    let waiter = this.firstWaiter;
    this.firstWaiter = this.lastWaiter = undefined;
    while (waiter !== undefined) {
      const { next } = waiter;
      waiter.previous = waiter.next = undefined;
      waiter.awaited();
      this.core.arm(waiter);
      waiter = next;
    }
  }

  /** For error reports. */
  get name(): string {
    return this.futureKind?.name ?? "future";
  }

  /** Its name, with whose it is. */
  get path(): string {
    const { parent } = this;
    return parent instanceof FutureCore ? `${this.name} of ${parent.path}` : this.name;
  }

  /** It failed, by more than having been cancelled, and nobody looked at that. */
  get hasUnseenFailure(): boolean {
    return this.state === REJECTED && !this.observed && !(this.cancelled && this.content instanceof CancelledError);
  }

  /** For whoever prints it: `Fiber 'main > serve' (suspended)`. */
  inspect(type: string): string {
    return `${type} '${this.path}' (${this.condition})`;
  }

  protected get condition(): string {
    return stateNames[this.state];
  }

  errorOrigin(): ErrorOrigin {
    return { kind: "future", name: this.path };
  }

  /** Asks it to end; `true`: newly asked. Fibers override this: without a canceller it is the one that runs. */
  cancel(reason: unknown, by?: Canceller): boolean {
    if (this.state !== UNRESOLVED) return false;
    const isNew = !this.cancelled;
    this.cancelled = true;
    if (this.futureKind?.cancel === undefined) this.reject(cancelledError(reason, by));
    else this.futureKind.cancel(this, reasonBehind(reason), by);
    return isNew;
  }

  /** A signal, or the end of something else, may cancel it as a matter of course. */
  markExpendable(): void {}

  setPriority(priority: number): void {
    if (this.state !== UNRESOLVED) throw new SystemError("ESTALE", "Cannot set the priority of a future: it is resolved");
    if (this.futureKind?.setPriority === undefined) {
      throw new SystemError("EOPNOTSUPP", "Cannot set the priority of this future: nothing stands behind it that has one");
    }
    this.futureKind.setPriority(this, priority);
  }

  /** The task will be armed when this resolves. Not for resolved ones. */
  addWaiter(task: Task): void {
    const last = this.lastWaiter;
    task.previous = last;
    if (last === undefined) this.firstWaiter = task;
    else last.next = task;
    this.lastWaiter = task;
  }

  /** It must be waiting. */
  removeWaiter(task: Task): void {
    const { previous, next } = task;
    if (previous === undefined) this.firstWaiter = next;
    else previous.next = next;
    if (next === undefined) this.lastWaiter = previous;
    else next.previous = previous;
    task.previous = task.next = undefined;
  }

  /** The value, or throws the error; EBUSY while pending. */
  result(): unknown {
    this.observed = true;
    if (this.state === FULFILLED) {
      this.futureKind?.read?.(this);
      return this.content;
    }
    if (this.state === REJECTED) throw this.content;
    throw new SystemError("EBUSY", "Cannot read the result of a future: it is pending, wait for it first");
  }
}
