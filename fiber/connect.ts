/**
 * Opening connections.
 *
 * @module
 */

import { check, Errno } from "../event/errno.ts";
import type { ClientTls, SocketAddress } from "../event/kernel/kernel.ts";
import type { LoopCore } from "../event/loop_core.ts";
import { requireFd } from "../event/validate.ts";
import { type Operation, requireFiber } from "../future/operation.ts";
import { addressError, type ConnectAddress, describeAddress, isOpenSocket, requireAddress } from "./address.ts";
import { Checkpoint } from "./checkpoint.ts";
import { type Connection, connectionOf } from "./connection.ts";
import { isInterruption } from "./interruption.ts";
import { resolve } from "./resolve.ts";
import { StreamIo } from "./stream_io.ts";
import { ArriveOperation } from "./stream_operations.ts";

/**
 * Opens a connection.
 *
 * Suspends while the name is looked up and until the connection stands. The addresses of a name are tried one after the other, in the resolver's
 * order; if none serves, the error of the last one is thrown. Interrupted, nothing is left behind.
 *
 * @param address Without a hostname: the local host. A hostname is a name or numeric. A path is that of a socket file; a leading `@` is the abstract
 * namespace. `fd` is a connected stream, which becomes the connection's.
 * @returns The connection, to be closed by you.
 * @throws {CancelledError} When the fiber is cancelled.
 * @throws {TimeoutError} When a deadline of the fiber passes.
 * @throws {SystemError} ESRCH off a fiber, EINVAL for what is no address, ENAMETOOLONG (a path of more than 107 bytes), ENOENT (the name has no address,
 * there is no such file), ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EAGAIN (the queue of an AF_UNIX listener is full), EBADF
 * (`fd`), EDEADLK (a name, while the loop blocks the thread).
 *
 * @example A deadline
 * ```ts
 * import { connect, listen, run, sec, withTimeout } from "@sd/fibers";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * await run(function* () {
 *   using connection = yield* withTimeout(sec(5), connect(listener.address));
 *   assertEquals(connection.remoteAddress, listener.address);
 * });
 * ```
 */
export function* connect(address: ConnectAddress): Operation<Connection> {
  const fiber = requireFiber();
  yield* new Checkpoint();
  const { core } = fiber;
  if (isOpenSocket(address)) return adopt(core, address.fd);
  return yield* reach(core, requireAddress(address, "connect to"));
}

/** A connection to an address, whose hostname may be a name; with `tls` it is secure when it is there. */
export function* reach(core: LoopCore, address: SocketAddress, tls?: ClientTls): Operation<Connection> {
  const handle = core.kernel.openStream(address, tls);
  const isName = handle === -Errno.EINVAL && "hostname" in address && address.hostname !== undefined;
  if (!isName) return yield* arrive(core, handle, address, tls);
  let failure: unknown = undefined;
  for (const hostname of yield* resolve(core, address.hostname!)) {
    const numeric = { hostname, port: address.port };
    try {
      return yield* arrive(core, core.kernel.openStream(numeric, tls), numeric, tls);
    } catch (error) {
      if (isInterruption(error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** Waits until a stream that was opened has arrived at the address. */
function* arrive(core: LoopCore, handle: number, address: SocketAddress, tls: ClientTls | undefined): Operation<Connection> {
  if (handle < 0) throw addressError("connect to", address, handle, "connect");
  const title = `the connection to ${describeAddress(address)}`;
  const io = new StreamIo(core, handle, { title, isByteStream: "port" in address, isSocket: true }).attach();
  try {
    yield* new ArriveOperation(io, address);
  } catch (error) {
    io.close();
    throw error;
  }
  return connectionOf(io, { remoteAddress: address, alpnProtocol: tls && core.kernel.alpnProtocol(handle) });
}

function adopt(core: LoopCore, fd: number): Connection {
  const { kernel } = core;
  check(kernel.setBlocking(requireFd(fd, "use as a connection"), false), (code) => `Cannot use fd ${fd} as a connection: ${code}`, "fcntl");
  const remote = kernel.remoteAddress(fd);
  const io = new StreamIo(core, fd, { title: `the connection of fd ${fd}` }).attach();
  return connectionOf(io, { remoteAddress: typeof remote === "object" ? remote : undefined });
}
