/**
 * File watches.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Descriptors } from "../emulated/descriptors.ts";
import type { Handle, Result } from "../kernel.ts";

/** What stands in the kernel contract, by the same names. */
export class FileWatches {
  readonly #descriptors: Descriptors;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  openFileWatcher(): Result {
    return -Errno.EOPNOTSUPP;
  }

  openPath(_path: string, _mask: number): Result {
    return -Errno.EOPNOTSUPP;
  }

  inodeOf(handle: Handle): string | Result {
    return this.#descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.EOPNOTSUPP;
  }

  pathOf(handle: Handle): string | Result {
    return this.#descriptors.get(handle) === undefined ? -Errno.EBADF : -Errno.EOPNOTSUPP;
  }

  addFileWatch(watcher: Handle, _file: Handle, _mask: number): Result {
    return this.#descriptors.get(watcher) === undefined ? -Errno.EBADF : -Errno.EINVAL;
  }

  removeFileWatch(watcher: Handle, _watch: number): Result {
    return this.#descriptors.get(watcher) === undefined ? -Errno.EBADF : -Errno.EINVAL;
  }
}
