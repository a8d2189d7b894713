/**
 * What the tests of the contract are written with: a kernel on trial, a poller on it, and what both kernels can be asked to do.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual, fail } from "@std/assert";
import { Errno, errorCode } from "../../event/errno.ts";
import { ClockIndex, type Usec } from "../../event/time.ts";
import type { Handle, Kernel, Poller, ProcessRecord, Result, SpawnCommand, SpawnedProcess } from "../../event/kernel/kernel.ts";
import type { FileHands } from "../_files.ts";

/** What a kernel has to bring along to be tried. */
export interface KernelHands {
  /** The kernel's name, for the names of the tests. */
  readonly name: string;
  /** A new kernel, or the one that there is. */
  openKernel(): Kernel;
  /** A handle for something that cannot be waited for. */
  openUnwatchable(kernel: Kernel): Handle;
  /** A TCP socket that is not connected. */
  openSocket(kernel: Kernel): Handle;
  /** Notes what the signal does now, and answers with a check that sending it does that again. */
  noteEffect(kernel: Kernel, signal: number): (send: () => void) => Promise<void>;
  /** Three programs: one ends with this code, one copies its input to its output until the end, one lives until it is killed. */
  readonly programs: {
    exit(code: number): Program;
    copy(): Program;
    live(): Program;
  };
  /** A path where a socket file can be, and where none is. */
  socketPath(): string;
  /** A path where anything can be, and where nothing is. */
  path(): string;
  /** What somebody else makes at a path. */
  makeFifo(kernel: Kernel, path: string): void;
  makeDirectory(kernel: Kernel, path: string): void;
  makeFile(kernel: Kernel, path: string): void;
  /** A datagram socket at a path, which may be abstract: a look at what came since the last one, as texts. */
  makeReceiver(kernel: Kernel, path: string): () => string[];
  /** A directory to change files in, empty. */
  openFiles(kernel: Kernel): FileHands;
  /** What it lacks, in a word or two: the tests that ask for it, by how their names begin. */
  readonly lacks?: Readonly<Record<string, readonly string[]>>;
  /** Told at the end of each test that has not failed. */
  finish?(kernel: Kernel): void | Promise<void>;
  /** Gives back what was made for a test, however that ended. */
  cleanUp?(): void;
}

/** A command with its arguments. */
export type Program = Pick<SpawnCommand, "command" | "args">;

/** Longer than anything takes that a test waits for, and how often it is waited for. */
const patience: Usec = 1_000_000;
const tries = 30;
/** How many turns the host gets instead, of a millisecond or two. */
const hostTurns = 10_000;

/** Registers a test of the contract; one that asks for what the kernel lacks is left out, and says so. */
export function contractTest(hands: KernelHands, name: string, body: (trial: Trial) => void | Promise<void>): void {
  const lacking = Object.entries(hands.lacks ?? {}).find(([, names]) => names.some((start) => name.startsWith(start)))?.[0];
  const title = lacking === undefined ? `${name} (${hands.name})` : `${name} (${hands.name} lacks ${lacking})`;
  Deno.test({ name: title, ignore: lacking !== undefined }, async () => {
    const trial = new Trial(hands);
    try {
      await body(trial);
    } catch (error) {
      trial.killAll();
      throw error;
    } finally {
      trial.close();
      hands.cleanUp?.();
    }
    await hands.finish?.(trial.kernel);
  });
}

/** One trial of a kernel. What it opens it closes at the end. */
export class Trial {
  readonly hands: KernelHands;
  readonly kernel: Kernel;
  readonly poller: Poller;
  readonly #handles = new Set<Handle>();
  readonly #pollers = new Set<Poller>();
  readonly #processes = new Set<Handle>();

  constructor(hands: KernelHands) {
    this.hands = hands;
    this.kernel = hands.openKernel();
    this.poller = this.openPoller();
  }

  /** The handle that a call answered with. */
  own(result: Result): Handle {
    assertGreaterOrEqual(result, 0, `${errorCode(-result)} instead of a handle`);
    this.#handles.add(result);
    return result;
  }

  /** Closes a handle before the end. */
  drop(handle: Handle): void {
    this.#handles.delete(handle);
    assertEquals(this.kernel.close(handle), 0);
  }

  /** A second poller. */
  openPoller(): Poller {
    const poller = this.kernel.openPoller();
    if (typeof poller === "number") return fail(`${errorCode(-poller)} instead of a poller`);
    this.#pollers.add(poller);
    return poller;
  }

  /** Closes a poller before the end. */
  dropPoller(poller: Poller): void {
    this.#pollers.delete(poller);
    poller.close();
  }

  /** A pipe. */
  pipe(): [reader: Handle, writer: Handle] {
    const pipe = this.kernel.openPipe();
    if (typeof pipe === "number") return fail(`${errorCode(-pipe)} instead of a pipe`);
    return [this.own(pipe[0]), this.own(pipe[1])];
  }

  /** Fills a pipe or a stream to the brim: how many bytes it took. */
  fill(writer: Handle): number {
    const block = new Uint8Array(4_096);
    let total = 0;
    for (let count = 0; count >= 0; count = this.kernel.tryWrite(writer, block)) total += count;
    return total;
  }

  /** What there is to read, as text, or the error's name. */
  read(handle: Handle, size: number = 100): string {
    const buffer = new Uint8Array(size);
    const count = this.kernel.tryRead(handle, buffer);
    return count < 0 ? errorCode(-count) : new TextDecoder().decode(buffer.subarray(0, count));
  }

  /** Writes a text that must fit. */
  write(handle: Handle, text: string): void {
    const data = new TextEncoder().encode(text);
    assertEquals(this.kernel.tryWrite(handle, data), data.length);
  }

  /** Polls: what was reported, as [token, events], by ascending token. */
  reports(poller: Poller = this.poller, timeout: Usec = 0): [token: number, events: number][] {
    const count = poller.poll(timeout);
    assertGreaterOrEqual(count, 0, `${errorCode(-count)} from poll`);
    const reports = Array.from({ length: count }, (_, index): [number, number] => [poller.readyTokens[index], poller.readyEvents[index]]);
    return reports.sort(([one], [other]) => one - other);
  }

  /** Polls, once more when a signal handler ran meanwhile: what was answered, and how long that took. */
  pollOnce(timeout: Usec): [count: Result, took: Usec] {
    for (let round = 0; round < tries; round++) {
      const before = this.now;
      const count = this.poller.poll(timeout);
      if (count !== -Errno.EINTR) return [count, this.now - before];
    }
    return fail("Each poll was interrupted");
  }

  /** Polls, waiting, until `isDone` finds what it looks for; its argument is all that was reported so far. */
  async waitUntil(isDone: (reports: readonly [token: number, events: number][]) => boolean, poller: Poller = this.poller): Promise<void> {
    const reports: [number, number][] = [];
    for (let round = 0; !isDone(reports); round++) {
      const count = await this.pollPatiently(poller, round);
      for (let index = 0; index < count; index++) reports.push([poller.readyTokens[index], poller.readyEvents[index]]);
    }
  }

  /** Polls, and lets time pass if nothing is there: a kernel that can wait for everything waits, another one gets turns of the host. */
  async pollPatiently(poller: Poller, round: number): Promise<Result> {
    const canWait = this.kernel.features.has("blocking");
    assert(round < (canWait ? tries : hostTurns), "It never happens");
    if (canWait) return poller.poll(patience);
    await this.kernel.turn("io");
    return poller.poll(0);
  }

  /** Waits until the handle is ready for one of the events; it is not watched afterwards. */
  async waitFor(handle: Handle, events: number): Promise<void> {
    const poller = this.openPoller();
    assertEquals(poller.watch(handle, events, false, 1), 0);
    await this.waitUntil((reports) => reports.length > 0, poller);
    this.dropPoller(poller);
  }

  /** Sends this process a signal, with the value where signals have any. */
  send(signal: number, value?: number): void {
    const self = this.own(this.kernel.openProcess(this.kernel.pid));
    assertEquals(this.kernel.signalProcess(self, signal, this.kernel.features.has("siginfo") ? value : undefined), 0);
    this.drop(self);
  }

  /** Sends this process a signal and waits until it is queued. */
  async deliver(signal: number, value?: number): Promise<void> {
    const before = this.poller.signalsQueued;
    this.send(signal, value);
    await this.waitUntil(() => this.poller.signalsQueued > before);
  }

  /** Starts a program. */
  spawn(program: Program, options: Partial<SpawnCommand> = {}): SpawnedProcess {
    const spawned = this.kernel.spawn(commandOf(program, options));
    if (typeof spawned === "number") return fail(`${errorCode(-spawned)} instead of a process`);
    for (const handle of [spawned.handle, spawned.stdin, spawned.stdout, spawned.stderr]) if (handle >= 0) this.own(handle);
    this.#processes.add(spawned.handle);
    return spawned;
  }

  /** Kills a process and reaps it. */
  end(process: SpawnedProcess): void {
    assertEquals(this.kernel.signalProcess(process.handle, 9, undefined), 0);
    assertEquals(this.kernel.reapKilledProcess(process.handle), 0);
  }

  /** Waits for a state change of a process and leaves it there. */
  async waitForChange(handle: Handle, options: number): Promise<ProcessRecord> {
    const record = emptyRecord();
    for (let round = 0; this.kernel.peekProcess(handle, options, record) === 0; round++) {
      assert(round < 1_000, "It never changes");
      if (this.kernel.features.has("blocking")) this.poller.poll(1_000);
      else await this.kernel.turn("io");
    }
    return record;
  }

  /** Parks and waits for the call of `onWake` that ends it; `meanwhile` happens in the park. */
  async park(meanwhile: () => void = () => {}, poller: Poller = this.poller): Promise<void> {
    const woken = Promise.withResolvers<void>();
    poller.onWake = () => poller.parked || woken.resolve();
    poller.park();
    meanwhile();
    await woken.promise;
    poller.onWake = undefined;
  }

  /** Ends the processes that a failed test has left behind: nobody else would. */
  killAll(): void {
    for (const handle of this.#processes.intersection(this.#handles)) {
      if (this.kernel.signalProcess(handle, 9, undefined) === 0) this.kernel.reapKilledProcess(handle);
    }
  }

  /** Lets go of all. */
  close(): void {
    for (const poller of this.#pollers) poller.close();
    for (const handle of this.#handles) this.kernel.close(handle);
  }

  /** The time on the monotonic clock. */
  get now(): Usec {
    return this.kernel.now(ClockIndex.monotonic);
  }
}

/** A record that says nothing. */
export function emptyRecord(): ProcessRecord {
  return { pid: -1, uid: -1, code: -1, status: -1 };
}

/** A command with nothing special about it. */
export function commandOf({ command, args }: Program, options: Partial<SpawnCommand> = {}): SpawnCommand {
  const nothing = "null" as const;
  return {
    command,
    args,
    cwd: undefined,
    env: {},
    clearEnv: false,
    stdin: nothing,
    stdout: nothing,
    stderr: nothing,
    processGroup: false,
    ...options,
  };
}
