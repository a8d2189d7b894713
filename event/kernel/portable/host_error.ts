/**
 * Errors of the host's as numbers.
 *
 * @module
 */

import { Errno } from "../../errno.ts";

/** The positive errno of what the host has thrown: by its code, and EACCES where a permission is missing. */
export function errnoOf(error: unknown): number {
  if (!(error instanceof Error)) return Errno.EIO;
  if (error.name === "NotCapable") return Errno.EACCES;
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && Object.hasOwn(Errno, code)) return Errno[code];
  return error instanceof TypeError || error instanceof RangeError ? Errno.EINVAL : Errno.EIO;
}
