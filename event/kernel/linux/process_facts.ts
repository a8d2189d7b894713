/**
 * What this process was given: its number, its environment, the machine's boot.
 *
 * @module
 */

import { readFile } from "./descriptors.ts";
import { cString, libc, stringAt } from "./libc.ts";

/** A variable of the environment. */
export function environment(name: string): string | undefined {
  const key = cString(name);
  const value = key === undefined ? 0n : libc.getenv(key);
  return value === 0n ? undefined : stringAt(value);
}

/** The 16 bytes that name this boot of the machine. */
export function readBootId(): Uint8Array | undefined {
  const text = new Uint8Array(36);
  if (readFile("/proc/sys/kernel/random/boot_id", text) !== text.length) return undefined;
  const digits = new TextDecoder().decode(text).replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, index) => parseInt(digits.slice(2 * index, 2 * index + 2), 16));
}
