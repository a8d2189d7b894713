/**
 * The portable kernel's listeners, against sockets of somebody else's.
 *
 * @module
 */

import { connect } from "node:net";
import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { hasIpv6, ipv6Test } from "../../_host.ts";
import { readAll, SocketTrial } from "./_sockets.ts";

Deno.test("Kernel.openListener() knows at once which port the system chose", async () => {
  await using trial = new SocketTrial();
  for (const hostname of ["127.0.0.1", "0.0.0.0", ...(hasIpv6() ? ["::1", "::"] : [])]) {
    const listener = trial.own(trial.kernel.openListener({ hostname, port: 0 }));
    const address = trial.kernel.localAddress(listener);
    assert(typeof address === "object" && "port" in address);
    assertEquals(address.hostname, hostname);
    assert(address.port > 0);
  }
});

Deno.test("Kernel.openListener() says at once why an address cannot be had", async () => {
  await using trial = new SocketTrial();
  const { kernel } = trial;
  const [, port] = trial.listen();
  assertEquals(kernel.openListener({ hostname: "127.0.0.1", port }), -Errno.EADDRINUSE);
  assertEquals(kernel.openListener({ hostname: "203.0.113.5", port: 0 }), -Errno.EADDRNOTAVAIL);
  assertEquals(kernel.openListener({ path: `/tmp/sd-fibers-${crypto.randomUUID()}/socket` }), -Errno.ENOENT);
});

ipv6Test("A listener on all of IPv6 takes in IPv4", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen({ hostname: "::", port: 0 });
  const socket = await trial.connect(port);
  const stream = await trial.accept(listener);
  assertEquals(trial.kernel.remoteAddress(stream), { hostname: "::ffff:127.0.0.1", port: socket.localPort! });
});

Deno.test("A listener cuts off whom the backlog has no room for", async () => {
  await using trial = new SocketTrial();
  const listener = trial.own(trial.kernel.openListener({ hostname: "127.0.0.1", port: 0, backlog: 2 }));
  const { port } = trial.kernel.localAddress(listener) as { port: number };
  const sockets = Array.from({ length: 6 }, () => trial.watch(connect({ host: "127.0.0.1", port })).resume());
  await trial.until(() => sockets.filter((socket) => socket.destroyed).length === 3);
  for (let count = 0; count < 3; count++) await trial.accept(listener);
  assertEquals(trial.kernel.tryAccept(listener), -Errno.EAGAIN);
  const late = await trial.connect(port);
  const stream = await trial.accept(listener);
  late.end("made it");
  let got: [number, number] = [0, 0];
  await trial.until(() => (got = readAll(trial.kernel, stream))[0] > 0);
  assertEquals(got[0], 7);
});

Deno.test("A connection that nobody has accepted yet is not read from", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen();
  const socket = await trial.connect(port);
  const size = 64 * 1024 * 1024;
  assert(await trial.settled(trial.pour(socket, size)) < size / 2);
  const stream = await trial.accept(listener);
  let received = 0;
  await trial.until(() => (received += readAll(trial.kernel, stream)[0]) === size);
});
