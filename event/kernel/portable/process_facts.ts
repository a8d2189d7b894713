/**
 * What this process was given: its environment, the machine's boot.
 *
 * @module
 */

import { fs, hostProcess } from "./builtin.ts";
import { isGranted } from "./permissions.ts";

const bootIdFile = "/proc/sys/kernel/random/boot_id";

/** A variable of the environment; one that may not be read is not there. */
export function environment(name: string): string | undefined {
  return isGranted({ name: "env", variable: name }) ? hostProcess().env[name] : undefined;
}

/** The 16 bytes that name this boot of the machine, where the system tells and it may be read. */
export function readBootId(): Uint8Array | undefined {
  if (!isGranted({ name: "read", path: bootIdFile })) return undefined;
  let text: string;
  try {
    text = fs().readFileSync(bootIdFile, "ascii");
  } catch {
    return undefined; // no Linux
  }
  const bytes = text.replaceAll("-", "").match(/[0-9a-f]{2}/g)?.map((digits) => parseInt(digits, 16));
  return bytes?.length === 16 ? Uint8Array.from(bytes) : undefined;
}
