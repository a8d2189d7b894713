/**
 * Calls on descriptors of any kind.
 *
 * A write to a pipe or a socket that nobody reads is EPIPE and no signal: the host ignores SIGPIPE from its start.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { MessageFlag } from "../../flags.ts";
import type { Handle, Result } from "../kernel.ts";
import { cString, failure, libc, result } from "./libc.ts";

const F_GETFL = 3;
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x8_0000;

/** The kernel transfers no more than this at once, and it fits 31 bits. */
export const maxTransfer = 0x7fff_f000;

/** A duplicate is never one of the standard streams, also where one of them is closed. */
const firstDuplicate = 3;

/** Reads what is there. A socket is asked by a call of its own, which is shorter. */
export function tryRead(handle: Handle, buffer: Uint8Array, isSocket: boolean = false): Result {
  const bytes = buffer as Uint8Array<ArrayBuffer>;
  const length = Math.min(bytes.byteLength, maxTransfer);
  const count = isSocket ? libc.recv(handle, bytes, length, 0) : libc.read(handle, bytes, length);
  return count < 0 ? failure() : count;
}

/** Writes what fits. */
export function tryWrite(handle: Handle, data: Uint8Array, isSocket: boolean = false): Result {
  const bytes = data as Uint8Array<ArrayBuffer>;
  const length = Math.min(bytes.byteLength, maxTransfer);
  const count = isSocket ? libc.send(handle, bytes, length, MessageFlag.NOSIGNAL) : libc.write(handle, bytes, length);
  return count < 0 ? failure() : count;
}

/** A second descriptor for the same open thing. */
export function duplicate(handle: Handle): Result {
  return result(libc.fcntl(handle, F_DUPFD_CLOEXEC, firstDuplicate));
}

/** Closes a descriptor. It is gone whatever the answer, also after EINTR, so it must not be tried again. */
export function close(handle: Handle): Result {
  return result(libc.close(handle));
}

/** Makes calls on it wait or not: 1 if they waited before, 0 if not. */
export function setBlocking(handle: Handle, blocking: boolean): Result {
  const flags = result(libc.fcntl(handle, F_GETFL, 0));
  if (flags < 0) return flags;
  const wasBlocking = (flags & O_NONBLOCK) === 0;
  if (wasBlocking !== blocking) {
    const answer = result(libc.fcntl(handle, F_SETFL, flags ^ O_NONBLOCK));
    if (answer < 0) return answer;
  }
  return wasBlocking ? 1 : 0;
}

/** A pipe. */
export function openPipe(): [reader: Handle, writer: Handle] | Result {
  const ends = new Int32Array(2);
  return libc.pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0 ? failure() : [ends[0], ends[1]];
}

/** The beginning of a file, no more than fits: for the small ones in /proc. */
export function readFile(path: string, buffer: Uint8Array): Result {
  const name = cString(path);
  if (name === undefined) return -Errno.EINVAL;
  const handle = result(libc.open(name, O_CLOEXEC, 0));
  if (handle < 0) return handle;
  const count = tryRead(handle, buffer);
  close(handle);
  return count;
}
