/**
 * The calls for messages and for several buffers, of files that take one.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { MessageFlag } from "../../flags.ts";
import type { Handle, ReceivedMessage, Result, SocketAddress } from "../kernel.ts";
import type { Descriptor, Descriptors } from "./descriptors.ts";
import type { Delivery, Letter, OpenFile } from "./open_file.ts";
import { Parcel } from "./parcel.ts";

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

/** What {@linkcode receiveMessage} is asked for; see `Kernel.tryReceive`. */
export interface Receipt {
  readonly buffers: readonly Uint8Array[];
  readonly flags: number;
  readonly maxHandles: number;
  readonly message: ReceivedMessage | undefined;
}

/** Takes a message, or what a stream has, by this call on the file. */
export function receiveMessage(
  descriptors: Descriptors,
  handle: Handle,
  { buffers, flags, maxHandles, message }: Receipt,
  receive: (descriptor: Descriptor, buffer: Uint8Array) => Delivery | Result,
): Result {
  if ((flags & ~(PEEK | TRUNC)) !== 0) return -Errno.EINVAL;
  if (buffers.length > maxBuffers) return -Errno.EMSGSIZE;
  const descriptor = descriptors.get(handle);
  if (descriptor === undefined) return -Errno.EBADF;
  const buffer = inBetween(buffers);
  const delivery = receive(descriptor, buffer);
  if (typeof delivery === "number") return delivery;
  if ((flags & TRUNC) === 0 || !descriptor.file.onlyCounts) scatter(buffer.subarray(0, delivery.count), buffers);
  const handles = delivery.parcel?.open(descriptors, descriptor.owner, message === undefined ? 0 : maxHandles) ?? [];
  if ((flags & PEEK) === 0) delivery.parcel?.discard();
  if (message !== undefined) fillIn(message, delivery, handles);
  return (flags & TRUNC) === 0 ? delivery.count : delivery.wholeCount;
}

function fillIn(message: ReceivedMessage, { count, wholeCount, address, parcel }: Delivery, handles: readonly Handle[]): void {
  message.address = address;
  message.handles = handles;
  message.flags = (wholeCount > count ? TRUNC : 0) | (handles.length < (parcel?.files.length ?? 0) ? CTRUNC : 0);
}

/** What {@linkcode sendMessage} is to send; the address has been looked at. */
export interface Sending {
  readonly data: readonly Uint8Array[];
  readonly address: SocketAddress | undefined;
  readonly handles: readonly Handle[];
}

/** Sends a message, or what fits into a stream, by this call on the file. */
export function sendMessage(
  descriptors: Descriptors,
  handle: Handle,
  { data, address, handles }: Sending,
  send: (descriptor: Descriptor, letter: Letter) => Result,
): Result {
  const descriptor = descriptors.get(handle);
  if (descriptor === undefined) return -Errno.EBADF;
  const { file } = descriptor;
  const letterData = gather(data);
  const refused = !file.isSocket ? -Errno.ENOTSOCK : handles.length === 0 ? 0 : refuseHandles(file, letterData, handles);
  if (refused < 0) return refused;
  if (data.length > maxBuffers) return -Errno.EMSGSIZE;
  const parcel = handles.length === 0 ? undefined : packed(descriptors, handles);
  if (typeof parcel === "number") return parcel;
  const result = send(descriptor, { data: letterData, address, parcel });
  if (result < 0) parcel?.discard();
  return result;
}

function refuseHandles(file: OpenFile, data: Uint8Array, handles: readonly Handle[]): Result {
  if (!file.carriesHandles) return -Errno.EOPNOTSUPP;
  return handles.length <= maxMessageHandles && data.length > 0 ? 0 : -Errno.EINVAL;
}

function packed(descriptors: Descriptors, handles: readonly Handle[]): Parcel | Result {
  const files: OpenFile[] = [];
  for (const handle of handles) {
    const file = descriptors.get(handle)?.file;
    if (file === undefined) return -Errno.EBADF;
    files.push(file);
  }
  return new Parcel(files);
}
