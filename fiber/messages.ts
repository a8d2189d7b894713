/**
 * Calls for messages on bare sockets, which stay their caller's (sd_fiber_recv, sd_fiber_send and their kin): see the entry, io.ts.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { MessageFlag } from "../event/flags.ts";
import type { SocketAddress } from "../event/kernel/kernel.ts";
import { requireFd, requireOptions } from "../event/validate.ts";
import type { Operation } from "../future/operation.ts";
import { requireAddress } from "./address.ts";
import { BorrowedSocket } from "./borrowed_io.ts";
import { ReceiveOperation, requireReceiveFlags, requireSendFlags, type Sending, SendOperation } from "./message_operations.ts";
import { borrowedSender, sendToPath } from "./send_to_path.ts";
import { requireBuffers, requireBytes } from "./stream_operations.ts";

/** What {@linkcode receiveMessage} takes besides. */
export interface ReceiveMessageOptions {
  /** How many descriptors may come along. Those beyond are closed, and `flags` of the message has `CTRUNC`. Default: 0. */
  maxFds?: number;
  /** A word of `MessageFlag`. Default: 0. */
  flags?: number;
}

/** What {@linkcode receiveMessage} gives. */
export interface IncomingMessage {
  /** How many bytes; 0 at the end of a stream. With `TRUNC` as many as the message has, also those that did not fit. */
  bytes: number;
  /** Who sent it; `undefined` where that has no name. */
  address: SocketAddress | undefined;
  /** The descriptors that came along: yours, close-on-exec, and as blocking as the sender's. */
  fds: number[];
  /** Of `MessageFlag`: `TRUNC` where bytes are lost, `CTRUNC` where descriptors are. */
  flags: number;
}

/** What {@linkcode sendMessage} sends. */
export interface OutgoingMessage {
  /** The pieces, which go as one. */
  data: readonly Uint8Array[];
  /**
   * Descriptors that go along, over AF_UNIX, at most 253, and with at least one byte. They stay yours; keep them open until the call returns.
   * Default: none.
   */
  fds?: readonly number[];
  /** Where to. Default: where the socket is connected to. */
  address?: SocketAddress;
}

/**
 * Receives once (sd_fiber_recv). Suspends until something is there. Interrupted, it has received nothing.
 *
 * @param buffer What does not fit of a datagram is lost.
 * @param flags A word of `MessageFlag`. Default: 0.
 * @returns How many bytes; 0 at the end of a stream, and for an empty datagram.
 */
export function receive(fd: number, buffer: Uint8Array, flags: number = 0): Operation<number> {
  const buffers = [requireBytes(buffer, "receive into")];
  return new ReceiveOperation(new BorrowedSocket(fd), { buffers, flags: requireReceiveFlags(flags), maxHandles: 0 });
}

/**
 * Sends once to where the socket is connected (sd_fiber_send). Suspends until there is room. Interrupted, it has sent nothing.
 *
 * @param flags A word of `MessageFlag`. Default: 0.
 * @returns How many bytes: all of a datagram, or what fits into a stream.
 */
export function send(fd: number, data: Uint8Array, flags: number = 0): Operation<number> {
  return sending(fd, { data: [requireBytes(data, "send")], address: undefined, handles: [], flags: requireSendFlags(flags) });
}

/**
 * Receives once, and tells from whom (sd_fiber_recvfrom). Suspends until something is there. Interrupted, it has received nothing.
 *
 * @param buffer What does not fit of a datagram is lost.
 * @param flags A word of `MessageFlag`. Default: 0.
 * @returns How many bytes, and who sent them; `undefined` where that has no name.
 *
 * @example A datagram and its answer
 * ```ts
 * import { EventLoop, run } from "@sd/fibers";
 * import { receiveFrom, sendTo } from "@sd/fibers/io";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const { kernel } = EventLoop.default();
 * const [server, client] = [0, 0].map((port) => kernel.openDatagram({ hostname: "127.0.0.1", port }));
 * const there = kernel.localAddress(server);
 * assert(typeof there === "object");
 * await run(function* () {
 *   yield* sendTo(client, new TextEncoder().encode("hello"), there);
 *   const buffer = new Uint8Array(1500);
 *   const { bytes, address } = yield* receiveFrom(server, buffer);
 *   assertEquals([bytes, address], [5, kernel.localAddress(client)]);
 * });
 * for (const fd of [server, client]) kernel.close(fd);
 * ```
 */
export function receiveFrom(
  fd: number,
  buffer: Uint8Array,
  flags: number = 0,
): Operation<{ bytes: number; address: SocketAddress | undefined }> {
  const reception = { buffers: [requireBytes(buffer, "receive into")], flags: requireReceiveFlags(flags), maxHandles: 0 };
  return new ReceiveOperation(new BorrowedSocket(fd), reception, (bytes, { address }) => ({ bytes, address }));
}

/**
 * Sends one datagram to an address (sd_fiber_sendto). Suspends until there is room, over AF_UNIX in the receiver's queue too. Interrupted, it has sent
 * nothing.
 *
 * @param address Its hostname is numeric.
 * @param flags A word of `MessageFlag`. Default: 0.
 * @returns How many bytes: all.
 */
export function sendTo(fd: number, data: Uint8Array, address: SocketAddress, flags: number = 0): Operation<number> {
  requireAddress(address, "send to");
  return sending(fd, { data: [requireBytes(data, "send")], address, handles: [], flags: requireSendFlags(flags) });
}

/**
 * Receives one message into several buffers, with the descriptors that come along (sd_fiber_recvmsg, SCM_RIGHTS). Suspends until one is there.
 * Interrupted, it has taken neither bytes nor descriptors.
 *
 * Close the descriptors of a message that you do not want. What else comes along (credentials, time stamps) is left out.
 *
 * @param buffers At most 1024, filled one after the other.
 * @returns The message.
 * @throws {SystemError} And others, as all of them: EMSGSIZE for more than 1024 buffers.
 *
 * @example A descriptor for somebody else
 * ```ts
 * import { EventLoop, run } from "@sd/fibers";
 * import { receiveMessage, sendMessage, write } from "@sd/fibers/io";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const { kernel } = EventLoop.default();
 * const [pipe, sockets] = [kernel.openPipe(), kernel.openSocketPair("stream")];
 * assert(typeof pipe === "object" && typeof sockets === "object");
 * const [here, there] = sockets;
 * await run(function* () {
 *   yield* sendMessage(here, { data: [new TextEncoder().encode("log here")], fds: [pipe[1]] });
 *   const { fds } = yield* receiveMessage(there, [new Uint8Array(100)], { maxFds: 1 });
 *   yield* write(fds[0], new TextEncoder().encode("logged"));
 *   kernel.close(fds[0]);
 * });
 * assertEquals(kernel.tryRead(pipe[0], new Uint8Array(100)), 6);
 * for (const fd of [...pipe, ...sockets]) kernel.close(fd);
 * ```
 */
export function receiveMessage(
  fd: number,
  buffers: readonly Uint8Array[],
  options: ReceiveMessageOptions = {},
): Operation<IncomingMessage> {
  requireOptions(options, ["maxFds", "flags"], "receive a message");
  const { maxFds = 0, flags = 0 } = options;
  if (!Number.isInteger(maxFds) || maxFds < 0) {
    throw new SystemError("EINVAL", `Cannot receive a message with maxFds '${maxFds}': it takes a whole number from 0 on`);
  }
  const reception = { buffers: requireBuffers(buffers, "receive into"), flags: requireReceiveFlags(flags), maxHandles: maxFds };
  return new ReceiveOperation(
    new BorrowedSocket(fd),
    reception,
    (bytes, { address, handles, flags }): IncomingMessage => ({ bytes, address, fds: [...handles], flags }),
  );
}

/**
 * Sends one message, with descriptors (sd_fiber_sendmsg, SCM_RIGHTS). Suspends until there is room. Interrupted, it has sent neither bytes
 * nor descriptors.
 *
 * Whatever a stream takes of the bytes, all descriptors went with the first of them: send the rest without.
 *
 * @param flags A word of `MessageFlag`. Default: 0.
 * @returns How many bytes: all of a datagram, or what fits into a stream.
 * @throws {SystemError} And others, as all of them: EBADF also for a descriptor that goes along; EINVAL for more than 253 of them or without a byte, and
 * for an unknown name in `message`; EMSGSIZE for what is too large for one message or has more than 1024 pieces; EDESTADDRREQ, EISCONN and
 * EAFNOSUPPORT for an address that is missing, too much, or of another kind.
 */
export function sendMessage(fd: number, message: OutgoingMessage, flags: number = 0): Operation<number> {
  requireOptions(message, ["data", "fds", "address"], "send a message");
  const { data, fds = [], address } = message ?? {} as OutgoingMessage;
  if (!Array.isArray(fds)) throw new SystemError("EINVAL", `Cannot send descriptors '${String(fds)}': it takes an array of them`);
  if (address !== undefined) requireAddress(address, "send to");
  const handles = fds.map((fd) => requireFd(fd, "send"));
  return sending(fd, { data: requireBuffers(data, "send"), address, handles, flags: requireSendFlags(flags) });
}

function sending(fd: number, what: Sending): Operation<number> {
  const { address, flags } = what;
  const mayWaitThere = address !== undefined && "path" in address && (flags & MessageFlag.DONTWAIT) === 0;
  return mayWaitThere ? sendToPath(borrowedSender(requireFd(fd, "use")), what, address) : new SendOperation(new BorrowedSocket(fd), what);
}
