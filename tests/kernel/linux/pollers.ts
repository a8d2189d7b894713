/** What the tests of the Linux kernel do with pollers again and again. */

import { assert } from "@std/assert";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import type { Handle, Poller } from "../../../event/kernel/kernel.ts";

/** A poller and a pipe; disposed, it ends its park and everything is closed. */
export interface PolledPipe extends AsyncDisposable {
  readonly poller: Poller;
  readonly reader: Handle;
  readonly writer: Handle;
}

/** A poller that watches the reading end of a pipe as token 7. */
export function openPolledPipe(): PolledPipe {
  const kernel = linuxKernel();
  const poller = kernel.openPoller();
  const pipe = kernel.openPipe();
  assert(typeof poller !== "number" && typeof pipe !== "number");
  const [reader, writer] = pipe;
  poller.watch(reader, 1, false, 7);
  return {
    poller,
    reader,
    writer,
    async [Symbol.asyncDispose]() {
      await endPark(poller);
      poller.close();
      kernel.close(reader);
      kernel.close(writer);
    },
  };
}

/** The next call of `onWake`. */
export function nextWake(poller: Poller): Promise<void> {
  return new Promise((resolve) => poller.onWake = resolve);
}

/** The call of `onWake` that ends a park. There may be others before it, where the host's timer was the first to see why. */
export function parkEnd(poller: Poller): Promise<void> {
  return new Promise((resolve) => poller.onWake = () => poller.parked || resolve());
}

/** Ends a park, as a driver does before it settles. */
export async function endPark(poller: Poller): Promise<void> {
  while (poller.parked) {
    const woken = nextWake(poller);
    poller.wake();
    await woken;
  }
}
