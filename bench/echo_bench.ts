/**
 * Echo over TCP, both ends in this process: on fibers, on the Linux kernel and on the portable one, and by the host's own sockets.
 */

import {
  all,
  connect,
  type Connection,
  EventLoop,
  type Kernel,
  linuxKernel,
  listen,
  type Listener,
  type Operation,
  portableKernel,
  run,
  scope,
} from "@sd/fibers";

const BYTES = 64;

function* serve(connection: Connection): Operation<void> {
  using _open = connection;
  const buffer = new Uint8Array(4096);
  for (let size; (size = yield* connection.read(buffer)) !== null;) yield* connection.writeAll(buffer.subarray(0, size));
}

function* ask(port: number, rounds: number): Operation<void> {
  using connection = yield* connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(BYTES);
  for (let round = 0; round < rounds; round++) {
    yield* connection.writeAll(buffer);
    for (let size = 0; size < BYTES;) size += (yield* connection.read(buffer.subarray(size))) ?? BYTES;
  }
}

function* acceptSome(listener: Listener, count: number): Operation<void> {
  yield* scope(function* (connections) {
    for (let i = 0; i < count; i++) {
      const connection = yield* listener.accept();
      connections.spawn(() => serve(connection));
    }
  });
}

/** So many clients at once, each for so many rounds, until all have their answers. */
async function echoOnFibers(kernel: Kernel, clients: number, rounds: number): Promise<void> {
  using loop = new EventLoop({ kernel });
  await run(function* () {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const { address } = listener;
    const port = "port" in address ? address.port : 0;
    yield* all([() => acceptSome(listener, clients), ...Array.from({ length: clients }, () => () => ask(port, rounds))]);
  }, { loop });
}

async function serveByHost(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let size; (size = await connection.read(buffer)) !== null;) await connection.write(buffer.subarray(0, size));
  connection.close();
}

async function askByHost(port: number, rounds: number): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(BYTES);
  for (let round = 0; round < rounds; round++) {
    await connection.write(buffer);
    for (let size = 0; size < BYTES;) size += (await connection.read(buffer.subarray(size))) ?? BYTES;
  }
}

async function echoByHost(clients: number, rounds: number): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const asking = Array.from({ length: clients }, () => askByHost(port, rounds));
  const serving = [];
  for (let i = 0; i < clients; i++) serving.push(serveByHost(await listener.accept()));
  await Promise.all([...asking, ...serving]);
}

for (const [clients, rounds] of [[1, 1000], [50, 100]] as const) {
  const group = `echo, ${clients} connections, ${rounds} rounds each`;
  for (const kernel of [linuxKernel(), portableKernel()]) {
    Deno.bench({
      name: `${group}: fibers, ${kernel.name} kernel`,
      group,
      baseline: kernel.name === "linux",
      async fn() {
        await echoOnFibers(kernel, clients, rounds);
      },
    });
  }
  Deno.bench({
    name: `${group}: Deno.listen`,
    group,
    async fn() {
      await echoByHost(clients, rounds);
    },
  });
}
