/** What the tests of the Linux kernel ask about descriptors. The host lets nobody read /proc/self/fd, so the system calls are asked. */

import { libc } from "../../../event/kernel/linux/libc.ts";
import type { Handle } from "../../../event/kernel/kernel.ts";

const F_GETFD = 1;
const F_GETFL = 3;
const FD_CLOEXEC = 1;
const O_NONBLOCK = 0x800;

/** The descriptors that the process has open, of the first 512. */
export function openDescriptors(): Handle[] {
  return Array.from({ length: 512 }, (_, handle) => handle).filter((handle) => libc.fcntl(handle, F_GETFD, 0) >= 0);
}

/** Whether a descriptor is closed by exec. */
export function isCloseOnExec(handle: Handle): boolean {
  return (libc.fcntl(handle, F_GETFD, 0) & FD_CLOEXEC) !== 0;
}

/** Whether calls on a descriptor wait. */
export function isBlocking(handle: Handle): boolean {
  return (libc.fcntl(handle, F_GETFL, 0) & O_NONBLOCK) === 0;
}
