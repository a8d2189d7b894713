/**
 * Connections: what their calls move, and when they end.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  all,
  cancelWait,
  connect,
  Connection,
  EventLoop,
  listen,
  type Operation,
  run,
  sleep,
  spawn,
  SystemError,
  yieldNow,
} from "@sd/fibers";
import { assertSameBytes, fill, openConnection, readFully, untilArrived, untilAtRest } from "./_connections.ts";
import { bytesOf, codeOf, errorOf, ioTest, type IoWorld, simulatedIoTest, textOf } from "./_io_world.ts";

/** A connection over an AF_UNIX socket file. */
function* openUnixConnection(world: IoWorld): Operation<{ client: Connection; server: Connection } & Disposable> {
  using listener = listen({ path: world.socketPath() });
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

ioTest("Connection.read() gives what is there, however little, and null at the end", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    yield* client.writeAll(bytesOf("hello"));
    yield* untilArrived(world, server, 5);
    const buffer = new Uint8Array(3);
    assertEquals([yield* server.read(buffer), textOf(buffer)], [3, "hel"]);
    assertEquals([yield* server.read(buffer), textOf(buffer)], [2, "lol"]);
    client.closeWrite();
    assertEquals(yield* server.read(buffer), null);
    assertEquals(yield* server.read(buffer), null);
    assertEquals(yield* server.readAll(), new Uint8Array());
  });
});

ioTest("Connection.read() into an empty buffer is 0, and waits for nothing", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    assertEquals(yield* pair.server.read(new Uint8Array()), 0);
    assertEquals(yield* pair.server.write(new Uint8Array()), 0);
    assertEquals(yield* pair.server.writeAll(new Uint8Array()), undefined);
  });
});

ioTest("Connection takes Uint8Arrays and nothing else", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    for (const wrong of ["text", [1], new ArrayBuffer(1), new Uint16Array(1), undefined]) {
      const buffer = wrong as unknown as Uint8Array;
      for (const call of [() => pair.client.read(buffer), () => pair.client.write(buffer), () => pair.client.writeAll(buffer)]) {
        assertEquals((assertThrows(call, SystemError)).code, "EINVAL");
      }
    }
    yield* yieldNow();
  });
});

ioTest("Connection.read() fills a view of a larger buffer, and nothing beside it", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    yield* pair.client.writeAll(bytesOf("abcdef"));
    const whole = new Uint8Array(8);
    assertEquals(yield* pair.server.read(whole.subarray(2, 5)), 3);
    assertEquals(whole, Uint8Array.of(0, 0, 97, 98, 99, 0, 0, 0));
  });
});

ioTest("Connection.closeWrite() ends one direction, the other goes on", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    yield* client.writeAll(bytesOf("question"));
    client.closeWrite();
    assertEquals(textOf(yield* server.readAll()), "question");
    assertEquals(yield* codeOf(client.write(new Uint8Array(1))), "EPIPE");
    yield* server.writeAll(bytesOf("answer"));
    server.close();
    assertEquals(textOf(yield* client.readAll()), "answer");
  });
});

ioTest("Connection.write() waits for a peer that does not read", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    let written = 0;
    const writer = spawn(function* () {
      const data = new Uint8Array(65_536);
      while (written < 64 << 20) written += yield* client.write(data);
    });
    yield* untilAtRest(writer);
    const before = written;
    assertEquals(writer.status, "suspended");
    assert(before < 64 << 20);
    const taken = (yield* readFully(server, before)).length;
    assertEquals(taken, before);
    while (written === before) yield* sleep(100);
    yield* cancelWait(writer);
  });
});

for (const kind of ["TCP", "AF_UNIX"]) {
  ioTest(`Connection moves 8 MiB in both directions at once over ${kind}`, async (world) => {
    await world.run(function* () {
      using pair = kind === "TCP" ? yield* openConnection() : yield* openUnixConnection(world);
      const { client, server } = pair;
      const data = fill(8 << 20);
      function* send(connection: Connection): Operation<void> {
        yield* connection.writeAll(data);
        connection.closeWrite();
      }
      const [, , toServer, toClient] = yield* all([() => send(client), () => send(server), server.readAll(), client.readAll()]);
      assertSameBytes(toServer, data);
      assertSameBytes(toClient, data);
    });
  });
}

ioTest("Connection.readAll() gives exactly what came, of any length", async (world) => {
  await world.run(function* () {
    for (const size of [0, 1, 16_383, 16_384, 16_385, 100_000]) {
      using pair = yield* openConnection();
      const data = fill(size);
      const writer = spawn(function* () {
        yield* pair.client.writeAll(data);
        pair.client.close();
      });
      const received = yield* pair.server.readAll();
      assertSameBytes(received, data);
      assertEquals(received.buffer.byteLength, size);
      yield* writer;
    }
  });
});

ioTest("Connection.writeAll() that is interrupted has written a part", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    const data = fill(32 << 20);
    const writer = spawn(() => client.writeAll(data));
    yield* sleep(1000);
    yield* cancelWait(writer);
    client.close();
    const received = yield* server.readAll();
    assert(received.length > 0 && received.length < data.length, `${received.length} bytes came`);
    assertSameBytes(received, data.subarray(0, received.length));
  });
});

ioTest("Connection.write() to a peer that has gone is EPIPE or ECONNRESET, and raises no signal", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    pair.server.close();
    const codes = new Set<string>();
    while (!codes.has("EPIPE")) {
      try {
        yield* pair.client.write(new Uint8Array(1));
      } catch (error) {
        codes.add((error as SystemError).code);
      }
      yield* sleep(100);
    }
    codes.delete("EPIPE");
    codes.delete("ECONNRESET");
    assertEquals([...codes], []);
  });
});

ioTest("Connection.writeAll() that waits ends when the peer goes", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const writer = spawn(() => errorOf(pair.client.writeAll(fill(32 << 20))));
    yield* untilAtRest(writer);
    pair.server.close();
    assert(["EPIPE", "ECONNRESET"].includes((yield* writer).code));
  });
});

ioTest("Connection that is closed throws EBADF, and its fd is -1", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client } = pair;
    assert(client.fd >= 0);
    client.close();
    assertEquals(client.fd, -1);
    assertEquals(yield* codeOf(client.read(new Uint8Array(1))), "EBADF");
    assertEquals(yield* codeOf(client.writeAll(new Uint8Array(1))), "EBADF");
    assertEquals(assertThrows(() => client.closeWrite(), SystemError).code, "EBADF");
    const error = assertThrows(() => client.close(), SystemError);
    assertEquals(error.code, "EBADF");
    assertStringIncludes(error.message, "Cannot close the connection to 127.0.0.1:");
    client[Symbol.dispose]();
  });
});

ioTest("Connection knows where its ends are bound", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const { client, server } = pair;
    assertEquals(client.remoteAddress, server.localAddress);
    assertEquals(client.localAddress, server.remoteAddress);
    const address = client.localAddress;
    client.close();
    assertEquals(client.localAddress, address);
    server.close();
    assert(server.remoteAddress !== undefined);
  });
});

ioTest("Connection.closeWrite() lets a writer that waits go on to EPIPE", async (world) => {
  await world.run(function* () {
    using pair = yield* openConnection();
    const writer = spawn(() => errorOf(pair.client.writeAll(fill(32 << 20))));
    yield* untilAtRest(writer);
    pair.client.closeWrite();
    const drain = spawn(() => pair.server.readAll());
    assertEquals((yield* writer).code, "EPIPE");
    yield* drain;
  });
});

ioTest("Connection cannot be made by new", (world) => {
  const make = Connection as unknown as new (io: object) => Connection;
  assertEquals(assertThrows(() => new make({}), SystemError).code, "EINVAL");
  world.settle();
});

for (let seed = 1; seed <= 20; seed++) {
  simulatedIoTest(`Connection moves all or throws, under resets of seed ${seed}`, async (world) => {
    await world.run(function* () {
      using pair = yield* openConnection();
      const data = fill(200_000);
      const writer = spawn(function* () {
        try {
          yield* pair.client.writeAll(data);
          pair.client.closeWrite();
          return undefined;
        } catch (error) {
          return (error as SystemError).code;
        }
      });
      let received: Uint8Array | undefined;
      let code: string | undefined;
      try {
        received = yield* pair.server.readAll();
      } catch (error) {
        code = (error as SystemError).code;
      }
      const codes = [code, yield* writer];
      for (const each of codes) assert(each === undefined || ["ECONNRESET", "EPIPE", "ENOTCONN"].includes(each), each);
      if (codes.every((each) => each === undefined)) assertSameBytes(received!, data);
    });
  }, { seed, faults: { ECONNRESET: 0.05, EAGAIN: 0.2, "short-read": 0.5, "short-write": 0.5 } });
}

Deno.test("Connection talks to the host's sockets while the host's own loop goes on (linux)", async () => {
  const host = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    using connection = await host.accept();
    const buffer = new Uint8Array(100);
    const count = await connection.read(buffer);
    await connection.write(buffer.subarray(0, count!).map((byte) => byte + 1));
  })();
  using loop = new EventLoop();
  const reply = await run(function* () {
    using connection = yield* connect({ hostname: "127.0.0.1", port: host.addr.port });
    yield* connection.writeAll(bytesOf("HAL"));
    return yield* connection.readAll();
  }, { loop });
  await served;
  host.close();
  assertEquals(textOf(reply), "IBM");
});
