/**
 * Connections for tests.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { all, connect, type Connection, listen, type Operation } from "@sd/fibers";
import { anyPort } from "./_io_world.ts";

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
