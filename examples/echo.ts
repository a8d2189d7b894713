#!/usr/bin/env -S deno run --allow-net
import { type Connection, listen, main, type Operation, spawn } from "@sd/fibers";

function* echo(connection: Connection): Operation<void> {
  using _open = connection;
  const buffer = new Uint8Array(4096);
  for (let size; (size = yield* connection.read(buffer)) !== null;) yield* connection.writeAll(buffer.subarray(0, size));
}

Deno.exit(
  await main(function* () {
    using listener = listen({ port: 7000 });
    while (true) {
      const connection = yield* listener.accept();
      spawn(() => echo(connection), { floating: true });
    }
  }),
);
