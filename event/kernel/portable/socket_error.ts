/**
 * Errors of the host's sockets as numbers.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { util } from "./builtin.ts";
import { errnoOf } from "./host_error.ts";

/** What the host names in its own way. */
const byCode: Readonly<Record<string, number>> = {
  ERR_ACCESS_DENIED: Errno.EACCES,
  ERR_SOCKET_CLOSED: Errno.ECONNRESET,
  ERR_STREAM_DESTROYED: Errno.ECONNRESET,
};

/**
 * How the names begin by which the host says that a certificate is not accepted, or that the other side does not keep to TLS. Not every host tells a
 * certificate that has expired from one that nobody trusts, so neither do we.
 */
const rejected = /^(?:CERT_|CRL_|ERR_TLS_CERT_|UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH)/;
const broken = /^ERR_(?:SSL|TLS|OSSL|BORINGSSL)_/;

/** The positive errno of what a socket has thrown or reported. */
export function socketErrno(error: unknown): number {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code !== "string") return errnoOf(error);
  if (Object.hasOwn(byCode, code)) return byCode[code];
  if (rejected.test(code)) return Errno.EKEYREJECTED;
  return broken.test(code) ? Errno.EPROTO : errnoOf(error);
}

/** The positive errno of a number of the system that the host runs on, whose numbers need not be Linux's. */
export function errnoOfNumber(number: number): number {
  return Errno[util().getSystemErrorName(number)] ?? Errno.EIO;
}
