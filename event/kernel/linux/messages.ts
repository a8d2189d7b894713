/**
 * Messages: what came or goes in one call, with an address and with handles (recvmsg, sendmsg).
 *
 * Some facts about handles on their way (SCM_RIGHTS), and why it is done this way:
 *
 * - The system makes as many new descriptors as the control buffer has room for, and closes the rest. The length of the buffer, not its alignment, is
 *   what counts, so room for exactly so many is `CMSG_LEN`.
 * - A socket that somebody has set up so brings its sender's credentials, security label and a descriptor of its process along, in the same buffer and
 *   ahead of the handles. Nobody asks for those here, but there is room for them: they must not push a handle out. In that room, where it is not needed,
 *   stand handles beyond what was asked for; they are closed.
 * - Of a stream, handles without a byte are thrown away in silence, and so are handles that go over the network. Both are refused before.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { MessageFlag } from "../../flags.ts";
import type { Handle, ReceivedMessage, Result, SocketAddress } from "../kernel.ts";
import { close } from "./descriptors.ts";
import { addressOf, failure, libc, result } from "./libc.ts";
import { AF_UNIX, decodeAddress, encodeAddress, type EncodedAddress, MAX_ADDRESS_BYTES } from "./socket_address.ts";
import { bufferList, listBuffers, maxBuffers, releaseBuffers } from "./vectors.ts";

const { PEEK, TRUNC, CTRUNC, DONTWAIT, NOSIGNAL } = MessageFlag;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const SOL_SOCKET = 1;
const SO_DOMAIN = 39;
const SCM_RIGHTS = 1;
const SCM_PIDFD = 4;

/** SCM_MAX_FD: more handles than that no message has. */
const maxMessageHandles = 253;
/** A struct cmsghdr, which each control message begins with. */
const controlHeaderBytes = 16;
/** Room for the control messages that nobody asks for. */
const slackBytes = 256;

/**
 * The struct msghdr, and behind it what it points to: an address, then control messages. One for all calls: none of them outlasts its own. The three
 * addresses in it stay the same; an address of no length counts as none. Lengths are written in 32 bits, their upper halves stay 0.
 */
const headerBytes = 56;
const controlAt = headerBytes + MAX_ADDRESS_BYTES;
const block = new ArrayBuffer(controlAt + controlHeaderBytes + 4 * maxMessageHandles + slackBytes);
const blockBytes = new Uint8Array(block);
const view = new DataView(block);
const header = new Uint32Array(block, 0, headerBytes / 4);
const addressBytes = blockBytes.subarray(headerBytes, controlAt);
let isPrepared = false;

/** The places of its fields, in 32-bit words. */
const NAME = 0;
const NAME_LENGTH = 2;
const BUFFERS = 4;
const BUFFER_COUNT = 6;
const CONTROL = 8;
const CONTROL_LENGTH = 10;
const FLAGS = 12;

/** Takes a message, or what a stream has. */
export function tryReceive(
  handle: Handle,
  buffers: readonly Uint8Array[],
  flags: number,
  maxHandles: number,
  message: ReceivedMessage | undefined,
): Result {
  if ((flags & ~(PEEK | TRUNC)) !== 0) return -Errno.EINVAL;
  const room = maxHandles === 0 || message === undefined ? 0 : controlBytes(Math.min(maxHandles, maxMessageHandles)) + slackBytes;
  const failed = describe(buffers, message === undefined ? 0 : MAX_ADDRESS_BYTES, room);
  if (failed < 0) return failed;
  const count = result(libc.recvmsg(handle, blockBytes, flags | DONTWAIT | MSG_CMSG_CLOEXEC));
  releaseBuffers();
  if (count >= 0 && message !== undefined) fillIn(message, maxHandles);
  return count;
}

/** Sends a message, or what fits into a stream. */
export function trySend(
  handle: Handle,
  data: readonly Uint8Array[],
  address: SocketAddress | undefined,
  handles: readonly Handle[],
): Result {
  const encoded = address === undefined ? undefined : encodeAddress(address, "127.0.0.1");
  if (typeof encoded === "number") return encoded;
  const refused = handles.length === 0 ? 0 : refuseHandles(handle, data, handles);
  if (refused < 0) return refused;
  const failed = describe(data, putAddress(encoded), putHandles(handles));
  if (failed < 0) return failed;
  const count = result(libc.sendmsg(handle, blockBytes, DONTWAIT | NOSIGNAL));
  releaseBuffers();
  return count;
}

function putAddress(encoded: EncodedAddress | undefined): number {
  if (encoded === undefined) return 0;
  addressBytes.set(encoded.bytes);
  return encoded.bytes.length;
}

/** Writes the struct msghdr: what may be read or is to be sent, and how much of the address and of the control messages counts. */
function describe(buffers: readonly Uint8Array[], addressLength: number, controlLength: number): Result {
  if (buffers.length > maxBuffers) return -Errno.EMSGSIZE;
  if (!isPrepared) prepareHeader();
  header[NAME_LENGTH] = addressLength;
  header[BUFFER_COUNT] = listBuffers(buffers);
  header[CONTROL_LENGTH] = controlLength;
  header[FLAGS] = 0;
  return 0;
}

function prepareHeader(): void {
  const pointers = new BigUint64Array(block, 0, headerBytes / 8);
  const address = addressOf(blockBytes);
  pointers[NAME / 2] = address + BigInt(headerBytes);
  pointers[BUFFERS / 2] = bufferList();
  pointers[CONTROL / 2] = address + BigInt(controlAt);
  isPrepared = true;
}

/** CMSG_LEN of so many handles. */
function controlBytes(handles: number): number {
  return controlHeaderBytes + 4 * handles;
}

/** What stands against sending handles, so that the system does not lose them in silence. */
function refuseHandles(handle: Handle, data: readonly Uint8Array[], handles: readonly Handle[]): Result {
  const family = new Int32Array(1);
  if (libc.getsockopt(handle, SOL_SOCKET, SO_DOMAIN, family, Uint32Array.of(4)) < 0) return failure();
  if (family[0] !== AF_UNIX) return -Errno.EOPNOTSUPP;
  return handles.length <= maxMessageHandles && data.some(({ byteLength }) => byteLength > 0) ? 0 : -Errno.EINVAL;
}

/** Writes them as a control message: its length. */
function putHandles(handles: readonly Handle[]): number {
  if (handles.length === 0) return 0;
  const length = controlBytes(handles.length);
  view.setBigUint64(controlAt, BigInt(length), true);
  view.setInt32(controlAt + 8, SOL_SOCKET, true);
  view.setInt32(controlAt + 12, SCM_RIGHTS, true);
  handles.forEach((handle, index) => view.setInt32(controlAt + controlBytes(index), handle, true));
  return length;
}

function fillIn(message: ReceivedMessage, maxHandles: number): void {
  const addressLength = header[NAME_LENGTH];
  const address = addressLength === 0 ? undefined : decodeAddress(addressBytes, Math.min(addressLength, MAX_ADDRESS_BYTES));
  const handles = takeHandles();
  const surplus = handles.splice(maxHandles);
  for (const handle of surplus) close(handle);
  message.address = typeof address === "number" ? undefined : address;
  message.handles = handles;
  message.flags = header[FLAGS] & (TRUNC | CTRUNC) | (surplus.length > 0 ? CTRUNC : 0);
}

/** The handles in the control messages. A handle of the sender's process, which nobody has asked for, is closed. */
function takeHandles(): Handle[] {
  const handles: Handle[] = [];
  const end = controlAt + header[CONTROL_LENGTH];
  for (let at = controlAt; at + controlHeaderBytes <= end;) {
    const next = at + Number(view.getBigUint64(at, true));
    const type = view.getInt32(at + 8, true) === SOL_SOCKET ? view.getInt32(at + 12, true) : 0;
    for (let from = at + controlHeaderBytes; from + 4 <= next && (type === SCM_RIGHTS || type === SCM_PIDFD); from += 4) {
      if (type === SCM_RIGHTS) handles.push(view.getInt32(from, true));
      else close(view.getInt32(from, true));
    }
    at = next + 7 & ~7; // the next one is aligned
  }
  return handles;
}
