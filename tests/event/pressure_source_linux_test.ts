/**
 * Pressure sources on the Linux kernel, at what the service manager names.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { freshPath, removePath, startProgram } from "./_program.ts";

Deno.test("A pressure source reads the FIFO that MEMORY_PRESSURE_WATCH names", async () => {
  const path = freshPath();
  assertEquals(new Deno.Command("mkfifo", { args: [path] }).outputSync().code, 0);
  const child = startProgram("pressure", { MEMORY_PRESSURE_WATCH: path });
  // Opening it waits until somebody reads.
  using writer = await Deno.open(path, { write: true });
  await writer.write(Uint8Array.of(1));
  assertEquals((await child.status).code, 7);
  removePath(path);
});

Deno.test("A pressure source writes MEMORY_PRESSURE_WRITE to the socket that MEMORY_PRESSURE_WATCH names, then waits for an answer", async () => {
  const path = freshPath();
  using listener = Deno.listen({ transport: "unix", path });
  const child = startProgram("pressure", {
    MEMORY_PRESSURE_WATCH: path,
    MEMORY_PRESSURE_WRITE: new TextEncoder().encode("some 5 7").toBase64(),
  });
  using connection = await listener.accept();
  const buffer = new Uint8Array(100);
  const count = await connection.read(buffer) ?? 0;
  assertEquals(new TextDecoder().decode(buffer.subarray(0, count)), "some 5 7");
  await connection.write(Uint8Array.of(1));
  assertEquals((await child.status).code, 7);
  removePath(path);
});

Deno.test("A pressure source whose socket is closed by the other side calls back, also while the loop is parked", async () => {
  const path = freshPath();
  using listener = Deno.listen({ transport: "unix", path });
  const child = startProgram("pressure", { MEMORY_PRESSURE_WATCH: path });
  (await listener.accept()).close();
  assertEquals((await child.status).code, 7);
  removePath(path);
});
