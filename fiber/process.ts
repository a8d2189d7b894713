/**
 * Processes that fibers start, talk to and wait for.
 *
 * @module
 */

import type { ChildInfo, ChildSource } from "../event/child_source.ts";
import { errorCode, SystemError } from "../event/errno.ts";
import { requirePath } from "../event/file_url.ts";
import type { Handle, SpawnCommand, SpawnedProcess, SpawnStdio } from "../event/kernel/kernel.ts";
import type { LoopCore } from "../event/loop_core.ts";
import type { Signal } from "../event/signal_names.ts";
import type { Usec } from "../event/time.ts";
import { requireFd, requireOptions, requireUsec } from "../event/validate.ts";
import { type ChildFuture, DEFAULT_KILL_TIMEOUT, ownedChildFuture } from "../future/child_future.ts";
import { requireNotExiting } from "../future/event_future.ts";
import type { Operation } from "../future/operation.ts";
import { Checkpoint } from "./checkpoint.ts";
import { type Connection, connectionOf } from "./connection.ts";
import { currentCore } from "./fiber.ts";
import { scope } from "./scope.ts";
import { StreamIo } from "./stream_io.ts";

/**
 * What one of a process's three streams is: this process's own (`"inherit"`), nothing (`"null"`), a pipe to this program (`"piped"`), or a descriptor,
 * which stays yours.
 */
export type Stdio = SpawnStdio;

/** How a process is started. */
export interface CommandOptions {
  /** Its arguments. Default: none. */
  args?: readonly string[];
  /** Where it starts. Default: where this process is. */
  cwd?: string | URL;
  /** Variables that are added to the environment. */
  env?: Readonly<Record<string, string>>;
  /** Leave this process's environment out. Default: `false`. */
  clearEnv?: boolean;
  /** Its standard input. Default: `"inherit"`; of `output`: `"null"`. */
  stdin?: Stdio;
  /** Its standard output. Default: `"inherit"`; of `output`: `"piped"`. */
  stdout?: Stdio;
  /** Its standard error. Default: `"inherit"`; of `output`: `"piped"`. */
  stderr?: Stdio;
  /** Give it a process group of its own, so that the terminal's signals do not reach it. Default: `false`. */
  processGroup?: boolean;
  /** How long after SIGTERM it gets SIGKILL when it is cancelled, in microseconds; `Infinity` never. Default: 90 s. */
  killTimeout?: Usec;
}

const optionNames = ["args", "cwd", "env", "clearEnv", "stdin", "stdout", "stderr", "processGroup", "killTimeout"];

const streamNames = ["stdin", "stdout", "stderr"] as const;

/** What a process is made of. */
class ProcessParts {
  readonly pid: number;
  readonly status: ChildFuture;
  readonly source: ChildSource;
  readonly streams: readonly (Connection | undefined)[];

  constructor(core: LoopCore, spawned: SpawnedProcess, killTimeout: Usec) {
    const { pid, handle } = spawned;
    this.pid = pid;
    const { status, source } = ownedChildFuture(core, handle, killTimeout);
    this.status = status;
    this.source = source;
    this.streams = streamNames.map((name) => pipeOf(core, spawned[name], `the ${name} of process ${pid}`, name === "stdin"));
  }
}

/** The pipe's connection; `undefined` where the stream is not piped. */
function pipeOf(core: LoopCore, handle: Handle, title: string, isPipeWriter: boolean): Connection | undefined {
  if (handle < 0) return undefined;
  return connectionOf(new StreamIo(core, handle, { title, isByteStream: true }).attach(), { isPipeWriter });
}

/** Makes the handle of a process. */
let processOf: (parts: ProcessParts) => Process;

/**
 * A process that was started by {@linkcode spawnProcess}.
 *
 * Disposing it is the short way to its end: it gets SIGKILL, its pipes are closed, and the loop reaps it later on.
 */
export class Process implements Disposable {
  readonly #parts: ProcessParts;

  static {
    processOf = (parts) => new Process(parts);
  }

  /** Not for users: see {@linkcode spawnProcess}. */
  private constructor(parts: object) {
    if (!(parts instanceof ProcessParts)) throw new SystemError("EINVAL", "Cannot make a process by new: use spawnProcess()");
    this.#parts = parts;
  }

  /** Its number. When the process has been reaped, the number may be another one's. */
  get pid(): number {
    return this.#parts.pid;
  }

  /**
   * What becomes of it, a future that owns the process: cancelled, it sends SIGTERM, at the next cancel or after `killTimeout` SIGKILL, and resolves, with
   * ECANCELED, when the process has ended. `scope.add(process.status)` ties the process to a scope.
   */
  get status(): ChildFuture {
    return this.#parts.status;
  }

  /** What it reads: to be written to, and closed at the end. Throws EBADF unless it is piped. */
  get stdin(): Connection {
    return this.#stream(0);
  }

  /** What it writes. Throws EBADF unless it is piped. */
  get stdout(): Connection {
    return this.#stream(1);
  }

  /** What it complains of. Throws EBADF unless it is piped. */
  get stderr(): Connection {
    return this.#stream(2);
  }

  #stream(index: number): Connection {
    const stream = this.#parts.streams[index];
    if (stream !== undefined) return stream;
    const name = streamNames[index];
    throw new SystemError("EBADF", `Cannot use the ${name} of process ${this.pid}: it is not piped, start it with ${name}: "piped"`);
  }

  /**
   * Sends it a signal.
   *
   * @param signal Default: SIGTERM.
   * @throws {SystemError} EINVAL for what is no signal, ESRCH when the process has ended, EPERM.
   */
  kill(signal: Signal = "SIGTERM"): void {
    const { source, status } = this.#parts;
    if (status.state === "resolved") throw new SystemError("ESRCH", `Cannot send ${signal} to process ${this.pid}: it has ended`);
    source.kill(signal);
  }

  /** Kills it, unless it has ended, and closes its pipes. Does not wait: the loop reaps it. */
  [Symbol.dispose](): void {
    if (this.#parts.status.state === "pending") this.#end();
    for (const stream of this.#parts.streams) stream?.[Symbol.dispose]();
  }

  #end(): void {
    try {
      this.kill("SIGKILL");
    } catch (error) {
      // It has ended and waits to be reaped, or it has become another user's and ends when it likes.
      if (!(error instanceof SystemError && ["ESRCH", "EPERM"].includes(error.code))) throw error;
    }
  }
}

/**
 * Starts a process, on the loop of the fiber that runs, else the default loop.
 *
 * @param command A path, or a name that is looked up in PATH.
 * @returns The process, to be disposed of by you or ended by its `status`. The loop's disposal kills it too.
 * @throws {SystemError} ENOENT (no such command, or no such `cwd`), EACCES, E2BIG, EAGAIN, EMFILE, EINVAL (options, a 0 in a string), EBADF (a stream's
 * descriptor), EBUSY (SIGCHLD is ignored, so that nobody can wait for children), ECANCELED when the loop is exiting.
 *
 * @example A filter
 * ```ts
 * import { run, spawnProcess } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const text = await run(function* () {
 *   using process = spawnProcess("cat", { stdin: "piped", stdout: "piped" });
 *   yield* process.stdin.writeAll(new TextEncoder().encode("meow"));
 *   process.stdin.close();
 *   const bytes = yield* process.stdout.readAll();
 *   assertEquals((yield* process.status).status, 0);
 *   return new TextDecoder().decode(bytes);
 * });
 * assertEquals(text, "meow");
 * ```
 */
export function spawnProcess(command: string | URL, options: CommandOptions = {}): Process {
  const core = currentCore(undefined);
  const { kernel } = core;
  const path = requirePath(command, "start a process");
  requireOptions(options, optionNames, `start '${path}'`);
  const killTimeout = requireUsec(options.killTimeout ?? DEFAULT_KILL_TIMEOUT, "killTimeout");
  const spawnCommand = commandOf(path, options);
  requireNotExiting(core, `start '${path}'`);
  if (kernel.reapsAutomatically() > 0) {
    throw new SystemError("EBUSY", `Cannot start '${path}': this process ignores SIGCHLD, so the system reaps its children by itself`);
  }
  const spawned = kernel.spawn(spawnCommand);
  if (typeof spawned === "number") throw startError(-spawned, spawnCommand);
  try {
    return processOf(new ProcessParts(core, spawned, killTimeout));
  } catch (error) {
    discard(core, spawned);
    throw error;
  }
}

/** Ends a process that nobody got to see. */
function discard({ kernel }: LoopCore, spawned: SpawnedProcess): void {
  const SIGKILL = 9;
  if (kernel.signalProcess(spawned.handle, SIGKILL, undefined) >= 0) kernel.reapKilledProcess(spawned.handle);
  for (const handle of [spawned.handle, spawned.stdin, spawned.stdout, spawned.stderr]) if (handle >= 0) kernel.close(handle);
}

function commandOf(command: string, options: CommandOptions): SpawnCommand {
  const { args = [], cwd, env = {}, clearEnv = false, processGroup = false } = options;
  const { stdin = "inherit", stdout = "inherit", stderr = "inherit" } = options;
  for (const text of [...args, ...Object.values(env)]) {
    if (typeof text === "string") continue;
    throw new SystemError("EINVAL", `Cannot start '${command}' with '${String(text)}': arguments and variables are strings`);
  }
  return {
    command,
    args,
    cwd: cwd === undefined ? undefined : requirePath(cwd, `start '${command}' in a directory`),
    env,
    clearEnv,
    processGroup,
    stdin: requireStdio(stdin, command),
    stdout: requireStdio(stdout, command),
    stderr: requireStdio(stderr, command),
  };
}

function requireStdio(stdio: Stdio, command: string): Stdio {
  if (typeof stdio === "object" && stdio !== null) requireFd(stdio.fd, `start '${command}' with`);
  else if (!["inherit", "null", "piped"].includes(stdio)) {
    throw new SystemError("EINVAL", `Cannot start '${command}' with stream '${stdio}': it takes "inherit", "null", "piped" or an fd`);
  }
  return stdio;
}

function startError(errno: number, { command, cwd }: SpawnCommand): SystemError {
  const code = errorCode(errno);
  const where = cwd === undefined ? "" : `, or no directory '${cwd}'`;
  const causes: Record<string, string> = {
    EACCES: "not permitted, by the file's mode or for want of --allow-run",
    ENOENT: `there is no such command${where}`,
    EOPNOTSUPP: "this kernel can pass on none but this program's own three streams, pipe the others",
  };
  const cause = causes[code] ?? code;
  return new SystemError(code, `Cannot start '${command}': ${cause}`, { syscall: "posix_spawn" });
}

/**
 * Starts a process and waits for its end; its output comes with it.
 *
 * Suspends until the process has ended and whoever else has its output open (its own children) has closed it. Interrupted, its output is closed and it
 * gets SIGTERM, after `killTimeout` or at the next interruption SIGKILL; the interruption is thrown when it has ended.
 *
 * @param options As of {@linkcode spawnProcess}, with other defaults for the streams. A stream that is not piped comes out empty. A piped
 * `stdin` is EINVAL.
 * @returns How it ended, and what it wrote.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, and as {@linkcode spawnProcess}. An exit code other than 0 is no error.
 *
 * @example What a command prints
 * ```ts
 * import { output, run } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const { code, status, stdout } = await run(() => output("echo", { args: ["hello"] }));
 * assertEquals([code, status], ["exited", 0]);
 * assertEquals(new TextDecoder().decode(stdout), "hello\n");
 * ```
 */
export function* output(
  command: string | URL,
  options: CommandOptions = {},
): Operation<ChildInfo & { readonly stdout: Uint8Array; readonly stderr: Uint8Array }> {
  yield* new Checkpoint();
  const { stdin = "null", stdout = "piped", stderr = "piped" } = options;
  if (stdin === "piped") {
    throw new SystemError("EINVAL", "Cannot wait for the output of a process with a piped stdin: use spawnProcess(), and write to it");
  }
  using process = spawnProcess(command, { ...options, stdin, stdout, stderr });
  return yield* scope(function* (children) {
    children.add(process.status);
    const out = children.spawn(() => drain(stdout === "piped" ? process.stdout : undefined), { name: "stdout" });
    const err = children.spawn(() => drain(stderr === "piped" ? process.stderr : undefined), { name: "stderr" });
    const written = { stdout: yield* out, stderr: yield* err };
    return { ...yield* process.status, ...written };
  });
}

/** Reads to the end, and closes: who writes on after an interruption is told so by EPIPE, and not held up by a full pipe. */
function* drain(stream: Connection | undefined): Operation<Uint8Array> {
  if (stream === undefined) return new Uint8Array();
  using open = stream;
  return yield* open.readAll();
}
