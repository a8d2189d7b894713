import { assertEquals, assertLess } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import type { ByteSink, ByteSource } from "../../../event/kernel/portable/child_process.ts";
import { ChildReader, ChildWriter } from "../../../event/kernel/portable/child_streams.ts";

const { IN, OUT, ERR, HUP } = IoEvent;
const capacity = 65_536;

/** A pipe's far end, whose answers a test gives. */
class FakeSource implements ByteSource {
  answer: ((chunk: Uint8Array | undefined) => void) | undefined;
  pulls = 0;
  closed = false;

  pull(answer: (chunk: Uint8Array | undefined) => void): void {
    this.pulls++;
    this.answer = answer;
  }

  close(): void {
    this.closed = true;
  }

  give(chunk: Uint8Array | undefined): void {
    const { answer } = this;
    this.answer = undefined;
    answer!(chunk);
  }
}

class FakeSink implements ByteSink {
  answer: ((errno: number) => void) | undefined;
  readonly chunks: number[][] = [];
  closed = false;

  push(chunk: Uint8Array, answer: (errno: number) => void): void {
    this.chunks.push([...chunk.subarray(0, 3)]);
    this.answer = answer;
  }

  close(): void {
    this.closed = true;
  }

  take(errno: number = 0): void {
    const { answer } = this;
    this.answer = undefined;
    answer!(errno);
  }
}

/** Notes what a file tells its observers. */
function observe(file: ChildReader | ChildWriter): number[] {
  const told: number[] = [];
  file.observers.add({ notify: (events) => void told.push(events), gone: () => {} });
  return told;
}

Deno.test("ChildReader gives what has come, and asks for more while it has room", () => {
  const source = new FakeSource();
  const reader = new ChildReader(source);
  const told = observe(reader);
  const buffer = new Uint8Array(2);
  assertEquals([reader.readiness(), reader.read(buffer), source.pulls], [0, -Errno.EAGAIN, 1]);
  source.give(Uint8Array.of(1, 2, 3));
  assertEquals([reader.readiness(), told, source.pulls], [IN, [IN], 2]);
  assertEquals([reader.read(buffer), [...buffer], reader.read(buffer), buffer[0]], [2, [1, 2], 1, 3]);
  assertEquals([reader.readiness(), source.pulls], [0, 2]);
});

Deno.test("ChildReader holds no more than a pipe and one chunk", () => {
  const source = new FakeSource();
  const reader = new ChildReader(source);
  source.give(new Uint8Array(capacity));
  assertEquals(source.pulls, 1);
  reader.read(new Uint8Array(1));
  assertEquals(source.pulls, 2);
  source.give(new Uint8Array(capacity));
  reader.read(new Uint8Array(capacity - 1));
  assertEquals(source.pulls, 2);
});

Deno.test("ChildReader gives what was there before the end, then the end, also one in the middle", () => {
  const source = new FakeSource();
  const reader = new ChildReader(source);
  const told = observe(reader);
  source.give(Uint8Array.of(1));
  source.give(undefined);
  assertEquals([reader.readiness(), told], [IN | HUP, [IN, IN | HUP]]);
  assertEquals([reader.read(new Uint8Array(9)), reader.read(new Uint8Array(9)), reader.readiness(), source.pulls], [1, 0, HUP, 2]);
});

Deno.test("ChildReader that is released closes its source, and what still comes is dropped", () => {
  const source = new FakeSource();
  const reader = new ChildReader(source);
  reader.release();
  assertEquals(source.closed, true);
  source.give(Uint8Array.of(1));
  assertEquals([source.pulls, reader.chunks], [1, 0]);
});

Deno.test("ChildReader of a source that never answers is never ready, and can be released", () => {
  const source = new FakeSource();
  const reader = new ChildReader(source);
  for (let count = 0; count < 3; count++) assertEquals([reader.readiness(), reader.read(new Uint8Array(1))], [0, -Errno.EAGAIN]);
  assertEquals(source.pulls, 1);
  reader.release();
  assertEquals(source.closed, true);
});

Deno.test("ChildWriter sends one chunk at a time, all that has gathered meanwhile", () => {
  const sink = new FakeSink();
  const writer = new ChildWriter(sink);
  assertEquals(writer.write(Uint8Array.of(1)), 1);
  assertEquals(writer.write(Uint8Array.of(2)), 1);
  assertEquals(writer.write(Uint8Array.of(3)), 1);
  assertEquals(sink.chunks, [[1]]);
  sink.take();
  assertEquals(sink.chunks, [[1], [2, 3]]);
});

Deno.test("ChildWriter of a sink that never answers takes what a pipe takes, and no more", () => {
  const sink = new FakeSink();
  const writer = new ChildWriter(sink);
  let total = 0;
  for (let count = 0; count >= 0; count = writer.write(new Uint8Array(4_000))) total += count;
  assertLess(total, capacity + 1);
  assertEquals([writer.readiness(), writer.write(new Uint8Array(4_000))], [0, -Errno.EAGAIN]);
  assertEquals(writer.write(new Uint8Array(capacity)), capacity - total); // a long write is done in part
  assertEquals([sink.chunks.length, sink.closed], [1, false]);
  writer.release();
  assertEquals(sink.closed, false);
});

Deno.test("ChildWriter tells of room when a chunk was taken", () => {
  const sink = new FakeSink();
  const writer = new ChildWriter(sink);
  writer.write(new Uint8Array(capacity));
  const told = observe(writer);
  assertEquals(writer.readiness(), 0);
  sink.take();
  assertEquals([writer.readiness(), told], [OUT, [OUT]]);
});

Deno.test("ChildWriter whose pipe breaks in the middle loses the rest and says so", () => {
  const sink = new FakeSink();
  const writer = new ChildWriter(sink);
  writer.write(Uint8Array.of(1));
  writer.write(Uint8Array.of(2));
  const told = observe(writer);
  sink.take(Errno.EPIPE);
  assertEquals([writer.readiness(), told, sink.chunks.length], [OUT | ERR, [OUT | ERR], 1]);
  assertEquals(writer.write(Uint8Array.of(3)), -Errno.EPIPE);
});

Deno.test("ChildWriter that was broken off is told of nothing that comes of its last chunk", () => {
  const sink = new FakeSink();
  const writer = new ChildWriter(sink);
  writer.write(Uint8Array.of(1));
  const told = observe(writer);
  writer.breakOff();
  assertEquals([told, sink.closed], [[OUT | ERR], true]);
  sink.take(Errno.EPIPE);
  assertEquals([told, writer.readiness()], [[OUT | ERR], OUT | ERR]);
});

Deno.test("ChildWriter that is released ends the child's input after all that was written", () => {
  const sink = new FakeSink();
  const writer = new ChildWriter(sink);
  writer.write(Uint8Array.of(1));
  writer.write(Uint8Array.of(2));
  writer.release();
  sink.take();
  assertEquals([sink.chunks, sink.closed], [[[1], [2]], false]);
  sink.take();
  assertEquals(sink.closed, true);
});
