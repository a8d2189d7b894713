/**
 * Connections for tests.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { all, connect, type Connection, type Fiber, listen, MessageFlag, type Operation, sleep } from "@sd/fibers";
import { anyPort, type IoWorld } from "./_io_world.ts";

/** The two ends of a connection; disposed, both are closed. */
export interface ConnectionPair extends Disposable {
  readonly client: Connection;
  readonly server: Connection;
}

/** A TCP connection of this program with itself. */
export function* openConnection(): Operation<ConnectionPair> {
  using listener = listen(anyPort);
  const [client, server] = yield* all([connect(listener.address), listener.accept()]);
  return {
    client,
    server,
    [Symbol.dispose]() {
      client[Symbol.dispose]();
      server[Symbol.dispose]();
    },
  };
}

/** Waits until so many bytes have come that a read would find, however long that takes the system and the host. */
export function* untilArrived({ kernel }: IoWorld, connection: Connection, count: number): Operation<void> {
  const buffer = new Uint8Array(count);
  while (kernel.tryReceive(connection.fd, [buffer], MessageFlag.PEEK, 0, undefined) < count) yield* sleep(100);
}

/** Waits until each of them waits for something or has ended, however late timers are. */
export function* untilAtRest(...fibers: readonly Fiber<unknown>[]): Operation<void> {
  while (fibers.some(({ status }) => status === "initial" || status === "ready")) yield* sleep(100);
}

/** What is read until the end of the buffer, or of the stream. */
export function* readFully(connection: Connection, size: number): Operation<Uint8Array> {
  const buffer = new Uint8Array(size);
  let count = 0;
  while (count < size) {
    const more = yield* connection.read(buffer.subarray(count));
    if (more === null) break;
    count += more;
  }
  return buffer.subarray(0, count);
}

/** So many bytes that differ. */
export function fill(size: number): Uint8Array {
  const data = new Uint8Array(size);
  for (let at = 0; at < size; at++) data[at] = at * 31 + (at >> 8);
  return data;
}

/** As `assertEquals`, for bytes by the million. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length);
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  assertEquals(at, -1, `The bytes at ${at} differ`);
}
