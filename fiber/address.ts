/**
 * Where sockets listen and lead to.
 *
 * @module
 */

import { type ErrorCode, errorCode, SystemError } from "../event/errno.ts";
import type { Result, SocketAddress } from "../event/kernel/kernel.ts";

/** A socket that is open already, from the service manager for example. */
export interface OpenSocket {
  /** Its descriptor. */
  fd: number;
}

/** What {@linkcode connect} takes: an address, or a connected stream that becomes the connection's. */
export type ConnectAddress = SocketAddress | OpenSocket;

/** Whether it is that, and no address. */
export function isOpenSocket(address: object): address is OpenSocket {
  return typeof address === "object" && address !== null && "fd" in address;
}

/** An address to be bound to: the local host by its name is that of IPv4. */
export function localAddressOf<A extends SocketAddress>(address: A): A {
  return "port" in address && address.hostname === "localhost" ? { ...address, hostname: "127.0.0.1" } : address;
}

/** The socket file that comes with a socket that is bound there, if one does. */
export function socketFileOf(address: SocketAddress): string | undefined {
  return "path" in address && address.path !== "" && !address.path.startsWith("@") ? address.path : undefined;
}

/** An address as errors name it. */
export function describeAddress(address: SocketAddress): string {
  if ("path" in address) return `'${address.path}'`;
  const { hostname = "", port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** EINVAL for what is no address, or names a port that is none. */
export function requireAddress<A extends SocketAddress>(address: A, action: string): A {
  const { path, port, hostname } = (address ?? {}) as { path?: unknown; port?: unknown; hostname?: unknown };
  const isTcp = Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 0xffff &&
    (hostname === undefined || typeof hostname === "string" && hostname !== "");
  if (path === undefined ? isTcp : typeof path === "string" && port === undefined) return address;
  throw new SystemError(
    "EINVAL",
    `Cannot ${action} '${JSON.stringify(address)}': it takes a hostname with a port from 0 to 65535, or the path of a socket`,
  );
}

/** Causes that say more than their code does, of TCP and of socket files. */
const causes: Readonly<Record<ErrorCode, readonly [tcp: string, path: string]>> = {
  EACCES: [
    "not permitted, by the system or for want of --allow-net",
    "not permitted, by the system or for want of --allow-net, --allow-read and --allow-write",
  ],
  EADDRINUSE: ["somebody listens there already", "the file exists already, remove it if nobody listens there"],
  EADDRNOTAVAIL: ["it is no address of this machine", "it is no address of this machine"],
  EAFNOSUPPORT: ["the socket is of another kind", "the socket is of another kind"],
  EAGAIN: ["there is no port left to come from, try again later", "too many wait there to be accepted, try again later"],
  ECONNREFUSED: ["nobody listens there", "nobody listens there"],
  EINVAL: ["it is no numeric address", "it is no path"],
  ENAMETOOLONG: ["the hostname is too long", "a socket's path has at most 107 bytes"],
  ENOENT: ["the hostname has no address", "there is no such file"],
  EOPNOTSUPP: ["this kernel shares no ports, leave reusePort out", "this kernel has no such sockets"],
  EPROTOTYPE: ["what is there is no socket of this kind", "what is there is no socket of this kind"],
};

/** What is wrong with TLS. */
const tlsCauses: Readonly<Record<ErrorCode, string>> = {
  EBADMSG: "a certificate or key is of no use, each must be PEM, the key without a passphrase and the certificate's own",
  EKEYREJECTED: "its certificate is not accepted, having expired, or being for another name or from nobody who is trusted (caCerts)",
  EPROTO: "no agreement on how to be secure, it may speak no TLS or none of the protocols",
};

/** The error for what the kernel answered. */
export function addressError(action: string, address: SocketAddress, result: Result, syscall?: string): SystemError {
  const code = errorCode(-result);
  const cause = causes[code]?.["path" in address ? 1 : 0] ?? tlsCauses[code] ?? code;
  return new SystemError(code, `Cannot ${action} ${describeAddress(address)}: ${cause}`, { syscall });
}
