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
import { type Sending, TrySendOperation } from "./message_operations.ts";
import { PollOperation } from "./poll.ts";

const { OUT } = IoEvent;

/** Sends one message by a caller's socket to the one at a path, and waits for room there. */
export function* sendToPath(fd: number, sending: Sending, address: SocketAddress): Operation<number> {
  const sent = yield* new TrySendOperation(new BorrowedSocket(fd), sending);
  if (sent >= 0) return sent;
  const { kernel } = requireFiber().core;
  const own = openOr(kernel.duplicate(fd), address, "fcntl");
  try {
    for (;;) {
      yield* new PollOperation([{ fd: own, events: OUT }], Infinity);
      const first = yield* new TrySendOperation(new BorrowedSocket(own, fd), sending);
      if (first >= 0) return first;
      yield* roomAt(kernel, address);
      const second = yield* new TrySendOperation(new BorrowedSocket(own, fd), sending);
      if (second >= 0) return second;
    }
  } finally {
    kernel.close(own);
  }
}

/** Waits until a socket that is connected there finds room; where none can be, the next try to send says why. */
function* roomAt(kernel: Kernel, address: SocketAddress): Operation<void> {
  const probe = openOr(kernel.openDatagram({ path: "" }), address, "socket");
  try {
    if (kernel.connectSocket(probe, address) === 0) yield* new PollOperation([{ fd: probe, events: OUT }], Infinity);
  } finally {
    kernel.close(probe);
  }
}

function openOr(handle: Handle, address: SocketAddress, syscall: string): Handle {
  return check(handle, (code) => `Cannot wait for room at ${describeAddress(address)}: ${code}`, syscall);
}
