/**
 * Child processes.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Handle, ProcessRecord, Result, SpawnCommand, SpawnedProcess } from "../kernel.ts";
import type { World } from "./world.ts";

/** What stands in the kernel contract, by the same names. */
export class Processes {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  spawn(_command: SpawnCommand): SpawnedProcess | Result {
    return -Errno.EOPNOTSUPP;
  }

  openProcess(pid: number): Result {
    return Number.isInteger(pid) && pid > 0 ? -Errno.EOPNOTSUPP : -Errno.EINVAL;
  }

  processId(handle: Handle): Result {
    return this.#world.descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.ENOTTY;
  }

  peekProcess(_handle: Handle, _options: number, _record: ProcessRecord): Result {
    return -Errno.EBADF;
  }

  reapProcess(_handle: Handle, _options: number, _record: ProcessRecord): Result {
    return -Errno.EBADF;
  }

  reapKilledProcess(_handle: Handle): Result {
    return -Errno.EBADF;
  }

  signalProcess(_handle: Handle, _signal: number, _value: number | undefined): Result {
    return -Errno.EBADF;
  }
}
