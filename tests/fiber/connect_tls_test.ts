/**
 * Opening secure connections.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  all,
  CancelledError,
  cancelWait,
  type Connection,
  connectTls,
  type ConnectTlsOptions,
  listen,
  type Listener,
  listenTls,
  type Operation,
  settled,
  sleep,
  spawn,
  TimeoutError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { authority, client as clientIdentity, expired, type Identity, server as serverIdentity } from "../_certificates.ts";
import { assertSameBytes, fill, readFully } from "./_connections.ts";
import { anyPort, bytesOf, codeOf, errorOf, ioTest, type IoWorld, portableIoTest, textOf } from "./_io_world.ts";

const trusting: ConnectTlsOptions = { caCerts: [authority], serverName: "localhost" };

/** The two ends of a secure connection. */
function* openSecure(listener: Listener, options: ConnectTlsOptions = trusting): Operation<[client: Connection, server: Connection]> {
  return yield* all([() => connectTls(listener.address, options), () => listener.accept()]);
}

/** What connecting to a server with this certificate fails with. */
function failure(world: IoWorld, identity: Identity, options: ConnectTlsOptions): Promise<string> {
  return world.run(function* () {
    using listener = listenTls(anyPort, { ...identity, alpnProtocols: ["one"] });
    const error = yield* errorOf(connectTls(listener.address, options));
    assertStringIncludes(error.message, "Cannot connect to 127.0.0.1:");
    return error.code;
  });
}

portableIoTest("connectTls() gives a connection that carries bytes both ways, and the end", async (world) => {
  await world.run(function* () {
    using listener = listenTls(anyPort, serverIdentity);
    const [client, server] = yield* openSecure(listener);
    using _ends = { [Symbol.dispose]: () => (client.close(), server.close()) };
    assertEquals(client.remoteAddress, listener.address);
    assertEquals(server.remoteAddress, client.localAddress);
    yield* client.writeAll(bytesOf("ping"));
    client.closeWrite();
    assertEquals(textOf(yield* server.readAll()), "ping");
    yield* server.writeAll(bytesOf("pong"));
    server.closeWrite();
    assertEquals(textOf(yield* client.readAll()), "pong");
  });
});

portableIoTest("connectTls() carries more than all buffers hold, to a reader who begins late", async (world) => {
  const data = fill(3_000_000);
  await world.run(function* () {
    using listener = listenTls(anyPort, serverIdentity);
    const [client, server] = yield* openSecure(listener);
    const writing = spawn(function* () {
      yield* client.writeAll(data);
      client.close();
    });
    yield* sleep(1);
    assertSameBytes(yield* readFully(server, data.length), data);
    assertEquals(yield* server.read(new Uint8Array(1)), null);
    yield* writing;
    server.close();
  });
});

portableIoTest("connectTls() looks the name up, and the certificate must be for it", async (world) => {
  await world.run(function* () {
    using listener = listenTls(anyPort, serverIdentity);
    const { port } = listener.address as { port: number };
    using client = yield* connectTls({ hostname: "localhost", port }, { caCerts: [authority] });
    assertEquals(client.remoteAddress, listener.address);
    using _server = yield* listener.accept();
    // The address itself stands in it too.
    using _byAddress = yield* connectTls({ hostname: "127.0.0.1", port }, { caCerts: [authority] });
    using _other = yield* listener.accept();
  });
});

portableIoTest("connectTls() tells both sides which protocol they have agreed upon", async (world) => {
  await world.run(function* () {
    using listener = listenTls(anyPort, { ...serverIdentity, alpnProtocols: ["h2", "http/1.1"] });
    const [client, server] = yield* openSecure(listener, { ...trusting, alpnProtocols: ["http/1.1", "gopher"] });
    assertEquals([client.alpnProtocol, server.alpnProtocol], ["http/1.1", "http/1.1"]);
    client.close();
    server.close();
    const [silent, other] = yield* openSecure(listener);
    assertEquals([silent.alpnProtocol, other.alpnProtocol], [undefined, undefined]);
    silent.close();
    other.close();
  });
});

portableIoTest("connectTls() refuses a certificate of an authority that is not trusted", async (world) => {
  assertEquals(await failure(world, serverIdentity, { serverName: "localhost" }), "EKEYREJECTED");
});

portableIoTest("connectTls() refuses a certificate for another name", async (world) => {
  assertEquals(await failure(world, serverIdentity, { caCerts: [authority], serverName: "elsewhere.test" }), "EKEYREJECTED");
});

portableIoTest("connectTls() refuses a certificate that has expired", async (world) => {
  assertEquals(await failure(world, expired, trusting), "EKEYREJECTED");
});

portableIoTest("connectTls() refuses a certificate that is for clients", async (world) => {
  assertEquals(await failure(world, clientIdentity, trusting), "EKEYREJECTED");
});

portableIoTest("connectTls() fails where no protocol suits both", async (world) => {
  const code = await failure(world, serverIdentity, { ...trusting, alpnProtocols: ["two"] });
  assert(["EPROTO", "ECONNRESET"].includes(code), code);
});

portableIoTest("connectTls() reports ECONNREFUSED where nobody listens", async (world) => {
  await world.run(function* () {
    const listener = listen(anyPort);
    const { address } = listener;
    listener.close();
    assertEquals(yield* codeOf(connectTls(address)), "ECONNREFUSED");
  });
});

portableIoTest("connectTls() reports EPROTO for a server that speaks no TLS", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const serving = spawn(function* () {
      using connection = yield* listener.accept();
      yield* connection.writeAll(bytesOf("220 welcome, I speak no TLS\r\n"));
      yield* connection.readAll();
    });
    assertEquals(yield* codeOf(connectTls(listener.address, trusting)), "EPROTO");
    yield* settled(serving);
  });
});

portableIoTest("connectTls() reports ECONNRESET for a server that hangs up in the handshake", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const serving = spawn(function* () {
      using connection = yield* listener.accept();
      yield* connection.read(new Uint8Array(1000));
    });
    assertEquals(yield* codeOf(connectTls(listener.address, trusting)), "ECONNRESET");
    yield* serving;
  });
});

portableIoTest("connectTls() reports EBADMSG for certificates and keys that are of no use", async (world) => {
  await world.run(function* () {
    const address = { hostname: "127.0.0.1", port: 1 };
    const { cert } = serverIdentity;
    const useless: ConnectTlsOptions[] = [
      { caCerts: ["mine"] },
      { cert: "mine", key: "mine" },
      { cert, key: "mine" },
      { cert, key: clientIdentity.key },
    ];
    for (const options of useless) assertEquals(yield* codeOf(connectTls(address, options)), "EBADMSG");
  });
});

portableIoTest("connectTls() refuses options that make no sense", async (world) => {
  await world.run(function* () {
    const address = { hostname: "127.0.0.1", port: 1 };
    const senseless: unknown[] = [
      { caCert: [] },
      { caCerts: authority },
      { serverName: "" },
      { cert: serverIdentity.cert },
      { key: serverIdentity.key },
      { alpnProtocols: [""] },
      { alpnProtocols: ["x".repeat(256)] },
      { alpnProtocols: "h2" },
    ];
    for (const options of senseless) {
      assertEquals(yield* codeOf(connectTls(address, options as ConnectTlsOptions)), "EINVAL", JSON.stringify(options));
    }
    assertEquals(yield* codeOf(connectTls({ path: world.socketPath() })), "EINVAL");
    assertEquals(yield* codeOf(connectTls({ port: -1 })), "EINVAL");
  });
});

portableIoTest("connectTls() reaches a server at a socket file", async (world) => {
  await world.run(function* () {
    const address = { path: world.socketPath() };
    using listener = listenTls(address, serverIdentity);
    const [client, server] = yield* openSecure(listener);
    yield* client.writeAll(bytesOf("ping"));
    client.close();
    assertEquals(textOf(yield* server.readAll()), "ping");
    server.close();
  });
});

portableIoTest("connectTls() that is cancelled before it runs opens nothing", async (world) => {
  await world.run(function* () {
    using listener = listenTls(anyPort, serverIdentity);
    const fiber = spawn(() => connectTls(listener.address, trusting));
    yield* cancelWait(fiber);
    assert((yield* settled(fiber)).status === "rejected");
  });
});

portableIoTest("connectTls() that is cancelled on its way leaves nothing behind", async (world) => {
  await world.run(function* () {
    using listener = listenTls(anyPort, serverIdentity);
    const fiber = spawn(() => connectTls(listener.address, trusting));
    yield* yieldNow();
    yield* cancelWait(fiber);
    const outcome = yield* settled(fiber);
    assert(outcome.status === "rejected" && outcome.reason instanceof CancelledError);
  });
});

portableIoTest("connectTls() that is cancelled in the handshake closes what it had opened", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const fiber = spawn(() => connectTls(listener.address, trusting));
    using server = yield* listener.accept();
    // The client has said hello, and hears nothing.
    assert(((yield* server.read(new Uint8Array(10))) ?? 0) > 0);
    yield* cancelWait(fiber);
    assert((yield* settled(fiber)).status === "rejected");
    const outcome = yield* settled(spawn(() => server.readAll()));
    assert(outcome.status === "fulfilled" || (outcome.reason as { code?: string }).code === "ECONNRESET");
  });
});

portableIoTest("connectTls() ends by a deadline where the server never shakes hands", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const fiber = spawn(() => withTimeout(50_000, connectTls(listener.address, trusting)));
    const outcome = yield* settled(fiber);
    assert(outcome.status === "rejected" && outcome.reason instanceof TimeoutError);
  });
});

portableIoTest("Connection.read() of a secure connection that is interrupted has read nothing", async (world) => {
  await world.run(function* () {
    using listener = listenTls(anyPort, serverIdentity);
    const [client, server] = yield* openSecure(listener);
    const buffer = new Uint8Array(10);
    const reading = spawn(() => client.read(buffer));
    yield* yieldNow();
    yield* cancelWait(reading);
    yield* server.writeAll(bytesOf("still here"));
    assertEquals(yield* client.read(buffer), 10);
    assertEquals(textOf(buffer), "still here");
    client.close();
    server.close();
  });
});

ioTest("connectTls() and listenTls() say which kernel has TLS where this one has none", async (world) => {
  if (world.kernel.features.has("tls")) return;
  await world.run(function* () {
    for (const error of [yield* errorOf(connectTls({ port: 1 })), yield* errorOf(listening())]) {
      assertEquals(error.code, "EOPNOTSUPP");
      assertStringIncludes(error.message, `the ${world.kernel.name} kernel`);
      assertStringIncludes(error.message, "portableKernel() has");
    }
  });
  // deno-lint-ignore require-yield
  function* listening(): Operation<void> {
    listenTls(anyPort, serverIdentity).close();
  }
});
