/**
 * Sockets for datagrams: UDP and AF_UNIX.
 *
 * @module
 */

import { check, SystemError } from "../event/errno.ts";
import type { EventLoop } from "../event/event_loop.ts";
import { MessageFlag } from "../event/flags.ts";
import type { DatagramAddress, Handle, SocketAddress } from "../event/kernel/kernel.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { requireFd, requireOptions } from "../event/validate.ts";
import { requireNotExiting } from "../future/event_future.ts";
import type { Operation } from "../future/operation.ts";
import { addressError, describeAddress, isOpenSocket, localAddressOf, type OpenSocket, requireAddress, socketFileOf } from "./address.ts";
import { currentCore } from "./fiber.ts";
import { ReceiveOperation, SendOperation } from "./message_operations.ts";
import { type PathSender, sendToPath } from "./send_to_path.ts";
import { StreamIo } from "./stream_io.ts";
import { requireBytes } from "./stream_operations.ts";

/** What {@linkcode openDatagram} takes besides. */
export interface DatagramOptions {
  /** Default: the current fiber's, else the default loop. */
  loop?: EventLoop;
}

/** What {@linkcode DatagramSocket.receive} gives. */
export interface Datagram {
  /** How many bytes of it stand in the buffer. */
  bytes: number;
  /** Who sent it; `undefined` where that has no name. */
  address: SocketAddress | undefined;
  /** It was larger than the buffer: its end is lost. */
  truncated: boolean;
}

/** Makes the datagram socket of a handle. */
let datagramSocketOf: (io: DatagramIo) => DatagramSocket;

/** A datagram socket. */
class DatagramIo extends StreamIo {
  readonly #ownFile: string | undefined;
  /** What a fiber waits by that finds no room in a receiver's queue. */
  readonly #waits: Set<StreamIo> = new Set();

  /** `ownFile`: the socket file that goes with it. */
  constructor(core: LoopCore, handle: Handle, options: { title: string; ownFile?: string }) {
    super(core, handle, options);
    this.#ownFile = options.ownFile;
  }

  /** Told what a fiber waits by, for which there is no room where it sends. */
  waitsBy(before: StreamIo | undefined, next: StreamIo | undefined): void {
    if (before !== undefined) this.#waits.delete(before);
    if (next !== undefined) this.#waits.add(next);
  }

  override disconnect(): void {
    super.disconnect();
    for (const wait of this.#waits) wait.close();
  }

  override closeHandle(): void {
    if (this.#ownFile !== undefined) this.core.kernel.removeSocketFile(this.#ownFile);
    super.closeHandle();
  }
}

/** A message by one's own socket to a path. */
class OwnSender implements PathSender {
  readonly #io: DatagramIo;
  #waitsBy: StreamIo | undefined = undefined;

  constructor(io: DatagramIo) {
    this.#io = io;
  }

  get handle(): Handle {
    return this.#io.handle;
  }

  get isClosed(): boolean {
    return this.#io.isClosed;
  }

  use(): StreamIo {
    return this.#io;
  }

  waits(by: StreamIo | undefined): void {
    this.#io.waitsBy(this.#waitsBy, by);
    this.#waitsBy = by;
  }
}

/**
 * A socket that sends and receives datagrams: each whole, and by UDP perhaps not at all, twice, or in another order.
 *
 * One fiber may receive while another one sends; a second one that waits for the same gets EBUSY. A fiber that is interrupted while it waits has received
 * or sent nothing.
 *
 * It owns its descriptor and is to be closed, best by `using`; its loop closes it at the latest. Closing wakes a fiber that waits for it with EBADF, and
 * whatever is asked of a closed one throws EBADF.
 */
export class DatagramSocket implements Disposable {
  readonly #io: DatagramIo;
  #address: SocketAddress | undefined = undefined;

  static {
    datagramSocketOf = (io) => new DatagramSocket(io);
  }

  /** Not for users: see {@linkcode openDatagram}. */
  private constructor(io: object) {
    if (!(io instanceof DatagramIo)) throw new SystemError("EINVAL", "Cannot make a datagram socket by new: use openDatagram()");
    this.#io = io;
    this.#address = this.#ask("localAddress");
  }

  /** Its descriptor, which stays the socket's; −1 when it is closed. */
  get fd(): number {
    return this.#io.isClosed ? -1 : this.#io.handle;
  }

  /** Where it is bound, with the port that the system chose; `undefined` where it has no name. */
  get address(): SocketAddress | undefined {
    return this.#address;
  }

  /** Where it is connected to; `undefined` where it is not, where that has no name, and when it is closed. */
  get remoteAddress(): SocketAddress | undefined {
    return this.#io.isClosed ? undefined : this.#ask("remoteAddress");
  }

  #ask(which: "localAddress" | "remoteAddress"): SocketAddress | undefined {
    const { core, handle } = this.#io;
    const address = core.kernel[which](handle);
    return typeof address === "object" ? address : undefined;
  }

  /**
   * Sends to this address from now on where `send` names none, and receives from there alone. Over UDP a receiver that is not there is told of then.
   *
   * @param address Its hostname is numeric.
   * @throws {SystemError} EBADF (closed), EINVAL (no address), ECONNREFUSED and ENOENT (AF_UNIX: nobody is there), EAFNOSUPPORT (an address of another
   * kind), EPERM (AF_UNIX: the receiver is connected to somebody else), ENETUNREACH.
   */
  connect(address: SocketAddress): void {
    const io = this.#io;
    io.requireOpen("connect");
    const result = io.core.kernel.connectSocket(io.handle, requireAddress(address, "connect to"));
    if (result < 0) throw addressError("connect to", address, result, "connect");
    this.#address = this.#ask("localAddress");
  }

  /**
   * Receives one datagram, the one that has waited longest.
   *
   * Suspends until there is one. Interrupted, it has received none.
   *
   * @param buffer Where to. Stays yours, and is written to until this returns. What does not fit is lost.
   * @returns How many bytes, from whom, and whether it was larger.
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} EBADF (closed), EBUSY (another fiber receives), EINVAL (no Uint8Array, a fiber of another loop), ESRCH off a fiber, ECONNREFUSED
   * (UDP, connected: nobody received what was sent before).
   */
  receive(buffer: Uint8Array): Operation<Datagram> {
    return new ReceiveOperation(
      this.#io,
      { buffers: [requireBytes(buffer, "receive into")], flags: 0, maxHandles: 0 },
      (bytes, { address, flags }): Datagram => ({ bytes, address, truncated: (flags & MessageFlag.TRUNC) !== 0 }),
    );
  }

  /**
   * Sends one datagram.
   *
   * Suspends until there is room for it: here, and over AF_UNIX in the receiver's queue. Interrupted, it has sent nothing.
   *
   * @param data Stays yours, and is read from until this returns. May be empty.
   * @param address Where to; its hostname is numeric. Default: where it is connected to.
   * @returns How many bytes: all.
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} EBADF (closed), EBUSY (another fiber sends), EINVAL (no Uint8Array, no address, a fiber of another loop), ESRCH
   * off a fiber, EMSGSIZE (too large for one datagram), EDESTADDRREQ and ENOTCONN (connected to nowhere), ECONNREFUSED and ENOENT (nobody
   * is there), EACCES (a broadcast that was not asked for), EAFNOSUPPORT, ENETUNREACH.
   */
  send(data: Uint8Array, address?: SocketAddress): Operation<number> {
    requireBytes(data, "send");
    if (address !== undefined) requireAddress(address, "send to");
    const sending = { data: [data], address, handles: [], flags: 0 };
    const isPath = address !== undefined && "path" in address;
    return isPath ? sendToPath(new OwnSender(this.#io), sending, address) : new SendOperation(this.#io, sending);
  }

  /**
   * Closes it. What was sent still arrives; what was not received is lost. A socket file that it has made goes too.
   *
   * @throws {SystemError} EBADF when it is closed already.
   */
  close(): void {
    this.#io.requireOpen("close");
    this.#io.close();
  }

  /** Closes it, unless it is closed. */
  [Symbol.dispose](): void {
    this.#io.close();
  }
}

/**
 * Opens a socket for datagrams.
 *
 * @param address Where it is bound. Without a hostname: `0.0.0.0`, all of IPv4; `::` takes in IPv4 as well. A hostname is numeric, or `localhost` for
 * `127.0.0.1`. Port 0 lets the system choose one. A path makes a socket file, which goes with the socket; a leading `@` is the abstract
 * namespace; an empty path makes a socket without a name. `fd` is a datagram socket that is open already, from the service manager for
 * example, and becomes this one's.
 * @returns The socket, to be closed by you.
 * @throws {SystemError} EADDRINUSE (also for the file of a socket that has gone: remove it first), EADDRNOTAVAIL, EACCES, ENAMETOOLONG (a
 * path of more than 107 bytes), EINVAL, EBADF and ENOTSOCK (`fd`), EOPNOTSUPP on a kernel without datagrams, ECANCELED when the loop is
 * exiting.
 *
 * @example A question and its answer
 * ```ts
 * import { openDatagram, run } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * using server = openDatagram({ hostname: "127.0.0.1", port: 0 });
 * using client = openDatagram({ hostname: "127.0.0.1", port: 0 });
 * await run(function* () {
 *   yield* client.send(new TextEncoder().encode("what time is it?"), server.address);
 *   const buffer = new Uint8Array(1500);
 *   const { bytes, address } = yield* server.receive(buffer);
 *   assertEquals([bytes, address], [16, client.address]);
 *   yield* server.send(new TextEncoder().encode("late"), address);
 *   assertEquals((yield* client.receive(buffer)).bytes, 4);
 * });
 * ```
 */
export function openDatagram(address: DatagramAddress | OpenSocket, options: DatagramOptions = {}): DatagramSocket {
  requireOptions(options, ["loop"], "open a datagram socket");
  const core = currentCore(options.loop);
  requireNotExiting(core, "open a datagram socket");
  return datagramSocketOf(isOpenSocket(address) ? adopt(core, address.fd) : open(core, address));
}

function open(core: LoopCore, address: DatagramAddress): DatagramIo {
  const { kernel } = core;
  const handle = kernel.openDatagram(localAddressOf(requireAddress(address, "open a datagram socket on")));
  if (handle < 0) throw addressError("open a datagram socket on", address, handle, "bind");
  const bound = kernel.localAddress(handle);
  const title = typeof bound === "object" ? `the datagram socket on ${describeAddress(bound)}` : "the datagram socket without a name";
  return new DatagramIo(core, handle, { title, ownFile: socketFileOf(address) }).attach();
}

function adopt(core: LoopCore, fd: number): DatagramIo {
  const bound = core.kernel.localAddress(requireFd(fd, "use as a datagram socket"));
  if (typeof bound === "number") check(bound, (code) => `Cannot use fd ${fd} as a datagram socket: ${code}`, "getsockname");
  return new DatagramIo(core, fd, { title: `the datagram socket of fd ${fd}` }).attach();
}
