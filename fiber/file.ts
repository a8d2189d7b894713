/**
 * Whole files, read and written while other fibers go on.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { requirePath } from "../event/file_url.ts";
import type { WriteMethod } from "../event/kernel/kernel.ts";
import { requireOptions } from "../event/validate.ts";
import { type Operation, requireFiber } from "../future/operation.ts";
import { Checkpoint } from "./checkpoint.ts";
import { operationError, perform } from "./kernel_operation.ts";

/** What {@linkcode readFile} and {@linkcode readTextFile} take. */
export interface ReadFileOptions {
  /** How many bytes there may be, more are EFBIG. Default: 2^31. */
  limitBytes?: number;
}

/** What {@linkcode writeFile} takes. */
export interface WriteFileOptions {
  /**
   * - `"in-place"` (default): the file is emptied, then written. Links are followed.
   * - `"append"`: what is written comes after what is there. Links are followed.
   * - `"replace"`: a new file is written beside it, put on the disk and given the name: whoever reads sees the old content or the new one, also after
   *   a crash of the system. It has the permissions of `mode`, and a link of this name is replaced itself. A process that ends in the
   *   middle may leave the new file behind, named `.sd-fibers-` and some more.
   */
  method?: WriteMethod;
  /** The permissions of a file that is made, less the umask. Default: 0o666. */
  mode?: number;
}

const defaultLimitBytes = 2 ** 31;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Causes that say more than their code does. */
const causes: Readonly<Record<string, string>> = {
  EACCES: "not permitted, by the system or for want of --allow-read, or --allow-write",
  EISDIR: "it is a directory",
  ENOENT: "there is no such file",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is no directory",
  ENXIO: "nobody reads there",
  EOPNOTSUPP: "it is a FIFO, which this kernel cannot wait for",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
};

/**
 * Reads a whole file.
 *
 * Always suspends, and does not stop the loop while the disk is busy. It reads to the end, whatever the file's size is said to be: those in `/proc`
 * too. Of a FIFO or a terminal it reads until the last writer has closed it, and waits for one, which takes one of the 32 threads that the
 * host has for all. Interrupted, nothing is left behind and what was read is lost: the interruption comes when the piece that is being read
 * has come and the file is closed; a second one does not wait for that, nor does one in the exit phase.
 *
 * @param path Absolute, or from the working directory of the process; a URL is one of `file:`.
 * @returns All of it; the array is yours.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for what is no path or no limit, ENOENT, ENOTDIR, EACCES, EISDIR, EFBIG (more than
 * `limitBytes`), EIO, EMFILE, ENOMEM, EDEADLK while the loop blocks the thread, ECANCELED when the loop is exiting.
 *
 * @example A file of the kernel's
 * ```ts
 * import { readFile, run } from "@sd/fibers";
 * import { assert } from "@std/assert";
 *
 * const bytes = await run(() => readFile("/proc/self/status"));
 * assert(bytes.length > 0);
 * ```
 */
export function* readFile(path: string | URL, options: ReadFileOptions = {}): Operation<Uint8Array> {
  const { core } = requireFiber();
  requireOptions(options, ["limitBytes"], "read a file");
  const target = requirePath(path, `read '${path}'`);
  const action = `read '${target}'`;
  const { limitBytes = defaultLimitBytes } = options;
  if (!(limitBytes === Infinity || (Number.isSafeInteger(limitBytes) && limitBytes >= 0))) {
    throw new SystemError("EINVAL", `Cannot ${action} with limitBytes '${limitBytes}': it takes a whole number from 0 on`);
  }
  yield* new Checkpoint();
  const result = yield* perform(core, { kind: "readFile", path: target, limitBytes }, action);
  if (typeof result !== "number") return result as Uint8Array;
  throw operationError(action, result, { ...causes, EFBIG: `it has more than ${limitBytes} bytes, raise limitBytes if it may` });
}

/**
 * Reads a whole file as text, in UTF-8: what is none becomes U+FFFD, a byte order mark is left out.
 *
 * All else is as with {@linkcode readFile}.
 *
 * @returns The text.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} As {@linkcode readFile}.
 *
 * @example How long the system has been up
 * ```ts
 * import { readTextFile, run } from "@sd/fibers";
 * import { assert } from "@std/assert";
 *
 * const text = await run(() => readTextFile("/proc/uptime"));
 * assert(parseFloat(text) > 0);
 * ```
 */
export function* readTextFile(path: string | URL, options: ReadFileOptions = {}): Operation<string> {
  return decoder.decode(yield* readFile(path, options));
}

/**
 * Writes a whole file; one that is missing is made.
 *
 * Always suspends, and does not stop the loop while the disk is busy. Interrupted, the interruption comes when the piece that is being written is done
 * and the file is closed, so that nothing is written later: with `"replace"` all is as it was before, else a part may have been written, to
 * a file that may have been emptied. A second interruption does not wait for that, nor does one in the exit phase: what is left is the
 * same, but may be so only a moment later. What fails leaves the same behind.
 *
 * @param path Absolute, or from the working directory of the process; a URL is one of `file:`.
 * @param data Text is written as UTF-8. Bytes must stay as they are until the end.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for what is no path, no data or no mode, ENOENT (the directory), ENOTDIR, EACCES, EPERM,
 * EROFS, EISDIR, ENOSPC, EDQUOT, EFBIG, EIO, ENXIO (a FIFO that nobody reads), EMFILE, ENOMEM, EDEADLK while the loop blocks the thread,
 * ECANCELED when the loop is exiting.
 *
 * @example State that survives a crash
 * ```ts
 * import { EventLoop, readTextFile, run, simulatedKernel, writeFile } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const kernel = simulatedKernel();
 * using loop = new EventLoop({ kernel });
 * kernel.files.mkdir("/state");
 * await run(function* () {
 *   yield* writeFile("/state/count", "1", { method: "replace", mode: 0o600 });
 *   assertEquals(yield* readTextFile("/state/count"), "1");
 * }, { loop });
 * ```
 */
export function* writeFile(path: string | URL, data: Uint8Array | string, options: WriteFileOptions = {}): Operation<void> {
  const { core } = requireFiber();
  requireOptions(options, ["method", "mode"], "write a file");
  const target = requirePath(path, `write '${path}'`);
  const action = `write '${target}'`;
  const { method = "in-place", mode = 0o666 } = options;
  if (!(Number.isInteger(mode) && mode >= 0 && mode <= 0o7777)) {
    throw new SystemError("EINVAL", `Cannot ${action} with mode '${mode}': it takes permissions from 0 to 0o7777`);
  }
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  if (!(bytes instanceof Uint8Array)) throw new SystemError("EINVAL", `Cannot ${action}: it takes bytes or a text`);
  yield* new Checkpoint();
  const result = yield* perform(core, { kind: "writeFile", path: target, data: bytes, mode, method }, action);
  if (result !== 0) throw operationError(action, result as number, causes);
}
