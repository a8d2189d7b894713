/**
 * TLS on the portable kernel, against the host's own and against nonsense.
 *
 * @module
 */

import type { Socket } from "node:net";
import { connect as connectByTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { assert, assertEquals, assertLess } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import type { ClientTls, ServerTls } from "../../../event/kernel/kernel.ts";
import { authority, client as clientIdentity, server as serverIdentity } from "../../_certificates.ts";
import { readAll, SocketTrial } from "./_sockets.ts";

const clientTls: ClientTls = { serverName: "localhost", caCerts: [authority], identity: undefined, alpnProtocols: [] };
const serverTls: ServerTls = { identity: serverIdentity, alpnProtocols: [] };
const block = new Uint8Array(65_536);

/** More than a kernel and all queues keep for a connection. */
const tooMuch = 64 * 1024 * 1024;

/** The host's own client of a listener. */
function connectHost(trial: SocketTrial, port: number): TLSSocket {
  return trial.watch(connectByTls({ port, host: "127.0.0.1", servername: "localhost", ca: authority }));
}

Deno.test("A secure stream that nobody reads takes in no more than its queues hold, and loses none of it", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen(undefined, serverTls);
  const socket = connectHost(trial, port);
  const stream = await trial.accept(listener);
  const taken = trial.pour(socket, tooMuch);
  assertLess(await trial.settled(taken), tooMuch / 2);
  let received = 0;
  await trial.until(() => (received += readAll(trial.kernel, stream)[0]) === tooMuch);
});

Deno.test("A secure connection that nobody has accepted yet is not read from", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen(undefined, serverTls);
  const socket = connectHost(trial, port);
  const taken = trial.pour(socket, tooMuch);
  assertLess(await trial.settled(taken), tooMuch / 2);
  await trial.accept(listener);
});

Deno.test("Kernel.openStream() with TLS shows a server that asks who we are", async () => {
  await using trial = new SocketTrial();
  const names: string[] = [];
  const server = createTlsServer({ ...serverIdentity, ca: authority, requestCert: true, rejectUnauthorized: true });
  const port = await trial.serve((socket) => {
    trial.watch(socket);
    names.push(String((socket as TLSSocket).getPeerCertificate().subject.CN));
    socket.end("welcome");
  }, server);
  const stream = await trial.open(port, { ...clientTls, identity: clientIdentity });
  let read: [number, number] = [0, 0];
  await trial.until(() => (read = readAll(trial.kernel, stream))[0] > 0);
  assertEquals([read[0], names], [7, ["somebody"]]);
});

Deno.test("Kernel.openStream() with TLS has an address that stands in the certificate verified", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen(undefined, serverTls);
  const stream = await trial.open(port, { ...clientTls, serverName: "127.0.0.1" });
  assertEquals(trial.kernel.remoteAddress(stream), { hostname: "127.0.0.1", port });
  await trial.accept(listener);
});

Deno.test("Kernel.openStream() with TLS that is refused fails once, and is no connection", async () => {
  await using trial = new SocketTrial();
  const [, port] = trial.listen(undefined, serverTls);
  const { kernel } = trial;
  const stream = trial.own(kernel.openStream({ hostname: "127.0.0.1", port }, { ...clientTls, serverName: "elsewhere.test" }));
  let error = 0;
  await trial.until(() => (error = kernel.socketError(stream)) < 0);
  assertEquals([error, kernel.socketError(stream)], [-Errno.EKEYREJECTED, 0]);
  assertEquals(kernel.remoteAddress(stream), -Errno.ENOTCONN);
  assertEquals([kernel.tryRead(stream, block), kernel.tryWrite(stream, block)], [-Errno.ENOTCONN, -Errno.ENOTCONN]);
});

Deno.test("Kernel.close() of a secure stream sends what was written, and the goodbye of TLS", async () => {
  await using trial = new SocketTrial();
  let received = 0;
  let ended = false;
  const server = createTlsServer({ ...serverIdentity, allowHalfOpen: true });
  const port = await trial.serve((socket) => {
    trial.watch(socket);
    socket.on("data", (data) => received += data.length);
    socket.on("end", () => ended = true);
  }, server);
  const stream = await trial.open(port, clientTls);
  let sent = 0;
  for (let count = 0; count >= 0; count = trial.kernel.tryWrite(stream, block)) sent += count;
  assert(sent > 0);
  trial.drop(stream);
  await trial.until(() => ended);
  assertEquals(received, sent);
});

Deno.test("A listener with TLS has nothing for whoever sends no handshake, breaks off or is refused", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen(undefined, { ...serverTls, alpnProtocols: ["one"] });
  const chatter = await trial.connect(port);
  chatter.write("GET / HTTP/1.0\r\n\r\n");
  chatter.resume();
  const deserter = await trial.connect(port);
  deserter.resetAndDestroy();
  const stranger = trial.watch(
    connectByTls({ port, host: "127.0.0.1", servername: "localhost", ca: authority, ALPNProtocols: ["two"] }),
  );
  await trial.until(() => chatter.destroyed || chatter.readableEnded);
  await trial.until(() => stranger.destroyed);
  assertEquals(trial.kernel.tryAccept(listener), -Errno.EAGAIN);
  trial.watch(connectByTls({ port, host: "127.0.0.1", servername: "localhost", ca: authority, ALPNProtocols: ["one"] }));
  assertEquals(trial.kernel.alpnProtocol(await trial.accept(listener)), "one");
});

Deno.test("A listener with TLS gives up whoever is silent longest when it has no room for another one", async () => {
  await using trial = new SocketTrial();
  const listener = trial.own(trial.kernel.openListener({ hostname: "127.0.0.1", port: 0, backlog: 2 }, serverTls));
  const { port } = trial.kernel.localAddress(listener) as { port: number };
  const silent: Socket[] = [];
  for (let count = 0; count < 3; count++) silent.push((await trial.connect(port)).resume());
  connectHost(trial, port);
  await trial.accept(listener);
  await trial.until(() => silent[0].destroyed);
  assertEquals(silent.map(({ destroyed }) => destroyed), [true, false, false]);
});

Deno.test("Kernel.alpnProtocol() is ENOTCONN for a listener", async () => {
  await using trial = new SocketTrial();
  const [listener] = trial.listen(undefined, serverTls);
  assertEquals(trial.kernel.alpnProtocol(listener), -Errno.ENOTCONN);
});
