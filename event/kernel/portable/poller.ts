/**
 * What one loop polls with inside the host.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { ClockIndex, Usec } from "../../time.ts";
import { EmulatedPoller } from "../emulated/poller.ts";
import type { CompletionResult, KernelOperation, Result } from "../kernel.ts";
import type { Task } from "../emulated/operations.ts";
import { serves } from "./clocks.ts";
import { readFile, writeFile } from "./whole_files.ts";
import type { World } from "./world.ts";

/** Longer than this the thread is never blocked without a look. Milliseconds. */
const longestBlock = 60_000;

/**
 * A poller that sees what the host's turns have delivered.
 *
 * It can wait for time: the thread sleeps. It cannot wait for what comes by turns of the host, since a thread that sleeps gives it none:
 * a poll that would have to is EOPNOTSUPP as long as it watches such a thing, has claimed a signal, or has begun an operation.
 */
export class PortablePoller extends EmulatedPoller {
  readonly seesArrivals = false;
  readonly #world: World;

  constructor(world: World) {
    super(world);
    this.#world = world;
  }

  override openClock(clock: ClockIndex): Result {
    const opened = super.openClock(clock);
    return opened < 0 || serves(clock) ? opened : -Errno.EOPNOTSUPP;
  }

  override setWakeup(clock: ClockIndex, usec: Usec): Result {
    const opened = this.openClock(clock);
    return opened < 0 ? opened : super.setWakeup(clock, usec);
  }

  protected override look(): void {
    this.#world.parking.fireDue();
  }

  /** EDEADLK: there is nothing to wait for at all. */
  protected override sleep(timeout: Usec): Result {
    const { clocks, host, parking } = this.#world;
    if (this.needsHost) return -Errno.EOPNOTSUPP;
    const end = clocks.monotonic + timeout;
    while (!this.hasNews) {
      const left = Math.min(parking.nextLook(), end) - clocks.monotonic;
      if (left === Infinity) return -Errno.EDEADLK;
      if (left > 0 && !host.block(Math.min(left / 1_000, longestBlock))) return -Errno.EOPNOTSUPP;
      parking.fireDue();
      if (clocks.monotonic >= end) break;
    }
    return 0;
  }

  protected override begin(operation: KernelOperation, done: (result: CompletionResult) => void): Task | Result {
    switch (operation.kind) {
      case "resolve":
        return operation.hostname === "" ? -Errno.EINVAL : this.#world.sockets.resolve(operation.hostname, done);
      case "readFile":
        return readFile(operation, done);
      case "writeFile":
        return writeFile(operation, done);
      default:
        return -Errno.EOPNOTSUPP;
    }
  }
}
