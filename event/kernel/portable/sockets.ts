/**
 * The kernel's calls on sockets, and the resolving of names.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Descriptors } from "../emulated/descriptors.ts";
import type { CompletionResult, Handle, ListenAddress, Result, SocketAddress } from "../kernel.ts";

/** What stands in the kernel contract, by the same names. */
export class Sockets {
  readonly #descriptors: Descriptors;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  openListener(_address: ListenAddress): Result {
    return -Errno.EOPNOTSUPP;
  }

  tryAccept(handle: Handle): Result {
    return this.#descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.ENOTSOCK;
  }

  openStream(_address: SocketAddress): Result {
    return -Errno.EOPNOTSUPP;
  }

  connectSocket(handle: Handle, _address: SocketAddress): Result {
    return this.#descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.ENOTSOCK;
  }

  socketError(handle: Handle): Result {
    return this.#descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.ENOTSOCK;
  }

  localAddress(handle: Handle): SocketAddress | undefined | Result {
    return this.#descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.ENOTSOCK;
  }

  remoteAddress(handle: Handle): SocketAddress | undefined | Result {
    return this.#descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.ENOTSOCK;
  }

  closeWrite(handle: Handle): Result {
    return this.#descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.ENOTSOCK;
  }

  removeSocketFile(_path: string): Result {
    return -Errno.EOPNOTSUPP;
  }

  sendDatagram(_path: string, _data: Uint8Array): Result {
    return -Errno.EOPNOTSUPP;
  }

  /** Calls `done` with the numeric addresses of a hostname, or with a negated errno, from a turn of the host. */
  resolve(_hostname: string, _done: (result: CompletionResult) => void): Result {
    return -Errno.EOPNOTSUPP;
  }
}
