/**
 * Several buffers in one call.
 *
 * The system takes a list of addresses and lengths, a struct iovec each. A buffer is given to libc by itself everywhere else; here its address is
 * asked for, see `addressOf`. So nothing is copied, and a message of any size goes out and comes in whole.
 *
 * @module
 */

import type { Handle, Result } from "../kernel.ts";
import { maxTransfer } from "./descriptors.ts";
import { type Address, addressOf, libc, result } from "./libc.ts";

/** IOV_MAX: more buffers the system does not take in one call. */
export const maxBuffers = 1024;

/** The list, one for all calls: none of them outlasts its own. */
const list = new ArrayBuffer(16 * maxBuffers);
const addresses = new BigUint64Array(list);
/** The same in 32 bits, for the lengths: the upper half of each stays 0. */
const words = new Uint32Array(list);

const none: readonly Uint8Array[] = [];

/** The buffers in the list. Held until the call is over: an address keeps nothing from being collected. */
const inUse: { buffers: readonly Uint8Array[] } = { buffers: none };

/** Writes the list, for the first {@linkcode maxBuffers}: how many there are. What is behind the most that is moved at once is not reached. */
export function listBuffers(buffers: readonly Uint8Array[]): number {
  inUse.buffers = buffers;
  const count = Math.min(buffers.length, maxBuffers);
  for (let index = 0; index < count; index++) {
    addresses[2 * index] = addressOf(buffers[index]);
    words[4 * index + 2] = Math.min(buffers[index].byteLength, maxTransfer);
  }
  return count;
}

/** Where the list is. */
export function bufferList(): Address {
  return addressOf(words);
}

/** The call is over. */
export function releaseBuffers(): void {
  inUse.buffers = none;
}

/** Reads what is there, into several buffers one after the other. */
export function tryReadVector(handle: Handle, buffers: readonly Uint8Array[]): Result {
  const count = result(libc.readv(handle, words, listBuffers(buffers)));
  releaseBuffers();
  return count;
}

/** Writes what fits of several pieces. */
export function tryWriteVector(handle: Handle, data: readonly Uint8Array[]): Result {
  const count = result(libc.writev(handle, words, listBuffers(data)));
  releaseBuffers();
  return count;
}
