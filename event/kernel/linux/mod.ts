/**
 * The Linux kernel: libc by FFI, on x86-64 and 64-bit Arm. It needs the permission for the file of libc and no other.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { openLibc, openLibcIfPermitted } from "./libc.ts";
import { makeLinuxKernel } from "./linux_kernel.ts";

// Within a test, where a library that is opened counts as a leak, it may be too late: so where it is permitted already, libc is opened now.
openLibcIfPermitted();

let kernel: Kernel | undefined;

/**
 * The Linux kernel, one for each isolate. Most of libc is opened when it is first needed: a program that gives the permission back does so when its
 * loop has waited once.
 *
 * @returns The same one every time.
 * @throws {SystemError} EPERM when calling libc is not permitted; the message says which flag to add. EOPNOTSUPP on any other system. ELIBACC when
 * libc cannot be loaded from where it is permitted.
 */
export function linuxKernel(): Kernel {
  if (kernel === undefined) {
    openLibc();
    kernel = makeLinuxKernel();
  }
  return kernel;
}

/** The Linux kernel where calling libc is permitted already and works, without ever asking for it. */
export function linuxKernelIfPermitted(): Kernel | undefined {
  return kernel ?? (openLibcIfPermitted() ? linuxKernel() : undefined);
}
