/**
 * Opening connections.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  connect,
  type ConnectAddress,
  type Connection,
  type Fiber,
  listen,
  type Listener,
  type Operation,
  sleep,
  spawn,
  TimeoutError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { anyPort, bytesOf, codeOf, errorOf, ioTest, linuxIoTest, portableIoTest, simulatedIoTest, textOf } from "./_io_world.ts";

function portOf(listener: Listener): number {
  const { address } = listener;
  assert("port" in address);
  return address.port;
}

ioTest("connect() is there when it returns", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    using client = yield* connect(listener.address);
    assertEquals(client.remoteAddress, listener.address);
    yield* client.writeAll(bytesOf("hi"));
    using server = yield* listener.accept();
    const buffer = new Uint8Array(2);
    assertEquals([yield* server.read(buffer), textOf(buffer)], [2, "hi"]);
  });
});

ioTest("connect() looks a name up and tries its addresses in order", async (world) => {
  if (world.isSimulated) world.simulation.hostname("localhost", ["::1", "127.0.0.1"]);
  await world.runHosted(function* () {
    using listener = listen(anyPort);
    using client = yield* connect({ hostname: "localhost", port: portOf(listener) });
    assertEquals(client.remoteAddress, listener.address);
    using _server = yield* listener.accept();
  });
});

simulatedIoTest("connect() prefers the address that stands first", async (world) => {
  world.simulation.hostname("many.test", ["127.0.0.3", "127.0.0.2", "127.0.0.1"]);
  await world.runHosted(function* () {
    using one = listen(anyPort);
    using two = listen({ hostname: "127.0.0.2", port: portOf(one) });
    using client = yield* connect({ hostname: "many.test", port: portOf(one) });
    assertEquals(client.remoteAddress, two.address);
  });
});

simulatedIoTest("connect() throws the last address's error when none serves, and leaves nothing behind", async (world) => {
  world.simulation.hostname("many.test", ["127.0.0.3", "127.0.0.2"]);
  await world.runHosted(function* () {
    const before = world.open();
    const error = yield* errorOf(connect({ hostname: "many.test", port: 9 }));
    assertEquals([error.code, error.message], ["ECONNREFUSED", "Cannot connect to 127.0.0.2:9: nobody listens there"]);
    assertEquals(world.open(), before);
  });
});

ioTest("connect() says when a name has no address", async (world) => {
  await world.runHosted(function* () {
    const before = world.open();
    const error = yield* errorOf(connect({ hostname: "nowhere.invalid", port: 80 }));
    // Where no name server answers, that is another error.
    if (world.isSimulated) assertEquals(error.message, "Cannot resolve 'nowhere.invalid': the name has no address");
    assert(["ENOENT", "EHOSTUNREACH"].includes(error.code), error.code);
    if (world.isSimulated) assertEquals(world.open(), before);
  });
});

ioTest("connect() to where nobody listens is ECONNREFUSED, and leaves nothing behind", async (world) => {
  await world.run(function* () {
    const listener = listen(anyPort);
    listener.close();
    const before = world.open();
    const error = yield* errorOf(connect(listener.address));
    assertEquals([error.code, error.message], [
      "ECONNREFUSED",
      `Cannot connect to 127.0.0.1:${portOf(listener)}: nobody listens there`,
    ]);
    assertEquals(world.open(), before);
  });
});

ioTest("connect() to socket files: no file is ENOENT, no listener ECONNREFUSED, too long ENAMETOOLONG", async (world) => {
  const path = world.socketPath();
  await world.run(function* () {
    assertEquals(yield* codeOf(connect({ path })), "ENOENT");
    assertEquals(yield* codeOf(connect({ path: "x".repeat(108) })), "ENAMETOOLONG");
    assertEquals(yield* codeOf(connect({ path: `@sd-fibers-${crypto.randomUUID()}` })), "ECONNREFUSED");
  });
});

ioTest("connect() to a socket file that outlived its listener is ECONNREFUSED", async (world) => {
  const path = world.socketPath();
  await world.run(function* () {
    world.closeAll(world.kernel.openListener({ path }));
    assertEquals(yield* codeOf(connect({ path })), "ECONNREFUSED");
  });
}, { lacks: "socket files that outlive their listener" });

ioTest("connect() refuses what is no address", async (world) => {
  await world.run(function* () {
    for (const address of [{ port: 70_000 }, { hostname: "", port: 1 }, { path: "" }, {}, null, { hostname: 1, port: 1 }]) {
      assertEquals(yield* codeOf(connect(address as ConnectAddress)), "EINVAL", JSON.stringify(address));
    }
  });
});

/** An AF_UNIX listener whose queue is full, and who waits in it. */
function* fillQueue(listener: Listener): Operation<Connection[]> {
  const clients: Connection[] = [];
  try {
    while (true) clients.push(yield* connect(listener.address));
  } catch {
    return clients;
  }
}

ioTest("connect() to an AF_UNIX listener whose queue is full is EAGAIN", async (world) => {
  const path = world.socketPath();
  await world.run(function* () {
    using listener = listen({ path, backlog: 2 });
    const clients = yield* fillQueue(listener);
    const error = yield* errorOf(connect({ path }));
    assertEquals([error.code, clients.length], ["EAGAIN", 3]);
    assertEquals(error.message, `Cannot connect to '${path}': too many wait there to be accepted, try again later`);
    for (const client of clients) client.close();
  });
}, { lacks: "queues that fill up" });

/** A TCP listener that takes nobody in any more: whoever comes now stays on the way. */
function* openFullListener(): Operation<{ listener: Listener } & Disposable> {
  const listener = listen({ hostname: "127.0.0.1", port: 0, backlog: 0 });
  const first = yield* connect(listener.address);
  return {
    listener,
    [Symbol.dispose]() {
      first[Symbol.dispose]();
      listener[Symbol.dispose]();
    },
  };
}

ioTest("connect() that is interrupted on the way leaves nothing behind", async (world) => {
  await world.run(function* () {
    using full = yield* openFullListener();
    const before = world.open();
    const connecting = spawn(() => connect(full.listener.address));
    yield* sleep(1000);
    assertEquals(connecting.status, "suspended");
    yield* cancelWait(connecting);
    assert(connecting.outcome?.status === "rejected" && connecting.outcome.reason instanceof CancelledError);
    assertEquals(world.open(), before);
    let error: unknown;
    try {
      yield* withTimeout(1000, connect(full.listener.address));
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof TimeoutError);
    assertEquals(world.open(), before);
  });
}, { lacks: "queues that fill up" });

portableIoTest("connect() that is interrupted on the way leaves nothing behind", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    let connecting = spawn(() => connect(listener.address));
    yield* yieldNow();
    // A host that was held up has had a turn meanwhile, and is through.
    for (let tries = 0; connecting.status !== "suspended" && tries < 50; tries++) {
      (yield* connecting)[Symbol.dispose]();
      connecting = spawn(() => connect(listener.address));
      yield* yieldNow();
    }
    assertEquals(connecting.status, "suspended");
    yield* cancelWait(connecting);
    assert(connecting.outcome?.status === "rejected" && connecting.outcome.reason instanceof CancelledError);
  });
});

ioTest("connect() that is interrupted while the name is looked up leaves nothing behind", async (world) => {
  await world.runHosted(function* () {
    const before = world.open().length;
    const connecting: Fiber<Connection> = spawn(() => connect({ hostname: "localhost", port: 1 }));
    yield* yieldNow();
    assertEquals(connecting.status, "suspended");
    yield* cancelWait(connecting);
    assert(connecting.outcome?.status === "rejected" && connecting.outcome.reason instanceof CancelledError);
    // The poller of Linux keeps one descriptor for all look-ups from the first one on, a host what it likes. A look-up that is under way cannot be
    // called back: it reads its files to the end.
    const kept = before + (world.isSimulated ? 0 : 1);
    for (let tries = 0; tries < 1000 && world.isBlocking && world.open().length > kept; tries++) yield* sleep(1000);
    if (world.isBlocking) assertEquals(world.open().length, kept);
    yield* sleep(50_000);
  });
});

ioTest("connect() with an interruption queued opens nothing", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const fiber = spawn(() => connect(listener.address));
    const accepting = spawn(() => listener.accept());
    fiber.cancel();
    yield* sleep(1000);
    assertEquals(accepting.status, "suspended");
    yield* cancelWait(accepting, fiber);
  });
});

ioTest("connect() takes over a stream that is connected already", async (world) => {
  const { kernel } = world;
  await world.run(function* () {
    using listener = listen(anyPort);
    const fd = kernel.openStream(listener.address);
    using server = yield* listener.accept();
    kernel.setBlocking(fd, true);
    using client = yield* connect({ fd });
    assertEquals([client.fd, client.remoteAddress], [fd, listener.address]);
    assertEquals(kernel.setBlocking(fd, false), 0);
    yield* server.writeAll(bytesOf("taken over"));
    server.close();
    assertEquals(textOf(yield* client.readAll()), "taken over");
    client.close();
    assertEquals(kernel.close(fd), -9);
    for (const wrong of [-1, 400_000, 0.5]) assertEquals(yield* codeOf(connect({ fd: wrong })), "EBADF");
  });
});

ioTest("connect() of the ends of a pipe works too", async (world) => {
  const [reader, writer] = world.pipe();
  await world.run(function* () {
    using from = yield* connect({ fd: reader });
    using to = yield* connect({ fd: writer });
    assertEquals([from.remoteAddress, from.localAddress], [undefined, undefined]);
    const reading = spawn(() => from.readAll());
    yield* to.writeAll(bytesOf("through the pipe"));
    to.close();
    assertEquals(textOf(yield* reading), "through the pipe");
  });
});

ioTest("connect() in the exit phase is refused, and leaves nothing behind", (world) => {
  const codes: string[] = [];
  world.spawn(function* () {
    using listener = listen(anyPort);
    try {
      yield* listener.accept();
    } finally {
      codes.push(yield* codeOf(connect(listener.address)));
      codes.push(yield* codeOf(connect({ hostname: "localhost", port: 1 })));
    }
  });
  world.settle();
  world.loop.exit();
  world.loop.loopSync();
  assertEquals(codes, ["ECANCELED", "ECANCELED"]);
});

linuxIoTest("connect() many at once, by name", async (world) => {
  await world.runHosted(function* () {
    using listener = listen({ port: 0 });
    const clients = Array.from({ length: 20 }, () => spawn(() => connect({ hostname: "localhost", port: portOf(listener) })));
    for (const client of clients) (yield* client).close();
  });
});

ioTest("connect() by name is EDEADLK while the loop blocks the thread", async (world) => {
  await world.run(function* () {
    const before = world.open();
    const error = yield* errorOf(connect({ hostname: "localhost", port: 1 }));
    assertEquals(error.code, "EDEADLK");
    assertEquals(world.open(), before);
  });
}, { lacks: "loops that block the thread" });
