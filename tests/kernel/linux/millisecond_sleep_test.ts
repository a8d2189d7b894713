import { assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import type { Poller } from "../../../event/kernel/kernel.ts";

Deno.test("Poller.poll() without epoll_pwait2 sleeps by milliseconds, rounded up, and asks for that call once", () => {
  const poller = linuxKernel().openPoller() as Poller;
  const calls = libc as unknown as Record<"epoll_pwait2" | "epoll_wait", (...args: unknown[]) => number>;
  const { epoll_pwait2, epoll_wait } = calls;
  let asked = 0;
  const timeouts: unknown[] = [];
  calls.epoll_pwait2 = () => {
    asked++;
    libc.copyTo(libc.__errno_location(), new Uint8Array(Int32Array.of(Errno.ENOSYS).buffer), 4n);
    return -1;
  };
  calls.epoll_wait = (_handle, _events, _room, timeout) => {
    timeouts.push(timeout);
    return 0;
  };
  try {
    for (const usec of [1, 1_000, 1_001, 2 ** 53, Infinity, 0]) assertEquals(poller.poll(usec), 0);
  } finally {
    Object.assign(calls, { epoll_pwait2, epoll_wait });
  }
  assertEquals(timeouts, [1, 1, 2, 0x7fff_ffff, -1, 0]);
  assertEquals(asked, 1);
  poller.close();
});
