/**
 * What the tests of the simulated kernel share.
 *
 * @module
 */

import { assert, assertGreaterOrEqual } from "@std/assert";
import { errorCode } from "../../../event/errno.ts";
import type { Handle, Kernel, Poller, Result } from "../../../event/kernel/kernel.ts";

/** The poller that the simulated kernel always has. */
export function openPoller(kernel: Kernel): Poller {
  const poller = kernel.openPoller();
  assert(typeof poller === "object");
  return poller;
}

/** The handle that a call answered with. */
export function opened(result: Result): Handle {
  assertGreaterOrEqual(result, 0, `${errorCode(-result)} instead of a handle`);
  return result;
}

/** What there is to read, as text, or the error's name. */
export function read(kernel: Kernel, handle: Handle, size: number = 100): string {
  const buffer = new Uint8Array(size);
  const count = kernel.tryRead(handle, buffer);
  return count < 0 ? errorCode(-count) : new TextDecoder().decode(buffer.subarray(0, count));
}

/** Writes a text: what the call answers. */
export function write(kernel: Kernel, handle: Handle, text: string): Result {
  return kernel.tryWrite(handle, new TextEncoder().encode(text));
}

/** Parks, and waits for the call of `onWake`. */
export function park(poller: Poller): Promise<void> {
  return new Promise((resolve) => {
    poller.onWake = resolve;
    poller.park();
  });
}

/** Long enough for everything that a parked poller has a reason for. */
export async function someTurns(kernel: Kernel): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await kernel.turn("tasks");
}
