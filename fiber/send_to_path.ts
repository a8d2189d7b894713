/**
 * Waiting for room in somebody's queue.
 *
 * Some facts about AF_UNIX, and why it is done this way. A message goes straight into the receiver's queue, and where that is full the answer is EAGAIN.
 * A socket that is connected to the receiver is writable only when there is room; one that only names the receiver is writable all the while, and
 * nothing tells it when there is. So a second socket is connected there, which sends nothing and waits. The own socket is asked first: it may have no
 * room either, for what it has sent before.
 *
 * @module
 */

import { check } from "../event/errno.ts";
import { IoEvent } from "../event/flags.ts";
import type { Handle, Kernel, SocketAddress } from "../event/kernel/kernel.ts";
import { type Operation, requireFiber } from "../future/operation.ts";
import { describeAddress } from "./address.ts";
import { BorrowedSocket } from "./borrowed_io.ts";
import { isInterruption } from "./interruption.ts";
import { type Sending, TrySendOperation } from "./message_operations.ts";
import { PollOperation } from "./poll.ts";
import type { StreamIo } from "./stream_io.ts";

const { OUT } = IoEvent;

/** Whose message it is. */
export interface PathSender {
  readonly handle: Handle;
  /** What to send by; `own` is a second handle of the same socket. */
  use(own: Handle): StreamIo;
  /** Its owner has closed it: the next try to send says so. */
  readonly isClosed: boolean;
  /** Told what the fiber waits by, and `undefined` when it does no more: closing it ends the wait. */
  waits(by: StreamIo | undefined): void;
}

/** A caller's socket, which goes on as the same one when the caller closes it. */
export function borrowedSender(fd: Handle): PathSender {
  return { handle: fd, isClosed: false, use: (own) => new BorrowedSocket(own, fd), waits() {} };
}

/** Sends one message to the socket at a path, and waits for room there. */
export function* sendToPath(sender: PathSender, sending: Sending, address: SocketAddress): Operation<number> {
  const sent = yield* new TrySendOperation(sender.use(sender.handle), sending);
  if (sent >= 0) return sent;
  const { kernel } = requireFiber().core;
  const own = openOr(kernel.duplicate(sender.handle), address, "fcntl");
  try {
    for (;;) {
      yield* writable(sender, own);
      const first = yield* new TrySendOperation(sender.use(own), sending);
      if (first >= 0) return first;
      yield* roomAt(sender, kernel, address);
      const second = yield* new TrySendOperation(sender.use(own), sending);
      if (second >= 0) return second;
    }
  } finally {
    kernel.close(own);
  }
}

/** Waits until a socket that is connected there finds room; where none can be, the next try to send says why. */
function* roomAt(sender: PathSender, kernel: Kernel, address: SocketAddress): Operation<void> {
  const probe = openOr(kernel.openDatagram({ path: "" }), address, "socket");
  try {
    if (kernel.connectSocket(probe, address) === 0) yield* writable(sender, probe);
  } finally {
    kernel.close(probe);
  }
}

function* writable(sender: PathSender, fd: Handle): Operation<void> {
  const polling = new PollOperation([{ fd, events: OUT }], Infinity);
  sender.waits(polling.waitsBy);
  try {
    yield* polling;
  } catch (error) {
    if (!sender.isClosed || isInterruption(error)) throw error;
  } finally {
    sender.waits(undefined);
  }
}

function openOr(handle: Handle, address: SocketAddress, syscall: string): Handle {
  return check(handle, (code) => `Cannot wait for room at ${describeAddress(address)}: ${code}`, syscall);
}
