/**
 * Calls on files that may wait for a disk, on threads of the host's pool.
 *
 * A thread keeps the errno of a call to itself. So what fails on a thread is called once more here, where the errno can be read: that takes no disk
 * any more, for the system has just looked at all of it, and if it succeeds this time it is done. Two calls must not be repeated: a second close
 * would meet somebody else's descriptor, and a second fsync hides the failure of the first. They are EIO.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Handle, Result } from "../kernel.ts";
import { tryRead, tryWrite } from "./descriptors.ts";
import { type Address, allocateCopy, libc, result } from "./libc.ts";

/** How much is read or written at once: so long a file that is stopped goes on. */
export const pieceBytes = 256 * 1024;

/** A string of C. */
export type Name = Uint8Array<ArrayBuffer>;

/** Memory of libc for one call after the other. */
export class Piece implements Disposable {
  readonly address: Address;
  readonly size: number;

  private constructor(address: Address, size: number) {
    this.address = address;
    this.size = size;
  }

  /** Room for so many bytes, and no more than are moved at once. */
  static allocate(wanted: number): Piece | Result {
    const size = Math.max(1, Math.min(wanted, pieceBytes));
    const address = libc.malloc(BigInt(size));
    return address === 0n ? -Errno.ENOMEM : new Piece(address, size);
  }

  [Symbol.dispose](): void {
    libc.free(this.address);
  }
}

/** Opens a file. */
export async function openFile(name: Name, flags: number, mode: number): Promise<Result> {
  const opened = await withName(name, (address) => libc.openOnThread(address, flags, mode));
  return opened === -1 ? result(libc.open(name, flags, mode)) : opened;
}

/** Reads into `target`, at most a piece at once: how much was read. */
export async function readPiece(handle: Handle, piece: Piece, target: Uint8Array<ArrayBuffer>): Promise<Result> {
  const wanted = Math.min(piece.size, target.length);
  const count = await libc.readOnThread(handle, piece.address, wanted);
  if (count < 0) return tryRead(handle, target.subarray(0, wanted));
  libc.copyFrom(target, piece.address, BigInt(count));
  return count;
}

/** Writes what fits into a piece: how much was written. */
export async function writePiece(handle: Handle, piece: Piece, data: Uint8Array): Promise<Result> {
  const part = data.subarray(0, piece.size) as Uint8Array<ArrayBuffer>;
  libc.copyTo(piece.address, part, BigInt(part.length));
  const count = await libc.writeOnThread(handle, piece.address, part.length);
  return count < 0 ? tryWrite(handle, part) : count;
}

/** Has all that was written put on the disk. */
export async function syncFile(handle: Handle): Promise<Result> {
  return await libc.fsyncOnThread(handle) < 0 ? -Errno.EIO : 0;
}

/** Closes a file: what some file systems have to say about what was written they say now. */
export async function closeFile(handle: Handle): Promise<Result> {
  return await libc.closeOnThread(handle) < 0 ? -Errno.EIO : 0;
}

/** Gives a file another name, in the place of what has that. */
export async function renameFile(from: Name, to: Name): Promise<Result> {
  const moved = await withName(from, (source) => withName(to, (target) => libc.renameOnThread(source, target)));
  return moved === -1 ? result(libc.rename(from, to)) : moved;
}

/** Removes a file. */
export async function removeFile(name: Name): Promise<Result> {
  const removed = await withName(name, (address) => libc.unlinkOnThread(address));
  return removed === -1 ? result(libc.unlink(name)) : removed;
}

/** Calls with a copy of the name that another thread may read. */
async function withName(name: Name, call: (address: Address) => Promise<Result>): Promise<Result> {
  const address = allocateCopy(name);
  if (address === 0n) return -Errno.ENOMEM;
  try {
    return await call(address);
  } finally {
    libc.free(address);
  }
}
