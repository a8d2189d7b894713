/**
 * Signals by name and number.
 *
 * @module
 */

import { SystemError } from "./errno.ts";

/** The name of a signal; real-time signals by their distance from either end: `"SIGRTMIN+2"`. */
export type SignalName =
  | `SIG${
    | "HUP"
    | "INT"
    | "QUIT"
    | "ILL"
    | "TRAP"
    | "ABRT"
    | "BUS"
    | "FPE"
    | "KILL"
    | "USR1"
    | "SEGV"
    | "USR2"
    | "PIPE"
    | "ALRM"
    | "TERM"
    | "STKFLT"}`
  | `SIG${
    | "CHLD"
    | "CONT"
    | "STOP"
    | "TSTP"
    | "TTIN"
    | "TTOU"
    | "URG"
    | "XCPU"
    | "XFSZ"
    | "VTALRM"
    | "PROF"
    | "WINCH"
    | "IO"
    | "PWR"
    | "SYS"}`
  | "SIGRTMIN"
  | "SIGRTMAX"
  | `SIGRTMIN+${number}`
  | `SIGRTMAX-${number}`;

/** A signal by its name, `"SIGTERM"` or `"SIGRTMIN+2"`, or by its number, 1 to 64. */
export type Signal = SignalName | number;

/** The first real-time signal that the C library leaves to programs, and the last. */
const rtMin = 34;
const rtMax = 64;

// deno-fmt-ignore
const classicNames = [
  "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
  "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
] as const;

/**
 * The number of a signal.
 *
 * @param signal A name or a number.
 * @returns Its number, 1 to 64.
 * @throws {SystemError} EINVAL for an unknown name or a number outside of 1 to 64.
 */
export function signalNumber(signal: Signal): number {
  const number = typeof signal === "number" ? signal : classicNumber(signal) ?? realtimeNumber(signal);
  if (Number.isInteger(number) && number >= 1 && number <= 64) return number;
  throw new SystemError("EINVAL", `Cannot use signal '${signal}': not a signal's name, nor a number from 1 to 64`);
}

function classicNumber(name: string): number | undefined {
  const number = classicNames.findIndex((classic) => name === `SIG${classic}`);
  return number > 0 ? number : undefined;
}

function realtimeNumber(name: string): number {
  const match = /^SIGRT(?:MIN(?:\+(\d+))?|MAX(?:-(\d+))?)$/.exec(String(name));
  if (match === null) return NaN;
  const number = name.startsWith("SIGRTMIN") ? rtMin + Number(match[1] ?? 0) : rtMax - Number(match[2] ?? 0);
  return number >= rtMin && number <= rtMax ? number : NaN;
}

/** The name of a signal number, real-time ones counted from `SIGRTMIN`. 32 and 33, the C library's own, have no better name. */
export function signalName(number: number): SignalName {
  const classic = classicNames[number];
  if (classic) return `SIG${classic}`;
  return number === rtMin ? "SIGRTMIN" : `SIGRTMIN+${number - rtMin}`;
}
