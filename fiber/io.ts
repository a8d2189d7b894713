/**
 * Calls on bare descriptors, which stay their caller's (sd_fiber_read and its kin).
 *
 * All of them try, wait until the descriptor is ready, and try again; the fiber is suspended meanwhile. A queued interruption is thrown before anything
 * is moved; one that comes during the wait is thrown too, with nothing moved but what each call says. A descriptor that blocks is made nonblocking
 * for as long as operations use it, for everybody who has the same open file, and blocking again afterwards. Several fibers may wait for one
 * descriptor: which of them gets what arrives is open. A regular file never makes anybody wait; its calls take as long as the disk does.
 *
 * Buffers are Uint8Arrays, stay yours, and are used until the call returns. Lengths are in bytes. An empty buffer moves nothing: 0, without a system
 * call.
 *
 * The calls for messages, from `receive` to `sendMessage`, move one datagram each, an empty one too, and of a stream what there is, or fits. A socket that
 * blocks stays as it is. Flags are words of `MessageFlag`: `PEEK` and `TRUNC` to receive, `DONTWAIT` for EAGAIN instead of a wait; no call makes a signal.
 * Hostnames in addresses are numeric.
 *
 * All throw `CancelledError` when the fiber is cancelled, `TimeoutError` when a deadline of it passes, and `SystemError`: ESRCH off a fiber, EBADF for
 * what is no open descriptor, EINVAL for a buffer that is none, EBUSY when somebody's `resume` woke the fiber, and what the system reports. Calls for
 * messages throw ENOTSOCK for what is no socket, EINVAL for other flags, ENOTCONN for a socket that is connected to nowhere, and EOPNOTSUPP for what the
 * socket or the kernel cannot do.
 *
 * @module
 */

import type { SocketAddress } from "../event/kernel/kernel.ts";
import type { Usec } from "../event/time.ts";
import type { Operation } from "../future/operation.ts";
import { requireAddress } from "./address.ts";
import { BorrowedIo } from "./borrowed_io.ts";
import { type PollEntry, PollOperation } from "./poll.ts";
import {
  AcceptOperation,
  ConnectSocketOperation,
  ReadAllOperation,
  ReadExactOperation,
  ReadFullOperation,
  ReadOperation,
  ReadVectorOperation,
  WriteAllOperation,
  WriteOperation,
  WriteVectorOperation,
} from "./stream_operations.ts";

export type { PollEntry };
export {
  type IncomingMessage,
  type OutgoingMessage,
  receive,
  receiveFrom,
  receiveMessage,
  type ReceiveMessageOptions,
  send,
  sendMessage,
  sendTo,
} from "./messages.ts";

/**
 * Reads once, as soon as something is there (sd_fiber_read). Interrupted, it has read nothing.
 *
 * @returns How many bytes; 0 at the end.
 *
 * @example A pipe
 * ```ts
 * import { EventLoop, run } from "@sd/fibers";
 * import { read, write } from "@sd/fibers/io";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const { kernel } = EventLoop.default();
 * const pipe = kernel.openPipe();
 * assert(typeof pipe === "object");
 * const [reader, writer] = pipe;
 * await run(function* () {
 *   yield* write(writer, new TextEncoder().encode("hello"));
 *   const buffer = new Uint8Array(16);
 *   assertEquals(yield* read(reader, buffer), 5);
 * });
 * for (const fd of pipe) kernel.close(fd);
 * ```
 */
export function read(fd: number, buffer: Uint8Array): Operation<number> {
  return new ReadOperation(new BorrowedIo(fd), buffer, 0);
}

/**
 * Writes once, as soon as something fits (sd_fiber_write). Interrupted, it has written nothing.
 *
 * @returns How many bytes, which may be fewer than there are.
 */
export function write(fd: number, data: Uint8Array): Operation<number> {
  return new WriteOperation(new BorrowedIo(fd), data);
}

/**
 * Reads once, into several buffers one after the other (sd_fiber_readv). Interrupted, it has read nothing.
 *
 * @param buffers Of more than 1024 the first 1024 are used.
 * @returns How many bytes; 0 at the end.
 */
export function readVector(fd: number, buffers: readonly Uint8Array[]): Operation<number> {
  return new ReadVectorOperation(new BorrowedIo(fd), buffers);
}

/**
 * Writes several pieces at once (sd_fiber_writev). Interrupted, it has written nothing.
 *
 * @param data Of more than 1024 pieces the first 1024 are written.
 * @returns How many bytes, which may be fewer than there are.
 */
export function writeVector(fd: number, data: readonly Uint8Array[]): Operation<number> {
  return new WriteVectorOperation(new BorrowedIo(fd), data);
}

/**
 * Takes a connection of a listening socket (sd_fiber_accept). Interrupted, it has taken none.
 *
 * @returns Its descriptor: yours, nonblocking, close-on-exec.
 */
export function acceptFd(fd: number): Operation<number> {
  return new AcceptOperation(new BorrowedIo(fd), (handle) => handle);
}

/**
 * Makes a socket go to an address (sd_fiber_connect). Interrupted, the socket may get there all the same: close it.
 *
 * @param address Its hostname is numeric.
 */
export function connectFd(fd: number, address: SocketAddress): Operation<void> {
  return new ConnectSocketOperation(new BorrowedIo(fd), requireAddress(address, "connect to"));
}

/**
 * Reads until the buffer is full or the end has come. Interrupted, a part may have been read: it stands in the buffer.
 *
 * @returns How many bytes; fewer than the buffer takes only at the end.
 */
export function readFull(fd: number, buffer: Uint8Array): Operation<number> {
  return new ReadFullOperation(new BorrowedIo(fd), buffer);
}

/** As {@linkcode readFull}; throws EIO when the end comes too early. */
export function readExact(fd: number, buffer: Uint8Array): Operation<void> {
  return new ReadExactOperation(new BorrowedIo(fd), buffer) as Operation<void>;
}

/** Reads up to the end. Interrupted, what it has read is lost. There is no limit but memory. */
export function readAll(fd: number): Operation<Uint8Array> {
  return new ReadAllOperation(new BorrowedIo(fd));
}

/** Writes all of it. Interrupted, a part may have been written. */
export function writeAll(fd: number, data: Uint8Array): Operation<void> {
  return new WriteAllOperation(new BorrowedIo(fd), data);
}

/**
 * Waits until one of the descriptors is ready (sd_fiber_ppoll). Suspends, unless one is already.
 *
 * Readiness goes before the timeout, and before a deadline of the fiber, which then comes at the next suspension. A regular file is ready for IN and
 * OUT at all times.
 *
 * @param entries Their `revents` are filled in by each look.
 * @param timeout Microseconds. 0 looks and does not wait. Default: Infinity.
 * @returns How many entries have something; 0 when the timeout has passed.
 * @throws {SystemError} EBADF for a descriptor that is not open; EINVAL for events that are none, and where there is nothing to wait for and no timeout.
 */
export function poll(entries: readonly PollEntry[], timeout: Usec = Infinity): Operation<number> {
  return new PollOperation(entries, timeout);
}
