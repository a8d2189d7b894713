/**
 * What fibers do with messages, on sockets of their own and of callers.
 *
 * The calls of the kernel never wait, also on a socket that blocks: it stays as it is.
 *
 * @module
 */

import { Errno, type ErrorCode, errorCode, SystemError } from "../event/errno.ts";
import { MessageFlag } from "../event/flags.ts";
import type { Handle, ReceivedMessage, Result, SocketAddress } from "../event/kernel/kernel.ts";
import { describeAddress } from "./address.ts";
import { type Direction, type StreamIo, StreamOperation } from "./stream_io.ts";

const EINTR = -Errno.EINTR;
const EAGAIN = -Errno.EAGAIN;

const { PEEK, TRUNC, DONTWAIT, NOSIGNAL } = MessageFlag;
const receiving = PEEK | TRUNC | DONTWAIT | NOSIGNAL;
const sending = DONTWAIT | NOSIGNAL;

/** Causes that say more than their code does. */
const causes: Readonly<Record<ErrorCode, string>> = {
  EACCES: "not permitted",
  EAFNOSUPPORT: "the address is of another kind than the socket",
  EAGAIN: "it would have to wait",
  EBADF: "not open",
  ECONNREFUSED: "nobody receives there",
  ECONNRESET: "the other side is gone",
  EDESTADDRREQ: "it is connected to nowhere, say an address",
  EINVAL: "the address, the flags or the descriptors do not go with the socket",
  EISCONN: "a stream goes where it is connected to, leave the address out",
  EMSGSIZE: "it does not fit into one message",
  ENAMETOOLONG: "a socket's path has at most 107 bytes",
  ENOENT: "there is no such file",
  ENOTCONN: "it is connected to nowhere",
  ENOTSOCK: "it is no socket",
  EOPNOTSUPP: "the socket or the kernel cannot do that",
  EPERM: "not permitted, or the receiver is connected to somebody else",
  EPIPE: "nobody will read it",
  EPROTOTYPE: "what is there is no socket of this kind",
  ETOOMANYREFS: "too many descriptors are on their way",
};

abstract class MessageOperation<T> extends StreamOperation<T> {
  /** Of MessageFlag. */
  declare protected readonly flags: number;

  constructor(io: StreamIo, direction: Direction, flags: number) {
    super(io, direction);
    this.flags = flags;
  }

  /** Throws what the kernel reports, unless it is a matter of waiting or of trying again. */
  protected failed(result: Result): false {
    if (result === EAGAIN && (this.flags & DONTWAIT) === 0) this.direction.ready = false;
    else if (result !== EINTR) throw this.error(result);
    return false;
  }

  protected error(result: Result): SystemError {
    const code = errorCode(-result);
    return new SystemError(code, `Cannot ${this.action} ${this.io.title}${this.to}: ${causes[code] ?? code}`, { syscall: this.syscall });
  }

  /** For errors: " to" an address. */
  protected get to(): string {
    return "";
  }

  protected abstract readonly syscall: string;
}

/** How a message is received. */
export interface Reception {
  readonly buffers: readonly Uint8Array[];
  readonly flags: number;
  readonly maxHandles: number;
}

/** Takes one message, or what a stream has. */
export class ReceiveOperation<T> extends MessageOperation<T> {
  declare private readonly reception: Reception;
  declare private readonly message: ReceivedMessage | undefined;
  declare private readonly resultOf: (bytes: number, message: ReceivedMessage) => T;

  /** `resultOf` makes the result; without it that is the count, and nobody asks for more. */
  constructor(io: StreamIo, reception: Reception, resultOf?: (bytes: number, message: ReceivedMessage) => T) {
    super(io, io.input, reception.flags);
    this.reception = reception;
    this.message = resultOf === undefined ? undefined : { address: undefined, handles: [], flags: 0 };
    this.resultOf = resultOf ?? ((bytes) => bytes as T);
  }

  protected override get action(): string {
    return "receive from";
  }

  protected override get syscall(): string {
    return "recvmsg";
  }

  protected override step(): boolean {
    const { io, message, reception } = this;
    const { buffers, flags, maxHandles } = reception;
    const bytes = io.core.kernel.tryReceive(io.handle, buffers, flags & (PEEK | TRUNC), maxHandles, message);
    if (bytes < 0) return this.failed(bytes);
    this.value = this.resultOf(bytes, message!);
    return true;
  }
}

/** What is sent. */
export interface Sending {
  readonly data: readonly Uint8Array[];
  readonly address: SocketAddress | undefined;
  readonly handles: readonly Handle[];
  readonly flags: number;
}

/** Sends one message, or what fits into a stream. */
export class SendOperation extends MessageOperation<number> {
  declare protected readonly sending: Sending;

  constructor(io: StreamIo, sending: Sending) {
    super(io, io.output, sending.flags);
    this.sending = sending;
  }

  protected override get action(): string {
    return "send by";
  }

  protected override get to(): string {
    const { address } = this.sending;
    return address === undefined ? "" : ` to ${describeAddress(address)}`;
  }

  protected override get syscall(): string {
    return "sendmsg";
  }

  protected override step(): boolean {
    const { io, sending } = this;
    const bytes = io.core.kernel.trySend(io.handle, sending.data, sending.address, sending.handles);
    if (bytes < 0) return this.failed(bytes);
    this.value = bytes;
    return true;
  }
}

/** Sends one message if there is room: −1 if not. */
export class TrySendOperation extends SendOperation {
  protected override step(): boolean {
    const { io, sending } = this;
    const bytes = io.core.kernel.trySend(io.handle, sending.data, sending.address, sending.handles);
    if (bytes < 0 && bytes !== EAGAIN) return this.failed(bytes);
    this.value = bytes < 0 ? -1 : bytes;
    return true;
  }
}

/** Flags that a call knows; EINVAL for others. */
export function requireReceiveFlags(flags: number): number {
  return requireFlags(flags, receiving, "receive");
}

/** Flags that a call knows; EINVAL for others. */
export function requireSendFlags(flags: number): number {
  return requireFlags(flags, sending, "send");
}

function requireFlags(flags: number, known: number, action: string): number {
  if (Number.isInteger(flags) && (flags & ~known) === 0) return flags;
  const names = Object.keys(MessageFlag).filter((name) => (MessageFlag[name as keyof typeof MessageFlag] & known) !== 0);
  throw new SystemError("EINVAL", `Cannot ${action} with flags '${flags}': there are ${names.join(", ")} of MessageFlag`);
}
