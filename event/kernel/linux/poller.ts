/**
 * The poller: epoll, and in the same set what else a poll has to notice.
 *
 * Some facts about epoll, and why it is done this way:
 *
 * - What is registered comes back with 64 bits of one's own. The lower half is the token. The poller's own descriptors, one timer for each clock, the
 *   pipe of its signals and the completions' eventfd, have tokens below zero; the poll takes note of them and reports nothing.
 * - What a poll of a pressure file finds is gone with it, and asking whether an epoll descriptor is readable polls all that is in its set. So such a
 *   file is watched by way of an eventfd, see pressure_watch.ts.
 * - The timers and the eventfds are registered for edges. Each is reported once when it fires and again when it fires again, whether it was read or
 *   not, so it is never read. A timer that is set anew has nothing to report any more, even if it had fired and nobody had looked.
 * - A poll has room for everything that is registered, so no batch is ever full: what is important is seen with the rest.
 * - A struct epoll_event is packed on x86-64 only: 12 bytes there, 16 elsewhere.
 * - epoll_wait counts milliseconds. epoll_pwait2 counts nanoseconds but is dearer, so it is called only to sleep. Kernels before 5.11 lack it, and
 *   some sandboxes refuse it: there a sleep is rounded up, never down.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { ClockIndex, Usec } from "../../time.ts";
import {
  COMPLETED,
  type CompletionResult,
  type Handle,
  type KernelOperation,
  type Poller,
  type Result,
  type SignalRecord,
} from "../kernel.ts";
import { serves, setTimer, timerClockIds, writeTimespec } from "./clocks.ts";
import { close } from "./descriptors.ts";
import { type FileTask, readFile, writeFile } from "./files.ts";
import { type Address, addressOf, failure, fixedWords, isArm, libc, result } from "./libc.ts";
import { Parking } from "./parking.ts";
import { tellsOfPressure } from "./pressure.ts";
import { PressureWatch } from "./pressure_watch.ts";
import { resolve } from "./resolve.ts";
import { claimSignal, drainSignals, forgetOwner, hasSignal, queuedSignals, releaseSignal, signalPipe, takeSignal } from "./signals.ts";

const EPOLL_CLOEXEC = 0x8_0000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLONESHOT = 0x4000_0000;
const TFD_TIMER_ABSTIME = 1;
const TFD_NONBLOCK_CLOEXEC = 0x8_0800;
const EFD_NONBLOCK_CLOEXEC = 0x8_0800;
const epollPwait2 = 441n;

/** A struct epoll_event in words: how many, and which is the token. */
const eventWords = isArm ? 4 : 3;
const tokenAt = isArm ? 2 : 1;

/** The poller's own tokens: the clocks' are −1 and down. */
const SIGNALS = -6;
const COMPLETIONS = -7;
/** That of a pressure file is as far below as its descriptor is above 0. */
const PRESSURES = -8;

/** For how many events a poller has room at first, and how many descriptors of its own it may have in the set. */
const firstCapacity = 64;
const ownDescriptors = 7;

/** What is written to the completions' eventfd. */
const one = Int32Array.of(1, 0);

/** The struct epoll_event of a registration, the struct timespec of a sleep. */
const registration = fixedWords(4);
let registrationAddress: Address | undefined;
const sleepTime = new Int32Array(4);

/** epoll_pwait2 was found missing. */
let sleepsByMilliseconds = false;

/** An operation that was started: what it came to, once that is known, and what can be stopped of it. */
interface Operation {
  result: CompletionResult | undefined;
  task: FileTask | undefined;
}

/** A poller on epoll. */
export class LinuxPoller implements Poller {
  readonly handle: Handle;
  readonly seesArrivals = true;
  readyTokens: Int32Array = new Int32Array(firstCapacity);
  readyEvents: Int32Array = new Int32Array(firstCapacity);
  clocksFired = 0;

  #closed = false;
  #events!: Int32Array<ArrayBuffer>;
  /** Where they are: to be told the address takes a call fewer detours than to be given the array. Nobody else has it, so the bytes stay there. */
  #eventsAddress!: Address;
  readonly #watched = new Set<Handle>();

  /** By clock: its timer, −1 for none yet, and when that is set to fire. */
  readonly #timers = new Int32Array(timerClockIds.length).fill(-1);
  readonly #wakeups = new Float64Array(timerClockIds.length).fill(Infinity);

  /** By descriptor, the pressure files that are watched; and the tokens of those that have news. */
  readonly #pressures = new Map<Handle, PressureWatch>();
  readonly #pressed: number[] = [];

  #hasSignals = false;

  readonly #operations = new Map<number, Operation>();
  /** Tokens that are to be reported, and what makes them known to epoll. */
  #completed: number[] = [];
  #completionEvent: Handle = -1;

  readonly #parking: Parking;

  private constructor(handle: Handle, parking: Parking) {
    this.handle = handle;
    this.#parking = parking;
    this.#makeEvents(firstCapacity);
  }

  /** A new poller. */
  static open(): LinuxPoller | Result {
    const handle = result(libc.epoll_create1(EPOLL_CLOEXEC));
    if (handle < 0) return handle;
    const parking = Parking.open(handle);
    if (typeof parking !== "number") return new LinuxPoller(handle, parking);
    close(handle);
    return parking;
  }

  watch(handle: Handle, events: number, oneshot: boolean, token: number): Result {
    const answer = events === IoEvent.PRI && tellsOfPressure(handle)
      ? this.#watchPressure(handle, oneshot, token)
      : this.#control(EPOLL_CTL_ADD, handle, oneshot ? events | EPOLLONESHOT : events, token);
    if (answer === 0) this.#watched.add(handle);
    return answer;
  }

  #watchPressure(handle: Handle, oneshot: boolean, token: number): Result {
    if (this.#watched.has(handle)) return -Errno.EEXIST;
    const watch = PressureWatch.open(handle, oneshot, token);
    // Where there is no asynchronous I/O a park may miss its news.
    if (typeof watch === "number") return this.#control(EPOLL_CTL_ADD, handle, oneshot ? IoEvent.PRI | EPOLLONESHOT : IoEvent.PRI, token);
    const answer = this.#control(EPOLL_CTL_ADD, watch.event, IoEvent.IN | IoEvent.ET, PRESSURES - handle);
    if (answer === 0) this.#pressures.set(handle, watch);
    else watch.close();
    return answer;
  }

  rewatch(handle: Handle, events: number, oneshot: boolean, token: number): Result {
    const pressure = this.#pressures.get(handle);
    if (pressure !== undefined) {
      if (events === IoEvent.PRI) return pressure.change(oneshot, token);
      this.unwatch(handle);
      return this.watch(handle, events, oneshot, token);
    }
    return this.#control(EPOLL_CTL_MOD, handle, oneshot ? events | EPOLLONESHOT : events, token);
  }

  unwatch(handle: Handle): Result {
    this.#watched.delete(handle);
    const pressure = this.#pressures.get(handle);
    if (pressure === undefined) return this.#control(EPOLL_CTL_DEL, handle, 0, 0);
    this.#pressures.delete(handle);
    pressure.close();
    return 0;
  }

  #control(operation: number, handle: Handle, events: number, token: number): Result {
    registration[0] = events;
    registration[tokenAt] = token;
    return libc.epoll_ctl(this.handle, operation, handle, registrationAddress ??= addressOf(registration)) < 0 ? failure() : 0;
  }

  poll(timeout: Usec): Result {
    const completed = this.#completed.length;
    const room = this.#watched.size + ownDescriptors;
    if (completed + room > this.readyTokens.length) this.#enlarge(completed + room);
    const count = this.#wait(room, completed === 0 ? timeout : 0);
    if (count < 0) return count;
    let total = this.#report(count);
    if (this.#pressed.length > 0) total += this.#reportPressed(total);
    return completed === 0 ? total : total + this.#reportCompleted(total);
  }

  #wait(room: number, timeout: Usec): Result {
    if (timeout > 0 && timeout < Infinity) return this.#sleep(room, timeout);
    const count = libc.epoll_wait(this.handle, this.#eventsAddress, room, timeout > 0 ? -1 : 0);
    return count < 0 ? failure() : count;
  }

  #sleep(room: number, timeout: Usec): Result {
    if (!sleepsByMilliseconds) {
      writeTimespec(sleepTime, 0, timeout);
      const count = result(libc.epoll_pwait2(epollPwait2, this.handle, this.#eventsAddress, room, sleepTime, null, 0n));
      if (count !== -Errno.ENOSYS && count !== -Errno.EPERM) return count;
      sleepsByMilliseconds = true;
    }
    const milliseconds = Math.min(Math.ceil(timeout / 1_000), 0x7fff_ffff);
    return result(libc.epoll_wait(this.handle, this.#eventsAddress, room, milliseconds));
  }

  /** Takes over what epoll filled in: how many tokens that are. */
  #report(count: number): number {
    const events = this.#events;
    let total = 0;
    for (let index = 0, at = 0; index < count; index++, at += eventWords) {
      const token = events[at + tokenAt];
      if (token < 0) {
        this.#note(token);
        continue;
      }
      this.readyTokens[total] = token;
      this.readyEvents[total] = events[at];
      total++;
    }
    return total;
  }

  #note(token: number): void {
    if (token === SIGNALS) {
      drainSignals(this);
    } else if (token <= PRESSURES) {
      const pressure = this.#pressures.get(PRESSURES - token);
      if (pressure !== undefined) this.#pressed.push(pressure.take());
    } else if (token !== COMPLETIONS) {
      const clock = -1 - token;
      this.#wakeups[clock] = Infinity;
      this.clocksFired |= 1 << clock;
    }
  }

  /** Puts the tokens of pressure files behind those of what is ready: how many. */
  #reportPressed(at: number): number {
    const tokens = this.#pressed.splice(0);
    this.readyTokens.set(tokens, at);
    this.readyEvents.fill(IoEvent.PRI, at, at + tokens.length);
    return tokens.length;
  }

  #enlarge(needed: number): void {
    const capacity = Math.max(needed, this.readyTokens.length * 2);
    this.readyTokens = new Int32Array(capacity);
    this.readyEvents = new Int32Array(capacity);
    this.#makeEvents(capacity);
  }

  #makeEvents(capacity: number): void {
    this.#events = fixedWords(capacity * eventWords);
    this.#eventsAddress = addressOf(this.#events);
  }

  openClock(clock: ClockIndex): Result {
    const timer = this.#openTimer(clock);
    return timer < 0 ? timer : 0;
  }

  setWakeup(clock: ClockIndex, usec: Usec): Result {
    if (usec === this.#wakeups[clock]) return 0;
    const timer = this.#openTimer(clock);
    if (timer < 0) return timer;
    const answer = setTimer(timer, TFD_TIMER_ABSTIME, usec);
    if (answer === 0) this.#wakeups[clock] = usec;
    return answer;
  }

  #openTimer(clock: ClockIndex): Result {
    if (this.#timers[clock] >= 0) return this.#timers[clock];
    if (!serves(clock)) return -Errno.EOPNOTSUPP;
    const timer = result(libc.timerfd_create(timerClockIds[clock], TFD_NONBLOCK_CLOEXEC));
    if (timer < 0) return timer === -Errno.EINVAL ? -Errno.EOPNOTSUPP : timer;
    return this.#timers[clock] = this.#watchOwn(timer, IoEvent.IN | IoEvent.ET, -1 - clock);
  }

  /** The descriptor, unless epoll does not take it: then it is closed. */
  #watchOwn(handle: Handle, events: number, token: number): Result {
    const answer = this.#control(EPOLL_CTL_ADD, handle, events, token);
    if (answer === 0) return handle;
    close(handle);
    return answer;
  }

  /** Not by whole milliseconds; and what an operation comes to is learnt by a turn of the host's. */
  get canNap(): boolean {
    return !sleepsByMilliseconds && this.#operations.size === 0;
  }

  get signalsQueued(): number {
    return this.#hasSignals ? queuedSignals(this) : 0;
  }

  claimSignal(signal: number): Result {
    const claimed = claimSignal(this, signal);
    if (claimed < 0 || this.#hasSignals) return claimed;
    const answer = this.#control(EPOLL_CTL_ADD, signalPipe(this), IoEvent.IN, SIGNALS);
    if (answer < 0) forgetOwner(this);
    else this.#hasSignals = true;
    return answer;
  }

  releaseSignal(signal: number): void {
    releaseSignal(this, signal);
  }

  takeSignal(set: readonly number[]): SignalRecord | undefined {
    return takeSignal(this, set);
  }

  hasSignal(set: readonly number[]): boolean {
    return hasSignal(this, set);
  }

  start(operation: KernelOperation, token: number): Result {
    if (this.#operations.has(token)) return -Errno.EEXIST;
    const event = this.#openCompletionEvent();
    if (event < 0) return event;
    const started: Operation = { result: undefined, task: undefined };
    this.#operations.set(token, started);
    const answer = begin(operation, (result) => this.#complete(token, started, result));
    if (typeof answer === "object") started.task = answer;
    else if (answer < 0) this.#operations.delete(token);
    return typeof answer === "object" ? 0 : answer;
  }

  takeCompletion(token: number): CompletionResult | undefined {
    if (this.#completed.includes(token)) return undefined;
    const result = this.#operations.get(token)?.result;
    if (result !== undefined) this.abandon(token);
    return result;
  }

  stop(token: number): void {
    this.#operations.get(token)?.task?.stop();
  }

  abandon(token: number): void {
    this.stop(token);
    this.#operations.delete(token);
    this.#completed = this.#completed.filter((completed) => completed !== token);
  }

  #complete(token: number, operation: Operation, result: CompletionResult): void {
    if (this.#operations.get(token) !== operation) return; // abandoned, or the poller is closed
    operation.result = result;
    this.#completed.push(token);
    libc.write(this.#completionEvent, one, 8); // makes this poller readable; the next poll consumes that
  }

  /** Puts the tokens of what is completed behind those of what is ready: how many. */
  #reportCompleted(at: number): number {
    const tokens = this.#completed.splice(0);
    this.readyTokens.set(tokens, at);
    this.readyEvents.fill(COMPLETED, at, at + tokens.length);
    return tokens.length;
  }

  #openCompletionEvent(): Result {
    if (this.#completionEvent >= 0) return this.#completionEvent;
    const event = result(libc.eventfd(0, EFD_NONBLOCK_CLOEXEC));
    return this.#completionEvent = event < 0 ? event : this.#watchOwn(event, IoEvent.IN | IoEvent.ET, COMPLETIONS);
  }

  get onWake(): (() => void) | undefined {
    return this.#parking.onWake;
  }

  set onWake(callback: (() => void) | undefined) {
    this.#parking.onWake = callback;
  }

  get parked(): boolean {
    return this.#parking.parked;
  }

  park(): void {
    this.#parking.park();
  }

  wake(): void {
    this.#parking.wake();
  }

  limitPark(timeout: Usec): Result {
    return this.#parking.limit(timeout);
  }

  /** The second time does nothing: its memory and its descriptors may be somebody else's by then. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { task } of this.#operations.values()) task?.stop();
    this.#operations.clear();
    for (const pressure of this.#pressures.values()) pressure.close();
    forgetOwner(this);
    this.#parking.close();
    for (const handle of [...this.#timers, this.#completionEvent, this.handle]) if (handle >= 0) close(handle);
  }
}

/** A name cannot be taken back from the resolver: it is no task. */
function begin(operation: KernelOperation, done: (result: CompletionResult) => void): FileTask | Result {
  switch (operation.kind) {
    case "resolve":
      return resolve(operation.hostname, done);
    case "readFile":
      return readFile(operation, done);
    case "writeFile":
      return writeFile(operation, done);
    default:
      return -Errno.EOPNOTSUPP;
  }
}
