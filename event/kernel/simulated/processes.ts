/**
 * Processes: this one, and its children, whose programs a test scripts.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { ChildEvent, IoEvent } from "../../flags.ts";
import type { Handle, Result, SpawnCommand, SpawnedProcess, SpawnStdio } from "../kernel.ts";
import { Child, type ProcessChange, uid } from "./child.ts";
import type { Descriptors } from "../emulated/descriptors.ts";
import { InputWatch } from "./input_watch.ts";
import { NullDevice, OpenFile } from "../emulated/open_file.ts";
import { openPipe } from "../emulated/pipe.ts";
import { isSignal, SIGCHLD } from "../emulated/signal_actions.ts";
import type { Signals } from "./signals.ts";
import type { SimulatedProcess } from "./simulated_kernel.ts";
import type { Timeline } from "./timeline.ts";

/** The number of this process; its children count on from here. */
export const ownPid = 100;

/** Codes of signals as in siginfo: sent by `kill`, sent with a value. */
const SI_USER = 0;
const SI_QUEUE = -1;

/** What the handle of a process stands for; without a child it is this process itself. */
export class ProcessFile extends OpenFile {
  readonly child: Child | undefined;

  constructor(child: Child | undefined) {
    super();
    this.child = child;
  }

  get description(): string {
    return this.child === undefined ? "handle of this process" : `handle of process ${this.child.pid}`;
  }

  override readiness(): number {
    return this.child?.hasEnded ? IoEvent.IN : 0;
  }
}

/** What processes reach out to. */
export interface ProcessSurroundings {
  readonly descriptors: Descriptors;
  readonly signals: Signals;
  readonly timeline: Timeline;
}

/** A child with what belongs to it. All its handles share one file. */
interface Family {
  readonly child: Child;
  readonly file: ProcessFile;
  readonly input: InputWatch;
}

/** All processes of a simulation. */
export class Processes {
  /** Whether children vanish as soon as they end, as where SIGCHLD is ignored. */
  reapsAutomatically = false;
  readonly #programs = new Map<string, (process: SimulatedProcess) => void>();
  readonly #children = new Map<number, Family>();
  readonly #surroundings: ProcessSurroundings;
  readonly #self = new ProcessFile(undefined);
  #lastPid = ownPid;

  constructor(surroundings: ProcessSurroundings) {
    this.#surroundings = surroundings;
  }

  /** The children that nobody has reaped. */
  get unreaped(): Child[] {
    return [...this.#children.values()].map(({ child }) => child);
  }

  /** Scripts a command. */
  setProgram(command: string, start: (process: SimulatedProcess) => void): void {
    this.#programs.set(command, start);
  }

  /** Starts a child; its program begins when somebody next looks at the world. */
  spawn(command: SpawnCommand): SpawnedProcess | Result {
    const { descriptors, timeline } = this.#surroundings;
    const start = this.#programs.get(command.command);
    const streams = [command.stdin, command.stdout, command.stderr];
    if (start === undefined) return -Errno.ENOENT;
    if (streams.some((stdio) => typeof stdio === "object" && descriptors.get(stdio.fd) === undefined)) return -Errno.EBADF;
    const pid = ++this.#lastPid;
    const [stdin, stdout, stderr] = streams.map((stdio, index) => this.#openStdio(stdio, index, pid));
    const child = new Child({
      pid,
      command: command.command,
      args: command.args,
      stdin: stdin.theirs,
      stdout: stdout.theirs,
      stderr: stderr.theirs,
      onChange: (child, change) => this.#changed(child, change),
      onReap: ({ pid }) => this.#children.delete(pid),
    });
    const file = new ProcessFile(child);
    const input = new InputWatch(child, descriptors.get(child.stdin)!.file, timeline);
    this.#children.set(pid, { child, file, input });
    timeline.after(0, () => child.hasEnded || start(child));
    input.notify();
    return { pid, handle: descriptors.open(file, ownPid), stdin: stdin.ours, stdout: stdout.ours, stderr: stderr.ours };
  }

  /** A handle for the process of this number. */
  open(pid: number): Handle | Result {
    if (pid < 1) return -Errno.EINVAL;
    const file = pid === ownPid ? this.#self : this.#children.get(pid)?.file;
    return file === undefined ? -Errno.ESRCH : this.#surroundings.descriptors.open(file, ownPid);
  }

  /** Sends a signal. It reaches a child when somebody next looks at the world, this process at once. */
  signal(file: ProcessFile, signal: number, value: number | undefined): Result {
    const { signals, timeline } = this.#surroundings;
    const { child } = file;
    if (child?.state === "reaped") return -Errno.ESRCH;
    if (signal === 0) return 0;
    if (!isSignal(signal)) return -Errno.EINVAL;
    if (child !== undefined) timeline.after(0, () => child.receive(signal));
    else {signals.deliver({
        signal,
        errno: 0,
        code: value === undefined ? SI_USER : SI_QUEUE,
        pid: ownPid,
        uid,
        value: value ?? 0,
        status: 0,
      });}
    return 0;
  }

  /** Waits until a child has ended, and reaps it. */
  reapAtLast(child: Child): Result {
    const { timeline } = this.#surroundings;
    timeline.runDue();
    while (!child.hasEnded) {
      const next = timeline.next();
      if (next === Infinity) return -Errno.EDEADLK;
      timeline.advanceTo(next);
    }
    const result = child.reap(ChildEvent.EXITED, { pid: 0, uid: 0, code: 0, status: 0 });
    return Math.min(result, 0);
  }

  #openStdio(stdio: SpawnStdio, index: number, pid: number): { ours: Handle; theirs: Handle } {
    const { descriptors } = this.#surroundings;
    if (typeof stdio === "object") return { ours: -1, theirs: descriptors.open(descriptors.get(stdio.fd)!.file, pid) };
    if (stdio !== "piped") return { ours: -1, theirs: descriptors.open(new NullDevice(), pid) };
    const { reader, writer } = openPipe();
    const [ours, theirs] = index === 0 ? [writer, reader] : [reader, writer];
    theirs.blocking = true;
    return { ours: descriptors.open(ours, ownPid), theirs: descriptors.open(theirs, pid) };
  }

  #changed(child: Child, change: ProcessChange): void {
    const { descriptors, signals } = this.#surroundings;
    const { file, input } = this.#children.get(child.pid)!;
    if (child.hasEnded) {
      input.gone();
      for (const [handle] of [...descriptors.of(child.pid)]) descriptors.close(handle);
      if (this.reapsAutomatically) child.vanish();
      file.notify(IoEvent.IN);
    } else input.notify();
    signals.deliver({ signal: SIGCHLD, errno: 0, code: change.code, pid: child.pid, uid, value: 0, status: change.status });
  }
}
