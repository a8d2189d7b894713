/**
 * Child processes by Deno's own API, which says at once why one cannot be started, and lets it inherit the environment without a
 * permission to read that.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Result } from "../kernel.ts";
import type { ByteSink, ByteSource, HostChild, HostCommand, HostStdio } from "./child_process.ts";
import { errnoOf } from "./host_error.ts";
import { isGranted } from "./permissions.ts";

/** Starts a process. */
export function startByDeno(command: HostCommand): HostChild | Result {
  const stdio = command.stdio.map(stdioOf);
  if (stdio.includes(undefined)) return -Errno.EOPNOTSUPP;
  if (!isGranted({ name: "run", command: command.command })) return -Errno.EACCES;
  const [stdin, stdout, stderr] = stdio as ("inherit" | "null" | "piped")[];
  let child: Deno.ChildProcess;
  try {
    const { args, cwd, env, clearEnv, processGroup } = command;
    child = new Deno.Command(command.command, { args: [...args], cwd, env, clearEnv, detached: processGroup, stdin, stdout, stderr })
      .spawn();
  } catch (error) {
    return -errnoOf(error);
  }
  child.unref();
  child.status.then(({ code, signal }) => command.onExit(signal === null ? { code } : { signal }));
  return {
    pid: child.pid,
    stdin: stdin === "piped" ? sinkOf(child.stdin) : undefined,
    stdout: stdout === "piped" ? sourceOf(child.stdout) : undefined,
    stderr: stderr === "piped" ? sourceOf(child.stderr) : undefined,
    kill: (signal) => {
      try {
        child.kill(signal as Deno.Signal);
        return 0;
      } catch (error) {
        // It has ended: to a zombie every signal can be sent.
        return error instanceof TypeError ? 0 : -errnoOf(error);
      }
    },
  };
}

/** Of this process's own streams a child can have only the one of the same number. */
function stdioOf(stdio: HostStdio, index: number): "inherit" | "null" | "piped" | undefined {
  if (typeof stdio === "string") return stdio;
  return stdio === index ? "inherit" : undefined;
}

function sourceOf(stream: ReadableStream<Uint8Array>): ByteSource {
  const reader = stream.getReader();
  return {
    // Whatever goes wrong with a pipe, nothing more comes out of it.
    pull: (answer) => void reader.read().then(({ value }) => answer(value), () => answer(undefined)),
    close: () => void reader.cancel().catch(() => {}),
  };
}

function sinkOf(stream: WritableStream<Uint8Array<ArrayBuffer>>): ByteSink {
  const writer = stream.getWriter();
  writer.closed.catch(() => {}); // `push` has said so
  return {
    push: (chunk, answer) => void writer.write(chunk).then(() => answer(0), (error) => answer(errnoOf(error))),
    close: () => void writer.close().catch(() => {}),
  };
}
