/**
 * Whole files, read and written piece by piece: other things happen between two pieces.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent, WatchEvent } from "../../flags.ts";
import type { Handle, KernelOperation, ReadFileOperation, Result, WriteFileOperation } from "../kernel.ts";
import { FifoEnd } from "./fifo.ts";
import type { FileWork } from "./file_task.ts";
import type { Inode } from "./inode.ts";
import type { OpenFile } from "../emulated/open_file.ts";
import { ownPid } from "./processes.ts";
import type { World } from "./world.ts";

/** How much the disk does at once. */
const pieceBytes = 64 * 1024;

/** The work that an operation means, or what is wrong with it. */
export function fileWork(world: World, operation: Exclude<KernelOperation, { kind: "resolve" }>): FileWork | Result {
  if (operation.path.includes("\0")) return -Errno.EINVAL;
  if (operation.kind === "readFile") return operation.limitBytes >= 0 ? readFile(world, operation) : -Errno.EINVAL;
  if (operation.method === "replace") return replaceFile(world, operation);
  return ["in-place", "append"].includes(operation.method) ? writeFile(world, operation) : -Errno.EINVAL;
}

function* readFile(world: World, { path, limitBytes }: ReadFileOperation): FileWork {
  const special = world.places.open(path, false);
  if (typeof special === "number") return special;
  if (special !== undefined) return yield* readStream(world, special, limitBytes);
  const inode = world.files.find(path, { follow: true });
  if (typeof inode === "number") return inode;
  if (inode.isDirectory) return -Errno.EISDIR;
  return yield* readInode(world, inode, limitBytes);
}

function* readInode(world: World, inode: Inode, limitBytes: number): FileWork {
  const { faults } = world;
  const pieces: Uint8Array[] = [];
  let size = 0;
  inode.openFiles++;
  inode.tellAround(WatchEvent.OPEN);
  try {
    if (inode.content.length > limitBytes) return -Errno.EFBIG;
    for (;;) {
      yield "disk";
      if (faults.strikes("EIO")) return -Errno.EIO;
      inode.tellAround(WatchEvent.ACCESS);
      const count = faults.shorten("short-read", Math.min(inode.content.length - size, pieceBytes));
      if (count <= 0) return joined(pieces, size);
      pieces.push(inode.content.slice(size, size + count));
      size += count;
      if (size > limitBytes) return -Errno.EFBIG;
    }
  } finally {
    closeInode(inode, WatchEvent.CLOSE_NOWRITE);
  }
}

/** A FIFO that nobody has opened to write reads as ended, so it is waited for first. */
function* readStream(world: World, file: OpenFile, limitBytes: number): FileWork {
  const handle = world.descriptors.open(file, ownPid);
  const buffer = new Uint8Array(pieceBytes);
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    while ((file.readiness() & (IoEvent.IN | IoEvent.HUP)) === 0) yield file;
    for (;;) {
      const count = file.read(buffer);
      if (count === -Errno.EAGAIN) {
        yield file;
        continue;
      }
      if (count < 0) return count;
      if (count === 0) return joined(pieces, size);
      pieces.push(buffer.slice(0, count));
      size += count;
      if (size > limitBytes) return -Errno.EFBIG;
      yield "disk";
    }
  } finally {
    world.descriptors.close(handle);
  }
}

function* writeFile(world: World, { path, data, method }: WriteFileOperation): FileWork {
  const special = world.places.open(path, true);
  if (typeof special === "number") return special;
  if (special !== undefined) return yield* writeStream(world, world.descriptors.open(special, ownPid), special, data);
  const inode = world.files.make(path);
  return typeof inode === "number" ? inode : yield* writeInode(world, inode, data, method === "append");
}

function* writeInode(world: World, inode: Inode, data: Uint8Array, append: boolean): FileWork {
  const { faults } = world;
  inode.openFiles++;
  inode.tellAround(WatchEvent.OPEN);
  try {
    if (!append) inode.truncate();
    for (let at = 0; at < data.length;) {
      yield "disk";
      if (faults.strikes("EIO")) return -Errno.EIO;
      if (faults.strikes("ENOSPC")) return -Errno.ENOSPC;
      const count = faults.shorten("short-write", Math.min(data.length - at, pieceBytes));
      inode.append(data.subarray(at, at += count));
    }
    yield "disk";
    return 0;
  } finally {
    closeInode(inode, WatchEvent.CLOSE_WRITE);
  }
}

function* writeStream(world: World, handle: Handle, file: OpenFile, data: Uint8Array): FileWork {
  try {
    if (file instanceof FifoEnd && file.isAlone) return -Errno.ENXIO;
    for (let at = 0; at < data.length;) {
      const count = file.write(data.subarray(at));
      if (count === -Errno.EAGAIN) {
        yield file;
        continue;
      }
      if (count < 0) return count;
      at += count;
      yield "disk";
    }
    return 0;
  } finally {
    world.descriptors.close(handle);
  }
}

/** Another file in the same directory is written, and takes the name. */
function* replaceFile(world: World, { path, data }: WriteFileOperation): FileWork {
  const { files } = world;
  const temporary = files.makeTemporary(path);
  if (typeof temporary === "number") return temporary;
  let isMoved = false;
  try {
    const written = yield* writeInode(world, temporary, data, false);
    if (written !== 0) return written;
    const moved = files.tryRename(temporary.path, path);
    isMoved = moved === 0;
    return moved;
  } finally {
    if (!isMoved) files.remove(temporary.path);
  }
}

function closeInode(inode: Inode, event: number): void {
  inode.tellAround(event);
  inode.openFiles--;
  inode.dieUnlessKept();
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
