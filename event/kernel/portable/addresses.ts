/**
 * Socket addresses, as the kernel and as the host have them.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Result, SocketAddress } from "../kernel.ts";
import { net } from "./builtin.ts";
import { isGranted } from "./permissions.ts";

/** Where a socket of the network is bound. */
export interface InternetAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Where an AF_UNIX socket is bound. */
export interface UnixAddress {
  readonly path: string;
}

/** `sun_path` less its final NUL. */
const longestPathBytes = 107;

/** Whether it is an address, and no name. */
export function isNumeric(hostname: string): boolean {
  return net().isIPv4(hostname) || net().isIPv6(hostname);
}

/** The address with all that it leaves out, or what is wrong with it. */
export function complete(address: SocketAddress, defaultHostname: string): InternetAddress | UnixAddress | Result {
  if ("path" in address) return checkPath(address.path);
  const { hostname = defaultHostname, port } = address;
  if (!isNumeric(hostname) || !Number.isInteger(port) || port < 0 || port > 65_535) return -Errno.EINVAL;
  return { hostname, port };
}

function checkPath(path: string): UnixAddress | Result {
  if (path === "" || path === "@" || path.includes("\0")) return -Errno.EINVAL;
  return new TextEncoder().encode(path).length > longestPathBytes ? -Errno.ENAMETOOLONG : { path };
}

/** Whether the path names a place in the abstract namespace, where there are no files. */
export function isAbstract(path: string): boolean {
  return path.startsWith("@");
}

/** A path as the host takes it. */
export function hostPath(path: string): string {
  return isAbstract(path) ? `\0${path.slice(1)}` : path;
}

/** Whether the host lets us go there, or listen there. */
export function isPermitted(address: InternetAddress | UnixAddress): boolean {
  if ("hostname" in address) {
    const { hostname, port } = address;
    return isGranted({ name: "net", host: `${net().isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}` });
  }
  const { path } = address;
  if (!isGranted({ name: "net", host: `unix:${hostPath(path)}` })) return false;
  return isAbstract(path) || (isGranted({ name: "read", path }) && isGranted({ name: "write", path }));
}
