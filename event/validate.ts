/**
 * Arguments from outside, checked.
 *
 * @module
 */

import { SystemError } from "./errno.ts";
import { OFF, ON, ONESHOT } from "./source_node.ts";
import { type Clock, ClockIndex, clockNames, type Usec } from "./time.ts";

/** The number of an `Enabled`; EINVAL for anything else. */
export function enabledNumber(value: unknown): number {
  if (value === "on") return ON;
  if (value === "oneshot") return ONESHOT;
  if (value === "off") return OFF;
  throw new SystemError("EINVAL", `Cannot set enabled to '${value}': it takes "off", "on" or "oneshot"`);
}

/** A priority; EINVAL for what is no whole number. */
export function requirePriority(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new SystemError("EINVAL", `Cannot use priority '${value}': it takes a whole number`);
}

/** A time or span, `Infinity` included; EINVAL for negative or fractional ones. */
export function requireUsec(value: Usec, what: string): Usec {
  if (value === Infinity || (Number.isSafeInteger(value) && value >= 0)) return value;
  throw new SystemError("EINVAL", `Cannot use ${what} '${value}': it takes whole microseconds from 0 to 2^53, or Infinity`);
}

/** A descriptor; EBADF for what cannot be one. */
export function requireFd(fd: number, action: string): number {
  if (Number.isInteger(fd) && fd >= 0 && fd <= 0x7fff_ffff) return fd;
  throw new SystemError("EBADF", `Cannot ${action} fd '${fd}': not a descriptor`);
}

/** The index of a clock; EOPNOTSUPP for an unknown one. */
export function clockIndex(clock: Clock): ClockIndex {
  const index = ClockIndex[clock];
  if (index !== undefined) return index;
  throw new SystemError("EOPNOTSUPP", `Cannot use clock '${clock}': there are ${clockNames.join(", ")}`);
}

/** What every source takes; what all but exit sources take; what all but child, post and exit sources take. */
export const sourceOptions: readonly string[] = ["enabled", "priority", "description", "onDestroy"];
export const queuedOptions: readonly string[] = [...sourceOptions, "exitOnFailure", "prepare"];
export const limitedOptions: readonly string[] = [...queuedOptions, "rateLimit", "onRateLimitExpired"];

/** Options of these names alone; EINVAL for a misspelt one, which would be ignored in silence. */
export function requireOptions(options: object | undefined, names: readonly string[], action: string): void {
  if (options === undefined) return;
  for (const name in options) {
    if (isAmong(names, name)) continue;
    throw new SystemError("EINVAL", `Cannot ${action} with option '${name}': there are ${names.join(", ")}`);
  }
}

/** `includes` would compare letters where these compare addresses. */
function isAmong(names: readonly string[], name: string): boolean {
  for (let i = 0; i < names.length; i++) {
    if (names[i] === name) return true;
  }
  return false;
}

/** A callback, or nothing; EINVAL for anything else. */
export function requireCallback<T>(callback: T, action: string): T {
  if (callback === undefined || callback === null || typeof callback === "function") return callback;
  throw new SystemError("EINVAL", `Cannot ${action} with a callback of type ${typeof callback}: it takes a function`);
}
