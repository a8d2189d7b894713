/**
 * File watchers in the manner of inotify.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { WatchEvent } from "../../flags.ts";
import type { Result } from "../kernel.ts";
import type { Inode, InodeObserver } from "./inode.ts";
import { RecordQueue } from "../emulated/record_queue.ts";

const knownBits = Object.values(WatchEvent).reduce((word, bits) => word | bits, 0);
const unaskedBits = WatchEvent.UNMOUNT | WatchEvent.IGNORED;

/** One inode watched by one watcher. */
class FileWatch implements InodeObserver {
  readonly inode: Inode;
  readonly number: number;
  mask: number;
  readonly #watcher: FileWatcher;

  constructor(watcher: FileWatcher, inode: Inode, number: number, mask: number) {
    this.#watcher = watcher;
    this.inode = inode;
    this.number = number;
    this.mask = mask;
  }

  tell(events: number, name: string, cookie: number): void {
    if ((events & ((this.mask & WatchEvent.ALL_EVENTS) | unaskedBits)) === 0) return;
    this.#watcher.record({ watch: this.number, mask: events, cookie, name });
    if ((this.mask & WatchEvent.ONESHOT) !== 0) this.#watcher.end(this);
  }

  gone(): void {
    this.#watcher.end(this);
  }
}

/** What the handle of a file watcher stands for. */
export class FileWatcher extends RecordQueue {
  readonly #watches = new Map<number, FileWatch>();
  readonly #byInode = new Map<Inode, FileWatch>();
  #lastNumber = 0;

  /** Whether an inode is watched. */
  watches(inode: Inode): boolean {
    return this.#byInode.has(inode);
  }

  /** Watches an inode, or for something else from now on: the number of the watch. */
  add(inode: Inode, mask: number): Result {
    if (mask === 0 || (mask & ~knownBits) !== 0) return -Errno.EINVAL;
    const known = this.#byInode.get(inode);
    if (known === undefined) return this.#start(inode, mask);
    if ((mask & WatchEvent.MASK_CREATE) !== 0) return -Errno.EEXIST;
    known.mask = mask;
    return known.number;
  }

  /** Ends the watch of this number. */
  remove(number: number): Result {
    const watch = this.#watches.get(number);
    if (watch === undefined) return -Errno.EINVAL;
    this.end(watch);
    return 0;
  }

  /** Ends a watch with its last record. */
  end(watch: FileWatch): void {
    if (!this.#watches.delete(watch.number)) return;
    this.#byInode.delete(watch.inode);
    watch.inode.observers.delete(watch);
    this.record({ watch: watch.number, mask: WatchEvent.IGNORED, cookie: 0, name: "" });
  }

  override release(): void {
    for (const watch of this.#watches.values()) watch.inode.observers.delete(watch);
  }

  #start(inode: Inode, mask: number): number {
    const watch = new FileWatch(this, inode, ++this.#lastNumber, mask);
    this.#watches.set(watch.number, watch);
    this.#byInode.set(inode, watch);
    inode.observers.add(watch);
    return watch.number;
  }
}
