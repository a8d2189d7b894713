/**
 * One actor for each type of source in random runs.
 *
 * @module
 */

import {
  ChildEvent,
  type ChildInfo,
  type Clock,
  type Enabled,
  IoEvent,
  type IoSource,
  type SignalInfo,
  type SignalName,
  type SimulatedProcess,
  type TimeSource,
  WatchEvent,
} from "@sd/fibers";
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { type ClockIndex, clockNames } from "../../event/time.ts";
import { Actor, type RandomRun } from "./_random_run.ts";

const { EXITED, STOPPED, CONTINUED } = ChildEvent;
const EAGAIN = -11;

/** Bytes that count up, through a pipe or a pair of sockets. */
class IoActor extends Actor {
  readonly #reader: number;
  readonly #writer: number;
  readonly #isWriterOurs: boolean;
  #written = 0;
  #read = 0;
  /** The connection was reset, so what is under way is lost. */
  #isBroken = false;
  #isAtEnd = false;

  constructor(run: RandomRun, [reader, writer]: readonly number[], { events = 0, ours = true, ...options } = {}) {
    super(run, "io");
    [this.#reader, this.#writer, this.#isWriterOurs] = [reader, writer, ours];
    try {
      this.source = run.loop.addIo(reader, IoEvent.IN | events, this.called, { ...this.options, ...options });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get #isEdge(): boolean {
    return ((this.source as IoSource).events & IoEvent.ET) !== 0;
  }

  get unread(): number {
    return this.#written - this.#read;
  }

  override get limitable(): boolean {
    return true;
  }

  override get isReady(): boolean {
    return !this.#isEdge && !this.#isBroken && this.unread > 0;
  }

  override happen(): void {
    if (!this.#isWriterOurs || this.run.below(8) > 0) return this.send(this.#writer, 1 + this.run.below(40));
    const events = IoEvent.IN | this.run.oneOf(0, IoEvent.ET);
    (this.source as IoSource).events = events;
    this.run.note(`${this.title} waits for ${events}`);
  }

  /** Writes as many bytes as there is room for. */
  send(writer: number, count: number): void {
    if (!this.#isWriterOurs && writer === this.#writer) return;
    const bytes = Uint8Array.from({ length: count }, (_, index) => this.#written + index);
    const result = this.run.kernel.tryWrite(writer, bytes);
    this.run.note(`${this.title} is sent ${result} of ${count} bytes`);
    if (result > 0) this.#written += result;
    else if (result !== EAGAIN) this.#isBroken = true;
  }

  override consume(revents: unknown): string {
    // Who waits for edges is not told a second time of what it leaves.
    const rounds = this.#isEdge || this.run.calm ? Infinity : 1;
    let text = `revents ${revents}`;
    for (let round = 0; round < rounds; round++) {
      const result = this.#readSome();
      text += `, ${result}`;
      if (result <= 0) break;
    }
    if (this.#isAtEnd || this.#isBroken) this.run.enable(this, "off");
    return text;
  }

  #readSome(): number {
    const buffer = new Uint8Array(1 + this.run.below(64));
    const result = this.run.kernel.tryRead(this.#reader, buffer);
    for (let i = 0; i < result; i++) assertEquals(buffer[i], this.#read++ & 0xff, `${this.title}: a byte is lost or twice there`);
    if (result === 0) this.#isAtEnd = true;
    else if (result < 0 && result !== EAGAIN) this.#isBroken = true;
    return result;
  }

  override settle(): void {
    if (!this.#isAtEnd && !this.#isBroken) super.settle();
  }

  override get isSettled(): boolean {
    return this.#isAtEnd || this.#isBroken || this.source.enabled === "on";
  }

  override get lost(): string {
    return this.#isBroken || this.unread === 0 ? "" : `${this.unread} bytes`;
  }

  override close(): void {
    this.run.kernel.close(this.#reader);
    if (this.#isWriterOurs) this.run.kernel.close(this.#writer);
  }
}

/** Never early; and never forgotten. */
class TimeActor extends Actor {
  readonly #clock: Clock;

  constructor(run: RandomRun) {
    super(run, "timer");
    this.#clock = run.oneOf(...clockNames);
    const accuracy = run.oneOf(1, 1, 100, 1_000);
    this.source = run.loop.addTimeRelative(this.#clock, run.below(1_000), this.called, { ...this.options, accuracy });
  }

  get #usec(): number {
    return (this.source as TimeSource).usec;
  }

  get #now(): number {
    return this.run.kernel.now(clockNames.indexOf(this.#clock) as ClockIndex);
  }

  override get limitable(): boolean {
    return true;
  }

  override get isLate(): boolean {
    return this.#now > this.#usec + (this.source as TimeSource).accuracy;
  }

  override get isReady(): boolean {
    // A clock that is set back may take a timer along that is pending already.
    return !this.#clock.startsWith("realtime") && this.#usec <= this.#now;
  }

  override happen(): void {
    (this.source as TimeSource).setRelative(this.run.below(1_000));
    this.run.note(`${this.title} is due at ${this.#usec}`);
  }

  override consume(usec: unknown): string {
    assertEquals(usec, this.#usec);
    if (!this.#clock.startsWith("realtime")) assertGreaterOrEqual(this.#now, this.#usec, `${this.title} is early`);
    // One that is on and stays due would never let anything less important run.
    if (this.run.calm) this.run.enable(this, "off");
    else if (this.source.enabled === "on") this.happen();
    return `due at ${usec}`;
  }

  override settle(): void {
    if (this.source.enabled === "oneshot") this.run.enable(this, "on");
  }

  override get isSettled(): boolean {
    return this.source.enabled !== "oneshot";
  }

  override get lost(): string {
    return this.source.enabled === "off" ? "" : `the time ${this.#usec}`;
  }
}

const classicSignals: readonly SignalName[] = ["SIGHUP", "SIGUSR1", "SIGUSR2"];
const realtimeSignals: readonly SignalName[] = ["SIGRTMIN+1", "SIGRTMIN+2"];

/** Classic signals merge, and the last one is told of; real-time signals are all told of, in their order. */
class SignalActor extends Actor {
  readonly #signal: SignalName;
  readonly #isClassic: boolean;
  /** The values that are still to come; of a classic signal whether one is. */
  #waiting: number[] = [];
  #next = 1;

  constructor(run: RandomRun) {
    super(run, "signal");
    this.#signal = run.oneOf(...classicSignals, ...realtimeSignals);
    this.#isClassic = classicSignals.includes(this.#signal);
    this.source = run.loop.addSignal(this.#signal, this.called, this.options);
  }

  override get limitable(): boolean {
    return true;
  }

  override get isReady(): boolean {
    return this.#waiting.length > 0;
  }

  override happen(): void {
    const value = this.#next++;
    this.run.kernel.raise(this.#signal, { value });
    this.#waiting = this.#isClassic ? [value] : [...this.#waiting, value];
    this.run.note(`${this.title}, ${this.#signal}, is raised with ${value}`);
  }

  override forget(): void {
    // The record that is out for delivery goes.
    if (this.node.isPending) this.#waiting.shift();
  }

  override consume(info: unknown): string {
    const { name, value } = info as SignalInfo;
    assertEquals(name, this.#signal);
    if (this.#isClassic) this.#waiting = [];
    else assertEquals(value, this.#waiting.shift(), `${this.title}: a signal is lost, or out of order`);
    return `${name} with ${value}`;
  }

  override get lost(): string {
    return this.#waiting.length === 0 ? "" : `${this.#waiting.length} times ${this.#signal}`;
  }
}

/** A process that writes and ends, and may stop before; who waits for its output with a better priority gets that first. */
class ChildActor extends Actor {
  readonly #handle: number;
  readonly #isScanned: boolean;
  #output: IoActor | undefined;
  #state: "running" | "ended" | "perhaps told" | "told" = "running";

  constructor(run: RandomRun) {
    super(run, "child");
    this.#isScanned = run.below(2) === 0;
    run.kernel.program("program", (process) => this.#live(process));
    const nothing = { cwd: undefined, env: {}, clearEnv: false, stdin: "null", stderr: "null", processGroup: false } as const;
    const spawned = run.kernel.spawn({ command: "program", args: [], stdout: "piped", ...nothing });
    assert(typeof spawned === "object");
    this.#handle = spawned.handle;
    const events = this.#isScanned ? EXITED | STOPPED | CONTINUED : EXITED;
    const { options } = this;
    try {
      this.source = run.loop.addChild({ pidfd: spawned.handle }, events, this.called, options);
    } catch (error) {
      run.kernel.close(spawned.stdout);
      this.close();
      throw error;
    }
    this.#watchOutput(spawned.stdout, options.priority);
  }

  #watchOutput(stdout: number, priority: number): void {
    try {
      const options = { ours: false, priority: priority - 1, enabled: "on" as Enabled };
      this.#output = new IoActor(this.run, [stdout, -1], options);
      // It is there before the child, which is what the others see.
      this.run.actors.push(this.#output);
      this.run.note(`${this.#output.title} has the output of the next child`);
    } catch {
      // There was no watch for it; who refused it has closed it.
    }
  }

  #live(process: SimulatedProcess): void {
    const { kernel } = this.run;
    if (this.#isScanned && this.run.below(2) === 0) kernel.after(this.run.below(300), () => process.stop());
    kernel.after(300, () => kernel.signalProcess(this.#handle, 18, undefined));
    kernel.after(301 + this.run.below(1_000), () => {
      if (this.#state !== "running") return;
      this.#output?.send(process.stdout, 1 + this.run.below(100));
      this.#state = "ended";
      process.exit(3);
    });
  }

  override get isReady(): boolean {
    return !this.#isScanned && this.#state === "ended";
  }

  override forget(): void {
    // A death that was found by looking is told of once; what is out for delivery may be that, or a change before it.
    if (this.#isScanned && this.node.isPending && this.#state === "ended") this.#state = "perhaps told";
  }

  override consume(info: unknown): string {
    const { code, status } = info as ChildInfo;
    if (code === "exited") {
      assert(this.#state === "ended" || this.#state === "perhaps told", `${this.title} is ${this.#state} and is told of`);
      assertEquals(status, 3);
      this.#state = "told";
      const output = this.#output;
      const isWaiting = output !== undefined && !output.gone && output.node.online && output.isReady &&
        output.node.rank < this.node.rank;
      assert(!isWaiting, `${this.title} is told of before its output`);
    }
    return `${code} ${status}`;
  }

  override get lost(): string {
    return this.#state === "ended" ? "its end" : "";
  }

  override close(): void {
    const { kernel } = this.run;
    this.#state = "told";
    kernel.signalProcess(this.#handle, 9, undefined);
    kernel.reapKilledProcess(this.#handle);
    kernel.close(this.#handle);
  }
}

/** A file that changes: at least one record comes after the last change. */
class InotifyActor extends Actor {
  readonly #path: string;
  #isOwed = false;

  constructor(run: RandomRun) {
    super(run, "inotify");
    this.#path = `/file${run.below(3)}`;
    run.kernel.files.write(this.#path);
    this.source = run.loop.addInotify(this.#path, WatchEvent.MODIFY | WatchEvent.ATTRIB, this.called, this.options);
  }

  override happen(): void {
    if (this.run.below(2) === 0) this.run.kernel.files.write(this.#path);
    else this.run.kernel.files.touch(this.#path);
    this.run.note(`${this.#path} changes`);
    if (this.node.online) this.#isOwed = true;
  }

  override forget(): void {
    this.#isOwed = false;
  }

  /** Records that wait for its old priority are not taken along. */
  override moved(): void {
    if (!this.node.isPending) this.#isOwed = false;
  }

  override consume(event: unknown): string {
    this.#isOwed = false;
    return JSON.stringify(event);
  }

  override get lost(): string {
    return this.#isOwed ? "the last change" : "";
  }
}

/** Somebody sets the realtime clock. */
class TimeChangeActor extends Actor {
  #isOwed = false;

  constructor(run: RandomRun) {
    super(run, "time change");
    this.source = run.loop.addTimeChange(this.called, this.options);
  }

  override get isReady(): boolean {
    return this.#isOwed;
  }

  override happen(): void {
    const { kernel, actors } = this.run;
    kernel.setRealtime(kernel.now(0) + this.run.below(2_000) - 1_000);
    this.run.note(`the realtime clock is set to ${kernel.now(0)}`);
    for (const actor of actors) if (actor instanceof TimeChangeActor) actor.#isOwed = true;
    this.#isOwed = true;
  }

  override consume(): string {
    this.#isOwed = false;
    return "";
  }

  override get lost(): string {
    return this.#isOwed ? "a change" : "";
  }
}

/** Memory becomes scarce. */
class PressureActor extends Actor {
  constructor(run: RandomRun) {
    super(run, "pressure");
    this.source = run.loop.addPressure("memory", this.called, this.options);
  }

  override get limitable(): boolean {
    return true;
  }

  override happen(): void {
    this.run.kernel.press("memory");
    this.run.note("there is pressure");
  }

  override consume(): string {
    return "";
  }
}

/** Always ready. */
class DeferActor extends Actor {
  constructor(run: RandomRun) {
    super(run, "defer");
    this.source = run.loop.addDefer(this.called, this.options);
  }

  override get limitable(): boolean {
    return true;
  }

  override get isReady(): boolean {
    return true;
  }

  override consume(): string {
    return "";
  }

  override settle(): void {
    this.run.enable(this, "off");
  }

  override get isSettled(): boolean {
    return true;
  }
}

/** Told when something else was dispatched. */
class PostActor extends Actor {
  constructor(run: RandomRun) {
    super(run, "post");
    this.source = run.loop.addPost(this.called, this.options);
  }

  override consume(): string {
    return "";
  }
}

/** Runs at the end. */
class ExitActor extends Actor {
  constructor(run: RandomRun) {
    super(run, "exit");
    this.source = run.loop.addExit(() => this.called(undefined), this.options);
  }

  override get isExit(): boolean {
    return true;
  }

  override consume(): string {
    return "";
  }
}

/** How to make one of each. */
export const actorMakers: readonly ((run: RandomRun) => Actor)[] = [
  (run) => {
    const { reader, writer } = run.kernel.pipe({ capacityBytes: run.oneOf(16, 4_096) });
    return new IoActor(run, [reader, writer], { events: run.oneOf(0, 0, IoEvent.ET) });
  },
  (run) => new IoActor(run, run.kernel.socketPair(), { events: run.oneOf(0, 0, IoEvent.ET) }),
  (run) => new TimeActor(run),
  (run) => new TimeActor(run),
  (run) => new SignalActor(run),
  (run) => new ChildActor(run),
  (run) => new InotifyActor(run),
  (run) => new TimeChangeActor(run),
  (run) => new PressureActor(run),
  (run) => new DeferActor(run),
  (run) => new PostActor(run),
  (run) => new ExitActor(run),
];
