/**
 * Files named by O_PATH descriptors, and inotify on them.
 *
 * inotify_add_watch takes a path, and paths change. So the file is opened by its path once, and watched by the name that the open descriptor has in
 * /proc: that leads to the file itself, also where it is a symbolic link or has been removed.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { WatchEvent } from "../../flags.ts";
import type { Handle, Result } from "../kernel.ts";
import { cString, failure, isArm, libc, result } from "./libc.ts";

const IN_NONBLOCK_CLOEXEC = 0x8_0800;
const O_CLOEXEC = 0x8_0000;
const O_PATH = 0x20_0000;
const O_DIRECTORY = isArm ? 0x4000 : 0x1_0000;
const O_NOFOLLOW = isArm ? 0x8000 : 0x2_0000;
const F_GETFD = 1;

const AT_EMPTY_PATH = 0x1000;
const STATX_INO = 0x100;

/** A struct statx, and where in it, in words, the number of the file and the two of its device stand. */
const status = new Uint32Array(64);
const inodeLowAt = 8;
const inodeHighAt = 9;
const deviceMajorAt = 34;
const deviceMinorAt = 35;
const statxNumber = isArm ? 291n : 332n;
const emptyPath = Uint8Array.of(0);

/** The longest path that the kernel gives. */
const target = new Uint8Array(4_096);
const decoder = new TextDecoder();

/** An inotify descriptor. */
export function openFileWatcher(): Result {
  return result(libc.inotify_init1(IN_NONBLOCK_CLOEXEC));
}

/** An O_PATH descriptor. */
export function openPath(path: string, mask: number): Result {
  const name = cString(path);
  if (name === undefined) return -Errno.EINVAL;
  let flags = O_PATH | O_CLOEXEC;
  if ((mask & WatchEvent.ONLYDIR) !== 0) flags |= O_DIRECTORY;
  if ((mask & WatchEvent.DONT_FOLLOW) !== 0) flags |= O_NOFOLLOW;
  return result(libc.open(name, flags, 0));
}

/** Device and number of the file behind a descriptor. */
export function inodeOf(handle: Handle): string | Result {
  if (libc.statx(statxNumber, handle, emptyPath, AT_EMPTY_PATH, STATX_INO, status) < 0) return failure();
  const inode = status[inodeHighAt] * 0x1_0000_0000 + status[inodeLowAt];
  return `${status[deviceMajorAt]}:${status[deviceMinorAt]}:${inode}`;
}

/** What the link in /proc says. */
export function pathOf(handle: Handle): string | Result {
  const length = result(libc.readlink(linkTo(handle), target, target.length));
  return length < 0 ? mended(length, handle) : decoder.decode(target.subarray(0, length));
}

/** Watches the file behind a descriptor. */
export function addFileWatch(watcher: Handle, file: Handle, mask: number): Result {
  const answer = result(libc.inotify_add_watch(watcher, linkTo(file), mask >>> 0));
  return answer < 0 ? mended(answer, file) : answer;
}

/** Ends a watch. */
export function removeFileWatch(watcher: Handle, watch: number): Result {
  return result(libc.inotify_rm_watch(watcher, watch));
}

function linkTo(handle: Handle): Uint8Array<ArrayBuffer> {
  return cString(`/proc/self/fd/${handle}`)!;
}

/** A link that is missing: −EBADF, or −ENOSYS for what is open and has no link because /proc is not there. */
function mended(answer: Result, handle: Handle): Result {
  if (answer !== -Errno.ENOENT) return answer;
  return libc.fcntl(handle, F_GETFD, 0) < 0 ? -Errno.EBADF : -Errno.ENOSYS;
}
