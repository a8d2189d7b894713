/**
 * Sockets that listen.
 *
 * @module
 */

import { check, SystemError } from "../event/errno.ts";
import type { EventLoop } from "../event/event_loop.ts";
import type { Handle, ListenAddress, ServerTls, SocketAddress } from "../event/kernel/kernel.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { requireFd, requireOptions } from "../event/validate.ts";
import { requireNotExiting } from "../future/event_future.ts";
import type { Operation } from "../future/operation.ts";
import { addressError, describeAddress, isOpenSocket, localAddressOf, type OpenSocket, requireAddress, socketFileOf } from "./address.ts";
import { type Connection, connectionOf } from "./connection.ts";
import { currentCore } from "./fiber.ts";
import { StreamIo } from "./stream_io.ts";
import { AcceptOperation } from "./stream_operations.ts";

/** What {@linkcode listen} takes besides. */
export interface ListenOptions {
  /** Default: the current fiber's, else the default loop. */
  loop?: EventLoop;
}

/** A socket that listens, and what belongs to it. */
class ListenerParts {
  readonly io: StreamIo;
  readonly address: SocketAddress;
  /** What it accepts is secure. */
  readonly isSecure: boolean;

  /** `ownFile`: the socket file that goes with it. */
  constructor(core: LoopCore, handle: Handle, address: SocketAddress, options: { isSecure?: boolean; ownFile?: string } = {}) {
    const { isSecure = false, ownFile } = options;
    const onClose = ownFile === undefined ? undefined : () => void core.kernel.removeSocketFile(ownFile);
    this.io = new StreamIo(core, handle, { title: `the listener on ${describeAddress(address)}`, onClose }).attach();
    this.address = address;
    this.isSecure = isSecure;
  }
}

/** Makes the listener of a socket. */
let listenerOf: (parts: ListenerParts) => Listener;

/**
 * A socket that takes connections in.
 *
 * It owns its descriptor and is to be closed, best by `using`; its loop closes it at the latest. Closing wakes a fiber that waits for it with EBADF.
 */
export class Listener implements Disposable {
  readonly #io: StreamIo;
  readonly #address: SocketAddress;
  readonly #isSecure: boolean;

  static {
    listenerOf = (parts) => new Listener(parts);
  }

  /** Not for users: see {@linkcode listen}. */
  private constructor(parts: object) {
    if (!(parts instanceof ListenerParts)) throw new SystemError("EINVAL", "Cannot make a listener by new: use listen()");
    this.#io = parts.io;
    this.#address = parts.address;
    this.#isSecure = parts.isSecure;
  }

  /** Its descriptor, which stays the listener's; −1 when it is closed. */
  get fd(): number {
    return this.#io.isClosed ? -1 : this.#io.handle;
  }

  /** Where it listens: with the port that the system chose. */
  get address(): SocketAddress {
    return this.#address;
  }

  /**
   * Takes the connection that has waited longest.
   *
   * Suspends until there is one. Interrupted, it has taken none. One that was closed before it could be taken is passed over.
   *
   * @returns The connection, to be closed by you.
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} EBADF (closed), EBUSY (another fiber accepts), EINVAL (a fiber of another loop, a socket that does not listen), ESRCH off a
   * fiber. EMFILE, ENFILE, ENOBUFS and ENOMEM leave the connection where it is: close something, or sleep, before you try again.
   */
  accept(): Operation<Connection> {
    return new AcceptOperation(this.#io, this.#accepted);
  }

  readonly #accepted = (handle: Handle): Connection => {
    const { core } = this.#io;
    const remote = core.kernel.remoteAddress(handle);
    const remoteAddress = typeof remote === "object" ? remote : undefined;
    const title = `the connection from ${remoteAddress === undefined ? "a client" : describeAddress(remoteAddress)}`;
    const io = new StreamIo(core, handle, { title, isByteStream: "port" in this.#address, isSocket: true }).attach();
    return connectionOf(io, { remoteAddress, alpnProtocol: this.#isSecure ? core.kernel.alpnProtocol(handle) : undefined });
  };

  /**
   * Closes it: nobody listens there any more, and the connections that were not accepted are cut off. A socket file that it has made goes too.
   *
   * @throws {SystemError} EBADF when it is closed already.
   */
  close(): void {
    this.#io.requireOpen("close");
    this[Symbol.dispose]();
  }

  /** Closes it, unless it is closed. */
  [Symbol.dispose](): void {
    this.#io.close();
  }
}

/**
 * Listens at an address.
 *
 * @param address Without a hostname: `0.0.0.0`, all of IPv4. A hostname is numeric, or `localhost` for `127.0.0.1`; `::` takes in IPv4 as
 * well. Port 0 lets the system choose one, see {@linkcode Listener.address}. A path makes a socket file, which goes with the listener; a
 * leading `@` is the abstract namespace, without a file. `fd` is a socket that listens already, from the service manager for example, and
 * becomes the listener's.
 * @returns The listener, to be closed by you.
 * @throws {SystemError} EADDRINUSE (also for the file of a listener that has gone: remove it first), EADDRNOTAVAIL, EACCES, ENAMETOOLONG (a path of
 * more than 107 bytes), EINVAL, EBADF and ENOTSOCK (`fd`), ECANCELED when the loop is exiting.
 *
 * @example A port that the system chooses
 * ```ts
 * import { listen } from "@sd/fibers";
 * import { assertGreater } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const { address } = listener;
 * if ("port" in address) assertGreater(address.port, 0);
 * ```
 */
export function listen(address: ListenAddress | OpenSocket, options: ListenOptions = {}): Listener {
  requireOptions(options, ["loop"], "listen");
  const core = currentCore(options.loop);
  requireNotExiting(core, "listen");
  return isOpenSocket(address) ? listenerOf(adopt(core, address.fd)) : openListener(core, address);
}

/** A listener at an address; with `tls` its connections are secure when they are accepted. */
export function openListener(core: LoopCore, address: ListenAddress, tls?: ServerTls): Listener {
  const { kernel } = core;
  const { backlog } = requireAddress(address, "listen on");
  if (backlog !== undefined && !(Number.isInteger(backlog) && backlog >= 0 && backlog <= 0x7fff_ffff)) {
    throw new SystemError("EINVAL", `Cannot listen with backlog '${backlog}': it takes a whole number`);
  }
  const handle = kernel.openListener(localAddressOf(address), tls);
  if (handle < 0) throw addressError("listen on", address, handle, "bind");
  const bound = kernel.localAddress(handle);
  const boundAddress = typeof bound === "object" ? bound : address;
  return listenerOf(new ListenerParts(core, handle, boundAddress, { isSecure: tls !== undefined, ownFile: socketFileOf(address) }));
}

function adopt(core: LoopCore, fd: number): ListenerParts {
  const { kernel } = core;
  const bound = kernel.localAddress(requireFd(fd, "listen on"));
  if (typeof bound === "number") check(bound, (code) => `Cannot listen on fd ${fd}: ${code}`, "getsockname");
  check(kernel.setBlocking(fd, false), (code) => `Cannot listen on fd ${fd}: ${code}`, "fcntl");
  return new ListenerParts(core, fd, typeof bound === "object" ? bound : { path: "" });
}
