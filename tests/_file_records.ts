/**
 * What a file watcher has to tell, as text.
 *
 * @module
 */

import { errorCode } from "../event/errno.ts";
import { WatchEvent } from "../event/flags.ts";
import { decodeRecord, type InotifyEvent, recordBytes } from "../event/inotify_event.ts";
import type { Handle, Kernel } from "../event/kernel/kernel.ts";

const names = Object.entries(WatchEvent).filter(([name]) => name !== "ALL_EVENTS");

/** One read: its records, or the error's name. */
export function readRecords(kernel: Kernel, watcher: Handle, size: number = 4_096): InotifyEvent[] | string {
  const buffer = new Uint8Array(size);
  const count = kernel.tryRead(watcher, buffer);
  if (count < 0) return errorCode(-count);
  const records: InotifyEvent[] = [];
  for (let at = 0; at < count;) {
    const record = buffer.subarray(at, at + recordBytes(buffer.subarray(at, count))!);
    records.push(decodeRecord(record));
    at += record.length;
  }
  return records;
}

/** All that waits. */
export function allRecords(kernel: Kernel, watcher: Handle): InotifyEvent[] {
  const all: InotifyEvent[] = [];
  for (let records; typeof (records = readRecords(kernel, watcher)) === "object";) all.push(...records);
  return all;
}

/** "1 CREATE|ISDIR name". */
export function describe({ wd, mask, name }: InotifyEvent): string {
  const bits = names.filter(([, bit]) => (mask & bit) !== 0).map(([name]) => name);
  return `${wd} ${bits.join("|")}${name === undefined ? "" : ` ${name}`}`;
}
