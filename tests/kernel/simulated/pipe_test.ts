/**
 * Pipes against a model: an array of bytes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import { openPipe } from "../../../event/kernel/emulated/pipe.ts";
import { Random } from "../../../event/kernel/simulated/random.ts";

/** What a pipe is: what it holds, in order. */
class ModelPipe {
  readonly bytes: number[] = [];
  readonly capacity: number;
  readonly atomic: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.atomic = Math.min(4_096, capacity);
  }

  write(data: Uint8Array): number {
    const room = this.capacity - this.bytes.length;
    if (data.length === 0) return 0;
    if (room === 0 || (data.length <= this.atomic && data.length > room)) return -Errno.EAGAIN;
    const part = data.subarray(0, room);
    this.bytes.push(...part);
    return part.length;
  }

  read(size: number): string | number {
    if (size === 0) return "";
    return this.bytes.length === 0 ? -Errno.EAGAIN : this.bytes.splice(0, size).join();
  }
}

Deno.test("A pipe holds what a byte array of its capacity holds", () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = new Random(seed);
    const capacity = random.upTo(10_000);
    const model = new ModelPipe(capacity);
    const { reader, writer } = openPipe(capacity);
    for (let step = 0; step < 100; step++) {
      const size = random.upTo(capacity * 1.5) - 1;
      if (random.next() < 0.5) {
        const data = Uint8Array.from({ length: size }, () => random.upTo(256) - 1);
        assertEquals(writer.write(data), model.write(data));
      } else {
        const buffer = new Uint8Array(size);
        const count = reader.read(buffer);
        assertEquals(count < 0 ? count : buffer.subarray(0, count).join(), model.read(size));
      }
      assertEquals(reader.readiness(), model.bytes.length > 0 ? IoEvent.IN : 0);
      assertEquals(writer.readiness(), model.capacity - model.bytes.length >= model.atomic ? IoEvent.OUT : 0);
    }
  }
});

Deno.test("A pipe keeps a copy of what is written", () => {
  const { reader, writer } = openPipe();
  const data = Uint8Array.of(1, 2, 3);
  writer.write(data);
  data.fill(9);
  const buffer = new Uint8Array(3);
  assertEquals(reader.read(buffer), 3);
  assertEquals([...buffer], [1, 2, 3]);
});

Deno.test("A pipe tells its writer of room once there is enough for a whole write", () => {
  const { reader, writer } = openPipe(8_192);
  const told: number[] = [];
  writer.observers.add({ notify: (events) => void told.push(events), gone: () => {} });
  writer.write(new Uint8Array(8_192));
  reader.read(new Uint8Array(4_095));
  assertEquals(told, []);
  reader.read(new Uint8Array(1));
  reader.read(new Uint8Array(1));
  assertEquals(told, [IoEvent.OUT]);
});
