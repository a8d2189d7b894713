/**
 * Signals by name and number.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { signalName, signalNumber } from "../../event/signal_names.ts";

Deno.test("Each signal has one name, and is found by it", () => {
  const numbers = Array.from({ length: 64 }, (_, index) => index + 1);
  const names = numbers.map(signalName);
  assertEquals(new Set(names).size, 64);
  // The C library keeps two for itself, which have no name that one could ask for.
  for (const [index, name] of names.entries()) if (index !== 31 && index !== 32) assertEquals(signalNumber(name), index + 1, name);
  assertEquals([31, 34, 35, 64].map(signalName), ["SIGSYS", "SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+30"]);
});

Deno.test("Classic signals have the numbers of Linux", () => {
  const names = [
    "SIGHUP",
    "SIGINT",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGTERM",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGWINCH",
  ] as const;
  assertEquals(names.map(signalNumber), [1, 2, 9, 10, 11, 12, 15, 17, 18, 19, 28]);
});
