/**
 * Processes: this one, and the children that this kernel has started. Of others the host knows nothing, and of a child only how it ended.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { ChildEvent, IoEvent } from "../../flags.ts";
import { signalNumber } from "../../signal_names.ts";
import type { Descriptors } from "../emulated/descriptors.ts";
import { OpenFile } from "../emulated/open_file.ts";
import { isSignal } from "../emulated/signal_actions.ts";
import type { Handle, ProcessRecord, Result, SpawnCommand, SpawnedProcess, SpawnStdio } from "../kernel.ts";
import { hostProcess } from "./builtin.ts";
import type { ByteSink, ByteSource, HostChild, HostCommand, HostExit, HostStdio } from "./child_process.ts";
import { ChildReader, ChildWriter } from "./child_streams.ts";
import { errnoOf } from "./host_error.ts";
import { isGranted } from "./permissions.ts";
import { hostSignal } from "./signals.ts";
import { turn } from "./turns.ts";

/** Codes of state changes as in siginfo. */
const exited = 1;
const killed = 2;

/** After so many turns without anything new there is nothing more of a child's to come, and after so many it is others who write. */
const quietTurns = 3;
const mostTurns = 50;

/** No user has this number: whose the process is was not permitted to be asked. */
const unknownUser = 0xffff_ffff;

/** What the handle of a process stands for; without a child it is this process itself. */
class ProcessFile extends OpenFile {
  readonly child: HostChild | undefined;
  /** This side of its standard input. */
  input: ChildWriter | undefined;
  /** That of its standard output and standard error. */
  readonly outputs: ChildReader[] = [];
  state: "running" | "zombie" | "reaped" = "running";
  /** Of a zombie: how it ended. */
  end: { readonly code: number; readonly status: number } = { code: exited, status: 0 };

  constructor(child: HostChild | undefined) {
    super();
    this.child = child;
  }

  get description(): string {
    return this.child === undefined ? "handle of this process" : `handle of process ${this.child.pid}`;
  }

  override get isFedByHost(): boolean {
    return true;
  }

  override readiness(): number {
    return this.state === "running" ? 0 : IoEvent.IN;
  }
}

/** What stands in the kernel contract, by the same names. */
export class Processes {
  /** How many children the host is still to see the end of. */
  running = 0;
  readonly #descriptors: Descriptors;
  readonly #start: (command: HostCommand) => HostChild | Result;
  readonly #self = new ProcessFile(undefined);
  /** By number: those that nobody has reaped, or whose end the host has not seen. */
  readonly #children = new Map<number, ProcessFile>();

  /** `start` starts a process on the host. */
  constructor(descriptors: Descriptors, start: (command: HostCommand) => HostChild | Result) {
    this.#descriptors = descriptors;
    this.#start = start;
  }

  spawn(command: SpawnCommand): SpawnedProcess | Result {
    const stdio = [command.stdin, command.stdout, command.stderr].map((stdio, index) => this.#stdioOf(stdio, index));
    const refused = stdio.find((each) => typeof each === "number" && each < 0);
    if (refused !== undefined) return refused as Result;
    const { args, cwd = "", env } = command;
    if ([command.command, ...args, cwd, ...Object.entries(env).flat()].some((text) => text.includes("\0"))) return -Errno.EINVAL;
    if (command.command === "") return -Errno.ENOENT;
    const onExit = (exit: HostExit) => this.#ended(file, exit);
    const child = this.#start({ ...command, stdio: stdio as [HostStdio, HostStdio, HostStdio], onExit });
    if (typeof child === "number") return child;
    const file = new ProcessFile(child);
    this.running++;
    this.#children.set(child.pid, file);
    return {
      pid: child.pid,
      handle: this.#descriptors.open(file),
      stdin: this.#openSink(child.stdin, file),
      stdout: this.#openSource(child.stdout, file),
      stderr: this.#openSource(child.stderr, file),
    };
  }

  openProcess(pid: number): Result {
    if (!Number.isInteger(pid) || pid < 1) return -Errno.EINVAL;
    const file = pid === hostProcess().pid ? this.#self : this.#children.get(pid);
    if (file?.state === "reaped") return -Errno.ESRCH;
    if (file !== undefined) return this.#descriptors.open(file);
    return this.#isGone(pid) ? -Errno.ESRCH : -Errno.EOPNOTSUPP;
  }

  processId(handle: Handle): Result {
    const file = this.#find(handle);
    if (file === undefined) return this.#descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.ENOTTY;
    if (file.child === undefined) return hostProcess().pid;
    return file.state === "reaped" ? -Errno.ESRCH : file.child.pid;
  }

  peekProcess(handle: Handle, options: number, record: ProcessRecord): Result {
    const file = this.#find(handle);
    if (file === undefined) return -Errno.EBADF;
    if ((options & (ChildEvent.EXITED | ChildEvent.STOPPED | ChildEvent.CONTINUED)) === 0) return -Errno.EINVAL;
    if (file.child === undefined || file.state === "reaped") return -Errno.ECHILD;
    const found = file.state === "zombie" && (options & ChildEvent.EXITED) !== 0;
    Object.assign(record, found ? { pid: file.child.pid, uid: userId(), ...file.end } : { pid: 0, uid: 0, code: 0, status: 0 });
    return found ? 1 : 0;
  }

  reapProcess(handle: Handle, options: number, record: ProcessRecord): Result {
    const result = this.peekProcess(handle, options, record);
    if (result === 1) this.#forget(this.#find(handle)!);
    return result;
  }

  /** Does not wait: that would keep the host from seeing the end. The host reaps it then. */
  reapKilledProcess(handle: Handle): Result {
    const file = this.#find(handle);
    if (file === undefined) return -Errno.EBADF;
    if (file.child === undefined || file.state === "reaped") return -Errno.ECHILD;
    this.#forget(file);
    return 0;
  }

  signalProcess(handle: Handle, signal: number, value: number | undefined): Result {
    const file = this.#find(handle);
    if (file === undefined) return -Errno.EBADF;
    if (file.state === "reaped") return -Errno.ESRCH;
    if (signal === 0) return 0;
    if (!isSignal(signal)) return -Errno.EINVAL;
    const name = hostSignal(signal);
    if (name === undefined || value !== undefined) return -Errno.EOPNOTSUPP;
    if (file.child !== undefined) return file.state === "zombie" ? 0 : file.child.kill(name);
    if (!isGranted({ name: "run" })) return -Errno.EPERM;
    try {
      hostProcess().kill(hostProcess().pid, name);
      return 0;
    } catch (error) {
      return -errnoOf(error);
    }
  }

  #find(handle: Handle): ProcessFile | undefined {
    return this.#descriptors.find(handle, ProcessFile);
  }

  /** What the host makes of a stream. It can pass on this process's own three; what is behind a handle of this kernel's only this kernel knows. */
  #stdioOf(stdio: SpawnStdio, index: number): HostStdio | Result {
    if (stdio === "null" || stdio === "piped") return stdio;
    if (stdio === "inherit") return index;
    if (stdio.fd === 0 || stdio.fd === 1 || stdio.fd === 2) return stdio.fd;
    return this.#descriptors.get(stdio.fd) === undefined ? -Errno.EBADF : -Errno.EOPNOTSUPP;
  }

  #openSink(sink: ByteSink | undefined, file: ProcessFile): Handle {
    return sink === undefined ? -1 : this.#descriptors.open(file.input = new ChildWriter(sink));
  }

  #openSource(source: ByteSource | undefined, file: ProcessFile): Handle {
    if (source === undefined) return -1;
    const reader = new ChildReader(source);
    file.outputs.push(reader);
    return this.#descriptors.open(reader);
  }

  async #ended(file: ProcessFile, exit: HostExit): Promise<void> {
    this.running--;
    file.input?.breakOff();
    await lastWords(file.outputs);
    if (file.state === "reaped") return void this.#children.delete(file.child!.pid);
    file.state = "zombie";
    file.end = "code" in exit ? { code: exited, status: exit.code & 0xff } : { code: killed, status: numberOf(exit.signal) };
    file.notify(IoEvent.IN);
  }

  #forget(file: ProcessFile): void {
    if (file.state === "zombie") this.#children.delete(file.child!.pid);
    file.state = "reaped";
    file.notify(IoEvent.IN);
  }

  /** Whether there is no process of this number, as far as may be asked. */
  #isGone(pid: number): boolean {
    if (!isGranted({ name: "run" })) return false;
    try {
      hostProcess().kill(pid, 0);
      return false;
    } catch (error) {
      return errnoOf(error) === Errno.ESRCH;
    }
  }
}

/**
 * What a child wrote before its end is there before the news of that, as on a system. Its pipes may be open longer than it lived, in the hands of a
 * child of its own.
 */
async function lastWords(outputs: readonly ChildReader[]): Promise<void> {
  const count = () => outputs.reduce((sum, { chunks }) => sum + chunks, 0);
  for (let turns = 0, quiet = 0; turns < mostTurns && quiet < quietTurns && outputs.some(({ isListening }) => isListening); turns++) {
    const before = count();
    await turn("io");
    quiet = count() === before ? quiet + 1 : 0;
  }
}

/** The number of a signal that the host names; 0 for a name that only it knows. */
function numberOf(name: string): number {
  try {
    return signalNumber(name as "SIGTERM");
  } catch {
    return 0;
  }
}

/** The user of this process, whose its children are too. */
function userId(): number {
  return isGranted({ name: "sys", kind: "uid" }) ? hostProcess().getuid?.() ?? unknownUser : unknownUser;
}
