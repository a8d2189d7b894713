/**
 * What is left for the host while a loop is busy.
 */

import { setImmediate } from "node:timers";
import { EventLoop } from "@sd/fibers";

const ROUNDS = 20;

/** A server of the host's that echoes what it is sent. */
function echoServer(): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (async () => {
    for await (const connection of listener) connection.readable.pipeTo(connection.writable).catch(() => {});
  })();
  return listener;
}

async function echo(connection: Deno.TcpConn, rounds: number): Promise<void> {
  const buffer = new Uint8Array(64);
  for (let round = 0; round < rounds; round++) {
    await connection.write(buffer);
    await connection.read(buffer);
  }
}

/** Times rounds of echo by the host's own sockets, beside what `start` sets going. */
async function timeEcho(b: Deno.BenchContext, start: () => () => Promise<void>): Promise<void> {
  using listener = echoServer();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  await echo(connection, 10);
  const stop = start();
  b.start();
  await echo(connection, ROUNDS);
  b.end();
  await stop();
}

/** A loop with a hundred sources that are always ready. */
function busyLoop(): () => Promise<void> {
  const loop = new EventLoop();
  for (let i = 0; i < 100; i++) loop.addDefer(() => {}, { enabled: "on" });
  const ended = loop.loop();
  return async () => {
    loop.exit();
    await ended;
    loop[Symbol.dispose]();
  };
}

Deno.bench("20 echoes of the host's, alone", { group: "host echo", baseline: true }, async (b) => {
  await timeEcho(b, () => () => Promise.resolve());
});

Deno.bench("20 echoes of the host's, beside a busy loop", { group: "host echo" }, async (b) => {
  await timeEcho(b, busyLoop);
});

/** Times what `wait` waits for beside a busy loop. */
async function timeBesideBusyLoop(b: Deno.BenchContext, wait: () => Promise<unknown>): Promise<void> {
  const stop = busyLoop();
  // The loop has to be in full swing.
  await new Promise((resolve) => setTimeout(resolve, 5));
  b.start();
  await wait();
  b.end();
  await stop();
}

Deno.bench("a host timer of 10 ms, beside a busy loop", { group: "host timer" }, async (b) => {
  await timeBesideBusyLoop(b, () => new Promise((resolve) => setTimeout(resolve, 10)));
});

Deno.bench("a promise that a host task settles, beside a busy loop", { group: "host promise" }, async (b) => {
  await timeBesideBusyLoop(b, () => new Promise((resolve) => setImmediate(resolve)).then(() => Promise.resolve()));
});
