/**
 * Paths that may be given as URLs.
 *
 * @module
 */

import { SystemError } from "./errno.ts";

/** The path of a file; EINVAL for a URL that names none, and for what is neither. */
export function requirePath(target: string | URL, action: string): string {
  if (typeof target === "string") return target;
  if (!(target instanceof URL)) throw new SystemError("EINVAL", `Cannot ${action}: it takes a path or a URL`);
  const { protocol, host, pathname } = target;
  // An escaped slash would be part of a name, which no file system allows.
  if (protocol !== "file:" || host !== "" || /%2f/i.test(pathname)) {
    throw new SystemError("EINVAL", `Cannot ${action}: only a URL like file:///path names a file`);
  }
  try {
    return decodeURIComponent(pathname);
  } catch (cause) {
    throw new SystemError("EINVAL", `Cannot ${action}: the URL is not UTF-8, give the path as a string`, { cause });
  }
}
