/**
 * Several buffers in one call.
 *
 * The system takes a list of addresses and lengths, a struct iovec each. A buffer is given to libc by itself everywhere else; here its address is
 * asked for, see `addressOf`. So nothing is copied, and a message of any size goes out and comes in whole.
 *
 * @module
 */

import type { Handle, Result } from "../kernel.ts";
import { type Address, addressOf, libc, result } from "./libc.ts";

/** IOV_MAX: more buffers the system does not take in one call. */
export const maxBuffers = 1024;

/** The list, one for all calls: none of them outlasts its own. */
const entries = new BigUint64Array(2 * maxBuffers);

let entriesAddress: Address | undefined;

/** Writes the list for the first {@linkcode maxBuffers}: how many bytes they have. */
export function listBuffers(buffers: readonly Uint8Array[]): number {
  const count = Math.min(buffers.length, maxBuffers);
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    const { byteLength } = buffers[index];
    entries[2 * index] = addressOf(buffers[index]);
    entries[2 * index + 1] = BigInt(byteLength);
    bytes += byteLength;
  }
  return bytes;
}

/** Where the list is. */
export function bufferList(): Address {
  return entriesAddress ??= addressOf(entries);
}

/** Reads what is there, into several buffers one after the other. */
export function tryReadVector(handle: Handle, buffers: readonly Uint8Array[]): Result {
  listBuffers(buffers);
  return result(libc.readv(handle, entries, Math.min(buffers.length, maxBuffers)));
}

/** Writes what fits of several pieces. */
export function tryWriteVector(handle: Handle, data: readonly Uint8Array[]): Result {
  listBuffers(data);
  return result(libc.writev(handle, entries, Math.min(data.length, maxBuffers)));
}
