/**
 * Socket addresses in one spelling each.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Result, SocketAddress } from "../kernel.ts";

/** Where a TCP socket is bound, its hostname numeric and canonical. */
export interface TcpAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Where an AF_UNIX socket is bound. */
export interface UnixAddress {
  readonly path: string;
}

/** `sun_path` less its final NUL. */
const longestPathBytes = 107;

/** What an IPv6 address begins with that maps one of IPv4. */
const mappedPrefix = "::ffff:";

/** The canonical spelling of a numeric hostname; `undefined` for anything else. */
export function numericHostname(hostname: string): string | undefined {
  if (/^(?:(?:0|[1-9]\d{0,2})(?:\.(?!$)|$)){4}$/.test(hostname)) {
    return hostname.split(".").every((part) => Number(part) <= 255) ? hostname : undefined;
  }
  const [, address, zone = ""] = /^([\da-f:.]*:[\da-f:.]*)(%[1-9]\d{0,9})?$/i.exec(hostname) ?? [];
  const url = `http://[${address}]`;
  return address !== undefined && URL.canParse(url) ? withIpv4Tail(new URL(url).hostname.slice(1, -1)) + zone : undefined;
}

/** Where an IPv6 address maps one of IPv4, that in dotted decimals. */
function withIpv4Tail(hostname: string): string {
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(hostname) ?? [];
  if (low === undefined) return hostname;
  return `${mappedPrefix}${[high, low].flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]).join(".")}`;
}

/** The IPv4 address that an IPv6 one maps, or the address itself. */
export function unmapped(hostname: string): string {
  return hostname.startsWith(mappedPrefix) && hostname.includes(".") ? hostname.slice(mappedPrefix.length) : hostname;
}

/** An IPv4 address as a socket of IPv6 sees it. */
export function mapped(hostname: string): string {
  return isIpv6(hostname) ? hostname : `${mappedPrefix}${hostname}`;
}

/** Whether a numeric hostname is an IPv6 address. */
export function isIpv6(hostname: string): boolean {
  return hostname.includes(":");
}

/** The address in its one spelling, or what is wrong with it. */
export function normalize(address: SocketAddress, defaultHostname: string): TcpAddress | UnixAddress | Result {
  if ("path" in address) return checkPath(address.path);
  const hostname = numericHostname(address.hostname ?? defaultHostname);
  const { port } = address;
  if (hostname === undefined || !Number.isInteger(port) || port < 0 || port > 65_535) return -Errno.EINVAL;
  return { hostname, port };
}

function checkPath(path: string): UnixAddress | Result {
  if (path === "" || path === "@" || path.includes("\0")) return -Errno.EINVAL;
  return new TextEncoder().encode(path).length > longestPathBytes ? -Errno.ENAMETOOLONG : { path };
}

/** Whether a socket bound to the first hostname gets what is sent to the second: `::` takes in IPv4 as well. */
export function covers(bound: string, hostname: string): boolean {
  return bound === hostname || bound === "::" || (bound === "0.0.0.0" && !hostname.includes(":"));
}

/** Where a stream to the unspecified address really goes: to the local host. */
export function destination(address: TcpAddress): TcpAddress {
  if (address.hostname === "0.0.0.0") return { hostname: "127.0.0.1", port: address.port };
  if (address.hostname === "::") return { hostname: "::1", port: address.port };
  return address;
}
