/**
 * The poller of a kernel whose files are its own: readiness in the manner of epoll.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { ClockIndex, Usec } from "../../time.ts";
import type { CompletionResult, Handle, KernelOperation, Poller, Result, SignalRecord } from "../kernel.ts";
import type { Descriptors } from "./descriptors.ts";
import { OpenFile } from "./open_file.ts";
import { Operations, type Task } from "./operations.ts";
import { type SignalClaims, SignalQueue } from "./signal_queue.ts";
import type { ParkingPlace, Sleeper } from "./sleeper.ts";
import { type Clocks, Wakeups } from "./wakeups.ts";
import { Watch, type Watcher } from "./watch.ts";

/** How many reports a poll gives at first. Few, so that programs meet full batches. */
const firstCapacity = 8;

/** What the handle of a poller stands for. */
class PollerFile extends OpenFile {
  readonly description = "poller";
  readonly poller: EmulatedPoller;

  constructor(poller: EmulatedPoller) {
    super();
    this.poller = poller;
  }

  override get isFedByHost(): boolean {
    return this.poller.needsHost;
  }

  override readiness(): number {
    return this.poller.hasNews ? IoEvent.IN : 0;
  }
}

/** The parts of its kernel that a poller stands on. */
export interface Surroundings {
  readonly clocks: Clocks;
  readonly descriptors: Descriptors;
  readonly signals: SignalClaims;
  readonly parking: ParkingPlace;
  /** Those that are open. */
  readonly pollers: Set<EmulatedPoller>;
}

/**
 * A poller in the manner of epoll.
 *
 * A watch enters the ready list when its file tells of an event that is watched for. A poll goes through the list once: what is not ready
 * any more drops out; what is ready is reported, and goes to the end of the list if it is watched by level, out of it if by edge.
 */
export abstract class EmulatedPoller implements Poller, Sleeper, Watcher {
  abstract readonly seesArrivals: boolean;
  readonly canNap = false;
  readonly handle: Handle;
  readyTokens: Int32Array = new Int32Array(firstCapacity);
  readyEvents: Int32Array = new Int32Array(firstCapacity);
  clocksFired = 0;
  parked = false;
  parkLimit: Usec = Infinity;
  readonly wakeups: Wakeups;
  readonly operations: Operations = new Operations();
  readonly signalQueue: SignalQueue;
  readonly watches: Set<Watch> = new Set();
  readonly #ready = new Set<Watch>();
  readonly #surroundings: Surroundings;
  readonly #file: PollerFile;
  #onWake: (() => void) | undefined = undefined;
  #wakeRequested = false;
  #wasFull = false;
  #isClosed = false;

  /** `owner`: the process whose handle the poller's is, where there are several. */
  constructor(surroundings: Surroundings, owner?: number) {
    this.#surroundings = surroundings;
    this.wakeups = new Wakeups(surroundings.clocks, () => this.#tellNews(false));
    this.signalQueue = new SignalQueue(() => this.#tellNews(true));
    this.#file = new PollerFile(this);
    this.handle = surroundings.descriptors.open(this.#file, owner);
    surroundings.pollers.add(this);
  }

  /** Lets happen what is due, without waiting. */
  protected abstract look(): void;
  /** Nothing is ready: waits for that, for so long at most. */
  protected abstract sleep(timeout: Usec): Result;
  /** Begins an operation, or refuses to; `done` may be called at once. */
  protected abstract begin(operation: KernelOperation, done: (result: CompletionResult) => void): Task | Result;

  /** Whether there is room for one more watch. */
  protected admitWatch(): Result {
    return 0;
  }

  get onWake(): (() => void) | undefined {
    return this.#onWake;
  }

  set onWake(callback: (() => void) | undefined) {
    this.#onWake = callback;
    if (callback === undefined) this.#surroundings.parking.letGo();
  }

  get signalsQueued(): number {
    return this.signalQueue.size;
  }

  /** Whether a poll would have something to say. */
  get hasNews(): boolean {
    if (this.wakeups.fired !== 0 || this.signalQueue.hasArrivals || this.operations.hasUnreported) return true;
    for (const watch of this.#ready) {
      if (watch.ready() !== 0) return true;
      this.#ready.delete(watch);
    }
    return false;
  }

  /** Whether something that it waits for comes by turns of the host's. */
  get needsHost(): boolean {
    if (this.operations.hasUnfinished || this.#surroundings.signals.claimedBy(this.signalQueue).length > 0) return true;
    for (const { file, isArmed } of this.watches) if (isArmed && file.isFedByHost) return true;
    return false;
  }

  watch(handle: Handle, events: number, oneshot: boolean, token: number): Result {
    const file = this.#surroundings.descriptors.get(handle)?.file;
    if (this.#isClosed || file === undefined) return -Errno.EBADF;
    if (!file.watchable) return -Errno.EPERM;
    if (file === this.#file) return -Errno.EINVAL;
    if (this.#find(handle, file) !== undefined) return -Errno.EEXIST;
    if (file instanceof PollerFile && file.poller.#leadsTo(this)) return -Errno.ELOOP;
    const admitted = this.admitWatch();
    if (admitted < 0) return admitted;
    const watch = new Watch(this, handle, file);
    this.watches.add(watch);
    file.observers.add(watch);
    watch.arm(events, oneshot, token);
    return 0;
  }

  rewatch(handle: Handle, events: number, oneshot: boolean, token: number): Result {
    const file = this.#surroundings.descriptors.get(handle)?.file;
    if (this.#isClosed || file === undefined) return -Errno.EBADF;
    const watch = this.#find(handle, file);
    if (watch === undefined) return -Errno.ENOENT;
    watch.arm(events, oneshot, token);
    return 0;
  }

  unwatch(handle: Handle): Result {
    const file = this.#surroundings.descriptors.get(handle)?.file;
    if (this.#isClosed || file === undefined) return -Errno.EBADF;
    const watch = this.#find(handle, file);
    if (watch === undefined) return -Errno.ENOENT;
    this.forget(watch);
    return 0;
  }

  poll(timeout: Usec): Result {
    if (this.#isClosed) return -Errno.EBADF;
    this.look();
    if (timeout > 0 && !this.hasNews) {
      const slept = this.sleep(timeout);
      if (slept < 0) return slept;
    }
    if (this.#wasFull) this.#enlarge();
    const count = this.#collect();
    this.#wasFull = count === this.readyTokens.length;
    return count;
  }

  openClock(_clock: ClockIndex): Result {
    return 0;
  }

  setWakeup(clock: ClockIndex, usec: Usec): Result {
    if (this.#isClosed) return -Errno.EBADF;
    this.wakeups.set(clock, usec);
    this.#surroundings.parking.lookSoon();
    return 0;
  }

  claimSignal(signal: number): Result {
    return this.#isClosed ? -Errno.EBADF : this.#surroundings.signals.claim(signal, this.signalQueue);
  }

  releaseSignal(signal: number): void {
    this.#surroundings.signals.release(signal, this.signalQueue);
  }

  takeSignal(set: readonly number[]): SignalRecord | undefined {
    return this.signalQueue.take(set);
  }

  hasSignal(set: readonly number[]): boolean {
    return this.signalQueue.has(set);
  }

  start(operation: KernelOperation, token: number): Result {
    if (this.#isClosed) return -Errno.EBADF;
    const started = this.operations.start(token);
    if (typeof started === "number") return started;
    const answer = this.begin(operation, (result) => {
      if (this.operations.complete(token, started, result)) this.#tellNews(true);
    });
    if (typeof answer === "object") {
      if (started.result === undefined) started.task = answer;
      return 0;
    }
    if (answer < 0) this.operations.abandon(token);
    return answer;
  }

  takeCompletion(token: number): CompletionResult | undefined {
    return this.operations.take(token);
  }

  stop(token: number): void {
    this.operations.stop(token);
  }

  abandon(token: number): void {
    this.operations.abandon(token);
  }

  park(): void {
    if (this.#isClosed) return;
    if (!this.parked) this.#wakeRequested = false;
    this.parked = true;
    this.#surroundings.parking.add(this);
  }

  wake(): void {
    if (!this.parked) return;
    this.#wakeRequested = true;
    this.#surroundings.parking.lookSoon();
  }

  limitPark(timeout: Usec): Result {
    this.parkLimit = this.#surroundings.clocks.monotonic + timeout;
    this.#surroundings.parking.lookSoon();
    return 0;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { descriptors, parking, pollers, signals } = this.#surroundings;
    for (const watch of [...this.watches]) this.forget(watch);
    for (const signal of signals.claimedBy(this.signalQueue)) signals.release(signal, this.signalQueue);
    for (const token of [...this.operations.tokens]) this.operations.abandon(token);
    pollers.delete(this);
    parking.remove(this);
    descriptors.close(this.handle);
  }

  get restless(): boolean {
    return this.#wakeRequested || this.#surroundings.clocks.monotonic >= this.parkLimit || this.hasNews;
  }

  wakeUp(): void {
    this.parked = false;
    this.#onWake?.();
  }

  enqueue(watch: Watch): void {
    this.#ready.add(watch);
    this.#tellNews(watch.file.isFedByHost);
  }

  forget(watch: Watch): void {
    this.watches.delete(watch);
    this.#ready.delete(watch);
    watch.file.observers.delete(watch);
  }

  #tellNews(fromHost: boolean): void {
    this.#file.notify(IoEvent.IN);
    this.#surroundings.parking.lookSoon(fromHost);
  }

  #find(handle: Handle, file: OpenFile): Watch | undefined {
    for (const observer of file.observers) {
      if (observer instanceof Watch && observer.watcher === this && observer.handle === handle) return observer;
    }
    return undefined;
  }

  /** Whether a poll of this one depends on the other one, directly or by others between. */
  #leadsTo(other: EmulatedPoller): boolean {
    for (const { file } of this.watches) {
      if (file instanceof PollerFile && (file.poller === other || file.poller.#leadsTo(other))) return true;
    }
    return false;
  }

  #enlarge(): void {
    const capacity = this.readyTokens.length * 2;
    this.readyTokens = new Int32Array(capacity);
    this.readyEvents = new Int32Array(capacity);
  }

  #collect(): number {
    this.clocksFired |= this.wakeups.takeFired();
    this.signalQueue.drain();
    let count = this.operations.report(this.readyTokens, this.readyEvents);
    let left = this.#ready.size;
    for (const watch of this.#ready) {
      if (left-- === 0 || count === this.readyTokens.length) break;
      this.#ready.delete(watch);
      const events = watch.ready();
      if (events === 0) continue;
      this.readyTokens[count] = watch.token;
      this.readyEvents[count++] = events;
      watch.file.reported(events);
      if (watch.oneshot) watch.disarm();
      else if (!watch.edge) this.#ready.add(watch);
    }
    return count;
  }
}
