/**
 * An echo server of this package's, a fiber a connection. Prints its port; its argument says whether it blocks the thread.
 *
 * @module
 */

import { type Connection, EventLoop, listen, type Listener, type Operation, spawn } from "@sd/fibers";

function* serve(connection: Connection): Operation<void> {
  using _open = connection;
  const buffer = new Uint8Array(4096);
  for (let size; (size = yield* connection.read(buffer)) !== null;) yield* connection.writeAll(buffer.subarray(0, size));
}

function* acceptAll(listener: Listener): Operation<void> {
  for (;;) {
    const connection = yield* listener.accept();
    spawn(() => serve(connection));
  }
}

const loop = new EventLoop();
const listener = listen({ hostname: "127.0.0.1", port: 0 }, { loop });
spawn(() => acceptAll(listener), { loop });
console.log("port" in listener.address ? listener.address.port : 0);
if (Deno.args[0] === "blocking") loop.loopSync();
else await loop.loop();
