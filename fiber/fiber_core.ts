/**
 * One fiber: its generator, its cell, and how it comes to run (sd-future, sections 8, 9 and 13).
 *
 * A fiber is a future with a generator, and a task of the loop. As that it is in one place at a time: among the waiters of a future, in a clock's heap, or
 * in the queue, as the callback of that future, as a timer, or as its turn to run. What wakes it lies in its cell until its operation takes it out.
 *
 * @module
 */

import type { ErrorOrigin } from "../event/error_origin.ts";
import { SystemError } from "../event/errno.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { FINISHED } from "../event/loop_state.ts";
import type { Bucket } from "../event/pending_queue.ts";
import type { SourceKind } from "../event/source_kind.ts";
import { TASK, type Task } from "../event/task.ts";
import { stopWaiting, waitForTime } from "../event/timed_task.ts";
import type { Usec } from "../event/time.ts";
import { CANCEL, current, type CurrentFiber, EMPTY, ERROR, type Interruption, setCurrent, TIMEOUT, VALUE } from "../future/current.ts";
import { FULFILLED, FutureCore, REJECTED, UNRESOLVED } from "../future/future_core.ts";
import { CancelledError, cancelledError, type Canceller } from "../future/interruption.ts";
import { forgetResult, type Operation, operationOf, RESUMED, SUSPENDED, useYieldStar } from "../future/operation.ts";
import { hostAccountOf, UnseenFailures } from "../future/unseen_failure.ts";
import { afterChildren } from "./cancel_wait.ts";
import { beginTurn, endTurn } from "./credit.ts";
import { type Obstacle, requireNoCircle } from "./deadlock.ts";
import { childrenOf, exitError, exitErrorOf, type FiberParent, leaveFamily, reportLeftBehind } from "./family.ts";
import { FiberExtra, type FiberLocks } from "./fiber_extra.ts";
import type { FiberLocals } from "./fiber_local.ts";
import { COMPLETED, INITIAL, READY, RUNNING, statusNames, SUSPENDED_FIBER } from "./fiber_status.ts";
import type { FiberWait, TimedWait } from "./fiber_wait.ts";
import type { Shield } from "./shield.ts";
import { CancellationCheck } from "./swallowed.ts";
import { TimeoutError, TimeoutScopeCore } from "./timeout_scope.ts";
import { withUserStack } from "./user_stack.ts";

/** So often in a row a fiber may be refused a wait in the exit phase, and go on, before it is taken for one that never ends. */
const MOST_REFUSALS = 1_000;

/** So many names a path has at most: where fibers nest deeply, each of them may be told whose path it is. */
const MOST_NAMES = 32;

/** A fiber's place in a queue is that of its turn, of the callback of the future that it waits for (or is still a waiter of), or of a timer. */
const TURN = 0;
const CALLBACK = 1;
const TIMER = 2;

/** What the generators of the language inherit. */
const generatorNext: Generator["next"] = Object.getPrototypeOf(function* () {}.prototype).next;

/** See the head of this module. */
export class FiberCore extends FutureCore implements CurrentFiber, FiberParent, Task {
  declare backing: FiberExtra | undefined;
  declare readonly kind: SourceKind;
  declare rank: number;
  declare pendingIteration: number;
  declare sequence: number;
  declare bucket: Bucket | undefined;
  declare previous: Task | undefined;
  declare next: Task | undefined;
  declare heapIndex: number;
  declare status: number;
  /** Not called before the first turn: its parameter defaults are code, which a fiber that never starts must not run. */
  declare private readonly body: () => Operation<unknown>;
  declare private isGenerator: boolean;
  declare cell: number;
  declare private cellContent: unknown;
  declare parked: boolean;
  declare private role: number;
  declare awaiting: FutureCore | undefined;
  /** What it is parked for, where that is no future. */
  declare waiter: FiberWait | undefined;
  /** Whose child it is, and its siblings: a tree under each loop. */
  declare parent: FiberParent | undefined;
  declare previousSibling: FiberCore | undefined;
  declare nextSibling: FiberCore | undefined;

  constructor(core: LoopCore, body: () => Operation<unknown>, name: string | undefined, priority: number) {
    super(core, undefined, undefined);
    this.kind = TASK;
    this.rank = priority;
    this.pendingIteration = core.iteration;
    this.sequence = 0;
    this.bucket = undefined;
    this.previous = undefined;
    this.next = undefined;
    this.heapIndex = -1;
    if (name !== undefined) this.ownExtra.name = name;
    this.status = INITIAL;
    this.body = body;
    this.isGenerator = false;
    this.cell = EMPTY;
    this.cellContent = undefined;
    this.parked = false;
    this.role = TURN;
    this.awaiting = undefined;
    this.waiter = undefined;
    this.previousSibling = undefined;
    this.nextSibling = undefined;
    core.arm(this);
  }

  get priority(): number {
    return this.rank;
  }

  private get extra(): FiberExtra | undefined {
    return this.backing;
  }

  private get ownExtra(): FiberExtra {
    return this.backing ??= new FiberExtra();
  }

  get shield(): Shield | undefined {
    return this.extra?.shield;
  }

  set shield(shield: Shield | undefined) {
    this.ownExtra.shield = shield;
  }

  /** Pending, its content is the generator. */
  private get generator(): Iterator<unknown, unknown, unknown> | undefined {
    return this.content as Iterator<unknown, unknown, unknown> | undefined;
  }

  get deadline(): TimeoutScopeCore | undefined {
    return this.extra?.deadline;
  }

  set deadline(scope: TimeoutScopeCore | undefined) {
    this.ownExtra.deadline = scope;
  }

  get firstChild(): FiberCore | undefined {
    return this.extra?.firstChild;
  }

  set firstChild(child: FiberCore | undefined) {
    this.ownExtra.firstChild = child;
  }

  get locks(): FiberLocks | undefined {
    return this.extra?.locks;
  }

  set locks(locks: FiberLocks) {
    this.ownExtra.locks = locks;
  }

  get locals(): FiberLocals | undefined {
    return this.extra?.locals;
  }

  set locals(locals: FiberLocals | undefined) {
    this.ownExtra.locals = locals;
  }

  set onDestroy(callback: () => void) {
    this.ownExtra.onDestroy = callback;
  }

  override get name(): string {
    return this.extra?.name ?? (this.body.name || "fiber");
  }

  get future(): FutureCore {
    return this;
  }

  get followsExit(): boolean {
    return this.role === CALLBACK;
  }

  awaited(): void {}

  // Running

  /** The loop's turn for this fiber's task. */
  dispatch(): void {
    if (this.role !== TURN) this.beCalledBack();
    else if (this.core.exitRequested) this.dispatchExit();
    else this.run();
  }

  /** What it waited for has come, which wakes it: its turn is after those that are ready already. */
  private beCalledBack(): void {
    if (this.role === TIMER) {
      this.leaveTimer();
      this.role = CALLBACK;
      this.core.arm(this);
    } else {
      this.role = TURN;
      this.merge(VALUE, undefined);
      this.ready();
    }
  }

  /** In the exit phase every wake-up is a cancellation, and the fiber runs at once. */
  private dispatchExit(): void {
    if (this.status === INITIAL) this.cancel(exitErrorOf(this.core));
    else if (!this.isRefusedForGood) {
      if (this.awaiting !== undefined && this.awaiting.state !== UNRESOLVED) this.ownExtra.refusals = 0;
      this.cancelled = true;
      this.merge(CANCEL, exitErrorOf(this.core));
      this.run();
    }
  }

  private run(): void {
    const previous = current;
    setCurrent(this);
    this.status = RUNNING;
    this.pendingIteration = this.core.iteration;
    const creditBefore = beginTurn();
    try {
      let step = this.generator === undefined ? this.start() : this.resume(this.generator);
      while (step !== SUSPENDED && step.value !== SUSPENDED.value || !this.parked) {
        if (step.done) {
          if (this.parked) throw this.endedInOperation();
          this.returned(FULFILLED, step.value);
          break;
        }
        step = this.refuseYield(step.value);
      }
    } catch (error) {
      this.returned(REJECTED, error);
    }
    forgetResult();
    endTurn(creditBefore);
    setCurrent(previous);
  }

  /** The first step: it is no resumption, of an operation that is the whole body either. */
  private start(): IteratorResult<unknown, unknown> {
    const generator = operationOf(this.body)[Symbol.iterator]();
    this.content = generator;
    this.isGenerator = generator.next === generatorNext;
    return generator.next();
  }

  /** Each body has a prototype of its own: to look for `next` on so many takes longer than to call what it certainly is. */
  private resume(generator: Iterator<unknown, unknown, unknown>): IteratorResult<unknown, unknown> {
    return this.isGenerator ? generatorNext.call(generator as Generator, RESUMED as never) : generator.next(RESUMED);
  }

  /** Something was yielded that is no suspension of this fiber: the body gets an error where it yielded. */
  private refuseYield(value: unknown): IteratorResult<unknown, unknown> {
    const generator = this.generator!;
    const error = useYieldStar(value);
    if (generator.throw === undefined) throw error;
    return generator.throw(error);
  }

  private endedInOperation(): SystemError {
    const cause = "it was begun without yield*, or another fiber ran the generator, use a generator of its own";
    return new SystemError("EINVAL", `Cannot end fiber '${this.name}' in the middle of an operation: ${cause}`);
  }

  /** The body has ended. Children that it left behind end first. */
  private returned(state: number, content: unknown): void {
    if (this.parked) this.unpark();
    if (this.firstChild !== undefined) {
      const children = childrenOf(this);
      if (state === FULFILLED) reportLeftBehind(this, children);
      this.content = afterChildren(children, state, content);
      this.run();
      return;
    }
    this.complete(state, content);
  }

  private complete(state: number, content: unknown): void {
    while (this.deadline !== undefined) this.deadline.close();
    this.status = COMPLETED;
    this.cell = EMPTY;
    this.cellContent = undefined;
    this.awaiting = undefined;
    this.parked = false;
    if (this.waiter !== undefined) this.abandonWait();
    this.locks?.fiberEnded();
    this.core.disarm(this);
    const { parent } = this;
    if (parent !== undefined) leaveFamily(parent, this);
    if (state === FULFILLED) this.fulfil(content);
    else this.reject(content);
    this.extra?.fiberEnded(this);
  }

  /** The body may still look, as long as it goes on. */
  futureFailed(future: FutureCore): void {
    if (this.status === COMPLETED) hostAccountOf(this.core).futureFailed(future);
    else (this.ownExtra.failures ??= new UnseenFailures()).add(future);
  }

  // Waking

  /** Wakes it with a value. */
  wake(value: unknown): void {
    this.deliver(VALUE, value);
  }

  /** Wakes it with an error. */
  wakeWithError(error: unknown): void {
    if (!(error instanceof CancelledError)) return this.deliver(ERROR, error);
    this.cancelled ||= this.status !== COMPLETED;
    this.deliver(CANCEL, error);
  }

  /** A shield lets go of what it held. */
  interrupt(interruption: Interruption): void {
    this.deliver(interruption.kind, interruption.content, interruption.by);
  }

  /** A deadline of its own has expired. */
  expire(scope: TimeoutScopeCore): void {
    this.deliver(TIMEOUT, scope);
  }

  override cancel(reason: unknown, by: Canceller | undefined = current): boolean {
    if (this.status === COMPLETED) return false;
    if (current === this) throw new SystemError("EDEADLK", `Cannot cancel fiber '${this.name}' from itself: throw, or return`);
    this.cancelled = true;
    if (this.status === INITIAL) {
      this.complete(REJECTED, cancelledError(reason, by));
      return true;
    }
    if (this.cell === CANCEL || this.shield?.holdsCancel) {
      if (this.core.exitRequested) this.makeReady();
      return false;
    }
    this.deliver(CANCEL, reason, by);
    return true;
  }

  /** Fills the cell, or has a shield hold it, and makes a suspended fiber run. */
  private deliver(cell: number, content: unknown, by?: Canceller): void {
    if (this.status === COMPLETED) return;
    if (this.merge(cell, content, by)) this.makeReady();
  }

  /** Puts it into the cell, unless what lies there goes before it. `false`: a shield holds it back. */
  private merge(cell: number, content: unknown, by?: Canceller): boolean {
    if (cell >= TIMEOUT && this.shield?.hold(cell, content, by)) return false;
    const before = this.cell;
    const keeps = before === CANCEL || (before === TIMEOUT && cell < TIMEOUT);
    if (!keeps) {
      this.cell = cell;
      this.cellContent = content;
      // A `CancelledError` tells itself who cancelled.
      if (cell === CANCEL && by !== this.extra?.canceller && !(content instanceof CancelledError)) this.ownExtra.canceller = by;
    }
    return true;
  }

  /** It is to run: now if it is suspended, and in the right phase if it waits for its turn. */
  private makeReady(): void {
    if (this.status === RUNNING || this.status === INITIAL) return;
    // Its time may come before its turn, and that would count.
    if (this.role === TIMER) this.waiter!.becomeFuture!(this);
    if (this.role !== TURN) this.leavePlace();
    this.ready();
  }

  private ready(): void {
    this.status = READY;
    this.core.arm(this);
  }

  /** Exit was asked for: it is to be unwound, also if it asked for that itself and suspends afterwards. */
  unwind(): void {
    if (this.status === INITIAL) this.core.arm(this);
    else if (this.status === RUNNING) this.wakeWithError(exitErrorOf(this.core));
    else this.makeReady();
  }

  // What operations need

  park(): void {
    this.parked = true;
    this.status = SUSPENDED_FIBER;
  }

  parkOn(target: FutureCore): void {
    this.park();
    this.awaiting = target;
    this.role = CALLBACK;
    target.addWaiter(this);
    target.observed = true;
  }

  /** Suspends it until its wait has ended, or somebody fills the cell. */
  parkFor(waiter: FiberWait): void {
    this.park();
    this.waiter = waiter;
  }

  /** Suspends it until a time, or until somebody fills the cell. */
  parkUntil(waiter: TimedWait, usec: Usec): void {
    this.parkFor(waiter);
    this.role = TIMER;
    waitForTime(this.core, this, usec);
  }

  /** It stands in a heap or in the queue in the place of a timer. */
  get isTimer(): boolean {
    return this.role === TIMER;
  }

  /** It waits neither for a time nor for a future any more. */
  private leavePlace(): void {
    if (this.role === TIMER) this.leaveTimer();
    else if (this.awaiting?.state === UNRESOLVED) this.awaiting.removeWaiter(this);
    this.role = TURN;
  }

  /** As a task it has the place that it had when it began to wait. */
  private leaveTimer(): void {
    stopWaiting(this.core, this);
    this.pendingIteration = (this.waiter as TimedWait).begunIn;
  }

  /** The wait has ended, for good or ill. What lies in the cell already makes the fiber run as it is. */
  endWait(): void {
    if (this.cell === EMPTY) this.wake(undefined);
  }

  private abandonWait(): void {
    const waiter = this.waiter!;
    this.waiter = undefined;
    waiter.abandoned();
  }

  /** Suspends it until its turn comes again. */
  parkReady(): void {
    this.parked = true;
    this.ready();
  }

  resumed(): void {
    this.parked = false;
    this.awaiting = undefined;
  }

  unpark(): void {
    this.parked = false;
    this.status = RUNNING;
    if (this.role !== TURN) this.leavePlace();
    if (this.waiter !== undefined) this.abandonWait();
    this.core.disarm(this);
    this.awaiting = undefined;
  }

  takeValue(): unknown {
    const content = this.cellContent;
    this.cell = EMPTY;
    this.cellContent = undefined;
    return content;
  }

  takeError(): unknown {
    const { cell } = this;
    const content = this.takeValue();
    if (cell === CANCEL) {
      if (this.core.exitRequested) this.ownExtra.refusals++;
      if (this.core.debug) new CancellationCheck(this);
      const by = this.extra?.takeCanceller();
      return content instanceof CancelledError ? content : withUserStack(() => cancelledError(content, by));
    }
    if (cell === TIMEOUT) return withUserStack(() => new TimeoutError((content as TimeoutScopeCore).deliver()));
    return content;
  }

  takeInterruption(): Interruption | undefined {
    const { cell } = this;
    const content = this.takeValue();
    return cell >= TIMEOUT ? { kind: cell, content, by: this.extra?.takeCanceller() } : undefined;
  }

  restore(interruption: Interruption): void {
    this.merge(interruption.kind, interruption.content, interruption.by);
  }

  /** An expired deadline that is closed again does not apply to what comes after it. */
  forgetTimeout(replacement: TimeoutScopeCore | undefined): void {
    if (this.cell !== TIMEOUT) return;
    this.takeValue();
    if (replacement !== undefined) this.restore({ kind: TIMEOUT, content: replacement });
  }

  checkInterrupted(): void {
    if (this.cell >= TIMEOUT) throw this.takeError();
  }

  /** Throws ECANCELED in the exit phase, where nothing new can be waited for; `true` in the end: the fiber goes on all the same, and is to stay suspended. */
  refuse(): boolean {
    if (!this.core.exitRequested) return false;
    if (this.isRefusedForGood) {
      this.park();
      return true;
    }
    if (this.cell < TIMEOUT) this.wakeWithError(withUserStack(() => exitError(this.core)));
    throw this.takeError();
  }

  /** It goes on however often it is refused. */
  private get isRefusedForGood(): boolean {
    return this.extra !== undefined && this.extra.refusals >= MOST_REFUSALS;
  }

  override markExpendable(): void {
    this.ownExtra.expendable = true;
  }

  /** What it certainly waits for, if that can be part of a circle. */
  get obstacle(): Obstacle | undefined {
    const { awaiting } = this;
    if (this.cell !== EMPTY) return undefined;
    if (this.waiter !== undefined) return this.waiter.obstacle;
    return awaiting === undefined ? undefined : fiberBehind(awaiting);
  }

  /** It is known that something may interrupt it before its wait ends. */
  get mayBeInterrupted(): boolean {
    return (this.extra?.expendable || TimeoutScopeCore.mayExpire(this) || this.shield?.mayOpen) ?? false;
  }

  requireNoCircle(target: FutureCore): void {
    const fiber = fiberBehind(target);
    if (fiber !== undefined && this.cell === EMPTY && fiber.obstacle !== undefined) requireNoCircle(this, fiber);
  }

  setFiberPriority(priority: number): void {
    if (this.role === TIMER) this.waiter!.becomeFuture!(this);
    this.core.moveTask(this, priority);
    this.waiter?.priorityChanged(priority);
  }

  override setPriority(priority: number): void {
    if (this.state !== UNRESOLVED) throw new SystemError("ESTALE", `Cannot set the priority of fiber '${this.name}': it has ended`);
    if (this.locks === undefined) this.setFiberPriority(priority);
    else this.locks.setPriority(priority);
  }

  override errorOrigin(): ErrorOrigin {
    return { kind: "fiber", name: this.path };
  }

  /** Its name behind the names of those that spawned it, the nearest of them. */
  override get path(): string {
    let path = this.name;
    let above = this.parent;
    for (let count = 1; above instanceof FiberCore; count++) {
      if (count === MOST_NAMES) return `... > ${path}`;
      path = `${above.name} > ${path}`;
      above = above.parent;
    }
    return path;
  }

  /** The loop is over: a fiber that has not ended never will. */
  strand(): void {
    if (this.status === INITIAL) {
      this.cancelled = true;
      this.complete(REJECTED, exitErrorOf(this.core));
    } else if (this.core.state === FINISHED) {
      this.core.report(
        new SystemError("ECANCELED", `Fiber '${this.name}' has not ended with its loop: it ${this.occupation}`),
        this.errorOrigin(),
      );
    }
  }

  protected override get condition(): string {
    if (this.status === COMPLETED) return super.condition;
    return this.status === SUSPENDED_FIBER ? this.occupation : statusNames[this.status];
  }

  /** In words: what it does while it is suspended. */
  get occupation(): string {
    const target = this.waiter?.title ?? (this.awaiting && describe(this.awaiting));
    return target === undefined ? "is suspended" : `waits for ${target}`;
  }

  /** It is suspended by no clean-up that says so: not in a shield, and not until something that was cancelled has ended. */
  get waitsUnprotected(): boolean {
    return this.status === SUSPENDED_FIBER && this.shield === undefined && !(this.awaiting?.cancelled ?? false);
  }
}

/** The fiber without whose end this does not resolve, if there is just one. */
function fiberBehind(target: FutureCore): FiberCore | undefined {
  const behind = target.futureKind?.behind === undefined ? target : target.futureKind.behind(target);
  return behind instanceof FiberCore && behind.state === UNRESOLVED ? behind : undefined;
}

function describe(target: FutureCore): string {
  return `${target instanceof FiberCore ? "fiber" : "future"} '${target.name}'`;
}
