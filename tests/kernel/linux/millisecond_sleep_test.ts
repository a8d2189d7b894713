import { assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import type { LinuxPoller } from "../../../event/kernel/linux/poller.ts";
import { failWith } from "./failures.ts";

linuxKernel(); // opens libc

for (const code of ["ENOSYS", "EPERM"]) {
  Deno.test(`Poller.poll() to which epoll_pwait2 is ${code} sleeps by milliseconds, rounded up, and asks for that call once`, async () => {
    // What it has found missing it notes for the isolate.
    const module: { LinuxPoller: typeof LinuxPoller } = await import(`../../../event/kernel/linux/poller.ts?to_find=${code}`);
    const poller = module.LinuxPoller.open() as LinuxPoller;
    const calls = libc as unknown as Record<"epoll_wait", (...args: unknown[]) => number>;
    const { epoll_wait } = calls;
    const timeouts: unknown[] = [];
    using failing = failWith("epoll_pwait2", Errno[code]);
    calls.epoll_wait = (_handle, _events, _room, timeout) => {
      timeouts.push(timeout);
      return 0;
    };
    try {
      for (const usec of [1, 1_000, 1_001, 2 ** 53, Infinity, 0]) assertEquals(poller.poll(usec), 0);
    } finally {
      Object.assign(calls, { epoll_wait });
    }
    assertEquals(timeouts, [1, 1, 2, 0x7fff_ffff, -1, 0]);
    assertEquals(failing.calls, 1);
    poller.close();
  });
}
