/**
 * What a file watcher's record says: a struct inotify_event.
 *
 * @module
 */

/** What happened to a watched file, or in a watched directory. */
export interface InotifyEvent {
  /** What it was, a `WatchEvent` word. `Q_OVERFLOW`: events were lost, of whichever source at this priority. */
  readonly mask: number;
  /** The same for the two halves of a move, `MOVED_FROM` and `MOVED_TO`; else 0. */
  readonly cookie: number;
  /** The name in the directory; `undefined` for what happened to the watched file itself. */
  readonly name: string | undefined;
  /** The kernel's number of the watch, which sources may share; −1 with `Q_OVERFLOW`. */
  readonly wd: number;
}

/** A record without a name, and one with the longest name that there can be. */
const HEAD_BYTES = 16;
export const LONGEST_RECORD_BYTES = HEAD_BYTES + 256;

const decoder = new TextDecoder();

/** How long the first record is; `undefined` when it is not there as a whole. */
export function recordBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const size = HEAD_BYTES + viewOf(bytes).getUint32(12, true);
  return size > bytes.length ? undefined : size;
}

/** What a whole record says. */
export function decodeRecord(record: Uint8Array): InotifyEvent {
  const view = viewOf(record);
  const name = record.subarray(HEAD_BYTES);
  const end = name.indexOf(0);
  return {
    mask: view.getUint32(4, true),
    cookie: view.getUint32(8, true),
    name: name.length === 0 ? undefined : decoder.decode(end < 0 ? name : name.subarray(0, end)),
    wd: view.getInt32(0, true),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
