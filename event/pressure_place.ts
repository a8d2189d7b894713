/**
 * Where a program is told of pressure, and what it has to write there (sd-event, sections 9.9.1 and 9.9.2).
 *
 * The service manager may name a file by a variable of the environment, and what to write to it by another one. Otherwise the system has files of
 * its own, and the program says what it wants to be told of.
 *
 * @module
 */

import { Errno, errorCode, SystemError, systemError } from "./errno.ts";
import { IoEvent } from "./flags.ts";
import type { Handle, Kernel, OpenedPressure, PressureResource, Result } from "./kernel/kernel.ts";

/** What was found, open. */
export interface PressurePlace {
  readonly handle: Handle;
  /** What it reports when there is pressure, an `IoEvent` word. */
  readonly events: number;
  /** What the service manager has written to it, which may be nothing; `undefined`: the program says. */
  readonly configuration: Uint8Array | undefined;
}

/** Finds and opens it. Throws EHOSTDOWN, EBADMSG, EINVAL, EOPNOTSUPP, ENOENT, EISDIR, EBADF, ENOTTY, and what the kernel refuses. */
export function openPressurePlace(kernel: Kernel, resource: PressureResource): PressurePlace {
  const path = kernel.environment(`${resource.toUpperCase()}_PRESSURE_WATCH`);
  return path === undefined ? openOfSystem(kernel, resource) : openOfManager(kernel, resource, path);
}

function openOfManager(kernel: Kernel, resource: PressureResource, path: string): PressurePlace {
  const action = `Cannot watch ${resource} pressure`;
  const name = resource.toUpperCase();
  if (path === "" || path === "/dev/null") {
    throw new SystemError("EHOSTDOWN", `${action}: ${name}_PRESSURE_WATCH is '${path}', the service manager turned that off`);
  }
  if (!isNormal(path)) {
    throw new SystemError(
      "EBADMSG",
      `${action} at '${path}', which ${name}_PRESSURE_WATCH names: it takes an absolute path without '.' and '..'`,
    );
  }
  const configuration = decode(kernel.environment(`${name}_PRESSURE_WRITE`) ?? "");
  if (configuration === undefined) throw new SystemError("EINVAL", `${action} at '${path}': ${name}_PRESSURE_WRITE is no Base64`);
  const opened = kernel.openPressure(path, configuration.length > 0);
  if (typeof opened === "number") throw refusal(opened, `${action} at '${path}', which ${name}_PRESSURE_WATCH names`);
  return placeOf(opened, configuration);
}

/** An absolute path, none of whose parts is empty or goes back. */
function isNormal(path: string): boolean {
  return path === "/" || /^(?:\/(?!\.\.?(?:\/|$))[^/]+)+\/?$/.test(path);
}

function decode(base64: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(base64, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

function openOfSystem(kernel: Kernel, resource: PressureResource): PressurePlace {
  const action = `Cannot watch ${resource} pressure`;
  const paths = kernel.pressurePaths(resource);
  if (typeof paths === "number") throw refusal(paths, action);
  for (const path of paths) {
    const opened = kernel.openPressure(path, true);
    if (typeof opened !== "number") return placeOf(opened, undefined);
    if (opened !== -Errno.ENOENT) throw refusal(opened, `${action} at '${path}'`);
  }
  throw refusal(-Errno.EOPNOTSUPP, action);
}

function placeOf({ kind, handle }: OpenedPressure, configuration: Uint8Array | undefined): PressurePlace {
  return { handle, events: kind === "system" ? IoEvent.PRI : IoEvent.IN, configuration };
}

const causes: Record<string, string> = {
  EOPNOTSUPP: "this system does not tell of it",
  ENOENT: "nothing is there",
  EISDIR: "it is a directory",
  EBADF: "it is neither a file nor a FIFO, a character device or a socket",
  ENOTTY: "it is a file that tells of nothing",
};

function refusal(result: Result, action: string): SystemError {
  const code = errorCode(-result);
  return systemError(result, `${action}: ${causes[code] ?? code}`);
}
