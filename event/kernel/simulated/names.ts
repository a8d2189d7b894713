/**
 * The virtual name service.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { CompletionResult } from "../kernel.ts";
import { numericHostname } from "./addresses.ts";

/** Which numeric addresses a hostname stands for. */
export class Names {
  readonly #table = new Map<string, readonly string[]>([["localhost", ["127.0.0.1", "::1"]]]);

  /** Gives a hostname these addresses; without any it is unknown again. */
  set(hostname: string, addresses: readonly string[]): void {
    if (addresses.length > 0) this.#table.set(hostname.toLowerCase(), [...addresses]);
    else this.#table.delete(hostname.toLowerCase());
  }

  /** The addresses in their order; a numeric hostname is its own. */
  resolve(hostname: string): CompletionResult {
    if (numericHostname(hostname) !== undefined) return [hostname];
    return this.#table.get(hostname.toLowerCase()) ?? -Errno.ENOENT;
  }
}
