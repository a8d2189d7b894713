/**
 * The calls for messages and for several buffers.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { MessageFlag } from "../../flags.ts";
import type { Handle, ReceivedMessage, Result, SocketAddress } from "../kernel.ts";
import { normalize } from "./addresses.ts";
import { faultyReceive, faultySend } from "./faulty_calls.ts";
import type { Delivery, OpenFile } from "./open_file.ts";
import { Parcel } from "./parcel.ts";
import { ownPid } from "./processes.ts";
import { Stream } from "./stream.ts";
import type { World } from "./world.ts";

const { PEEK, TRUNC, CTRUNC } = MessageFlag;

/** More buffers a call does not take, and more handles a message does not have. */
const maxBuffers = 1024;
const maxMessageHandles = 253;

/** As much as the first buffers that count hold, for a call that takes one. */
export function inBetween(buffers: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(buffers.slice(0, maxBuffers).reduce((bytes, buffer) => bytes + buffer.length, 0));
}

/** The first pieces that count, as one. */
export function gather(data: readonly Uint8Array[]): Uint8Array {
  const gathered = inBetween(data);
  let at = 0;
  for (const part of data.slice(0, maxBuffers)) {
    gathered.set(part, at);
    at += part.length;
  }
  return gathered;
}

/** Fills the buffers with this, one after the other. */
export function scatter(data: Uint8Array, buffers: readonly Uint8Array[]): void {
  let at = 0;
  for (const buffer of buffers) {
    const part = data.subarray(at, at + buffer.length);
    buffer.set(part);
    at += part.length;
  }
}

/** Takes a message, or what a stream has. */
export function tryReceive(
  world: World,
  handle: Handle,
  buffers: readonly Uint8Array[],
  flags: number,
  maxHandles: number,
  message: ReceivedMessage | undefined,
): Result {
  if ((flags & ~(PEEK | TRUNC)) !== 0) return -Errno.EINVAL;
  if (buffers.length > maxBuffers) return -Errno.EMSGSIZE;
  const descriptor = world.descriptors.get(handle);
  if (descriptor === undefined) return -Errno.EBADF;
  const { file, owner } = descriptor;
  const buffer = inBetween(buffers);
  const delivery = owner === ownPid ? faultyReceive(file, buffer, flags, world.faults) : file.receive(buffer, flags);
  if (typeof delivery === "number") return delivery;
  // TCP does not copy what it is only to count.
  const isCopied = (flags & TRUNC) === 0 || !(file instanceof Stream && file.family === "tcp");
  if (isCopied) scatter(buffer.subarray(0, delivery.count), buffers);
  const handles = delivery.parcel?.open(world.descriptors, owner, message === undefined ? 0 : maxHandles) ?? [];
  if ((flags & PEEK) === 0) delivery.parcel?.discard();
  if (message !== undefined) fillIn(message, delivery, handles);
  return (flags & TRUNC) === 0 ? delivery.count : delivery.wholeCount;
}

function fillIn(message: ReceivedMessage, { count, wholeCount, address, parcel }: Delivery, handles: readonly Handle[]): void {
  message.address = address;
  message.handles = handles;
  message.flags = (wholeCount > count ? TRUNC : 0) | (handles.length < (parcel?.files.length ?? 0) ? CTRUNC : 0);
}

/** Sends a message, or what fits into a stream. */
export function trySend(
  world: World,
  handle: Handle,
  data: readonly Uint8Array[],
  address: SocketAddress | undefined,
  handles: readonly Handle[],
): Result {
  const normal = address === undefined ? 0 : normalize(address, "127.0.0.1");
  if (typeof normal === "number" && normal < 0) return normal;
  const descriptor = world.descriptors.get(handle);
  if (descriptor === undefined) return -Errno.EBADF;
  const { file, owner } = descriptor;
  const letterData = gather(data);
  const refused = !file.isSocket ? -Errno.ENOTSOCK : handles.length === 0 ? 0 : refuseHandles(file, letterData, handles);
  if (refused < 0) return refused;
  if (data.length > maxBuffers) return -Errno.EMSGSIZE;
  const parcel = handles.length === 0 ? undefined : packed(world, handles);
  if (typeof parcel === "number") return parcel;
  const letter = { data: letterData, address, parcel };
  const result = owner === ownPid ? faultySend(file, letter, world.faults) : file.send(letter);
  if (result < 0) parcel?.discard();
  return result;
}

function refuseHandles(file: OpenFile, data: Uint8Array, handles: readonly Handle[]): Result {
  if (!file.carriesHandles) return -Errno.EOPNOTSUPP;
  return handles.length <= maxMessageHandles && data.length > 0 ? 0 : -Errno.EINVAL;
}

function packed({ descriptors }: World, handles: readonly Handle[]): Parcel | Result {
  const files: OpenFile[] = [];
  for (const handle of handles) {
    const file = descriptors.get(handle)?.file;
    if (file === undefined) return -Errno.EBADF;
    files.push(file);
  }
  return new Parcel(files);
}
