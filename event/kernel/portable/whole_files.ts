/**
 * Whole files, read and written piece by piece on the host's threads.
 *
 * A FIFO is refused: opening one waits for the other side, on a thread that nobody can call back.
 *
 * @module
 */

import type { FileHandle } from "node:fs/promises";
import { Errno } from "../../errno.ts";
import type { Task } from "../emulated/operations.ts";
import type { CompletionResult, ReadFileOperation, Result, WriteFileOperation } from "../kernel.ts";
import { fsPromises, paths } from "./builtin.ts";
import { errnoOf } from "./host_error.ts";
import { isGranted } from "./permissions.ts";

/** How much is moved at once. */
const pieceBytes = 262_144;

const methodFlags = { "in-place": "w", "append": "a", "replace": "wx" } as const;

/** A file that is being read or written. */
class FileTask implements Task {
  isStopped = false;

  stop(): void {
    this.isStopped = true;
  }

  abandon(): void {
    this.isStopped = true;
  }
}

/** Begins to read a file; `done` is called from a turn of the host, when nothing goes on any more. */
export function readFile({ path, limitBytes }: ReadFileOperation, done: (result: CompletionResult) => void): Task | Result {
  if (path.includes("\0") || !(limitBytes >= 0)) return -Errno.EINVAL;
  if (!isGranted({ name: "read", path })) return -Errno.EACCES;
  const task = new FileTask();
  whole(path, "r", 0, (file) => readOpened(task, file, limitBytes)).then(done);
  return task;
}

/** Begins to write a file; `done` is called from a turn of the host, when nothing goes on any more. */
export function writeFile(operation: WriteFileOperation, done: (result: CompletionResult) => void): Task | Result {
  const { path, method } = operation;
  if (path.includes("\0") || !Object.hasOwn(methodFlags, method)) return -Errno.EINVAL;
  if (!isGranted({ name: "write", path: method === "replace" ? paths().dirname(path) : path })) return -Errno.EACCES;
  const task = new FileTask();
  const written = method === "replace" ? replace(task, operation) : writeNamed(task, path, operation);
  written.then(done);
  return task;
}

async function readOpened(task: FileTask, file: FileHandle, limit: number): Promise<CompletionResult> {
  const facts = await file.stat();
  if (facts.isDirectory()) return -Errno.EISDIR;
  if (facts.size > limit) return -Errno.EFBIG;
  // One byte more than it says it has, so that its end shows without another buffer.
  let bytes = new Uint8Array(facts.size === 0 ? 16_384 : facts.size + 1);
  let size = 0;
  while (!task.isStopped) {
    const { bytesRead } = await file.read(bytes, size, Math.min(bytes.length - size, pieceBytes), null);
    if (bytesRead === 0) return bytes.subarray(0, size);
    size += bytesRead;
    if (size > limit) return -Errno.EFBIG;
    if (size < bytes.length) continue;
    const larger = new Uint8Array(2 * size);
    larger.set(bytes);
    bytes = larger;
  }
  return -Errno.ECANCELED;
}

function writeNamed(task: FileTask, path: string, { data, method, mode }: WriteFileOperation): Promise<CompletionResult> {
  return whole(path, methodFlags[method], mode, async (file) => {
    for (let at = 0; at < data.length;) {
      if (task.isStopped) return -Errno.ECANCELED;
      at += (await file.write(data, at, Math.min(data.length - at, pieceBytes), null)).bytesWritten;
    }
    if (method === "replace") await file.sync();
    return 0;
  });
}

/** Writes a new file in the same directory, so that it can take the name. */
async function replace(task: FileTask, operation: WriteFileOperation): Promise<CompletionResult> {
  const temporary = paths().join(paths().dirname(operation.path), `.sd-fibers-${crypto.randomUUID()}`);
  const written = await writeNamed(task, temporary, operation);
  try {
    if (written === 0 && !task.isStopped) {
      await fsPromises().rename(temporary, operation.path);
      return 0;
    }
    await fsPromises().unlink(temporary);
    return written === 0 ? -Errno.ECANCELED : written;
  } catch (error) {
    await fsPromises().unlink(temporary).catch(() => {}); // it was never made, or is what could not be moved
    return written === 0 ? -errnoOf(error) : written;
  }
}

/** Opens a file for as long as it is used: what comes of that, or a negated errno. */
async function whole(
  path: string,
  flags: string,
  mode: number,
  use: (file: FileHandle) => Promise<CompletionResult>,
): Promise<CompletionResult> {
  try {
    if ((await fsPromises().stat(path).catch(() => undefined))?.isFIFO()) return -Errno.EOPNOTSUPP;
    const file = await fsPromises().open(path, flags, mode);
    let result: CompletionResult;
    try {
      result = await use(file);
    } catch (error) {
      await file.close().catch(() => {}); // the first failure is the one that counts
      throw error;
    }
    await file.close();
    return result;
  } catch (error) {
    return -errnoOf(error);
  }
}
