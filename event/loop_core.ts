/**
 * One iteration of the loop: prepare, wait, dispatch (sd-event, sections 4 to 8 and 13).
 *
 * `prepare` runs the prepare callbacks and says whether something can be dispatched; `wait` asks the kernel, for as long as it may,
 * and makes pending what is ready; `dispatch` takes the head of the pending queue and runs it. `EventLoop` stands in front of
 * this for users, `Driver` repeats it.
 *
 * @module
 */

import type { Kernel, Poller } from "./kernel/kernel.ts";
import type { ErrorHandler, ErrorOrigin } from "./error_origin.ts";
import type { SignalGroups } from "./signal_groups.ts";
import type { ChildTable } from "./child_table.ts";
import type { InotifyGroups } from "./inotify_groups.ts";
import type { EventLoop } from "./event_loop.ts";
import { Census } from "./census.ts";
import { ClockQueue } from "./clock_queue.ts";
import { armClocks, passClocks } from "./clocks.ts";
import { SystemError } from "./errno.ts";
import { PendingQueue } from "./pending_queue.ts";
import { PrepareQueue } from "./prepare_queue.ts";
import { enterRateLimit } from "./rate_limit.ts";
import { clearPending, setEnabled, setPending } from "./source_lifecycle.ts";
import { ARMED, EXITING, FINISHED, INITIAL, loopStates, PENDING, PREPARING, RUNNING } from "./loop_state.ts";
import type { QueueNode } from "./queue_node.ts";
import { OFF, ON, ONESHOT, type SourceNode } from "./source_node.ts";
import type { Task } from "./task.ts";
import { Driver } from "./driver.ts";
import { perturbationOf } from "./timer_window.ts";
import { ClockIndex, type Usec } from "./time.ts";
import { SourceList } from "./source_list.ts";
import { WatchTable } from "./watch_table.ts";
import type { Watchdog } from "./watchdog.ts";
import { checkCallbackResult, errnoOf, originOf, reportToHost, waitError } from "./failure.ts";

const EINTR = -4;

/** The clock that rate limits are measured by. */
const LIMIT_CLOCK = ClockIndex.boottime;

/** Which clock each clock reads as. */
const baseClocks: readonly ClockIndex[] = [0, 1, 2, ClockIndex.realtime, ClockIndex.boottime];

/** What a layer above wants to hear of a loop. */
export interface LoopWatcher {
  /** Exit was asked for, for the first time. */
  exitRequested?(): void;
  /** The loop is over, by exit or by disposal: nothing will be dispatched any more. */
  ended(): void;
}

/** How a loop is made, with nothing left to defaults. */
export interface LoopCoreOptions {
  readonly name: string;
  readonly pollsAlways: boolean;
  readonly onError: ErrorHandler;
  readonly debug: boolean;
}

/** See the head of this module. */
export class LoopCore {
  readonly kernel: Kernel;
  readonly poller: Poller;
  readonly watches: WatchTable;
  /** The handle that users hold; set by its constructor. */
  loop!: EventLoop;
  name: string;
  /** Poll whenever something is pending, also where nobody could tell. */
  readonly pollsAlways: boolean;
  onError: ErrorHandler;
  /** Tell also of what is allowed, but seldom meant. */
  readonly debug: boolean;

  state: number = INITIAL;
  iteration: number = 0;
  exitRequested: boolean = false;
  exitCode: number = 0;
  exitOnIdle: boolean = false;
  disposed: boolean = false;
  /** A driving call is under way, by a promise or on the stack. */
  driven: boolean = false;
  /** That call blocks the thread. */
  blocking: boolean = false;
  /** Promises of the host that futures of this loop wait for. */
  hostWaits: number = 0;
  /** Repeats the iteration while the host stays alive. */
  readonly driver: Driver = new Driver(this);
  /** The driver parks: this ends it. */
  unpark: (() => void) | undefined = undefined;
  /** A promise of the host was settled in this dispatch: the driver lets the microtasks run. */
  settledPromise: boolean = false;

  readonly pending: PendingQueue = new PendingQueue();
  readonly exits: PendingQueue = new PendingQueue();
  readonly prepares: PrepareQueue = new PrepareQueue();
  readonly clocks: readonly ClockQueue[] = ([0, 1, 2, 3, 4] as const).map((clock) => new ClockQueue(clock));
  /** All sources of the user's and of futures; not the tasks. */
  readonly sources: SourceList = new SourceList();
  readonly posts: Set<SourceNode> = new Set();
  /** The online sources that polling may make pending. */
  readonly fed: Census = new Census();
  /** Tasks that wait for a time: `timed_task.ts`. */
  timedTasks: number = 0;
  /** Layers above, told of the end in the order in which they came. */
  readonly watchers: Set<LoopWatcher> = new Set();
  signals: SignalGroups | undefined = undefined;
  children: ChildTable | undefined = undefined;
  inotify: InotifyGroups | undefined = undefined;
  watchdog: Watchdog | undefined = undefined;
  /** What pressure sources have still to write before they can be watched; each takes itself out. */
  readonly unwritten: Set<() => void> = new Set();

  #perturbation: Usec | undefined = undefined;
  /** The source whose callback runs. */
  #dispatching: SourceNode | undefined = undefined;
  /** It was disposed by its own callback. */
  #releaseAfter: SourceNode | undefined = undefined;
  /** A poll was interrupted: whoever drives the loop is to look around (Q1). */
  #interrupted: boolean = false;
  /** The best priority that became pending in this wait. */
  #bestFound: number = Infinity;
  /** When the kernel was last polled, and the pending queue's arrivals by then. */
  #lastPoll: number = 0;
  #arrivalsAtPoll: number = 0;
  /** This iteration left a poll out that the letter of the specification has. */
  #pollOwed: boolean = false;
  /** Counts the waits: a time stamp is good for one. */
  #stampEpoch: number = 0;
  readonly #stamps: Float64Array = new Float64Array(3);
  readonly #stampEpochs: Float64Array = new Float64Array(3);

  constructor(kernel: Kernel, poller: Poller, options: LoopCoreOptions) {
    this.kernel = kernel;
    this.poller = poller;
    this.watches = new WatchTable(poller);
    this.name = options.name;
    this.pollsAlways = options.pollsAlways;
    this.onError = options.onError;
    this.debug = options.debug;
  }

  // The iteration

  /** Whole iterations at once, at most so many, where only the queue has a say in them, until `done`: how many. After 0 make one step by step. */
  iteratePlainly(most: number, done?: () => boolean): number {
    let count = 0;
    while (count < most && this.#isPlain()) {
      const head = this.pending.first;
      if (head === undefined || this.#pollCouldMatter(head)) break;
      this.iteration++;
      this.#leavePollOut();
      this.#run(head);
      count++;
      if (this.settledPromise || (done !== undefined && done())) break;
    }
    return count;
  }

  #isPlain(): boolean {
    return this.state === INITIAL && !this.exitRequested && !this.exitOnIdle && this.prepares.isEmpty && this.unwritten.size === 0 &&
      this.inotify === undefined;
  }

  #leavePollOut(): void {
    this.#stampEpoch++;
    this.#pollOwed = this.fed.total > 0;
  }

  #run(node: QueueNode): void {
    this.state = RUNNING;
    this.#dispatchNode(node);
    this.state = INITIAL;
  }

  /** `true`: something can be dispatched. Never sleeps; polls once when something was pending already. */
  prepare(): boolean {
    this.require(INITIAL, "prepare");
    if (this.exitOnIdle && !this.exitRequested && this.#isIdle()) this.exit(0);
    if (this.exitRequested) {
      this.state = PENDING;
      return true;
    }
    this.iteration++;
    if (!this.prepares.isEmpty) {
      this.state = PREPARING;
      this.prepares.run(this);
      this.state = INITIAL;
    }
    if (this.unwritten.size > 0) this.unwritten.forEach((write) => write());
    if (this.inotify !== undefined) this.inotify.closeFiles();
    const head = this.pending.first;
    if (head !== undefined && !this.#pollCouldMatter(head)) {
      this.#leavePollOut();
      this.state = PENDING;
      return true;
    }
    this.state = ARMED;
    if (head !== undefined || this.#hasBufferedWork()) {
      if (this.wait(0)) return true;
      this.state = ARMED;
    }
    armClocks(this);
    return false;
  }

  /** `true`: something can be dispatched. Blocks the thread for `timeout` at most. */
  wait(timeout: Usec): boolean {
    this.require(ARMED, "wait");
    this.gather(timeout);
    return this.finishWait();
  }

  /** Polls once: whether the wait has an end by that, because something became ready, a wake-up came or exit was requested. */
  gather(timeout: Usec): boolean {
    if (this.exitRequested || this.pending.first !== undefined || this.#hasBufferedWork()) timeout = 0;
    if (this.exitRequested) return true;
    return this.#poll(timeout, Infinity) || this.poller.clocksFired !== 0 || this.pending.first !== undefined ||
      this.#hasBufferedWork() || this.#interrupted;
  }

  /** The rest of a wait, after the polling. */
  finishWait(): boolean {
    if (this.exitRequested || this.#interrupted) {
      this.#interrupted = false;
      this.state = PENDING;
      return true;
    }
    this.state = INITIAL;
    if (this.children !== undefined) this.#scanChildren(this.children);
    this.#bestFound = Infinity;
    if (this.watchdog !== undefined) this.watchdog.serve();
    if (this.inotify !== undefined) this.inotify.deliver();
    if (passClocks(this, true)) return false;
    this.#notePoll();
    if (this.pending.first === undefined) return false;
    this.state = PENDING;
    return true;
  }

  /** Dispatches one source. `false`: the loop has finished. */
  dispatch(): boolean {
    this.require(PENDING, "dispatch");
    if (this.exitRequested) return this.#dispatchExit();
    const node = this.pending.first;
    if (node !== undefined) this.#run(node);
    else this.state = INITIAL;
    return true;
  }

  /** Throws unless the loop is in this state and nobody else drives it. */
  require(state: number, action: string): void {
    if (this.state === state) return;
    if (this.state === FINISHED) throw new SystemError("ESTALE", `Cannot ${action} loop '${this.name}': it has finished`);
    throw new SystemError("EBUSY", `Cannot ${action} loop '${this.name}': it is ${loopStates[this.state]}, not ${loopStates[state]}`);
  }

  /** Throws ESTALE when nothing can be asked of the loop any more. */
  requireLive(action: string): void {
    if (this.state === FINISHED) throw new SystemError("ESTALE", `Cannot ${action}: loop '${this.name}' has finished`);
  }

  // Polling

  /**
   * Would the kernel's answer change what is dispatched next? Not if nothing that it feeds is more important than the head of the
   * queue and the head was there already when it was last asked, or last ran before that: an arrival would wait behind it. Without any source that
   * it feeds it has nothing to answer.
   */
  #pollCouldMatter(head: QueueNode): boolean {
    if (this.fed.total === 0) return false;
    if (this.pollsAlways || this.fed.best < head.rank) return true;
    return head.sequence > this.#arrivalsAtPoll && head.pendingIteration >= this.#lastPoll;
  }

  /** There is work that no poll would report. */
  #hasBufferedWork(): boolean {
    return (this.signals !== undefined && this.signals.deliverable()) || (this.children !== undefined && this.children.scanWanted) ||
      (this.inotify !== undefined && this.inotify.deliverable());
  }

  /** Asks the kernel until it has no full batch left; whether something of a priority within `threshold` became pending. */
  #poll(timeout: Usec, threshold: number): boolean {
    const { poller } = this;
    let found = false;
    for (;;) {
      const capacity = poller.readyTokens.length;
      const count = poller.poll(timeout);
      this.#stampEpoch++;
      if (count === EINTR) {
        this.#interrupted = true;
        return true;
      }
      if (count < 0) this.failWait(count);
      for (let i = 0; i < count; i++) {
        const watch = this.watches.get(poller.readyTokens[i]);
        if (watch === undefined) continue;
        const { node } = watch;
        const wasPending = node.isPending;
        node.kind.ready(node, poller.readyEvents[i]);
        if (!wasPending && node.isPending && node.rank <= threshold) {
          found = true;
          if (node.rank < this.#bestFound) this.#bestFound = node.rank;
        }
      }
      if (count < capacity) break;
      timeout = 0;
    }
    if (this.signals !== undefined && this.signals.collect()) found = true;
    this.#notePoll();
    this.#pollOwed = false;
    return found;
  }

  #notePoll(): void {
    this.#lastPoll = this.iteration;
    this.#arrivalsAtPoll = this.pending.arrivals;
  }

  /**
   * Somebody wants to see what is pending before it is dispatched: makes up for a poll that was left out in this iteration. Not in a
   * callback: its own source, ready still, would be pending again.
   */
  catchUp(): void {
    if (!this.#pollOwed || this.state !== PENDING) return;
    this.#poll(0, Infinity);
    if (this.inotify !== undefined) this.inotify.deliver();
    passClocks(this, false);
  }

  failWait(result: number): never {
    this.state = INITIAL;
    throw waitError(this.name, result);
  }

  /**
   * Looks at the children whose changes no handle reports. What a child wrote before it died may have come between the poll and this
   * look: so poll again, and accept what is more important than anything found so far, until there is nothing new.
   */
  #scanChildren(children: ChildTable): void {
    let threshold = Infinity;
    while (children.scanWanted) {
      const best = children.scan(threshold);
      if (best === undefined) break;
      threshold = Math.min(best, this.#bestFound) - 1;
      if (!this.#poll(0, threshold) || this.#interrupted) break;
    }
    children.endScan();
    this.#interrupted = false;
  }

  // Clocks

  /** The time on a clock, read once a wait; parked, what it is then. The alarm clocks are the clocks that they are based on. */
  stamp(clock: ClockIndex): Usec {
    const base = baseClocks[clock];
    if (this.unpark !== undefined) return this.kernel.now(base);
    if (this.#stampEpochs[base] === this.#stampEpoch && this.#stampEpoch > 0) return this.#stamps[base];
    this.#stampEpochs[base] = this.#stampEpoch;
    return this.#stamps[base] = this.kernel.now(base);
  }

  /** Where suspended sources wait for the end of their window. */
  get limitClock(): ClockQueue {
    return this.clocks[LIMIT_CLOCK];
  }

  get perturbation(): Usec {
    return this.#perturbation ??= perturbationOf(this.kernel.bootId());
  }

  // Dispatch

  #dispatchNode(node: QueueNode): void {
    if (!node.kind.task) return this.#dispatchSource(node as SourceNode);
    this.pending.remove(node);
    this.#markPosts();
    this.#runTask(node as Task);
  }

  #dispatchSource(node: SourceNode): void {
    const { kind } = node;
    const limit = node.extra?.rateLimit;
    if (limit !== undefined && !limit.admit(this.kernel.now(LIMIT_CLOCK))) return enterRateLimit(this, node);
    if (kind.alwaysPending) {
      this.pending.remove(node);
      node.pendingIteration = this.iteration;
      if (node.mode === ON) this.pending.add(node);
      else this.#switchOffQueued(node);
    } else {
      if (kind.beforeDispatch !== undefined && !this.#admits(node)) return;
      if (node.mode === ONESHOT) setEnabled(this, node, OFF);
      else clearPending(this, node);
    }
    if (!kind.post) this.#markPosts();
    this.#invoke(node);
    if (!kind.post) this.#markPosts();
  }

  /** It has a say in whether its callback is to run. */
  #admits(node: SourceNode): boolean {
    clearPending(this, node);
    this.#markPosts();
    return node.kind.beforeDispatch!(node);
  }

  #dispatchExit(): boolean {
    const node = this.exits.first;
    if (node === undefined) {
      this.finish();
      return false;
    }
    this.iteration++;
    this.state = EXITING;
    this.exits.remove(node);
    if (!node.kind.task) this.#renewExit(node as SourceNode);
    this.#markPosts();
    if (node.kind.task) this.#runTask(node as Task);
    else this.#invoke(node as SourceNode);
    this.state = INITIAL;
    return true;
  }

  /** One that stays on goes to the end of its queue. */
  #renewExit(node: SourceNode): void {
    node.pendingIteration = this.iteration;
    if (node.mode === ON) this.exits.add(node);
    else this.#switchOffQueued(node);
  }

  /** A oneshot source that was taken out of its queue, and is in no other place. */
  #switchOffQueued(node: SourceNode): void {
    node.mode = OFF;
    this.prepares.changed(node);
  }

  #markPosts(): void {
    if (this.posts.size > 0) this.#queuePosts();
  }

  #queuePosts(): void {
    for (const post of this.posts) {
      if (post.online) setPending(this, post);
    }
  }

  /** It is no source: nothing is to be released after it, and its failure turns nothing off. */
  #runTask(task: Task): void {
    try {
      task.dispatch();
    } catch (error) {
      this.fail(task, error);
    }
  }

  /** Runs the main callback and what follows it. */
  #invoke(node: SourceNode): void {
    this.call(node, node.kind.afterDispatch === undefined ? node.kind.invoke : invokeWithAfterStep);
  }

  /** Runs one callback of a source: its failure is the source's, and a source that it disposed is released after it. */
  call(node: SourceNode, callback: (node: SourceNode) => unknown): void {
    this.#dispatching = node;
    try {
      const result = callback(node);
      if (result !== undefined) checkCallbackResult(node, result);
    } catch (error) {
      this.fail(node, error);
    }
    this.#dispatching = undefined;
    if (this.#releaseAfter === node) {
      this.#releaseAfter = undefined;
      this.#release(node);
    }
  }

  /** Releases a disconnected source, at once unless one of its callbacks runs. */
  releaseWhenIdle(node: SourceNode): void {
    if (this.#dispatching === node) this.#releaseAfter = node;
    else this.#release(node);
  }

  #release(node: SourceNode): void {
    node.kind.release(node);
    const onDestroy = node.extra?.onDestroy;
    if (onDestroy === undefined) return;
    node.extra!.onDestroy = undefined;
    try {
      onDestroy();
    } catch (error) {
      this.report(error, originOf(node));
    }
  }

  /** A source has failed, by its callback or by itself: told, perhaps a reason to exit, and it is turned off. */
  fail(node: QueueNode, error: unknown): void {
    this.report(error, originOf(node));
    if (!node.kind.task) this.#failSource(node as SourceNode, error);
  }

  #failSource(node: SourceNode, error: unknown): void {
    if (node.extra?.exitOnFailure && this.state !== FINISHED) this.exit(-errnoOf(error));
    if (node.core !== undefined) setEnabled(this, node, OFF);
  }

  /** Hands an error to `onError`; what that throws goes to the host. */
  report(error: unknown, origin: ErrorOrigin): void {
    try {
      this.onError(error, origin);
    } catch (failure) {
      reportToHost(failure);
    }
  }

  // Queues

  /** Puts what is online and pending where it will be dispatched from. */
  enqueue(node: QueueNode): void {
    if (node.kind.exit) this.exits.add(node);
    else this.pending.add(node);
    this.touch();
  }

  /** Takes it out again; it must be in. */
  dequeue(node: QueueNode): void {
    node.bucket!.queue.remove(node);
  }

  /** Makes a task run, in whichever phase the loop is; one that waits in the right queue already keeps its place. */
  arm(task: Task): void {
    if (this.state === FINISHED) return;
    const queue = this.exitRequested ? this.exits : this.pending;
    if (task.bucket !== undefined) {
      if (task.bucket.queue === queue) return;
      this.dequeue(task);
    }
    queue.add(task);
    this.touch();
  }

  /** Takes it back. */
  disarm(task: Task): void {
    if (task.bucket !== undefined) this.dequeue(task);
  }

  /** Gives a task another priority, in its queue too. */
  moveTask(task: Task, priority: number): void {
    if (task.rank === priority) return;
    const queue = task.bucket?.queue;
    queue?.remove(task);
    task.rank = priority;
    queue?.add(task);
  }

  /** Something changed: a driver that is parked has to look. */
  touch(): void {
    if (this.unpark !== undefined) this.unpark();
  }

  // The end

  /** From now on only exit sources and tasks are dispatched. */
  exit(code: number): void {
    this.requireLive(`exit with code ${code}`);
    this.exitCode = code;
    if (this.exitRequested) return;
    this.exitRequested = true;
    const waiting = [...this.pending].filter((node) => node.kind.task && (node as Task).followsExit);
    for (const task of waiting.sort((a, b) => a.sequence - b.sequence)) this.arm(task as Task);
    for (const watcher of this.watchers) watcher.exitRequested?.();
    this.touch();
  }

  /** No source keeps the loop going: exit sources do not count, posts only while pending, tasks only while they wait to run. */
  #isIdle(): boolean {
    if (this.pending.first !== undefined || this.hostWaits > 0 || this.timedTasks > 0) return false;
    for (const node of this.sources) {
      if (node.mode !== OFF && !node.kind.exit && !node.kind.post) return false;
    }
    return true;
  }

  finish(): void {
    this.state = FINISHED;
    for (const watcher of this.watchers) watcher.ended();
    this.watchers.clear();
  }
}

/** The after-step comes also when the callback failed, and while the source still counts as running. */
function invokeWithAfterStep(node: SourceNode): unknown {
  try {
    return node.kind.invoke(node);
  } finally {
    node.kind.afterDispatch!(node);
  }
}
