/**
 * Names of hosts to numeric addresses, by the resolver of the system that the host runs on.
 *
 * What was begun cannot be taken back: it goes on to its end, as long as that resolver takes, and keeps the process alive meanwhile.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { CompletionResult, Result } from "../kernel.ts";
import { dns } from "./builtin.ts";
import { isNumeric } from "./addresses.ts";
import { socketErrno } from "./socket_error.ts";
import { isGranted } from "./permissions.ts";

/**
 * What the resolver's own errors are as errno. A name that has no address is ENOENT; a name server that does not answer is EHOSTUNREACH, since EAGAIN
 * would say "wait for readiness".
 */
const resolverErrors: Readonly<Record<string, number>> = {
  EAI_AGAIN: Errno.EHOSTUNREACH,
  EAI_FAMILY: Errno.EAFNOSUPPORT,
  EAI_MEMORY: Errno.ENOMEM,
  EAI_NODATA: Errno.ENOENT,
  EAI_NONAME: Errno.ENOENT,
  ENODATA: Errno.ENOENT,
  ENOTFOUND: Errno.ENOENT,
  ESERVFAIL: Errno.EHOSTUNREACH,
};

/**
 * Begins to resolve a hostname; a numeric address resolves to itself.
 *
 * @param done Called with the addresses in the resolver's order, or a negated errno: before this returns for a numeric address, else from a turn of
 * the host.
 * @returns 0, or a negated errno, then `done` is not called.
 */
export function resolve(hostname: string, done: (result: CompletionResult) => void): Result {
  if (isNumeric(hostname)) {
    done([hostname]);
    return 0;
  }
  if (hostname === "" || hostname.includes("\0")) return -Errno.EINVAL;
  if (!isGranted({ name: "net", host: hostname })) return -Errno.EACCES;
  try {
    dns().lookup(hostname, { all: true, verbatim: true }, (error, addresses) => {
      if (error !== null && error !== undefined) return done(-(resolverErrors[error.code ?? ""] ?? socketErrno(error)));
      const hostnames = [...new Set(addresses.map(({ address }) => address))];
      done(hostnames.length === 0 ? -Errno.ENOENT : hostnames);
    });
    return 0;
  } catch (error) {
    return -socketErrno(error);
  }
}
