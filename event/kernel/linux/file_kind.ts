/**
 * What kind of file something is, and of which size.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Handle, Result } from "../kernel.ts";
import { cString, isArm, libc, result } from "./libc.ts";

/** The kinds, by their names in C. */
export const S_IFIFO = 0x1000;
export const S_IFCHR = 0x2000;
export const S_IFDIR = 0x4000;
export const S_IFBLK = 0x6000;
export const S_IFREG = 0x8000;
export const S_IFSOCK = 0xc000;
const S_IFMT = 0xf000;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const AT_STATX_DONT_SYNC = 0x4000;
const STATX_TYPE = 1;
const STATX_SIZE = 0x200;

/** A struct statx, and where in it, in half words, the kind and, in double words, the size stand. The call has a number of its own on each processor. */
const status = new Uint16Array(128);
const sizes = new BigUint64Array(status.buffer);
const modeAt = 14;
const sizeAt = 5;
const statxNumber = isArm ? 291n : 332n;

/** The kind of what is at a path; of a symbolic link the link's own. */
export function kindOfPath(path: string): Result {
  const name = cString(path);
  return name === undefined ? -Errno.EINVAL : kindOf(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW);
}

/** The kind of what a descriptor stands for. */
export function kindOfHandle(handle: Handle): Result {
  return kindOf(handle, Uint8Array.of(0), AT_EMPTY_PATH);
}

/** Kind and size of what a descriptor stands for, as they are known: no server is asked. */
export function statusOfHandle(handle: Handle): { kind: number; size: number } | Result {
  const flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  const answer = result(libc.statx(statxNumber, handle, Uint8Array.of(0), flags, STATX_TYPE | STATX_SIZE, status));
  return answer < 0 ? answer : { kind: status[modeAt] & S_IFMT, size: Number(sizes[sizeAt]) };
}

function kindOf(directory: Handle, name: Uint8Array<ArrayBuffer>, flags: number): Result {
  const answer = result(libc.statx(statxNumber, directory, name, flags, STATX_TYPE, status));
  return answer < 0 ? answer : status[modeAt] & S_IFMT;
}
