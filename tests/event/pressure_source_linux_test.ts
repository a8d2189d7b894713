/**
 * Pressure sources on the Linux kernel, at what the service manager names.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { freshPlace, makeFifo, startProgram } from "./_program.ts";

/** The connection that a program makes; it fails when the program ends instead. */
async function accept(listener: Deno.UnixListener, child: Deno.ChildProcess): Promise<Deno.UnixConn> {
  const first = await Promise.race([listener.accept(), child.status]);
  assert("close" in first, "The program has ended without connecting");
  return first;
}

Deno.test("A pressure source reads the FIFO that MEMORY_PRESSURE_WATCH names", async () => {
  using place = freshPlace();
  makeFifo(place.path);
  // Opened for both, it need not wait for the program.
  using fifo = Deno.openSync(place.path, { read: true, write: true });
  await using child = startProgram("pressure", { MEMORY_PRESSURE_WATCH: place.path });
  fifo.writeSync(Uint8Array.of(1));
  assertEquals((await child.status).code, 7);
});

Deno.test("A pressure source writes MEMORY_PRESSURE_WRITE to the socket that MEMORY_PRESSURE_WATCH names, then waits for an answer", async () => {
  using place = freshPlace();
  using listener = Deno.listen({ transport: "unix", path: place.path });
  await using child = startProgram("pressure", {
    MEMORY_PRESSURE_WATCH: place.path,
    MEMORY_PRESSURE_WRITE: new TextEncoder().encode("some 5 7").toBase64(),
  });
  using connection = await accept(listener, child);
  const buffer = new Uint8Array(100);
  const count = await connection.read(buffer) ?? 0;
  assertEquals(new TextDecoder().decode(buffer.subarray(0, count)), "some 5 7");
  await connection.write(Uint8Array.of(1));
  assertEquals((await child.status).code, 7);
});

Deno.test("A pressure source whose socket is closed by the other side calls back", async () => {
  using place = freshPlace();
  using listener = Deno.listen({ transport: "unix", path: place.path });
  await using child = startProgram("pressure", { MEMORY_PRESSURE_WATCH: place.path });
  (await accept(listener, child)).close();
  assertEquals((await child.status).code, 7);
});
