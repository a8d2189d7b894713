/**
 * Futures of a descriptor's readiness.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EventLoop, type Future, IoEvent, ioFuture, linuxKernel } from "@sd/fibers";
import { codeOf, errorOf, simulated, type Simulation } from "../_simulation.ts";

const byte = new Uint8Array(1);

Deno.test(
  "ioFuture() resolves once, with what the descriptor is ready for",
  simulated((world) => {
    const { kernel, loop } = world;
    const [one, other] = kernel.socketPair();
    const before = kernel.leaks();
    const future = ioFuture(loop, one, IoEvent.IN);
    assertEquals([world.settle(), future.state, kernel.leaks().length > before.length], [0, "pending", true]);
    kernel.tryWrite(other, byte);
    world.tick();
    // The duplicate has gone with the wait.
    assertEquals([future.result(), kernel.leaks()], [IoEvent.IN, before]);
    assertEquals(world.settle(), 0);
    kernel.close(one);
    kernel.close(other);
  }),
);

Deno.test(
  "ioFuture() by the dozen wait for one descriptor, and cancelling one leaves the others and the descriptor alone",
  simulated((world) => {
    const { kernel, loop } = world;
    const { reader, writer } = kernel.pipe();
    const futures = Array.from({ length: 12 }, () => ioFuture(loop, reader, IoEvent.IN));
    const source = loop.addIo(reader, IoEvent.IN, () => {}, { enabled: "oneshot" });
    futures[0].cancel();
    futures[5].cancel();
    kernel.tryWrite(writer, byte);
    world.settle();
    assertEquals(futures.filter(({ outcome }) => outcome?.status === "fulfilled").length, 10);
    assertEquals(source.enabled, "off");
    assertEquals(kernel.tryRead(reader, new Uint8Array(4)), 1);
    source[Symbol.dispose]();
    kernel.close(reader);
    kernel.close(writer);
  }),
);

Deno.test(
  "ioFuture() goes on when the caller closes the descriptor",
  simulated((world) => {
    const { kernel, loop } = world;
    const { reader, writer } = kernel.pipe();
    const future = ioFuture(loop, reader, IoEvent.IN);
    kernel.close(reader);
    kernel.tryWrite(writer, byte);
    world.settle();
    assertEquals(future.result(), IoEvent.IN);
    kernel.close(writer);
  }),
);

/** A socket whose connection was refused, and the future that waits for it. */
function refusedConnection(world: Simulation): { socket: number; future: Future<number> } {
  const { kernel, loop } = world;
  const socket = kernel.socket();
  kernel.connectSocket(socket, { hostname: "127.0.0.1", port: 1 });
  return { socket, future: ioFuture(loop, socket, IoEvent.OUT) };
}

Deno.test(
  "ioFuture() rejects with the error that a socket holds, and takes it",
  simulated((world) => {
    const { socket, future } = refusedConnection(world);
    world.runUntil(() => future.state === "resolved");
    const error = errorOf(() => future.result());
    assertEquals([error.code, world.kernel.socketError(socket)], ["ECONNREFUSED", 0]);
    assertStringIncludes(error.message, "ECONNREFUSED");
    world.kernel.close(socket);
  }),
);

Deno.test(
  "ioFuture() resolves with the mask where somebody else took the error",
  simulated((world) => {
    const { socket, future } = refusedConnection(world);
    world.loop.addIo(socket, IoEvent.OUT, () => void world.kernel.socketError(socket), { priority: -1, enabled: "oneshot" });
    world.runUntil(() => future.state === "resolved");
    assert((future.result() & IoEvent.ERR) !== 0);
    world.kernel.close(socket);
  }),
);

Deno.test(
  "ioFuture() resolves with the mask for what is no socket",
  simulated((world) => {
    const { kernel, loop } = world;
    const { reader, writer } = kernel.pipe();
    kernel.close(reader);
    const future = ioFuture(loop, writer, IoEvent.OUT);
    world.tick();
    assert((future.result() & IoEvent.ERR) !== 0);
    kernel.close(writer);
  }),
);

Deno.test(
  "ioFuture() refuses what is no descriptor, and leaves nothing behind",
  simulated((world) => {
    for (const fd of [-1, 0.5, 77]) assertEquals(codeOf(() => ioFuture(world.loop, fd, IoEvent.IN)), "EBADF");
  }),
);

Deno.test(
  "ioFuture() that the kernel refuses to watch leaves nothing behind",
  simulated((world) => {
    const { kernel, loop } = world;
    const { reader, writer } = kernel.pipe();
    const before = kernel.leaks();
    assertEquals(codeOf(() => ioFuture(loop, reader, IoEvent.IN)), "ENOSPC");
    assertEquals(kernel.leaks(), before);
    kernel.close(reader);
    kernel.close(writer);
  }, { faults: { ENOSPC: 1 } }),
);

Deno.test("ioFuture() waits for a real pipe, and leaves the caller's descriptor alone (Linux)", () => {
  const kernel = linuxKernel();
  using loop = new EventLoop({ kernel });
  const pipe = kernel.openPipe();
  assert(typeof pipe === "object");
  const [reader, writer] = pipe;
  const futures = [ioFuture(loop, reader, IoEvent.IN), ioFuture(loop, reader, IoEvent.IN), ioFuture(loop, writer, IoEvent.OUT)];
  futures[0].cancel();
  kernel.tryWrite(writer, byte);
  while (futures.some(({ state }) => state === "pending")) loop.runSync();
  assertEquals(futures.slice(1).map((future) => future.result()), [IoEvent.IN, IoEvent.OUT]);
  assertEquals(kernel.tryRead(reader, new Uint8Array(4)), 1);
  assertEquals([kernel.close(reader), kernel.close(writer)], [0, 0]);
});
