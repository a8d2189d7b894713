/**
 * What a file watcher's record says, byte by byte (sd-event, section 2.3).
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { decodeRecord, recordBytes } from "../../event/inotify_event.ts";

/** A record whose name takes so many bytes, zeros included. */
function recordOf(name: string, nameBytes: number): Uint8Array {
  const record = new Uint8Array(16 + nameBytes);
  const view = new DataView(record.buffer);
  view.setInt32(0, -1, true);
  view.setUint32(4, 0x8000_4100, true);
  view.setUint32(8, 0xffff_fffe, true);
  view.setUint32(12, nameBytes, true);
  new TextEncoder().encodeInto(name, record.subarray(16));
  return record;
}

Deno.test("decodeRecord() reads the number, the mask, the cookie and the name, up to its first zero or the record's end", () => {
  const rest = { wd: -1, mask: 0x8000_4100, cookie: 0xffff_fffe };
  assertEquals(decodeRecord(recordOf("", 0)), { ...rest, name: undefined });
  assertEquals(decodeRecord(recordOf("näme", 16)), { ...rest, name: "näme" });
  assertEquals(decodeRecord(recordOf("name", 4)), { ...rest, name: "name" });
});

Deno.test("recordBytes() is the length of the first record, or undefined where it is not there as a whole", () => {
  const record = recordOf("name", 16);
  assertEquals(recordBytes(record), 32);
  assertEquals(recordBytes(new Uint8Array([...record, ...record])), 32);
  assertEquals([0, 15, 16, 31].map((length) => recordBytes(record.subarray(0, length))), [undefined, undefined, undefined, undefined]);
  assertEquals(recordBytes(recordOf("", 0)), 16);
});
