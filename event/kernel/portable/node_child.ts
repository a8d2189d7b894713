/**
 * Child processes by Node's API, which Bun has too.
 *
 * @module
 */

import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { Errno } from "../../errno.ts";
import type { Result } from "../kernel.ts";
import { childProcess, fs, hostProcess, paths } from "./builtin.ts";
import type { ByteSink, ByteSource, HostChild, HostCommand, HostStdio } from "./child_process.ts";
import { errnoOf } from "./host_error.ts";

/** Starts a process. */
export function startByNode(command: HostCommand): HostChild | Result {
  let child: ChildProcess;
  try {
    child = childProcess().spawn(command.command, command.args, {
      cwd: command.cwd,
      env: command.clearEnv ? command.env : { ...hostProcess().env, ...command.env },
      detached: command.processGroup,
      stdio: command.stdio.map(stdioOf),
    });
  } catch (error) {
    return -errnoOf(error);
  }
  child.on("error", () => {}); // what it says is known by then
  const { pid } = child;
  if (pid === undefined) return -whyNotStarted(command);
  child.unref();
  child.on("exit", (code, signal) => command.onExit(signal === null ? { code: code ?? 0 } : { signal }));
  return {
    pid,
    stdin: child.stdin ? sinkOf(child.stdin) : undefined,
    stdout: child.stdout ? sourceOf(child.stdout) : undefined,
    stderr: child.stderr ? sourceOf(child.stderr) : undefined,
    kill: (signal) => {
      try {
        child.kill(signal); // `false`: it has ended, and to a zombie every signal can be sent
        return 0;
      } catch (error) {
        return -errnoOf(error);
      }
    },
  };
}

function stdioOf(stdio: HostStdio): "ignore" | "pipe" | number {
  if (stdio === "null") return "ignore";
  return stdio === "piped" ? "pipe" : stdio;
}

/**
 * Why a process was not started. Node tells that only a turn later, so it is looked for: what is not there, what cannot be executed, and else
 * that there are too many processes or descriptors. (Whatever other reason there is, `spawn` throws at once.)
 */
function whyNotStarted({ command, cwd, clearEnv, env }: HostCommand): number {
  if (cwd !== undefined && !fs().statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) return Errno.ENOENT;
  const path = (clearEnv ? undefined : hostProcess().env.PATH) ?? env.PATH ?? "";
  const { delimiter, resolve, sep } = paths();
  const isPath = command.includes("/") || command.includes(sep);
  const places = isPath ? [resolve(cwd ?? ".", command)] : path.split(delimiter).map((folder) => resolve(folder, command));
  const found = places.filter((place) => fs().statSync(place, { throwIfNoEntry: false }) !== undefined);
  if (found.length === 0) return Errno.ENOENT;
  return found.some(isExecutable) ? Errno.EAGAIN : Errno.EACCES;
}

function isExecutable(path: string): boolean {
  try {
    fs().accessSync(path, fs().constants.X_OK);
    return fs().statSync(path).isFile();
  } catch {
    return false;
  }
}

function sourceOf(stream: Readable): ByteSource {
  let waiting: ((chunk: Uint8Array | undefined) => void) | undefined;
  const look = () => {
    const answer = waiting;
    if (answer === undefined) return;
    const chunk: Uint8Array | null = stream.readableEnded || stream.destroyed ? null : stream.read();
    if (chunk === null && !stream.readableEnded && !stream.destroyed) return; // `readable`, or one of the others, comes again
    waiting = undefined;
    answer(chunk ?? undefined);
  };
  for (const event of ["readable", "end", "close", "error"]) stream.on(event, look);
  (stream as Partial<Socket>).unref?.();
  return {
    pull: (answer) => {
      waiting = answer;
      look();
    },
    close: () => void stream.destroy(),
  };
}

function sinkOf(stream: Writable): ByteSink {
  const pipe = stream as Partial<Socket>;
  let waiting: ((errno: number) => void) | undefined;
  const settle = (errno: number) => {
    const answer = waiting;
    waiting = undefined;
    pipe.unref?.();
    answer?.(errno);
  };
  stream.on("error", (error) => settle(errnoOf(error)));
  stream.on("close", () => settle(Errno.EPIPE));
  pipe.unref?.();
  return {
    push: (chunk, answer) => {
      waiting = answer;
      pipe.ref?.();
      if (stream.destroyed) settle(Errno.EPIPE);
      else stream.write(chunk, (error) => error ? undefined : settle(0));
    },
    close: () => void stream.end(),
  };
}
