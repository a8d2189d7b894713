/**
 * Sockets that listen for secure connections.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  cancelWait,
  connect,
  type Connection,
  connectTls,
  type ConnectTlsOptions,
  listen,
  listenTls,
  type ListenTlsOptions,
  type Operation,
  settled,
  spawn,
  yieldNow,
} from "@sd/fibers";
import { authority, client as clientIdentity, server as serverIdentity } from "../_certificates.ts";
import { anyPort, bytesOf, codeOf, errorOf, portableIoTest, textOf } from "./_io_world.ts";

const trusting: ConnectTlsOptions = { caCerts: [authority], serverName: "localhost" };

// deno-lint-ignore require-yield
function* listening(options: ListenTlsOptions): Operation<void> {
  listenTls(anyPort, options).close();
}

portableIoTest("listenTls() goes on after handshakes that fail", async (world) => {
  await world.run(function* () {
    using listener = listenTls(anyPort, serverIdentity);
    const accepting = spawn(() => listener.accept());
    // One that speaks no TLS, one that hangs up, one that trusts nobody.
    {
      using client = yield* connect(listener.address);
      yield* client.writeAll(bytesOf("GET / HTTP/1.0\r\n\r\n"));
      yield* settled(spawn(() => client.readAll()));
    }
    (yield* connect(listener.address)).close();
    assertEquals(yield* codeOf(connectTls(listener.address, { serverName: "localhost" })), "EKEYREJECTED");
    // In TLS 1.3 the server is done before a client refuses: such a connection is accepted, and has ended.
    using client = yield* connectTls(listener.address, trusting);
    yield* client.writeAll(bytesOf("I am in order"));
    client.closeWrite();
    let connection = yield* accepting;
    let text = "";
    while (text === "") {
      using open = connection;
      const outcome = yield* settled(spawn(() => open.readAll()));
      if (outcome.status === "fulfilled") text = textOf(outcome.value);
      if (text === "") connection = yield* listener.accept();
    }
    assertEquals(text, "I am in order");
  });
});

portableIoTest("listenTls() shakes hands with one client while another one is silent", async (world) => {
  await world.run(function* () {
    using listener = listenTls(anyPort, serverIdentity);
    using _silent = yield* connect(listener.address);
    using _client = yield* connectTls(listener.address, trusting);
    using _server = yield* listener.accept();
  });
});

portableIoTest("Listener.close() of listenTls() cuts off who was shaking hands, and who was not accepted", async (world) => {
  await world.run(function* () {
    const listener = listenTls(anyPort, serverIdentity);
    using silent = yield* connect(listener.address);
    using client = yield* connectTls(listener.address, trusting);
    listener.close();
    for (const connection of [silent, client]) {
      const outcome = yield* settled(spawn(() => connection.readAll()));
      assert(outcome.status === "fulfilled" || (outcome.reason as { code?: string }).code === "ECONNRESET");
    }
  });
});

portableIoTest("Listener.accept() of listenTls() that is interrupted has taken none", async (world) => {
  await world.run(function* () {
    using listener = listenTls(anyPort, serverIdentity);
    const accepting = spawn(() => listener.accept());
    yield* yieldNow();
    yield* cancelWait(accepting);
    using client = yield* connectTls(listener.address, trusting);
    using server = yield* listener.accept();
    assertEquals(server.remoteAddress, client.localAddress);
  });
});

portableIoTest("listenTls() cuts off more clients than the backlog has room for", async (world) => {
  await world.run(function* () {
    using listener = listenTls({ ...anyPort, backlog: 0 }, serverIdentity);
    using _first = yield* connectTls(listener.address, trusting);
    assertEquals(yield* codeOf(connectTls(listener.address, trusting)), "ECONNRESET");
    using _server = yield* listener.accept();
    using _second = yield* connectTls(listener.address, trusting);
  });
});

portableIoTest("listenTls() gives up whoever is silent longest where others come", async (world) => {
  await world.run(function* () {
    using listener = listenTls({ ...anyPort, backlog: 2 }, serverIdentity);
    const silent: Connection[] = [];
    for (let count = 0; count < 3; count++) silent.push(yield* connect(listener.address));
    using _client = yield* connectTls(listener.address, trusting);
    using _server = yield* listener.accept();
    assertEquals(yield* codeOf(silent[0].read(new Uint8Array(1))), "ECONNRESET");
    for (const connection of silent) connection.close();
  });
});

portableIoTest("listenTls() reports EADDRINUSE for a port that is taken", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const error = yield* errorOf(function* (): Operation<void> {
      listenTls(listener.address, serverIdentity).close();
    }());
    assertEquals(error.code, "EADDRINUSE");
  });
});

portableIoTest("listenTls() refuses options that make no sense, and keys of no use", async (world) => {
  await world.run(function* () {
    const { cert, key } = serverIdentity;
    const senseless: unknown[] = [undefined, {}, { cert }, { key }, { cert, key: 5 }, { cert, key, ca: [] }, {
      cert,
      key,
      alpnProtocols: [""],
    }];
    for (const options of senseless) {
      assertEquals(yield* codeOf(listening(options as ListenTlsOptions)), "EINVAL", JSON.stringify(options));
    }
    const error = yield* errorOf(listening({ cert, key: clientIdentity.key }));
    assertEquals(error.code, "EBADMSG");
    assertStringIncludes(error.message, "the certificate's own");
  });
});
