/**
 * Servers that listen at once.
 *
 * `listen()` of a server with a hostname looks that name up first, numeric or not, so that whether the address could be had, and which port the system
 * chose, is known a turn later only; and for a path, where it binds at once, it tells a turn later why it could not. The kernel's call must know when it
 * returns.
 *
 * - Node and Deno make the socket in a function of its own, which `listen()` also takes the result of. It is there for the sake of clusters.
 * - Bun binds within `listen()`. Its own API, asked for the same address, tells at once why it cannot be had.
 *
 * @module
 */

import type { Server } from "node:net";
import { Errno } from "../../errno.ts";
import type { Result } from "../kernel.ts";
import { net } from "./builtin.ts";
import { hostPath, type InternetAddress, type UnixAddress } from "./addresses.ts";
import { errnoOfNumber, socketErrno } from "./socket_error.ts";

/** A socket of the host's, bound. */
interface Bound {
  /** 0, or an error number of the system. */
  listen(backlog: number): number;
  close(): void;
}

/** Makes a socket that is bound, or answers with an error number. A path stands in place of the address, with −1 for the rest. */
type MakeBound = (address: string, port: number, family: number, fd: undefined, flags: number) => Bound | number;

/** What Bun has. */
interface Bun {
  listen(options: { hostname?: string; port?: number; unix?: string; socket: { data(): void } }): { stop(): void };
}

/** Makes the server listen: 0, or why it cannot. Throws what the host throws. */
export function bind(server: Server, address: InternetAddress | UnixAddress, backlog: number): Result {
  const { _createServerHandle: make } = net() as unknown as { _createServerHandle?: MakeBound };
  if (make !== undefined && "hostname" in address) return bindBefore(make, server, address, backlog);
  const place = "path" in address ? { path: hostPath(address.path) } : { host: address.hostname, port: address.port };
  server.listen({ ...place, backlog, exclusive: true });
  if (server.listening) return 0;
  return make === undefined ? reasonByBun(address) : reasonFor(make, address as UnixAddress);
}

function bindBefore(make: MakeBound, server: Server, { hostname, port }: InternetAddress, backlog: number): Result {
  const bound = make(hostname, port, net().isIP(hostname), undefined, 0);
  if (typeof bound === "number") return bindError(bound);
  // That an address is taken is often told of here only.
  const answer = bound.listen(backlog);
  if (answer < 0) {
    bound.close();
    return bindError(answer);
  }
  server.listen(bound, backlog);
  return 0;
}

/** The address itself is in order: what is invalid about it, as Deno says, is that it is no address of this machine. */
function bindError(number: number): Result {
  const errno = errnoOfNumber(number);
  return -(errno === Errno.EINVAL ? Errno.EADDRNOTAVAIL : errno);
}

// Why an address could not be had a moment ago: if it can be now, then it was somebody else's.

function reasonFor(make: MakeBound, { path }: UnixAddress): Result {
  const bound = make(hostPath(path), -1, -1, undefined, 0);
  if (typeof bound === "number") return -errnoOfNumber(bound);
  bound.close();
  return -Errno.EADDRINUSE;
}

function reasonByBun(address: InternetAddress | UnixAddress): Result {
  const { Bun } = globalThis as { Bun?: Bun };
  const place = "path" in address ? { unix: hostPath(address.path) } : address;
  try {
    Bun?.listen({ ...place, socket: { data() {} } }).stop();
    return -Errno.EADDRINUSE;
  } catch (error) {
    return -socketErrno(error);
  }
}
