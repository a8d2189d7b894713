/**
 * Names of hosts to numeric addresses, by getaddrinfo on a thread of the host's pool.
 *
 * The call cannot be taken back: one that nobody waits for any more runs to its end, as long as the system's resolver takes.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { CompletionResult, Result } from "../kernel.ts";
import { type Address, allocateCopy, bytesAt, cString, libc } from "./libc.ts";
import { decodeAddress, isNumeric } from "./socket_address.ts";

const SOCK_STREAM = 1;

/** A struct addrinfo: its size, and where in it what stands. */
const entryBytes = 48;
const socketTypeAt = 8;
const addressLengthAt = 16;
const addressAt = 24;
const nextAt = 40;

/**
 * What the resolver's own errors are as errno. A name that has no address is ENOENT, as in the resolver's name services; a name server that does
 * not answer is EHOSTUNREACH, since EAGAIN would say "wait for readiness". The errno behind EAI_SYSTEM is left on the thread of the call: EIO.
 */
const resolverErrors: Readonly<Record<number, number>> = {
  [-1]: Errno.EINVAL, // EAI_BADFLAGS
  [-2]: Errno.ENOENT, // EAI_NONAME
  [-3]: Errno.EHOSTUNREACH, // EAI_AGAIN
  [-4]: Errno.EIO, // EAI_FAIL
  [-5]: Errno.ENOENT, // EAI_NODATA
  [-6]: Errno.EAFNOSUPPORT, // EAI_FAMILY
  [-9]: Errno.ENOENT, // EAI_ADDRFAMILY
  [-10]: Errno.ENOMEM, // EAI_MEMORY
  [-11]: Errno.EIO, // EAI_SYSTEM
  [-12]: Errno.ENAMETOOLONG, // EAI_OVERFLOW
};

/**
 * Begins to resolve a hostname.
 *
 * @param hostname The name; a numeric address resolves to itself.
 * @param done Called with the addresses in the resolver's order, or a negated errno: before this returns for a numeric address, else from a turn of
 * the host.
 * @returns 0, or a negated errno, then `done` is not called.
 */
export function resolve(hostname: string, done: (result: CompletionResult) => void): Result {
  if (isNumeric(hostname)) {
    done([hostname]);
    return 0;
  }
  const name = cString(hostname);
  if (name === undefined || hostname === "") return -Errno.EINVAL;
  const query = openQuery(name);
  if (query === 0n) return -Errno.ENOMEM;
  libc.getaddrinfo(query + nameAt, 0n, query, query + resultAt).then(
    (answer) => done(takeAnswer(query, answer)),
    () => done(takeAnswer(query, -1)),
  );
  return 0;
}

/** What the call points to, in one piece of memory: a struct addrinfo with hints, a pointer for the result, the name. */
const resultAt = 48n;
const nameAt = 56n;

function openQuery(name: Uint8Array): Address {
  const query = new Uint8Array(Number(nameAt) + name.length);
  // One kind of socket only, or each address would come three times.
  new DataView(query.buffer).setInt32(socketTypeAt, SOCK_STREAM, true);
  query.set(name, Number(nameAt));
  return allocateCopy(query);
}

function takeAnswer(query: Address, answer: number): CompletionResult {
  const list = answer === 0 ? addressIn(bytesAt(query + resultAt, 8), 0) : 0n;
  libc.free(query);
  if (answer !== 0) return -(resolverErrors[answer] ?? Errno.EIO);
  const hostnames = hostnamesIn(list);
  libc.freeaddrinfo(list);
  return hostnames.length === 0 ? -Errno.ENOENT : hostnames;
}

function hostnamesIn(list: Address): string[] {
  const hostnames = new Set<string>();
  for (let at = list; at !== 0n;) {
    const entry = bytesAt(at, entryBytes);
    const length = new DataView(entry.buffer).getUint32(addressLengthAt, true);
    const address = decodeAddress(bytesAt(addressIn(entry, addressAt), length), length);
    if (typeof address === "object" && "hostname" in address) hostnames.add(address.hostname!);
    at = addressIn(entry, nextAt);
  }
  return [...hostnames];
}

function addressIn(bytes: Uint8Array<ArrayBuffer>, at: number): Address {
  return new DataView(bytes.buffer).getBigUint64(at, true);
}
