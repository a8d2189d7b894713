/**
 * What this kernel needs of a child process of the host's, whichever host it is.
 *
 * @module
 */

import type { Result, SpawnCommand } from "../kernel.ts";
import type { HostSignal } from "./signals.ts";

/** What comes out of a child, chunk by chunk as it is asked for. */
export interface ByteSource {
  /** Asks for one chunk. `undefined` is the end. Not to be called again before it has answered. */
  pull(answer: (chunk: Uint8Array | undefined) => void): void;
  /** Nobody wants the rest. */
  close(): void;
}

/** What goes into a child, chunk by chunk. */
export interface ByteSink {
  /** Sends a chunk. The answer is 0, or the positive errno after which nothing can be sent. Not to be called again before that. */
  push(chunk: Uint8Array<ArrayBuffer>, answer: (errno: number) => void): void;
  /** Nothing more will be sent. */
  close(): void;
}

/** How a process ended: its exit code, or the name of a signal. */
export type HostExit = { readonly code: number } | { readonly signal: string };

/** A child that was started. It keeps nothing alive but, while it takes a chunk, its input. */
export interface HostChild {
  readonly pid: number;
  /** Those that are piped. */
  readonly stdin: ByteSink | undefined;
  readonly stdout: ByteSource | undefined;
  readonly stderr: ByteSource | undefined;
  /** Sends it a signal, and never one to another process that got its number. */
  kill(signal: HostSignal): Result;
}

/** What a stream of a child is: one of this process's own three, nothing, or a pipe. */
export type HostStdio = "null" | "piped" | 0 | 1 | 2;

/** What a host starts a process from; the strings have no 0 in them. */
export interface HostCommand extends Omit<SpawnCommand, "stdin" | "stdout" | "stderr"> {
  readonly stdio: readonly [HostStdio, HostStdio, HostStdio];
  /** Called from a turn of the host's when it has ended. */
  readonly onExit: (exit: HostExit) => void;
}
