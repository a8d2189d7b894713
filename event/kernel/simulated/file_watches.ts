/**
 * File watchers in the manner of inotify.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent, WatchEvent } from "../../flags.ts";
import type { Result } from "../kernel.ts";
import type { Inode, InodeObserver } from "./inode.ts";
import { OpenFile } from "../emulated/open_file.ts";

/** A record without a name, and what a name with its 0 is filled up to a multiple of. */
const headBytes = 16;

const knownBits = Object.values(WatchEvent).reduce((word, bits) => word | bits, 0);
const unaskedBits = WatchEvent.UNMOUNT | WatchEvent.IGNORED;

const encoder = new TextEncoder();

/** What waits to be read. */
interface FileRecord {
  readonly watch: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}

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
export class FileWatcher extends OpenFile {
  readonly description = "file watcher";
  readonly #maxQueuedRecords: number;
  readonly #watches = new Map<number, FileWatch>();
  readonly #byInode = new Map<Inode, FileWatch>();
  readonly #records: FileRecord[] = [];
  #lastNumber = 0;

  constructor(maxQueuedRecords: number) {
    super();
    this.#maxQueuedRecords = maxQueuedRecords;
  }

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

  /** Queues a record, unless too many wait or it says what the last one says. */
  record(record: FileRecord): void {
    const last = this.#records.at(-1);
    if (this.#records.length >= this.#maxQueuedRecords) {
      if (this.#records.some(isOverflow)) return;
      record = { watch: -1, mask: WatchEvent.Q_OVERFLOW, cookie: 0, name: "" };
    } else if (last !== undefined && isSame(last, record)) return;
    this.#records.push(record);
    this.notify(IoEvent.IN);
  }

  override readiness(): number {
    return this.#records.length > 0 ? IoEvent.IN : 0;
  }

  override read(buffer: Uint8Array): Result {
    if (this.#records.length === 0) return -Errno.EAGAIN;
    let count = 0;
    while (this.#records.length > 0 && count + sizeOf(this.#records[0]) <= buffer.length) {
      count += encode(this.#records.shift()!, buffer.subarray(count));
    }
    return count > 0 ? count : -Errno.EINVAL;
  }

  override write(_data: Uint8Array): Result {
    return -Errno.EBADF;
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

function isOverflow(record: FileRecord): boolean {
  return record.mask === WatchEvent.Q_OVERFLOW;
}

function isSame(one: FileRecord, other: FileRecord): boolean {
  return one.watch === other.watch && one.mask === other.mask && one.cookie === other.cookie && one.name === other.name;
}

function sizeOf({ name }: FileRecord): number {
  if (name === "") return headBytes;
  return headBytes + Math.ceil((encoder.encode(name).length + 1) / headBytes) * headBytes;
}

/** Writes a struct inotify_event: how many bytes. */
function encode(record: FileRecord, buffer: Uint8Array): number {
  const size = sizeOf(record);
  const view = new DataView(buffer.buffer, buffer.byteOffset, size);
  view.setInt32(0, record.watch, true);
  view.setUint32(4, record.mask, true);
  view.setUint32(8, record.cookie, true);
  view.setUint32(12, size - headBytes, true);
  buffer.fill(0, headBytes, size);
  encoder.encodeInto(record.name, buffer.subarray(headBytes, size));
  return size;
}
