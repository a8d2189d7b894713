/**
 * Handles that tell of each setting of the realtime clock.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { Result } from "../kernel.ts";
import { OpenFile } from "../emulated/open_file.ts";

/** All that are open. */
export class TimeChanges {
  readonly #files = new Set<TimeChangeFile>();

  open(): TimeChangeFile {
    const file = new TimeChangeFile((file) => this.#files.delete(file));
    this.#files.add(file);
    return file;
  }

  /** The clock was set. */
  tell(): void {
    for (const file of this.#files) file.tell();
  }
}

/** One of them. */
export class TimeChangeFile extends OpenFile {
  readonly description = "handle for changes of time";
  readonly #onRelease: (file: TimeChangeFile) => void;
  #hasChanged = false;

  constructor(onRelease: (file: TimeChangeFile) => void) {
    super();
    this.#onRelease = onRelease;
  }

  tell(): void {
    this.#hasChanged = true;
    this.notify(IoEvent.IN);
  }

  override readiness(): number {
    return this.#hasChanged ? IoEvent.IN : 0;
  }

  override read(_buffer: Uint8Array): Result {
    const hadChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hadChanged ? -Errno.ECANCELED : -Errno.EAGAIN;
  }

  override release(): void {
    this.#onRelease(this);
  }
}
