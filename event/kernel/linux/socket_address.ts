/**
 * Socket addresses as the system calls take them, and IP addresses as text.
 *
 * All of this is pure. A hostname is numeric here: dotted decimals, or IPv6 with an IPv4 tail or a numeric zone (`fe80::1%2`) if it likes.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Result, SocketAddress } from "../kernel.ts";

/** Address families. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** What the kernel may write at most: a struct sockaddr_storage. */
export const MAX_ADDRESS_BYTES = 128;

/** Where the path of a struct sockaddr_un begins, and how long it may be so that a 0 still fits behind it. */
const pathAt = 2;
const maxPathBytes = 107;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An address as a struct sockaddr. */
export interface EncodedAddress {
  readonly family: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The struct sockaddr for an address.
 *
 * @param address The address.
 * @param defaultHostname What stands in for a missing hostname.
 * @returns The struct; −EINVAL for a hostname that is not numeric, a bad port, or a bad path; −ENAMETOOLONG for a path of more than 107 bytes.
 */
export function encodeAddress(address: SocketAddress, defaultHostname: string): EncodedAddress | Result {
  if ("path" in address) return encodePath(address.path);
  const { hostname = defaultHostname, port } = address;
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) return -Errno.EINVAL;
  const ipv4 = parseIpv4(hostname);
  if (ipv4 !== undefined) return encodeIpv4(ipv4, port);
  const ipv6 = parseIpv6(hostname);
  return ipv6 === undefined ? -Errno.EINVAL : encodeIpv6(ipv6, port);
}

/**
 * The address in a struct sockaddr of which the kernel filled `length` bytes.
 *
 * @returns `undefined` for a socket without a name, −EAFNOSUPPORT for one of another family.
 */
export function decodeAddress(bytes: Uint8Array, length: number): SocketAddress | undefined | Result {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  switch (view.getUint16(0, true)) {
    case AF_UNIX:
      return decodePath(bytes.subarray(pathAt, length));
    case AF_INET:
      return { hostname: formatIpv4(bytes.subarray(4, 8)), port: view.getUint16(2) };
    case AF_INET6:
      return { hostname: formatIpv6({ bytes: bytes.subarray(8, 24), zone: view.getUint32(24, true) }), port: view.getUint16(2) };
    default:
      return -Errno.EAFNOSUPPORT;
  }
}

/** Whether `path` names a socket in the abstract namespace, where no file stands for it. */
export function isAbstract(path: string): boolean {
  return path.startsWith("@");
}

function encodePath(path: string): EncodedAddress | Result {
  const name = encoder.encode(path);
  if (name.length === 0 || name.includes(0)) return -Errno.EINVAL;
  if (name.length > maxPathBytes) return -Errno.ENAMETOOLONG;
  // A path ends with a 0; an abstract name begins with one and ends where the length says.
  const bytes = new Uint8Array(pathAt + name.length + (isAbstract(path) ? 0 : 1));
  bytes[0] = AF_UNIX;
  bytes.set(name, pathAt);
  if (isAbstract(path)) bytes[pathAt] = 0;
  return { family: AF_UNIX, bytes };
}

function decodePath(name: Uint8Array): SocketAddress | undefined {
  if (name.length === 0) return undefined;
  if (name[0] === 0) return { path: `@${decoder.decode(name.subarray(1))}` };
  const end = name.indexOf(0);
  return { path: decoder.decode(end < 0 ? name : name.subarray(0, end)) };
}

function encodeIpv4(ip: Uint8Array, port: number): EncodedAddress {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(ip, 4);
  return { family: AF_INET, bytes };
}

function encodeIpv6(ip: Ipv6, port: number): EncodedAddress {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(ip.bytes, 8);
  view.setUint32(24, ip.zone, true);
  return { family: AF_INET6, bytes };
}

/** An IPv6 address and the number of the interface it is meant on, 0 for any. */
export interface Ipv6 {
  readonly bytes: Uint8Array;
  readonly zone: number;
}

/** Whether a hostname is an address that {@linkcode encodeAddress} takes. */
export function isNumeric(hostname: string): boolean {
  return parseIpv4(hostname) !== undefined || parseIpv6(hostname) !== undefined;
}

/** The four bytes of an address in dotted decimals. Fewer parts, other bases and leading zeros mean different things to different readers: no. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return Uint8Array.from(parts, Number);
}

/** An IPv6 address, RFC 4291, section 2.2. */
export function parseIpv6(text: string): Ipv6 | undefined {
  const [address, zoneText, surplus] = text.split("%");
  const zone = zoneText === undefined ? 0 : parseZone(zoneText);
  const halves = withoutIpv4Tail(address).split("::").map(parseGroups);
  if (zone === undefined || surplus !== undefined || halves.length > 2) return undefined;
  const [head, tail] = halves;
  if (head === undefined || halves.length === 2 && tail === undefined) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail ?? []];
  return { bytes: Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])), zone };
}

function parseZone(text: string): number | undefined {
  return /^[1-9]\d{0,9}$/.test(text) && Number(text) <= 0xffff_ffff ? Number(text) : undefined;
}

/** The same address, an IPv4 address at its end as two groups. */
function withoutIpv4Tail(text: string): string {
  const at = text.lastIndexOf(":") + 1;
  const ipv4 = parseIpv4(text.slice(at));
  if (ipv4 === undefined) return text;
  return `${text.slice(0, at)}${(ipv4[0] << 8 | ipv4[1]).toString(16)}:${(ipv4[2] << 8 | ipv4[3]).toString(16)}`;
}

/** The 16-bit groups between colons, none of an empty text. */
function parseGroups(text: string): number[] | undefined {
  const parts = text === "" ? [] : text.split(":");
  return parts.every((part) => /^[\da-f]{1,4}$/i.test(part)) ? parts.map((part) => parseInt(part, 16)) : undefined;
}

/** Four bytes in dotted decimals. */
export function formatIpv4(bytes: Uint8Array): string {
  return bytes.join(".");
}

/** An IPv6 address as RFC 5952 wants it: lower case, the first of the longest runs of zeros left out, an IPv4 tail where it maps one. */
export function formatIpv6(ip: Ipv6): string {
  const zone = ip.zone === 0 ? "" : `%${ip.zone}`;
  const groups = Array.from({ length: 8 }, (_, index) => ip.bytes[2 * index] << 8 | ip.bytes[2 * index + 1]);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return `::ffff:${formatIpv4(ip.bytes.subarray(12))}${zone}`;
  const texts = groups.map((group) => group.toString(16));
  const [from, length] = longestZeros(groups);
  if (length < 2) return texts.join(":") + zone;
  return `${texts.slice(0, from).join(":")}::${texts.slice(from + length).join(":")}${zone}`;
}

function longestZeros(groups: readonly number[]): [from: number, length: number] {
  let longest: [from: number, length: number] = [0, 0];
  let from = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) from = index + 1;
    else if (index + 1 - from > longest[1]) longest = [from, index + 1 - from];
  }
  return longest;
}
