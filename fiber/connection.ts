/**
 * Streams of bytes that fibers read and write: sockets, and the pipes of processes.
 *
 * @module
 */

import { check, SystemError } from "../event/errno.ts";
import type { Result, SocketAddress } from "../event/kernel/kernel.ts";
import type { Operation } from "../future/operation.ts";
import { StreamIo } from "./stream_io.ts";
import { ReadAllOperation, ReadOperation, WriteAllOperation, WriteOperation } from "./stream_operations.ts";

/** How a connection is made. */
export interface ConnectionOptions {
  readonly remoteAddress?: SocketAddress;
  /** What the kernel says of it. */
  readonly alpnProtocol?: string | Result;
  /** It is the writing end of a pipe: closing is the only way to end what it writes. */
  readonly isPipeWriter?: boolean;
}

/** Makes the connection of a descriptor, which is attached to its loop. */
export let connectionOf: (io: StreamIo, options: ConnectionOptions) => Connection;

/**
 * A stream of bytes: a connected socket, or one of a process's pipes.
 *
 * One fiber may read while another one writes; a second reader or writer at the same time gets EBUSY. All calls suspend the fiber until something
 * can be done, and give way to others now and then where something always can. Reads and writes may be short. A fiber that is interrupted while it
 * waits has read or written nothing, but for `readAll`, which loses what it has read, and `writeAll`, which may have written a part.
 *
 * The connection owns its descriptor and is to be closed, best by `using`; its loop closes it at the latest. Closing wakes a fiber that waits for it
 * with EBADF, and whatever is asked of a closed connection throws EBADF.
 *
 * @example A reply
 * ```ts
 * import { all, connect, listen, run } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * const reply = await run(function* () {
 *   using listener = listen({ hostname: "127.0.0.1", port: 0 });
 *   function* serve() {
 *     using connection = yield* listener.accept();
 *     const request = yield* connection.readAll();
 *     yield* connection.writeAll(new TextEncoder().encode(`You sent ${request.length} bytes`));
 *   }
 *   function* ask() {
 *     using connection = yield* connect(listener.address);
 *     yield* connection.writeAll(new Uint8Array(5));
 *     connection.closeWrite();
 *     return new TextDecoder().decode(yield* connection.readAll());
 *   }
 *   return (yield* all([serve, ask]))[1];
 * });
 * assertEquals(reply, "You sent 5 bytes");
 * ```
 */
export class Connection implements Disposable {
  readonly #io: StreamIo;
  readonly #isPipeWriter: boolean;
  readonly #remoteAddress: SocketAddress | undefined;
  readonly #alpnProtocol: string | undefined;
  #localAddress: SocketAddress | undefined = undefined;

  static {
    connectionOf = (io, options) => new Connection(io, options);
  }

  /** Not for users: see {@linkcode connect} and {@linkcode Listener}. */
  private constructor(io: object, options: object) {
    if (!(io instanceof StreamIo)) throw new SystemError("EINVAL", "Cannot make a connection by new: use connect()");
    const { remoteAddress, alpnProtocol, isPipeWriter = false } = options as ConnectionOptions;
    this.#io = io;
    this.#isPipeWriter = isPipeWriter;
    this.#remoteAddress = remoteAddress;
    this.#alpnProtocol = typeof alpnProtocol === "string" ? alpnProtocol : undefined;
  }

  /** Its descriptor, which stays the connection's; −1 when it is closed. */
  get fd(): number {
    return this.#io.isClosed ? -1 : this.#io.handle;
  }

  /** Where this end is bound; `undefined` where it has no name, and when it is closed without having been asked before. */
  get localAddress(): SocketAddress | undefined {
    const { core, handle, isClosed } = this.#io;
    if (this.#localAddress !== undefined || isClosed) return this.#localAddress;
    const address = core.kernel.localAddress(handle);
    return this.#localAddress = typeof address === "object" ? address : undefined;
  }

  /** Where the other end was bound when the connection was made; `undefined` where that has no name. */
  get remoteAddress(): SocketAddress | undefined {
    return this.#remoteAddress;
  }

  /** The protocol that both sides have agreed upon by TLS (ALPN); `undefined` where they have not spoken of one. */
  get alpnProtocol(): string | undefined {
    return this.#alpnProtocol;
  }

  /**
   * Reads what is there, once something is.
   *
   * Suspends until something has come. Interrupted, it has read nothing.
   *
   * @param buffer Where to. Stays yours, and is written to until this returns. An empty one reads nothing: 0, at once.
   * @returns How many bytes; `null` at the end.
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} EBADF (closed), EBUSY (another fiber reads), EINVAL (no Uint8Array, a fiber of another loop), ESRCH off a fiber, and what
   * the system reports: ECONNRESET, ETIMEDOUT.
   */
  read(buffer: Uint8Array): Operation<number | null> {
    return new ReadOperation(this.#io, buffer, null);
  }

  /**
   * Reads up to the end.
   *
   * Suspends as often as it takes. Interrupted, what it has read is lost.
   *
   * @returns All of it; there is no limit but memory.
   * @throws {SystemError} And others, as {@linkcode Connection.read}.
   */
  readAll(): Operation<Uint8Array> {
    return new ReadAllOperation(this.#io);
  }

  /**
   * Writes what fits, once something does.
   *
   * Suspends while the other side does not read fast enough. Interrupted, it has written nothing.
   *
   * @param data Stays yours, and is read from until this returns.
   * @returns How many bytes, which may be fewer than there are.
   * @throws {CancelledError} When the fiber is cancelled.
   * @throws {TimeoutError} When a deadline of the fiber passes.
   * @throws {SystemError} EBADF (closed), EBUSY (another fiber writes), EINVAL (no Uint8Array, a fiber of another loop), ESRCH off a fiber, and what
   * the system reports: EPIPE (nobody will read it), ECONNRESET, ETIMEDOUT.
   */
  write(data: Uint8Array): Operation<number> {
    return new WriteOperation(this.#io, data);
  }

  /**
   * Writes all of it.
   *
   * Suspends as often as it takes. Interrupted, a part may have been written: close the connection then.
   *
   * @throws {SystemError} And others, as {@linkcode Connection.write}.
   */
  writeAll(data: Uint8Array): Operation<void> {
    return new WriteAllOperation(this.#io, data);
  }

  /**
   * Ends the writing direction: the other side reads what is on its way, then the end. A pipe's is ended by closing it.
   *
   * @throws {SystemError} EBADF (closed), ENOTCONN where the other side has gone already, ENOTSOCK for a pipe that is read from.
   */
  closeWrite(): void {
    const io = this.#io;
    io.requireOpen("close the writing direction of");
    if (this.#isPipeWriter) return io.close();
    check(
      io.core.kernel.closeWrite(io.handle),
      (code) => `Cannot close the writing direction of ${io.title}: ${code}`,
      "shutdown",
    );
  }

  /**
   * Closes it. What was written is still sent; what was not read is lost, and then the other side may be told ECONNRESET.
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
