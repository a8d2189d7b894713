/**
 * What one loop polls with.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { ClockIndex, Usec } from "../../time.ts";
import type { CompletionResult, Handle, KernelOperation, Poller, Result, SignalRecord } from "../kernel.ts";
import { FileTask, type FileWork } from "./file_task.ts";
import { OpenFile } from "./open_file.ts";
import { Operations } from "./operations.ts";
import type { Sleeper } from "./parking.ts";
import { ownPid } from "./processes.ts";
import { SignalQueue } from "./signals.ts";
import { Wakeups } from "./wakeups.ts";
import { Watch, type Watcher } from "./watch.ts";
import { fileWork } from "./whole_files.ts";
import type { World } from "./world.ts";

/** How many reports a poll gives at first. Few, so that programs meet full batches. */
const firstCapacity = 8;

/** What the handle of a poller stands for. */
class PollerFile extends OpenFile {
  readonly description = "poller";
  readonly poller: SimulatedPoller;

  constructor(poller: SimulatedPoller) {
    super();
    this.poller = poller;
  }

  override readiness(): number {
    return this.poller.hasNews ? IoEvent.IN : 0;
  }
}

/**
 * A poller in the manner of epoll.
 *
 * A watch enters the ready list when its file tells of an event that is watched for. A poll goes through the list once: what is not ready
 * any more drops out; what is ready is reported, and goes to the end of the list if it is watched by level, out of it if by edge.
 */
export class SimulatedPoller implements Poller, Sleeper, Watcher {
  readonly handle: Handle;
  readyTokens: Int32Array = new Int32Array(firstCapacity);
  readyEvents: Int32Array = new Int32Array(firstCapacity);
  clocksFired = 0;
  onWake: (() => void) | undefined;
  parked = false;
  parkLimit: Usec = Infinity;
  readonly wakeups: Wakeups;
  readonly operations: Operations = new Operations();
  readonly signalQueue: SignalQueue;
  readonly watches: Set<Watch> = new Set();
  readonly #ready = new Set<Watch>();
  readonly #world: World;
  readonly #file: PollerFile;
  #wakeRequested = false;
  #wasFull = false;
  #isClosed = false;

  constructor(world: World) {
    const onNews = () => this.#tellNews();
    this.#world = world;
    this.wakeups = new Wakeups(world.clocks, onNews);
    this.signalQueue = new SignalQueue(onNews);
    this.#file = new PollerFile(this);
    this.handle = world.descriptors.open(this.#file, ownPid);
    world.timeline.add(this.wakeups);
    world.pollers.add(this);
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

  watch(handle: Handle, events: number, oneshot: boolean, token: number): Result {
    const file = this.#world.descriptors.get(handle)?.file;
    if (this.#isClosed || file === undefined) return -Errno.EBADF;
    if (!file.watchable) return -Errno.EPERM;
    if (file === this.#file) return -Errno.EINVAL;
    if (this.#find(handle, file) !== undefined) return -Errno.EEXIST;
    if (file instanceof PollerFile && file.poller.#leadsTo(this)) return -Errno.ELOOP;
    if (this.#world.faults.strikes("ENOSPC")) return -Errno.ENOSPC;
    const watch = new Watch(this, handle, file);
    this.watches.add(watch);
    file.observers.add(watch);
    watch.arm(events, oneshot, token);
    return 0;
  }

  rewatch(handle: Handle, events: number, oneshot: boolean, token: number): Result {
    const file = this.#world.descriptors.get(handle)?.file;
    if (this.#isClosed || file === undefined) return -Errno.EBADF;
    const watch = this.#find(handle, file);
    if (watch === undefined) return -Errno.ENOENT;
    watch.arm(events, oneshot, token);
    return 0;
  }

  unwatch(handle: Handle): Result {
    const file = this.#world.descriptors.get(handle)?.file;
    if (this.#isClosed || file === undefined) return -Errno.EBADF;
    const watch = this.#find(handle, file);
    if (watch === undefined) return -Errno.ENOENT;
    this.forget(watch);
    return 0;
  }

  poll(timeout: Usec): Result {
    if (this.#isClosed) return -Errno.EBADF;
    const { clocks, faults, timeline } = this.#world;
    timeline.runDue();
    if (timeout > 0 && !this.hasNews) {
      if (faults.strikes("EINTR")) return -Errno.EINTR;
      if (!this.#sleepUntil(clocks.monotonic + timeout)) return -Errno.EDEADLK;
    }
    if (this.#wasFull) this.#enlarge();
    const count = this.#collect();
    this.#wasFull = count === this.readyTokens.length;
    return count;
  }

  openClock(clock: ClockIndex): Result {
    return clock in this.wakeups.times ? 0 : -Errno.EINVAL;
  }

  setWakeup(clock: ClockIndex, usec: Usec): Result {
    if (this.#isClosed) return -Errno.EBADF;
    if (!(clock in this.wakeups.times) || !(usec >= 0)) return -Errno.EINVAL;
    this.wakeups.set(clock, usec);
    this.#world.parking.lookSoon();
    return 0;
  }

  claimSignal(signal: number): Result {
    return this.#isClosed ? -Errno.EBADF : this.#world.signals.claim(signal, this.signalQueue);
  }

  releaseSignal(signal: number): void {
    this.#world.signals.release(signal, this.signalQueue);
  }

  takeSignal(set: readonly number[]): SignalRecord | undefined {
    return this.signalQueue.take(set);
  }

  hasSignal(set: readonly number[]): boolean {
    return this.signalQueue.has(set);
  }

  start(operation: KernelOperation, token: number): Result {
    if (this.#isClosed) return -Errno.EBADF;
    if (this.operations.has(token)) return -Errno.EEXIST;
    switch (operation.kind) {
      case "resolve":
        return this.#resolve(operation.hostname, token);
      case "readFile":
      case "writeFile":
        return this.#startWork(fileWork(this.#world, operation), token);
      default:
        return -Errno.EOPNOTSUPP;
    }
  }

  #resolve(hostname: string, token: number): Result {
    if (hostname === "") return -Errno.EINVAL;
    this.#complete(token, this.#world.names.resolve(hostname));
    return 0;
  }

  #startWork(work: FileWork | Result, token: number): Result {
    if (typeof work === "number") return work;
    this.operations.begin(token, new FileTask(this.#world, work, (result) => this.#complete(token, result)));
    return 0;
  }

  #complete(token: number, result: CompletionResult): void {
    this.operations.complete(token, result);
    this.#tellNews();
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
    this.#world.parking.add(this);
  }

  wake(): void {
    if (!this.parked) return;
    this.#wakeRequested = true;
    this.#world.parking.lookSoon();
  }

  limitPark(timeout: Usec): Result {
    if (!(timeout >= 0)) return -Errno.EINVAL;
    this.parkLimit = this.#world.clocks.monotonic + timeout;
    this.#world.parking.lookSoon();
    return 0;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { descriptors, parking, pollers, signals, timeline } = this.#world;
    for (const watch of [...this.watches]) this.forget(watch);
    for (const token of this.operations.tokens) this.operations.abandon(token);
    for (const signal of signals.claimedBy(this.signalQueue)) signals.release(signal, this.signalQueue);
    timeline.remove(this.wakeups);
    parking.remove(this);
    pollers.delete(this);
    descriptors.close(this.handle);
  }

  get restless(): boolean {
    return this.#wakeRequested || this.#world.clocks.monotonic >= this.parkLimit || this.hasNews;
  }

  wakeUp(): void {
    this.parked = false;
    this.onWake?.();
  }

  enqueue(watch: Watch): void {
    this.#ready.add(watch);
    this.#tellNews();
  }

  forget(watch: Watch): void {
    this.watches.delete(watch);
    this.#ready.delete(watch);
    watch.file.observers.delete(watch);
  }

  #tellNews(): void {
    this.#file.notify(IoEvent.IN);
    this.#world.parking.lookSoon();
  }

  #find(handle: Handle, file: OpenFile): Watch | undefined {
    for (const observer of file.observers) {
      if (observer instanceof Watch && observer.watcher === this && observer.handle === handle) return observer;
    }
    return undefined;
  }

  /** Whether a poll of this one depends on the other one, directly or by others between. */
  #leadsTo(other: SimulatedPoller): boolean {
    for (const { file } of this.watches) {
      if (file instanceof PollerFile && (file.poller === other || file.poller.#leadsTo(other))) return true;
    }
    return false;
  }

  /** Lets time pass until there is something to say or it is over; `false`: neither will ever be. */
  #sleepUntil(end: Usec): boolean {
    const { clocks, timeline } = this.#world;
    while (!this.hasNews && clocks.monotonic < end) {
      const next = Math.min(timeline.next(), end);
      if (next === Infinity) return false;
      timeline.advanceTo(next);
    }
    return true;
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
