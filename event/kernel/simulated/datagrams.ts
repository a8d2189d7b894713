/**
 * Datagram sockets of somebody else's, such as the service manager's.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Result } from "../kernel.ts";
import { normalize } from "./addresses.ts";

/** By path, what each has received. */
export class Datagrams {
  readonly #received = new Map<string, Uint8Array[]>();

  /** Makes a socket where none is: what it receives. */
  at(path: string): Uint8Array[] {
    let received = this.#received.get(path);
    if (received === undefined) this.#received.set(path, received = []);
    return received;
  }

  /** Sends one datagram. */
  send(path: string, data: Uint8Array): Result {
    const address = normalize({ path }, "");
    if (typeof address === "number") return address;
    const received = this.#received.get(path);
    if (received === undefined) return path.startsWith("@") ? -Errno.ECONNREFUSED : -Errno.ENOENT;
    received.push(data.slice());
    return data.length;
  }
}
