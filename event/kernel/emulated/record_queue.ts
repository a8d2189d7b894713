/**
 * What a file watcher has to tell, in the manner of inotify.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent, WatchEvent } from "../../flags.ts";
import type { Result } from "../kernel.ts";
import { OpenFile } from "./open_file.ts";

/** A record without a name, and what a name with its 0 is filled up to a multiple of. */
const headBytes = 16;

const encoder = new TextEncoder();

/** What waits to be read. */
export interface FileRecord {
  readonly watch: number;
  readonly mask: number;
  readonly cookie: number;
  readonly name: string;
}

/** Records, first in first out, and read as structs inotify_event. */
export abstract class RecordQueue extends OpenFile {
  readonly description = "file watcher";
  readonly #maxQueuedRecords: number;
  readonly #records: FileRecord[] = [];

  constructor(maxQueuedRecords: number) {
    super();
    this.#maxQueuedRecords = maxQueuedRecords;
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
