/**
 * Sockets: opened whole, connected, asked.
 *
 * What is opened here does not wait (SOCK_NONBLOCK) and is closed by exec (SOCK_CLOEXEC). TCP sends what it is given without waiting for more
 * (TCP_NODELAY), as the host's own connections do: a listener hands that on to what it accepts.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { ClientTls, DatagramAddress, Handle, ListenAddress, Result, ServerTls, SocketAddress } from "../kernel.ts";
import { close, tryWrite } from "./descriptors.ts";
import { kindOfPath, S_IFSOCK } from "./file_kind.ts";
import { cString, failure, libc, result } from "./libc.ts";
import { AF_UNIX, decodeAddress, encodeAddress, type EncodedAddress, isAbstract, MAX_ADDRESS_BYTES } from "./socket_address.ts";

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x8_0000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SO_BROADCAST = 6;
const SO_REUSEPORT = 15;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SHUT_WR = 1;

const defaultBacklog = 511;
const anyHost = "0.0.0.0";
const localHost = "127.0.0.1";

/** An AF_UNIX socket that is bound nowhere. */
const unnamed: EncodedAddress = { family: AF_UNIX, bytes: new Uint8Array() };

/** An int that is handed to the kernel or filled by it, and its size. */
const cell = new Int32Array(1);
const cellLength = Uint32Array.of(4);

/** An address that the kernel fills, and how much of it. */
const addressBytes = new Uint8Array(MAX_ADDRESS_BYTES);
const addressLength = new Uint32Array(1);

/** A socket that listens; never a secure one: the system has no TLS. */
export function openListener(address: ListenAddress, tls?: ServerTls): Result {
  if (tls !== undefined) return -Errno.EOPNOTSUPP;
  const encoded = encodeAddress(address, anyHost);
  if (typeof encoded === "number") return encoded;
  const handle = openSocket(encoded.family);
  if (handle < 0) return handle;
  return opened(handle, listenAt(handle, encoded, address));
}

function listenAt(handle: Handle, encoded: EncodedAddress, address: ListenAddress): Result {
  if (encoded.family !== AF_UNIX) {
    // So that a restarted server gets its port back at once, while old connections to it still linger.
    const answer = setOption(handle, SOL_SOCKET, SO_REUSEADDR);
    if (answer < 0) return answer;
  }
  if ("reusePort" in address && address.reusePort) {
    const answer = setOption(handle, SOL_SOCKET, SO_REUSEPORT);
    if (answer < 0) return answer;
  }
  const answer = result(libc.bind(handle, encoded.bytes, encoded.bytes.length));
  return answer < 0 ? answer : result(libc.listen(handle, address.backlog ?? defaultBacklog));
}

/** A connection of a listener's, in the caller's hands. */
export function tryAccept(handle: Handle): Result {
  return result(libc.accept4(handle, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

/** A stream that is there or on its way; never a secure one. */
export function openStream(address: SocketAddress, tls?: ClientTls): Result {
  if (tls !== undefined) return -Errno.EOPNOTSUPP;
  const encoded = encodeAddress(address, localHost);
  if (typeof encoded === "number") return encoded;
  const handle = openSocket(encoded.family);
  if (handle < 0) return handle;
  const answer = connectTo(handle, encoded);
  return opened(handle, answer === -Errno.EINPROGRESS ? 0 : answer);
}

/** A datagram socket. */
export function openDatagram(address: DatagramAddress): Result {
  const encoded = "path" in address && address.path === "" ? unnamed : encodeAddress(address, anyHost);
  if (typeof encoded === "number") return encoded;
  const handle = result(libc.socket(encoded.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return handle < 0 ? handle : opened(handle, bindDatagram(handle, encoded, address));
}

function bindDatagram(handle: Handle, encoded: EncodedAddress, address: DatagramAddress): Result {
  if (encoded === unnamed) return 0;
  if ("reusePort" in address && address.reusePort) {
    const answer = setOption(handle, SOL_SOCKET, SO_REUSEPORT);
    if (answer < 0) return answer;
  }
  if ("broadcast" in address && address.broadcast) {
    const answer = setOption(handle, SOL_SOCKET, SO_BROADCAST);
    if (answer < 0) return answer;
  }
  return result(libc.bind(handle, encoded.bytes, encoded.bytes.length));
}

/** Two AF_UNIX sockets that are connected with each other. */
export function openSocketPair(kind: "stream" | "datagram"): [Handle, Handle] | Result {
  const ends = new Int32Array(2);
  const type = kind === "stream" ? SOCK_STREAM : SOCK_DGRAM;
  return libc.socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0 ? failure() : [ends[0], ends[1]];
}

/** Makes a socket go to an address: 0, −EINPROGRESS, or −EAGAIN where the queue of an AF_UNIX listener is full. */
export function connectSocket(handle: Handle, address: SocketAddress): Result {
  const encoded = encodeAddress(address, localHost);
  return typeof encoded === "number" ? encoded : connectTo(handle, encoded);
}

function connectTo(handle: Handle, encoded: EncodedAddress): Result {
  const answer = result(libc.connect(handle, encoded.bytes, encoded.bytes.length));
  // Interrupted by a signal it goes on by itself.
  return answer === -Errno.EINTR ? -Errno.EINPROGRESS : answer;
}

function openSocket(family: number): Result {
  const handle = result(libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (handle < 0 || family === AF_UNIX) return handle;
  return opened(handle, setOption(handle, IPPROTO_TCP, TCP_NODELAY));
}

/** The handle, unless what was done with it failed: then it is closed, and the answer is that. */
function opened(handle: Handle, answer: Result): Result {
  if (answer >= 0) return handle;
  close(handle);
  return answer;
}

function setOption(handle: Handle, level: number, option: number): Result {
  cell[0] = 1;
  return result(libc.setsockopt(handle, level, option, cell, 4));
}

/** Takes the error that a socket holds. */
export function socketError(handle: Handle): Result {
  return libc.getsockopt(handle, SOL_SOCKET, SO_ERROR, cell, cellLength) < 0 ? failure() : 0 - cell[0];
}

/** Where a socket is bound. */
export function localAddress(handle: Handle): SocketAddress | undefined | Result {
  addressLength[0] = MAX_ADDRESS_BYTES;
  return libc.getsockname(handle, addressBytes, addressLength) < 0 ? failure() : decodeAddress(addressBytes, addressLength[0]);
}

/** Where the other end is bound. */
export function remoteAddress(handle: Handle): SocketAddress | undefined | Result {
  addressLength[0] = MAX_ADDRESS_BYTES;
  return libc.getpeername(handle, addressBytes, addressLength) < 0 ? failure() : decodeAddress(addressBytes, addressLength[0]);
}

/** No socket has one. */
export function alpnProtocol(handle: Handle): undefined | Result {
  const local = localAddress(handle);
  return typeof local === "number" ? local : undefined;
}

/** Ends the writing direction of a stream. */
export function closeWrite(handle: Handle): Result {
  return result(libc.shutdown(handle, SHUT_WR));
}

/** Removes a socket file, and no file of another kind: −ENOTSOCK. An abstract socket has none. */
export function removeSocketFile(path: string): Result {
  if (isAbstract(path)) return -Errno.ENOENT;
  const kind = kindOfPath(path);
  if (kind < 0) return kind;
  return kind === S_IFSOCK ? result(libc.unlink(cString(path)!)) : -Errno.ENOTSOCK;
}

/** Sends one datagram to the socket at a path, by a socket of its own. */
export function sendDatagram(path: string, data: Uint8Array): Result {
  const encoded = encodeAddress({ path }, localHost);
  if (typeof encoded === "number") return encoded;
  const handle = result(libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (handle < 0) return handle;
  const connected = connectTo(handle, encoded);
  const answer = connected < 0 ? connected : tryWrite(handle, data);
  close(handle);
  return answer;
}
