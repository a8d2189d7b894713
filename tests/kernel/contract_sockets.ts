/**
 * The contract: sockets.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { IoEvent } from "../../event/flags.ts";
import type { Handle, Result, SocketAddress } from "../../event/kernel/kernel.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

const { IN, OUT, ERR, HUP, RDHUP } = IoEvent;
const localhost = "127.0.0.1";

/** Registers the tests. */
export function testSockets(hands: KernelHands): void {
  const places: Record<string, () => SocketAddress> = {
    "an IPv4 port": () => ({ hostname: localhost, port: 0 }),
    "a socket file": () => ({ path: hands.socketPath() }),
    "an abstract name": () => ({ path: `@${hands.socketPath()}` }),
  };
  for (const [place, makeAddress] of Object.entries(places)) {
    contractTest(hands, `Kernel.openStream() reaches a listener on ${place}`, async (trial) => {
      const [listener, client, server] = await connect(trial, makeAddress());
      assertEquals(trial.kernel.tryAccept(listener), -Errno.EAGAIN);
      assertEquals(trial.read(client), "EAGAIN");
      trial.write(client, "ping");
      await trial.waitFor(server, IN);
      assertEquals(trial.read(server), "ping");
      trial.write(server, "pong");
      await trial.waitFor(client, IN);
      assertEquals(trial.read(client), "pong");
      removeFile(trial, listener);
    });

    contractTest(hands, `What is said to be a socket reads and writes over ${place} as it does otherwise`, async (trial) => {
      const { kernel } = trial;
      const [listener, client, server] = await connect(trial, makeAddress());
      const buffer = new Uint8Array(10);
      assertEquals(kernel.tryRead(server, buffer, true), -Errno.EAGAIN);
      assertEquals(kernel.tryWrite(client, Uint8Array.of(1, 2, 3), true), 3);
      await trial.waitFor(server, IN);
      assertEquals([kernel.tryRead(server, buffer, true), ...buffer.subarray(0, 3)], [3, 1, 2, 3]);
      kernel.close(client);
      await trial.waitFor(server, IN);
      assertEquals(kernel.tryRead(server, buffer, true), 0);
      kernel.closeWrite(server);
      assertEquals(kernel.tryWrite(server, buffer, true), -Errno.EPIPE);
      removeFile(trial, listener);
    });

    contractTest(hands, `Streams over ${place} know where they are bound`, async (trial) => {
      const [listener, client, server] = await connect(trial, makeAddress());
      const address = trial.kernel.localAddress(listener);
      assert(typeof address === "object");
      assertEquals(trial.kernel.localAddress(server), address);
      assertEquals(trial.kernel.remoteAddress(client), address);
      assertEquals(trial.kernel.remoteAddress(server), trial.kernel.localAddress(client));
      if ("path" in address) assertEquals(trial.kernel.localAddress(client), undefined);
      else assertNotEquals(address.port, 0);
      assertEquals(trial.kernel.alpnProtocol(client), undefined);
      removeFile(trial, listener);
    });

    contractTest(hands, `Kernel.closeWrite() ends one direction of a stream over ${place}`, async (trial) => {
      const [listener, client, server] = await connect(trial, makeAddress());
      trial.write(client, "last");
      assertEquals(trial.kernel.closeWrite(client), 0);
      assertEquals(trial.kernel.tryWrite(client, new Uint8Array(1)), -Errno.EPIPE);
      await trial.waitFor(server, RDHUP);
      assertEquals(trial.read(server), "last");
      assertEquals(trial.read(server), "");
      trial.write(server, "answer");
      await trial.waitFor(client, IN);
      assertEquals(trial.read(client), "answer");
      assertEquals(trial.kernel.closeWrite(server), 0);
      await trial.waitFor(client, HUP);
      assertEquals(trial.read(client), "");
      removeFile(trial, listener);
    });

    contractTest(hands, `A stream over ${place} whose other end is closed reads as ended`, async (trial) => {
      const [listener, client, server] = await connect(trial, makeAddress());
      trial.write(server, "bye");
      trial.drop(server);
      await trial.waitFor(client, RDHUP);
      assertEquals(trial.read(client), "bye");
      assertEquals(trial.read(client), "");
      assertEquals(trial.kernel.socketError(client), 0);
      removeFile(trial, listener);
    });

    contractTest(hands, `A stream over ${place} that was closed with data unread resets the other end`, async (trial) => {
      const [listener, client, server] = await connect(trial, makeAddress());
      trial.write(client, "nobody reads this");
      await trial.waitFor(server, IN);
      trial.drop(server);
      await trial.waitFor(client, ERR);
      assertEquals(trial.kernel.socketError(client), -Errno.ECONNRESET);
      assertEquals(trial.kernel.socketError(client), 0);
      assertEquals(trial.read(client), "");
      removeFile(trial, listener);
    });

    contractTest(hands, `Kernel.tryWrite() on a stream over ${place} writes what fits`, async (trial) => {
      const [listener, client, server] = await connect(trial, makeAddress());
      const sent = trial.fill(client);
      assert(sent > 0);
      let received = 0;
      while (received < sent) {
        await trial.waitFor(server, IN);
        received += trial.kernel.tryRead(server, new Uint8Array(sent));
      }
      assertEquals(received, sent);
      await trial.waitFor(client, OUT);
      removeFile(trial, listener);
    });

    contractTest(hands, `Kernel.openListener() reports EADDRINUSE for ${place} that is taken`, (trial) => {
      const listener = trial.own(trial.kernel.openListener(makeAddress()));
      const address = trial.kernel.localAddress(listener) as SocketAddress;
      assertEquals(trial.kernel.openListener(address), -Errno.EADDRINUSE);
      removeFile(trial, listener);
    });

    contractTest(hands, `A listener on ${place} is readable while a connection waits`, async (trial) => {
      const listener = trial.own(trial.kernel.openListener(makeAddress()));
      assertEquals(trial.poller.watch(listener, IN, false, 1), 0);
      assertEquals(trial.reports(), []);
      trial.own(trial.kernel.openStream(trial.kernel.localAddress(listener) as SocketAddress));
      await trial.waitUntil((reports) => reports.length > 0);
      assertEquals(trial.reports(), [[1, IN]]);
      trial.own(trial.kernel.tryAccept(listener));
      assertEquals(trial.reports(), []);
      removeFile(trial, listener);
    });
  }

  contractTest(hands, "Kernel.openStream() to a port where nobody listens fails with ECONNREFUSED, once", async (trial) => {
    const client = await refusedStream(trial);
    assertEquals(trial.kernel.socketError(client), 0);
  });

  contractTest(hands, "Kernel.tryRead() takes the error of a stream that was refused", async (trial) => {
    const client = trial.own(trial.kernel.openStream(closedPort(trial)));
    await trial.waitFor(client, OUT);
    assertEquals(trial.read(client), "ECONNREFUSED");
    assertEquals(trial.kernel.socketError(client), 0);
  });

  contractTest(hands, "Kernel.openStream() to a socket file that is not there fails with ENOENT", async (trial) => {
    assertEquals(await failure(trial, { path: hands.socketPath() }), -Errno.ENOENT);
  });

  contractTest(hands, "Kernel.openStream() to a socket file that outlived its listener fails with ECONNREFUSED", async (trial) => {
    const address = { path: hands.socketPath() };
    trial.drop(trial.own(trial.kernel.openListener(address)));
    assertEquals(await failure(trial, address), -Errno.ECONNREFUSED);
    assertEquals(trial.kernel.removeSocketFile(address.path), 0);
  });

  contractTest(hands, "Kernel.openStream() to an abstract name without a listener fails with ECONNREFUSED", async (trial) => {
    assertEquals(await failure(trial, { path: `@${hands.socketPath()}` }), -Errno.ECONNREFUSED);
  });

  contractTest(hands, "Kernel.removeSocketFile() frees the path, and reports ENOENT where there is no file", (trial) => {
    const address = { path: hands.socketPath() };
    trial.drop(trial.own(trial.kernel.openListener(address)));
    assertEquals(trial.kernel.openListener(address), -Errno.EADDRINUSE);
    assertEquals(trial.kernel.removeSocketFile(address.path), 0);
    assertEquals(trial.kernel.removeSocketFile(address.path), -Errno.ENOENT);
    trial.own(trial.kernel.openListener(address));
    assertEquals(trial.kernel.removeSocketFile(address.path), 0);
    assertEquals(trial.kernel.removeSocketFile(`@${address.path}`), -Errno.ENOENT);
  });

  contractTest(hands, "An abstract name is free again when its listener is closed", (trial) => {
    const address = { path: `@${hands.socketPath()}` };
    trial.drop(trial.own(trial.kernel.openListener(address)));
    trial.own(trial.kernel.openListener(address));
  });

  contractTest(hands, "Listeners share a port if both ask for it", (trial) => {
    const first = trial.own(trial.kernel.openListener({ hostname: localhost, port: 0, reusePort: true }));
    const { port } = trial.kernel.localAddress(first) as { port: number };
    trial.own(trial.kernel.openListener({ hostname: localhost, port, reusePort: true }));
    assertEquals(trial.kernel.openListener({ hostname: localhost, port }), -Errno.EADDRINUSE);
  });

  contractTest(hands, "Without a hostname a listener is on all addresses, a stream goes to the local host", async (trial) => {
    const listener = trial.own(trial.kernel.openListener({ port: 0 }));
    const address = trial.kernel.localAddress(listener) as { hostname: string; port: number };
    assertEquals(address.hostname, "0.0.0.0");
    const client = trial.own(trial.kernel.openStream({ port: address.port }));
    await trial.waitFor(client, OUT);
    assertEquals(trial.kernel.socketError(client), 0);
    assertEquals(trial.kernel.remoteAddress(client), { hostname: localhost, port: address.port });
  });

  contractTest(hands, "Kernel.openListener() and Kernel.openStream() report EINVAL for what is no address", ({ kernel }) => {
    const addresses: SocketAddress[] = [
      { hostname: "localhost", port: 80 },
      { hostname: "1.2.3", port: 80 },
      { hostname: "1.2.3.256", port: 80 },
      { hostname: "01.2.3.4", port: 80 },
      { hostname: "::1::2", port: 80 },
      { hostname: "", port: 80 },
      { hostname: localhost, port: 65_536 },
      { hostname: localhost, port: -1 },
      { hostname: localhost, port: 0.5 },
      { path: "" },
    ];
    for (const address of addresses) {
      assertEquals(kernel.openListener(address), -Errno.EINVAL, JSON.stringify(address));
      assertEquals(kernel.openStream(address), -Errno.EINVAL, JSON.stringify(address));
    }
    assertEquals(kernel.openListener({ path: "/".repeat(108) }), -Errno.ENAMETOOLONG);
    assertEquals(kernel.openStream({ path: "@".repeat(108) }), -Errno.ENAMETOOLONG);
  });

  contractTest(hands, "A connection that its client gave up is accepted, and has ended", async (trial) => {
    const listener = trial.own(trial.kernel.openListener({ hostname: localhost, port: 0 }));
    const client = trial.own(trial.kernel.openStream(trial.kernel.localAddress(listener) as SocketAddress));
    await trial.waitFor(client, OUT);
    trial.drop(client);
    await trial.waitFor(listener, IN);
    const server = trial.own(trial.kernel.tryAccept(listener));
    await trial.waitFor(server, RDHUP);
    assertEquals(trial.read(server), "");
  });

  contractTest(hands, "Closing a listener cuts off who was not accepted", async (trial) => {
    const listener = trial.own(trial.kernel.openListener({ hostname: localhost, port: 0 }));
    const client = trial.own(trial.kernel.openStream(trial.kernel.localAddress(listener) as SocketAddress));
    await trial.waitFor(client, OUT);
    trial.drop(listener);
    await trial.waitFor(client, ERR);
    assertEquals(trial.kernel.socketError(client), -Errno.ECONNRESET);
  });

  contractTest(hands, "Kernel.connectSocket() sends a socket of the caller's to an address", async (trial) => {
    const listener = trial.own(trial.kernel.openListener({ hostname: localhost, port: 0 }));
    const address = trial.kernel.localAddress(listener) as SocketAddress;
    const client = trial.own(hands.openSocket(trial.kernel));
    assertEquals(trial.kernel.remoteAddress(client), -Errno.ENOTCONN);
    assertEquals(trial.kernel.closeWrite(client), -Errno.ENOTCONN);
    const result = trial.kernel.connectSocket(client, address);
    assert(result === 0 || result === -Errno.EINPROGRESS);
    await trial.waitFor(client, OUT);
    assertEquals(trial.kernel.socketError(client), 0);
    assertEquals(trial.kernel.remoteAddress(client), address);
    const server = trial.own(trial.kernel.tryAccept(listener));
    assertEquals(trial.kernel.connectSocket(server, address), -Errno.EISCONN);
  });

  contractTest(hands, "Kernel.connectSocket() reports EINVAL for what is no address and EAFNOSUPPORT for one of another kind", (trial) => {
    const client = trial.own(hands.openSocket(trial.kernel));
    assertEquals(trial.kernel.connectSocket(client, { hostname: "localhost", port: 1 }), -Errno.EINVAL);
    assertEquals(trial.kernel.connectSocket(client, { path: "@".padEnd(50, "x") }), -Errno.EAFNOSUPPORT);
  });

  contractTest(hands, "Without the feature tls streams and listeners with TLS are EOPNOTSUPP", ({ kernel }) => {
    if (kernel.features.has("tls")) return;
    const address = { hostname: localhost, port: 0 };
    const server = { identity: { cert: "", key: "" }, alpnProtocols: [] };
    const client = { serverName: "localhost", caCerts: [], identity: undefined, alpnProtocols: [] };
    assertEquals(kernel.openListener(address, server), -Errno.EOPNOTSUPP);
    assertEquals(kernel.openStream(address, client), -Errno.EOPNOTSUPP);
  });

  contractTest(hands, "The calls for sockets report ENOTSOCK for anything else", (trial) => {
    const [reader] = trial.pipe();
    const { kernel } = trial;
    assertEquals(kernel.tryAccept(reader), -Errno.ENOTSOCK);
    assertEquals(kernel.connectSocket(reader, { port: 1 }), -Errno.ENOTSOCK);
    assertEquals(kernel.socketError(reader), -Errno.ENOTSOCK);
    assertEquals(kernel.localAddress(reader), -Errno.ENOTSOCK);
    assertEquals(kernel.remoteAddress(reader), -Errno.ENOTSOCK);
    assertEquals(kernel.alpnProtocol(reader), -Errno.ENOTSOCK);
    assertEquals(kernel.closeWrite(reader), -Errno.ENOTSOCK);
  });

  contractTest(hands, "Kernel.tryAccept() reports EINVAL for a socket that does not listen", async (trial) => {
    const [, client] = await connect(trial, { hostname: localhost, port: 0 });
    assertEquals(trial.kernel.tryAccept(client), -Errno.EINVAL);
  });

  contractTest(hands, "Kernel.remoteAddress() and Kernel.tryRead() report ENOTCONN for a listener", (trial) => {
    const listener = trial.own(trial.kernel.openListener({ hostname: localhost, port: 0 }));
    assertEquals(trial.kernel.remoteAddress(listener), -Errno.ENOTCONN);
    assertEquals(trial.read(listener), "ENOTCONN");
  });

  for (const name of ["", "@"]) {
    contractTest(hands, `Kernel.sendDatagram() sends each message whole to ${name ? "an abstract name" : "a socket file"}`, (trial) => {
      const path = `${name}${hands.path()}`;
      const send = (text: string) => trial.kernel.sendDatagram(path, new TextEncoder().encode(text));
      assertEquals(send("too early"), name ? -Errno.ECONNREFUSED : -Errno.ENOENT);
      const receive = hands.makeReceiver(trial.kernel, path);
      assertEquals([send("READY=1"), send("WATCHDOG=1")], [7, 10]);
      assertEquals(receive(), ["READY=1", "WATCHDOG=1"]);
      assertEquals(receive(), []);
    });
  }

  contractTest(hands, "Kernel.sendDatagram() refuses what is no path", (trial) => {
    const send = (path: string) => trial.kernel.sendDatagram(path, Uint8Array.of(1));
    assertEquals([send(""), send(`/${"x".repeat(107)}`)], [-Errno.EINVAL, -Errno.ENAMETOOLONG]);
  });
}

/** A listener, a stream to it, and the accepted end. */
async function connect(trial: Trial, address: SocketAddress): Promise<[listener: Handle, client: Handle, server: Handle]> {
  const listener = trial.own(trial.kernel.openListener(address));
  const client = trial.own(trial.kernel.openStream(trial.kernel.localAddress(listener) as SocketAddress));
  await trial.waitFor(client, OUT);
  assertEquals(trial.kernel.socketError(client), 0);
  const server = trial.own(trial.kernel.tryAccept(listener));
  assertEquals(trial.kernel.setBlocking(client, false), 0);
  assertEquals(trial.kernel.setBlocking(server, false), 0);
  return [listener, client, server];
}

/** Why no stream gets to the address, told at once or on its way. */
async function failure(trial: Trial, address: SocketAddress): Promise<Result> {
  const result = trial.kernel.openStream(address);
  if (result < 0) return result;
  await trial.waitFor(trial.own(result), OUT);
  return trial.kernel.socketError(result);
}

/** A stream whose refusal was taken. */
async function refusedStream(trial: Trial): Promise<Handle> {
  const client = trial.own(trial.kernel.openStream(closedPort(trial)));
  await trial.waitFor(client, OUT);
  assertEquals(trial.kernel.socketError(client), -Errno.ECONNREFUSED);
  return client;
}

/** Where somebody has just stopped listening. */
function closedPort(trial: Trial): SocketAddress {
  const listener = trial.own(trial.kernel.openListener({ hostname: localhost, port: 0 }));
  const address = trial.kernel.localAddress(listener) as SocketAddress;
  trial.drop(listener);
  return address;
}

function removeFile(trial: Trial, listener: Handle): void {
  const address = trial.kernel.localAddress(listener) as SocketAddress;
  if ("path" in address && !address.path.startsWith("@")) assertEquals(trial.kernel.removeSocketFile(address.path), 0);
}
