/**
 * What one loop polls with in the virtual world.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Usec } from "../../time.ts";
import { EmulatedPoller } from "../emulated/poller.ts";
import type { Task } from "../emulated/operations.ts";
import type { CompletionResult, KernelOperation, Result } from "../kernel.ts";
import { FileTask } from "./file_task.ts";
import { ownPid } from "./processes.ts";
import { fileWork } from "./whole_files.ts";
import type { World } from "./world.ts";

/** A poller that lets virtual time pass while it waits, and meets with faults. */
export class SimulatedPoller extends EmulatedPoller {
  readonly seesArrivals = true;
  readonly #world: World;

  constructor(world: World) {
    super(world, ownPid);
    this.#world = world;
    world.timeline.add(this.wakeups);
  }

  override close(): void {
    this.#world.timeline.remove(this.wakeups);
    super.close();
  }

  protected override look(): void {
    this.#world.timeline.runDue();
  }

  /** Lets time pass until there is something to say or it is over; EDEADLK: neither will ever be. */
  protected override sleep(timeout: Usec): Result {
    const { clocks, faults, timeline } = this.#world;
    if (faults.strikes("EINTR")) return -Errno.EINTR;
    const end = clocks.monotonic + timeout;
    while (!this.hasNews && clocks.monotonic < end) {
      const next = Math.min(timeline.next(), end);
      if (next === Infinity) return -Errno.EDEADLK;
      timeline.advanceTo(next);
    }
    return 0;
  }

  protected override begin(operation: KernelOperation, done: (result: CompletionResult) => void): Task | Result {
    switch (operation.kind) {
      case "resolve":
        if (operation.hostname === "") return -Errno.EINVAL;
        done(this.#world.names.resolve(operation.hostname));
        return 0;
      case "readFile":
      case "writeFile": {
        const work = fileWork(this.#world, operation);
        return typeof work === "number" ? work : new FileTask(this.#world, work, done);
      }
      default:
        return -Errno.EOPNOTSUPP;
    }
  }

  protected override admitWatch(): Result {
    return this.#world.faults.strikes("ENOSPC") ? -Errno.ENOSPC : 0;
  }
}
