/**
 * Descriptors as cases of a select, on the system's own.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Channel, connect, EventLoop, IoEvent, listen, type Operation, select, spawn, type SystemError, yieldNow } from "@sd/fibers";

const { IN, OUT } = IoEvent;

/** Runs it on a loop of its own. */
async function onLoop(body: (loop: EventLoop) => Operation<void>): Promise<void> {
  using loop = new EventLoop();
  const fiber = spawn(() => body(loop), { loop });
  fiber.addCallback(() => loop.exit());
  await loop.loop();
  fiber.result();
}

Deno.test("A listener and a connection are selected by their descriptors, beside a channel, and used afterwards", async () => {
  await onLoop(function* (loop) {
    const log: string[] = [];
    const jobs = new Channel<string>({ capacity: 1 });
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    spawn(function* () {
      using client = yield* connect(listener.address);
      yield* client.writeAll(new Uint8Array([7]));
      yield* client.readAll();
    });
    const first = yield* select({ jobs, client: { fd: listener.fd, events: IN } });
    log.push(first.key);
    using connection = yield* listener.accept();
    const second = yield* select({ jobs, readable: { fd: connection.fd, events: IN } });
    log.push(second.key);
    const buffer = new Uint8Array(4);
    assertEquals(yield* connection.read(buffer), 1);
    spawn(function* () {
      yield* yieldNow();
      yield* jobs.push("job");
    });
    const third = yield* select({ jobs, readable: { fd: connection.fd, events: IN } });
    log.push(third.key);
    // What reads from it waits as ever.
    connection[Symbol.dispose]();
    assertEquals([log, loop.state], [["client", "readable", "jobs"], "running"]);
  });
});

Deno.test("A descriptor that is closed while a select waits for it is waited for all the same, and not what gets its number", async () => {
  await onLoop(function* (loop) {
    const { kernel } = loop;
    const pipe = kernel.openPipe();
    assert(typeof pipe === "object");
    const [reader, writer] = pipe;
    const jobs = new Channel<string>({ capacity: 1 });
    const waiting = spawn(() => select({ jobs, readable: { fd: reader, events: IN } }));
    yield* yieldNow();
    kernel.close(reader);
    const other = kernel.openPipe();
    assert(typeof other === "object");
    kernel.tryWrite(other[1], new Uint8Array(1));
    yield* yieldNow();
    assertEquals([waiting.state, (yield* select({ jobs, writable: { fd: other[1], events: OUT } })).key], ["pending", "writable"]);
    kernel.tryWrite(writer, new Uint8Array(1));
    assertEquals(yield* waiting, { key: "readable", value: IN });
    let code = "";
    try {
      yield* select({ jobs, readable: { fd: 1_000_000, events: IN } });
    } catch (error) {
      ({ code } = error as SystemError);
    }
    assertEquals([code, jobs.statistics().pops], ["EBADF", 0]);
    for (const fd of [writer, ...other]) kernel.close(fd);
  });
});
