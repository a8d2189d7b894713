/**
 * An echo server of this package's, a fiber a connection. Prints its port; its argument says how: blocking the thread,
 * hosted, or hosted on the portable kernel.
 *
 * @module
 */

import { type Connection, EventLoop, linuxKernel, listen, type Listener, type Operation, portableKernel, spawn } from "@sd/fibers";

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

const [how] = Deno.args;
const loop = new EventLoop({ kernel: how === "portable" ? portableKernel() : linuxKernel() });
const listener = listen({ hostname: "127.0.0.1", port: 0 }, { loop });
spawn(() => acceptAll(listener), { loop });
console.log("port" in listener.address ? listener.address.port : 0);
if (how === "blocking") loop.loopSync();
else await loop.loop();
