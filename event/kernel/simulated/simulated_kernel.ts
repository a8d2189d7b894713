/**
 * What a simulation looks like to the test that makes it.
 *
 * @module
 */

import type { Signal } from "../../signal_names.ts";
import type { Usec } from "../../time.ts";
import type { Kernel } from "../kernel.ts";

/** How a simulation behaves. */
export interface SimulationOptions {
  /** Decides which faults happen when. Default: 0. */
  seed?: number;
  /**
   * Jump to the next deadline when nothing can run and no fiber waits for a promise of the host. Default: true. A poll that blocks
   * jumps in any case.
   */
  autoAdvance?: boolean;
  /**
   * The chance of each fault, from 0 to 1. Default: none ever happens. EINTR strikes polls that would wait, EAGAIN calls on what is ready,
   * ECONNRESET connected streams, ENOSPC new watches.
   */
  faults?: Partial<Record<"EINTR" | "EAGAIN" | "ECONNRESET" | "ENOSPC" | "short-read" | "short-write", number>>;
  /** The variables of the environment. Default: none. */
  environment?: Readonly<Record<string, string>>;
  /** The 16 bytes that name this boot. Default: there are none. */
  bootId?: Uint8Array;
}

/**
 * A kernel whose world is virtual, with the hands that move it.
 *
 * What the hands script (`after`, `program`) is part of the world: it runs whenever time passes or somebody looks, in the middle of a
 * poll too. Handles are numbers from 3 up and good for this kernel alone.
 */
export interface SimulatedKernel extends Kernel {
  /** The seed it was made with. */
  readonly seed: number;
  /** How many turns of the host were asked for. */
  readonly turns: Readonly<Record<"tasks" | "io", number>>;
  /** Whether children vanish as soon as they end, as where SIGCHLD is ignored. */
  autoReap: boolean;

  /**
   * Lets time pass, for all clocks.
   *
   * @throws {SystemError} EINVAL unless it goes forward, by a finite time.
   */
  advance(usec: Usec): void;
  /** Steps the realtime clock alone, as `date -s` does. */
  setRealtime(usec: Usec): void;
  /**
   * Lets `action` happen in the virtual world when so much time has passed; with 0 when somebody next looks at it.
   *
   * @throws {SystemError} EINVAL for a time that has passed.
   */
  after(usec: Usec, action: () => void): void;

  /**
   * A pipe. Default capacity: 65536 bytes.
   *
   * @throws {SystemError} EINVAL for a capacity that is not a positive whole number.
   */
  pipe(options?: { capacityBytes?: number }): { reader: number; writer: number };
  /** Two stream sockets that are connected with each other. */
  socketPair(): [number, number];
  /** A stream socket that is not connected yet. Default: `"tcp"`. */
  socket(family?: "tcp" | "unix"): number;
  /** Gives a hostname numeric addresses; `localhost` has some already. Without any it is unknown. */
  hostname(hostname: string, addresses: readonly string[]): void;

  /**
   * Sends this process a signal, as if from another one: from the service manager unless `info` says who. It is recorded as on Linux: a
   * classic signal that waits already is merged with that.
   *
   * @throws {SystemError} EINVAL for what is no signal.
   * @throws {Error} When nobody claims it and its default action would have ended or stopped this process.
   */
  raise(signal: Signal, info?: Partial<Record<"errno" | "code" | "pid" | "uid" | "value" | "status", number>>): void;
  /** Scripts what spawning `command` starts. */
  program(command: string, start: (process: SimulatedProcess) => void): void;

  /** What is still there: handles, watches, wake-ups, claims, operations, and processes that nobody has reaped. */
  leaks(): string[];
}

/** A child process, as its script sees it. The handles are its own and closed when it ends; no fault disturbs them. */
export interface SimulatedProcess {
  /** Its number. */
  readonly pid: number;
  /** Without the command's own name. */
  readonly args: readonly string[];
  /** Its end of what it reads. */
  readonly stdin: number;
  /** Its end of what it writes. */
  readonly stdout: number;
  /** Its end of what it complains to. */
  readonly stderr: number;
  /** Ends it. */
  exit(code: number): void;
  /** Stops it, as SIGSTOP does, until SIGCONT comes. */
  stop(): void;
  /** Called for the signals that can be caught. Without it a signal has its default action. */
  onSignal: ((signal: number) => void) | undefined;
  /** Called when something came on `stdin`, or its end. */
  onInput: (() => void) | undefined;
}
