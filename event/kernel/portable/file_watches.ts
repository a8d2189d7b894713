/**
 * File watchers, as far as the host can tell what happens to files.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { WatchEvent } from "../../flags.ts";
import type { Descriptors } from "../emulated/descriptors.ts";
import { RecordQueue } from "../emulated/record_queue.ts";
import type { Handle, Result } from "../kernel.ts";
import { FileWatch, knownEvents } from "./file_watch.ts";
import { errnoOf } from "./host_error.ts";
import { PathFile } from "./path_file.ts";

/** As many as Linux keeps by default. */
const maxQueuedRecords = 16_384;

const knownBits = Object.values(WatchEvent).reduce((word, bits) => word | bits, 0);

/** A watch of a file watcher. */
interface NumberedWatch {
  readonly number: number;
  readonly identity: string;
  mask: number;
  watch?: FileWatch;
}

/** What the handle of a file watcher stands for. */
class FileWatcher extends RecordQueue {
  readonly #watches = new Map<number, NumberedWatch>();
  #lastNumber = 0;

  constructor() {
    super(maxQueuedRecords);
  }

  override get isFedByHost(): boolean {
    return true;
  }

  /** Watches a file, or for something else from now on: the number of the watch. */
  add(file: PathFile, mask: number): Result {
    if (mask === 0 || (mask & ~knownBits) !== 0) return -Errno.EINVAL;
    if ((mask & WatchEvent.ALL_EVENTS & ~knownEvents) !== 0 || file.isLink) return -Errno.EOPNOTSUPP;
    const known = [...this.#watches.values()].find(({ identity }) => identity === file.identity);
    if (known === undefined) return this.#start(file, mask);
    if ((mask & WatchEvent.MASK_CREATE) !== 0) return -Errno.EEXIST;
    known.mask = mask;
    return known.number;
  }

  /** Ends the watch of this number. */
  remove(number: number): Result {
    const watch = this.#watches.get(number);
    if (watch === undefined) return -Errno.EINVAL;
    this.#end(watch);
    return 0;
  }

  override release(): void {
    for (const { watch } of this.#watches.values()) watch!.close();
    this.#watches.clear();
  }

  #start(file: PathFile, mask: number): Result {
    if (!file.isThere) return -Errno.ENOENT;
    const numbered: NumberedWatch = { number: this.#lastNumber + 1, identity: file.identity, mask };
    try {
      numbered.watch = new FileWatch(file, {
        tell: (events, name) => this.#tell(numbered, events, name),
        gone: () => this.#end(numbered),
      });
    } catch (error) {
      return -errnoOf(error);
    }
    this.#watches.set(++this.#lastNumber, numbered);
    return numbered.number;
  }

  #tell(watch: NumberedWatch, events: number, name: string): void {
    if ((events & watch.mask & WatchEvent.ALL_EVENTS) === 0 || this.#watches.get(watch.number) !== watch) return;
    this.record({ watch: watch.number, mask: events, cookie: 0, name });
    if ((watch.mask & WatchEvent.ONESHOT) !== 0) this.#end(watch);
  }

  /** Ends a watch with its last record. */
  #end(watch: NumberedWatch): void {
    if (!this.#watches.delete(watch.number)) return;
    watch.watch!.close();
    this.record({ watch: watch.number, mask: WatchEvent.IGNORED, cookie: 0, name: "" });
  }
}

/** What stands in the kernel contract, by the same names. */
export class FileWatches {
  readonly #descriptors: Descriptors;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
  }

  openFileWatcher(): Result {
    return this.#descriptors.open(new FileWatcher());
  }

  openPath(path: string, mask: number): Result {
    const file = PathFile.open(path, mask);
    return typeof file === "number" ? file : this.#descriptors.open(file);
  }

  inodeOf(handle: Handle): string | Result {
    const file = this.#path(handle);
    return typeof file === "number" ? file : file.identity;
  }

  /** Where it was: of a file that is not there any more the host cannot tell. */
  pathOf(handle: Handle): string | Result {
    const file = this.#path(handle);
    if (typeof file === "number") return file;
    return file.isThere ? file.path : -Errno.ENOSYS;
  }

  addFileWatch(watcher: Handle, file: Handle, mask: number): Result {
    if (this.#descriptors.get(watcher) === undefined) return -Errno.EBADF;
    const fileWatcher = this.#descriptors.find(watcher, FileWatcher);
    if (fileWatcher === undefined) return -Errno.EINVAL;
    const path = this.#path(file);
    return typeof path === "number" ? path : fileWatcher.add(path, mask);
  }

  removeFileWatch(watcher: Handle, watch: number): Result {
    if (this.#descriptors.get(watcher) === undefined) return -Errno.EBADF;
    return this.#descriptors.find(watcher, FileWatcher)?.remove(watch) ?? -Errno.EINVAL;
  }

  #path(handle: Handle): PathFile | Result {
    if (this.#descriptors.get(handle) === undefined) return -Errno.EBADF;
    return this.#descriptors.find(handle, PathFile) ?? -Errno.EOPNOTSUPP;
  }
}
