/**
 * Errors with an errno.
 *
 * @module
 */

import { SystemError } from "@sd/fibers";
import { assertEquals, assertInstanceOf } from "@std/assert";
import { check, Errno, errorCode, systemError } from "../../event/errno.ts";
import { errorOf } from "../_simulation.ts";

Deno.test("errorCode() is the first name of a number, and names each number that has none", () => {
  assertEquals([1, 11, 35, 95, 133].map(errorCode), ["EPERM", "EAGAIN", "EDEADLK", "EOPNOTSUPP", "EHWPOISON"]);
  assertEquals([134, 4_095].map(errorCode), ["E134", "E4095"]);
});

Deno.test("Errno has a name for each number of Linux, and the same numbers by their other names", () => {
  const numbers = new Set(Object.values(Errno));
  // Linux has left out two.
  const missing = Array.from({ length: 133 }, (_, index) => index + 1).filter((number) => !numbers.has(number));
  assertEquals(missing, [41, 58]);
  assertEquals([Errno.EWOULDBLOCK, Errno.EDEADLOCK, Errno.ENOTSUP], [Errno.EAGAIN, Errno.EDEADLK, Errno.EOPNOTSUPP]);
});

Deno.test("SystemError has the number of its code, and 0 for one that Linux does not know", () => {
  const error = new SystemError("EBUSY", "Cannot do it: busy", { cause: "a cause", syscall: "epoll_ctl" });
  assertEquals([error.code, error.errno, error.message, error.cause, error.syscall], [
    "EBUSY",
    16,
    "Cannot do it: busy",
    "a cause",
    "epoll_ctl",
  ]);
  const plain = new SystemError("EUNHEARDOF");
  assertEquals([plain.name, plain.message, plain.errno, plain.syscall], ["SystemError", "EUNHEARDOF", 0, undefined]);
  assertInstanceOf(plain, Error);
});

Deno.test("check() passes on what is no errno, and throws what is one", () => {
  const describe = (code: string) => `Cannot do it: ${code}`;
  assertEquals([check(0, describe), check(7, describe)], [0, 7]);
  const error = errorOf(() => check(-13, describe, "open"));
  assertEquals([error.code, error.message, error.syscall], ["EACCES", "Cannot do it: EACCES", "open"]);
  assertEquals(systemError(-134, "Cannot do it").code, "E134");
});
