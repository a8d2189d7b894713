/**
 * A kernel on the host's own API alone, without FFI: for Deno on any system without a permission, for Node and for Bun.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { realHost } from "./host.ts";
import { PortableKernel } from "./portable_kernel.ts";

let kernel: Kernel | undefined;

/**
 * The portable kernel, one for each isolate. It needs no permission that the operation itself does not need.
 *
 * @returns The same one every time.
 */
export function portableKernel(): Kernel {
  return kernel ??= new PortableKernel(realHost);
}
