/**
 * Whole files, read and written piece by piece.
 *
 * What is opened does not block, which says nothing for files on a disk: those wait on a thread. A FIFO and the like answer EAGAIN instead, and are
 * waited for so that the wait can be ended.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { CompletionResult, Handle, ReadFileOperation, Result, WriteFileOperation } from "../kernel.ts";
import { closeFile, type Name, openFile, Piece, readPiece, removeFile, renameFile, syncFile, writePiece } from "./file_calls.ts";
import { S_IFBLK, S_IFDIR, S_IFREG, statusOfHandle } from "./file_kind.ts";
import { FileWait } from "./file_wait.ts";
import { cString } from "./libc.ts";

const O_WRONLY = 1;
const O_CREAT = 0x40;
const O_EXCL = 0x80;
const O_NOCTTY = 0x100;
const O_TRUNC = 0x200;
const O_APPEND = 0x400;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x8_0000;
const always = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;

const POLLIN = 1;
const POLLOUT = 4;

/** Room for what comes from a file that does not say how long it is, as those in /proc: most of them are given out whole then. */
const firstBytes = 16 * 1024;

const methodFlags = { "in-place": O_CREAT | O_TRUNC, "append": O_CREAT | O_APPEND, "replace": O_CREAT | O_EXCL };

/** A file that is being read or written. */
export class FileTask {
  /** It is to end at the next opportunity. */
  isStopped = false;
  #wait: FileWait | undefined;

  /** Asks it to end. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.#wait?.end();
  }

  /** Waits until the descriptor is ready, or the task is stopped. */
  async untilReady(handle: Handle, events: number): Promise<Result> {
    if (this.isStopped) return 0;
    const wait = FileWait.open(handle, events);
    if (typeof wait === "number") return wait;
    using _wait = this.#wait = wait;
    await wait.ready();
    this.#wait = undefined;
    return 0;
  }
}

/**
 * Begins to read a file.
 *
 * @param done Called with the bytes or a negated errno from a turn of the host, when nothing goes on any more.
 */
export function readFile({ path, limitBytes }: ReadFileOperation, done: (result: CompletionResult) => void): FileTask | Result {
  const name = cString(path);
  if (name === undefined || !(limitBytes >= 0)) return -Errno.EINVAL;
  const task = new FileTask();
  readNamed(task, name, limitBytes).then(done, () => done(-Errno.EIO));
  return task;
}

/**
 * Begins to write a file.
 *
 * @param done Called with 0 or a negated errno from a turn of the host, when nothing goes on any more.
 */
export function writeFile(operation: WriteFileOperation, done: (result: CompletionResult) => void): FileTask | Result {
  const name = cString(operation.path);
  if (name === undefined || !(operation.method in methodFlags)) return -Errno.EINVAL;
  const task = new FileTask();
  const written = operation.method === "replace" ? replace(task, name, operation) : writeNamed(task, name, operation);
  written.then(done, () => done(-Errno.EIO));
  return task;
}

async function readNamed(task: FileTask, name: Name, limit: number): Promise<CompletionResult> {
  const handle = await openFile(name, always, 0);
  if (handle < 0) return handle;
  try {
    return await readOpened(task, handle, limit);
  } finally {
    await closeFile(handle);
  }
}

async function readOpened(task: FileTask, handle: Handle, limit: number): Promise<CompletionResult> {
  const status = statusOfHandle(handle);
  if (typeof status === "number") return status;
  if (status.kind === S_IFDIR) return -Errno.EISDIR;
  if (status.size > limit) return -Errno.EFBIG;
  const piece = Piece.allocate(Math.max(status.size, firstBytes));
  if (typeof piece === "number") return piece;
  using _piece = piece;
  const contents = Contents.open(status.size === 0 ? firstBytes : status.size, limit);
  if (typeof contents === "number") return contents;
  const isOnDisk = status.kind === S_IFREG || status.kind === S_IFBLK;
  return await readPieces(task, handle, { piece, contents, mustWait: !isOnDisk });
}

/** `mustWait`: a FIFO that nobody has opened to write reads as ended, but does not poll as that. */
async function readPieces(
  task: FileTask,
  handle: Handle,
  { piece, contents, mustWait }: { piece: Piece; contents: Contents; mustWait: boolean },
): Promise<CompletionResult> {
  if (mustWait) {
    const answer = await task.untilReady(handle, POLLIN);
    if (answer < 0) return answer;
  }
  while (!task.isStopped) {
    const count = await readPiece(handle, piece, contents.room);
    if (count === 0) return contents.bytes;
    const answer = count === -Errno.EAGAIN ? await task.untilReady(handle, POLLIN) : count < 0 ? count : contents.add(count);
    if (answer < 0) return answer;
  }
  return -Errno.ECANCELED;
}

async function writeNamed(task: FileTask, name: Name, operation: WriteFileOperation): Promise<Result> {
  const handle = await openFile(name, O_WRONLY | methodFlags[operation.method] | always, operation.mode);
  if (handle < 0) return handle;
  const written = await writeOpened(task, handle, operation.data);
  const synced = written === 0 && operation.method === "replace" ? await syncFile(handle) : written;
  const closed = await closeFile(handle);
  return synced < 0 ? synced : closed;
}

async function writeOpened(task: FileTask, handle: Handle, data: Uint8Array): Promise<Result> {
  const piece = Piece.allocate(data.length);
  if (typeof piece === "number") return piece;
  using _piece = piece;
  for (let at = 0; at < data.length;) {
    if (task.isStopped) return -Errno.ECANCELED;
    const count = await writePiece(handle, piece, data.subarray(at));
    if (count >= 0) {
      at += count;
      continue;
    }
    if (count !== -Errno.EAGAIN) return count;
    const answer = await task.untilReady(handle, POLLOUT);
    if (answer < 0) return answer;
  }
  return 0;
}

/** Writes a new file in the same directory, so that it can take the name. */
async function replace(task: FileTask, name: Name, operation: WriteFileOperation): Promise<Result> {
  const { path } = operation;
  const temporary = cString(`${path.slice(0, path.lastIndexOf("/") + 1)}.sd-fibers-${crypto.randomUUID()}`)!;
  const written = await writeNamed(task, temporary, operation);
  const moved = written < 0 ? written : task.isStopped ? -Errno.ECANCELED : await renameFile(temporary, name);
  if (moved < 0) await removeFile(temporary);
  return moved;
}

/**
 * What was read so far. The buffer is as large as the file says it is, so that what is handed out in the end is that and no copy, which would take its
 * time; whether there is more than that is found out beside it.
 */
class Contents {
  readonly #limit: number;
  #buffer: Uint8Array<ArrayBuffer>;
  #size = 0;
  readonly #beside = new Uint8Array(firstBytes);

  private constructor(buffer: Uint8Array<ArrayBuffer>, limit: number) {
    this.#buffer = buffer;
    this.#limit = limit;
  }

  static open(expected: number, limit: number): Contents | Result {
    const buffer = allocate(expected);
    return buffer === undefined ? -Errno.ENOMEM : new Contents(buffer, limit);
  }

  get bytes(): Uint8Array {
    return this.#isFull ? this.#buffer : this.#buffer.slice(0, this.#size);
  }

  get #isFull(): boolean {
    return this.#size === this.#buffer.length;
  }

  /** Where the next bytes go. */
  get room(): Uint8Array<ArrayBuffer> {
    return this.#isFull ? this.#beside : this.#buffer.subarray(this.#size);
  }

  /** So many came: 0, or they are too many. */
  add(count: number): Result {
    const size = this.#size + count;
    if (size > this.#limit) return -Errno.EFBIG;
    if (this.#isFull) {
      const larger = allocate(Math.max(2 * this.#size, size));
      if (larger === undefined) return -Errno.ENOMEM;
      larger.set(this.#buffer);
      larger.set(this.#beside.subarray(0, count), this.#size);
      this.#buffer = larger;
    }
    this.#size = size;
    return 0;
  }
}

function allocate(size: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    return new Uint8Array(size);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
