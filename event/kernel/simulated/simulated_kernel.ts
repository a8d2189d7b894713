/**
 * What a simulation looks like to the test that makes it.
 *
 * @module
 */

import type { Signal } from "../../signal_names.ts";
import type { Usec } from "../../time.ts";
import type { Kernel, PressureResource } from "../kernel.ts";

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
   * ECONNRESET connected streams, ENOSPC new watches, of files too, and each piece of a file that is written, EIO each piece that is read or written,
   * datagram-loss what is sent by UDP.
   */
  faults?: Partial<Record<"EINTR" | "EIO" | "EAGAIN" | "ECONNRESET" | "ENOSPC" | "short-read" | "short-write" | "datagram-loss", number>>;
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
  /** Makes a datagram socket at a path, somebody else's: the list of what it receives from now on. */
  datagrams(path: string): readonly Uint8Array[];
  /**
   * Puts something that tells of pressure at a path, in the place of what is there; `undefined` takes it away. The system's own files stand
   * where `pressurePaths` says. Sockets and files of the tree are found at their paths too.
   */
  pressureFile(path: string, kind: SimulatedPressureKind | undefined): void;
  /** Lets the system's own files tell of pressure on the resource: those that were configured to tell of so much. */
  press(resource: PressureResource, pressure?: SimulatedPressure): void;
  /** The file tree, empty at first. */
  readonly files: SimulatedFiles;
  /** Scripts what spawning `command` starts. */
  program(command: string, start: (process: SimulatedProcess) => void): void;

  /** What is still there: handles, watches, wake-ups, claims, operations, and processes that nobody has reaped. */
  leaks(): string[];
}

/** A file of the system's own on this resource, a FIFO, or something that cannot tell of pressure. */
export type SimulatedPressureKind = PressureResource | "fifo" | "block-device";

/** How much pressure there was. */
export interface SimulatedPressure {
  /** Whether some or all that had something to do was stalled. Default: `"some"`. */
  level?: "some" | "full";
  /** For how long in the window. Default: all of it. */
  stallUsec?: Usec;
}

/**
 * The hands that change the virtual file tree, as somebody else would. Those who watch are told of it as Linux would tell them.
 *
 * Nobody owns files and everybody may use them. Relative paths begin at the root. All hands throw a SystemError where the system
 * would refuse: ENOENT, ENOTDIR, EISDIR, EEXIST, ENOTEMPTY, EINVAL, EBUSY, ELOOP, ENAMETOOLONG.
 */
export interface SimulatedFiles {
  /** How many records a file watcher that is opened from now on has room for (fs.inotify.max_queued_events). Default: 16384. */
  maxQueuedRecords: number;
  /** How long the disk takes for each piece of a file, of 64 KiB, that a loop reads or writes, in microseconds. Default: 100. */
  latency: Usec;
  /** Makes a directory. */
  mkdir(path: string): void;
  /** Makes a symbolic link. */
  symlink(target: string, path: string): void;
  /** Opens a file, makes this all that is in it, and closes it; it is made where it is missing. Default: one byte. */
  write(path: string, content?: Uint8Array | string): void;
  /** Opens a file, reads it and closes it: what is in it. */
  read(path: string): Uint8Array;
  /** The names in a directory, sorted. */
  list(path: string): string[];
  /** Changes the attributes of what is there. */
  touch(path: string): void;
  /** Moves something, in the place of what has that name. */
  rename(from: string, to: string): void;
  /** Removes a file, a link or an empty directory. */
  remove(path: string): void;
  /** Takes all that is in a directory away, as if it were a file system of its own; EBUSY while a handle of something in it is open. */
  unmount(path: string): void;
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
