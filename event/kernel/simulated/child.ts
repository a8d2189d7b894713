/**
 * One child process.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { ChildEvent } from "../../flags.ts";
import type { Handle, ProcessRecord, Result } from "../kernel.ts";
import { defaultAction, SIGCONT, SIGKILL, SIGSTOP } from "../emulated/signal_actions.ts";
import type { SimulatedProcess } from "./simulated_kernel.ts";

/** Codes of state changes as in siginfo. */
const CLD_EXITED = 1;
const CLD_KILLED = 2;
const CLD_STOPPED = 5;
const CLD_CONTINUED = 6;

/** Whose processes they all are. */
export const uid = 1_000;

/** A state change that a parent can wait for. */
export interface ProcessChange {
  readonly code: number;
  readonly status: number;
}

/** What a child is made with. */
export interface ChildOptions {
  readonly pid: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly stdin: Handle;
  readonly stdout: Handle;
  readonly stderr: Handle;
  /** Told when it stopped, went on or ended. */
  readonly onChange: (child: Child, change: ProcessChange) => void;
  /** Told when somebody reaped it. */
  readonly onReap: (child: Child) => void;
}

/** A child, to its parent and to the program that a test scripts. */
export class Child implements SimulatedProcess {
  readonly pid: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly stdin: Handle;
  readonly stdout: Handle;
  readonly stderr: Handle;
  state: "running" | "stopped" | "zombie" | "reaped" = "running";
  onSignal: ((signal: number) => void) | undefined;
  onInput: (() => void) | undefined;
  readonly #onChange: (child: Child, change: ProcessChange) => void;
  readonly #onReap: (child: Child) => void;
  /** The change that nobody has consumed yet. */
  #change: ProcessChange | undefined;
  /** Signals that came while it was stopped. */
  #held: number[] = [];

  constructor(options: ChildOptions) {
    this.pid = options.pid;
    this.command = options.command;
    this.args = options.args;
    this.stdin = options.stdin;
    this.stdout = options.stdout;
    this.stderr = options.stderr;
    this.#onChange = options.onChange;
    this.#onReap = options.onReap;
  }

  /** Whether it is a zombie, or reaped. */
  get hasEnded(): boolean {
    return this.state === "zombie" || this.state === "reaped";
  }

  exit(code: number): void {
    this.#end({ code: CLD_EXITED, status: code & 0xff });
  }

  stop(): void {
    this.#stop(SIGSTOP);
  }

  /** Lets a signal reach it. */
  receive(signal: number): void {
    if (this.hasEnded) return;
    if (signal === SIGKILL) return this.#end({ code: CLD_KILLED, status: signal });
    if (this.state === "stopped" && signal !== SIGCONT) {
      this.#held.push(signal);
      return;
    }
    this.#continue(signal);
    if (this.onSignal !== undefined && signal !== SIGSTOP) return this.onSignal(signal);
    const action = defaultAction(signal);
    if (action === "stop") this.#stop(signal);
    else if (action === "terminate") this.#end({ code: CLD_KILLED, status: signal });
  }

  /** Looks for a change of these kinds: 1 and the record is filled, else 0. */
  peek(options: number, record: ProcessRecord): Result {
    if ((options & (ChildEvent.EXITED | ChildEvent.STOPPED | ChildEvent.CONTINUED)) === 0) return -Errno.EINVAL;
    if (this.state === "reaped") return -Errno.ECHILD;
    const change = this.#change;
    const found = change !== undefined && (options & kindOf(change)) !== 0;
    Object.assign(
      record,
      found ? { pid: this.pid, uid, code: change.code, status: change.status } : { pid: 0, uid: 0, code: 0, status: 0 },
    );
    return found ? 1 : 0;
  }

  /** As `peek`, and consumes the change. */
  reap(options: number, record: ProcessRecord): Result {
    const result = this.peek(options, record);
    if (result !== 1) return result;
    this.#change = undefined;
    if (this.state === "zombie") this.vanish();
    return result;
  }

  /** Nobody will find it by its number any more. */
  vanish(): void {
    this.state = "reaped";
    this.#onReap(this);
  }

  #stop(signal: number): void {
    if (this.state !== "running") return;
    this.state = "stopped";
    this.#changed({ code: CLD_STOPPED, status: signal });
  }

  #continue(signal: number): void {
    if (signal !== SIGCONT || this.state !== "stopped") return;
    this.state = "running";
    this.#changed({ code: CLD_CONTINUED, status: SIGCONT });
    // SIGCONT takes back what was to stop it.
    const held = this.#held.filter((each) => defaultAction(each) !== "stop");
    this.#held = [];
    for (const each of held) this.receive(each);
  }

  #end(change: ProcessChange): void {
    if (this.hasEnded) return;
    this.state = "zombie";
    this.#changed(change);
  }

  #changed(change: ProcessChange): void {
    this.#change = change;
    this.#onChange(this, change);
  }
}

function kindOf(change: ProcessChange): number {
  if (change.code === CLD_STOPPED) return ChildEvent.STOPPED;
  return change.code === CLD_CONTINUED ? ChildEvent.CONTINUED : ChildEvent.EXITED;
}
