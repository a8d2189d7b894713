/**
 * What signals do where nobody catches them.
 *
 * @module
 */

import { type Signal, signalNumber } from "../../signal_names.ts";

/** The default action of a signal. */
export type SignalAction = "ignore" | "continue" | "stop" | "terminate";

export const SIGKILL: number = signalNumber("SIGKILL");
export const SIGSTOP: number = signalNumber("SIGSTOP");
export const SIGCONT: number = signalNumber("SIGCONT");
export const SIGCHLD: number = signalNumber("SIGCHLD");

const ignored = new Set([SIGCHLD, signalNumber("SIGURG"), signalNumber("SIGWINCH")]);
const stopping = new Set([SIGSTOP, signalNumber("SIGTSTP"), signalNumber("SIGTTIN"), signalNumber("SIGTTOU")]);

/** Those that no process can catch, those that say that an instruction failed, and those that the C library keeps for itself. */
const unclaimable = new Set([
  SIGKILL,
  SIGSTOP,
  ...["SIGILL", "SIGTRAP", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGSYS"].map((name) => signalNumber(name as Signal)),
  32,
  33,
]);

/** What the signal does by default. */
export function defaultAction(signal: number): SignalAction {
  if (ignored.has(signal)) return "ignore";
  if (stopping.has(signal)) return "stop";
  return signal === SIGCONT ? "continue" : "terminate";
}

/** Whether the signal can be claimed. */
export function canBeClaimed(signal: number): boolean {
  return isSignal(signal) && !unclaimable.has(signal);
}

/** Whether it is a signal's number. */
export function isSignal(signal: number): boolean {
  return Number.isInteger(signal) && signal >= 1 && signal <= 64;
}
