import { assert, assertEquals } from "@std/assert";
import type { SignalRecord } from "../../../event/kernel/kernel.ts";
import { decodeRecord, decodeSignalfdRecord, SignalQueue } from "../../../event/kernel/linux/signal_queue.ts";

const SIGUSR1 = 10;
const SIGUSR2 = 12;
const SIGCHLD = 17;
const SIGIO = 29;
const realtime = 34;

const nothing: SignalRecord = { signal: 0, errno: 0, code: 0, pid: 0, uid: 0, value: 0, status: 0 };

function record(signal: number, value: number = 0): SignalRecord {
  return { ...nothing, signal, value };
}

/** The beginning of a siginfo with `offset` bytes before it; what is at 16, 20 and 24 depends on the code. */
function siginfo(
  fields: { signal: number; code: number; errno?: number; at16?: number; at20?: number; at24?: number },
  offset = 0,
): DataView {
  const view = new DataView(new ArrayBuffer(offset + 32));
  view.setInt32(offset, fields.signal, true);
  view.setInt32(offset + 4, fields.errno ?? 0, true);
  view.setInt32(offset + 8, fields.code, true);
  view.setUint32(offset + 16, fields.at16 ?? 0, true);
  view.setUint32(offset + 20, fields.at20 ?? 0, true);
  view.setInt32(offset + 24, fields.at24 ?? 0, true);
  return view;
}

Deno.test("SignalQueue.take() answers the lowest number of the set, each number first in first out", () => {
  const queue = new SignalQueue();
  for (const [signal, value] of [[36, 1], [34, 2], [36, 3], [12, 4], [34, 5], [10, 6]]) queue.push(record(signal, value));
  assertEquals(queue.length, 6);
  assertEquals(queue.take([36, 34])?.value, 2);
  assertEquals(queue.take([34, 36])?.value, 5);
  assertEquals(queue.take([34]), undefined);
  assertEquals([1, 2, 3, 4, 5].map(() => queue.take([36, 12, 34, 10])?.value), [6, 4, 1, 3, undefined]);
  assertEquals(queue.length, 0);
});

Deno.test("SignalQueue.take() keeps the order of many that come and go", () => {
  const queue = new SignalQueue();
  let expected = 0;
  for (let value = 0; value < 10_000; value++) {
    queue.push(record(realtime, value));
    if (value % 3 === 0) assertEquals(queue.take([realtime])?.value, expected++);
  }
  while (expected < 10_000) assertEquals(queue.take([realtime])?.value, expected++);
  assertEquals(queue.take([realtime]), undefined);
});

Deno.test("SignalQueue.push() keeps the first of a classic signal that waits, and all of a real-time one", () => {
  const queue = new SignalQueue();
  for (const value of [1, 2, 3]) {
    queue.push(record(31, value));
    queue.push(record(32, value));
  }
  assertEquals(queue.length, 4);
  assertEquals([1, 2].map(() => queue.take([31])?.value), [1, undefined]);
  assertEquals([1, 2, 3].map(() => queue.take([32])?.value), [1, 2, 3]);
  queue.push(record(31, 4));
  assertEquals(queue.take([31])?.value, 4);
});

Deno.test("SignalQueue.has() tells whether one of the set waits", () => {
  const queue = new SignalQueue();
  assert(!queue.has([SIGUSR1]));
  queue.push(record(SIGUSR2));
  assert(!queue.has([SIGUSR1]));
  assert(!queue.has([]));
  assert(!queue.has([0, 65, -1]));
  assert(queue.has([SIGUSR1, SIGUSR2]));
  assertEquals(queue.length, 1);
});

Deno.test("SignalQueue.drop() forgets one number", () => {
  const queue = new SignalQueue();
  for (const signal of [SIGUSR1, realtime, realtime]) queue.push(record(signal));
  queue.drop(realtime);
  assertEquals(queue.length, 1);
  assertEquals(queue.take([realtime]), undefined);
  queue.drop(SIGUSR1);
  assertEquals(queue.length, 0);
  queue.push(record(SIGUSR1));
  assert(queue.has([SIGUSR1]));
});

Deno.test("decodeRecord() reads who sent a signal", () => {
  const fields = { signal: SIGUSR1, at16: 4242, at20: 0xffff_fffe, at24: 99 };
  const expected = { ...nothing, signal: SIGUSR1, pid: 4242, uid: 0xffff_fffe };
  assertEquals(decodeRecord(siginfo({ ...fields, code: 0 }), 0), expected);
  assertEquals(decodeRecord(siginfo({ ...fields, code: 0x80 }), 0), { ...expected, code: 0x80 });
});

Deno.test("decodeRecord() reads the value of a queued signal", () => {
  const fields = { signal: realtime, errno: 5, code: -1, at16: 4242, at20: 1000, at24: -7 };
  assertEquals(decodeRecord(siginfo(fields, 64), 64), { signal: realtime, errno: 5, code: -1, pid: 4242, uid: 1000, value: -7, status: 0 });
});

Deno.test("decodeRecord() reads the status of a child", () => {
  const fields = { signal: SIGCHLD, code: 1, at16: 4242, at20: 1000, at24: 3 };
  assertEquals(decodeRecord(siginfo(fields), 0), { ...nothing, signal: SIGCHLD, code: 1, pid: 4242, uid: 1000, status: 3 });
  assertEquals(decodeRecord(siginfo({ ...fields, code: -1 }), 0), {
    ...nothing,
    signal: SIGCHLD,
    code: -1,
    pid: 4242,
    uid: 1000,
    value: 3,
  });
});

Deno.test("decodeRecord() takes a timer's number, or a descriptor's events, for no sender", () => {
  const timer = { signal: realtime, code: -2, at16: 3, at20: 9, at24: 77 };
  assertEquals(decodeRecord(siginfo(timer), 0), { ...nothing, signal: realtime, code: -2, value: 77 });
  for (const code of [1, -5]) {
    assertEquals(decodeRecord(siginfo({ signal: SIGIO, code, at16: 1, at24: 6 }), 0), { ...nothing, signal: SIGIO, code });
  }
});

Deno.test("decodeSignalfdRecord() reads each field from its own place", () => {
  const words = new Int32Array(64);
  words.set([realtime, 2, -1, 4242, -2, 0, 0, 0, 0, 0, 3, -7], 32);
  const expected = { signal: realtime, errno: 2, code: -1, pid: 4242, uid: 0xffff_fffe, value: -7, status: 3 };
  assertEquals(decodeSignalfdRecord(new DataView(words.buffer), 128), expected);
});
