/**
 * An echo server of the host's own, an async function a connection. Prints its port.
 *
 * @module
 */

async function serve(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let size; (size = await connection.read(buffer)) !== null;) {
    for (let sent = 0; sent < size;) sent += await connection.write(buffer.subarray(sent, size));
  }
  connection.close();
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
for await (const connection of listener) serve(connection);
