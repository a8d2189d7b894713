/**
 * Listeners: where they listen, and what they take in.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  connect,
  EventLoop,
  type Fiber,
  listen,
  type ListenAddress,
  Listener,
  type OpenSocket,
  type Operation,
  sleep,
  spawn,
  SystemError,
  yieldNow,
} from "@sd/fibers";
import { Errno } from "../../event/errno.ts";
import { anyPort, codeOf, errorOf, ioTest, type IoWorld, portableIoTest, simulatedIoTest } from "./_io_world.ts";

/** Listens on the world's loop. */
function listenIn(world: IoWorld, address: ListenAddress | OpenSocket): Listener {
  return listen(address, { loop: world.loop });
}

/** The error of listening there. */
function listenError(world: IoWorld, address: ListenAddress | OpenSocket): SystemError {
  return assertThrows(() => listenIn(world, address), SystemError);
}

function portOf(listener: Listener): number {
  const { address } = listener;
  assert("port" in address);
  return address.port;
}

/** Connects and lets go: what the listener then says of it. */
function* acceptOne(listener: Listener): Operation<void> {
  using _client = yield* connect(listener.address);
  using _server = yield* listener.accept();
}

ioTest("listen() has the system choose a port, and says which", async (world) => {
  using one = listenIn(world, anyPort);
  using other = listenIn(world, anyPort);
  assert(portOf(one) > 0);
  assertNotEquals(portOf(one), portOf(other));
  assertEquals(one.address, { hostname: "127.0.0.1", port: portOf(one) });
  await world.run(() => acceptOne(one));
});

ioTest("listen() without a hostname listens on all of IPv4", async (world) => {
  using listener = listenIn(world, { port: 0 });
  assertEquals(listener.address, { hostname: "0.0.0.0", port: portOf(listener) });
  await world.run(function* () {
    using _client = yield* connect({ hostname: "127.0.0.1", port: portOf(listener) });
    using server = yield* listener.accept();
    assertEquals(server.localAddress, { hostname: "127.0.0.1", port: portOf(listener) });
  });
});

ioTest("listen() knows localhost", (world) => {
  using listener = listenIn(world, { hostname: "localhost", port: 0 });
  assertEquals(listener.address, { hostname: "127.0.0.1", port: portOf(listener) });
});

ioTest("listen() listens on IPv6", async (world) => {
  using listener = listenIn(world, { hostname: "::1", port: 0 });
  assertEquals(listener.address, { hostname: "::1", port: portOf(listener) });
  await world.run(function* () {
    using client = yield* connect(listener.address);
    using server = yield* listener.accept();
    assertEquals(client.remoteAddress, listener.address);
    assertEquals(server.remoteAddress, client.localAddress);
  });
});

ioTest("listen() is EADDRINUSE where somebody listens", (world) => {
  using one = listenIn(world, anyPort);
  const error = listenError(world, { hostname: "127.0.0.1", port: portOf(one) });
  assertEquals(error.code, "EADDRINUSE");
  assertEquals(error.message, `Cannot listen on 127.0.0.1:${portOf(one)}: somebody listens there already`);
});

ioTest("listen() shares a port where both want to", (world) => {
  using first = listenIn(world, { ...anyPort, reusePort: true } as ListenAddress);
  using second = listenIn(world, { hostname: "127.0.0.1", port: portOf(first), reusePort: true });
  assertEquals(second.address, first.address);
}, { lacks: "ports that are shared" });

portableIoTest("listen() says that this kernel shares no ports", (world) => {
  const error = listenError(world, { ...anyPort, reusePort: true } as ListenAddress);
  assertEquals(error.code, "EOPNOTSUPP");
  assertEquals(error.message, "Cannot listen on 127.0.0.1:0: this kernel shares no ports, leave reusePort out");
});

ioTest("listen() refuses what is no address", (world) => {
  const wrong = [
    { hostname: "example.com", port: 0 },
    { hostname: "1.2.3", port: 0 },
    { port: 65_536 },
    { port: -1 },
    { port: 1.5 },
    { port: "80" },
    { hostname: 5, port: 80 },
    { path: "" },
    { path: "x", port: 1 },
    {},
    null,
    { port: 0, backlog: -1 },
    { port: 0, backlog: "many" },
  ];
  for (const address of wrong) assertEquals(listenError(world, address as ListenAddress).code, "EINVAL", JSON.stringify(address));
  assertEquals(
    listenError(world, { hostname: "example.com", port: 0 }).message,
    "Cannot listen on example.com:0: it is no numeric address",
  );
  assertEquals(assertThrows(() => listen(anyPort, { lop: world.loop } as object), SystemError).code, "EINVAL");
});

ioTest("listen() makes a socket file, which goes with the listener", async (world) => {
  const path = world.socketPath();
  await world.run(function* () {
    for (const end of ["close", "dispose"]) {
      const listener = listen({ path });
      assertEquals(listener.address, { path });
      yield* acceptOne(listener);
      if (end === "close") listener.close();
      else listener[Symbol.dispose]();
      assertEquals(yield* codeOf(connect({ path })), "ENOENT");
    }
  });
  assertEquals(world.kernel.removeSocketFile(path), -2);
});

ioTest("listen() makes a socket file, which goes with the loop", (world) => {
  const path = world.socketPath();
  using other = new EventLoop({ kernel: world.kernel });
  listen({ path }, { loop: other });
  other[Symbol.dispose]();
  assertEquals(world.kernel.removeSocketFile(path), -2);
});

ioTest("listen() does not take the file of a listener that has gone, and says what to do", (world) => {
  const path = world.socketPath();
  world.closeAll(world.kernel.openListener({ path }));
  const error = listenError(world, { path });
  assertEquals(error.code, "EADDRINUSE");
  assertEquals(error.message, `Cannot listen on '${path}': the file exists already, remove it if nobody listens there`);
  world.kernel.removeSocketFile(path);
  using _listener = listenIn(world, { path });
}, { lacks: "socket files that outlive their listener" });

ioTest("listen() in the abstract namespace makes no file", async (world) => {
  const path = `@sd-fibers-${crypto.randomUUID()}`;
  const listener = listenIn(world, { path });
  assertEquals(listener.address, { path });
  await world.run(() => acceptOne(listener));
  assertEquals(listenError(world, { path }).code, "EADDRINUSE");
  listener.close();
  listenIn(world, { path }).close();
});

ioTest("listen() says how long a path may be", (world) => {
  const longest = world.socketPath().padEnd(107, "x");
  listenIn(world, { path: longest }).close();
  const error = listenError(world, { path: `${longest}x` });
  assertEquals(error.code, "ENAMETOOLONG");
  assertStringIncludes(error.message, "a socket's path has at most 107 bytes");
  assertEquals(listenError(world, { path: `@${"ä".repeat(54)}` }).code, "ENAMETOOLONG");
});

ioTest("listen() takes over a socket that listens already, and not the file that it did not make", async (world) => {
  const path = world.socketPath();
  const fd = world.kernel.openListener({ path });
  assert(fd >= 0);
  world.kernel.setBlocking(fd, true);
  const listener = listenIn(world, { fd });
  assertEquals([listener.fd, listener.address], [fd, { path }]);
  assertEquals(world.kernel.setBlocking(fd, false), 0);
  await world.run(() => acceptOne(listener));
  listener.close();
  assertEquals(world.kernel.close(fd), -9);
  // A host removes the file of whatever it closes.
  assertEquals(world.kernel.removeSocketFile(path), world.kernel.name === "portable" ? -2 : 0);
});

ioTest("listen() refuses a descriptor that is none, or no socket", (world) => {
  for (const fd of [-1, 1.5, 400_000]) assertEquals(listenError(world, { fd }).code, "EBADF");
  const [reader, writer] = world.pipe();
  assertEquals(listenError(world, { fd: reader }).code, "ENOTSOCK");
  world.closeAll(reader, writer);
});

ioTest("listen() is refused when the loop is exiting", (world) => {
  world.loop.exit();
  assertEquals(listenError(world, anyPort).code, "ECANCELED");
  world.loop.loopSync();
  assertEquals(listenError(world, anyPort).code, "ECANCELED");
});

ioTest("Listener.accept() takes connections in the order in which they came", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const clients = [];
    for (let i = 0; i < 10; i++) clients.push(yield* connect(listener.address));
    for (const client of clients) {
      using server = yield* listener.accept();
      assertEquals(server.remoteAddress, client.localAddress);
      client.close();
    }
  });
});

ioTest("Listener.accept() that is interrupted leaves the connection to the next one, and nothing behind", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const before = world.open();
    const accepting = spawn(() => listener.accept());
    yield* sleep(100);
    yield* cancelWait(accepting);
    assert(accepting.outcome?.status === "rejected" && accepting.outcome.reason instanceof CancelledError);
    assertEquals(world.open().filter((what) => !what.startsWith("watch")), before);
    yield* acceptOne(listener);
  });
});

ioTest("Listener.accept() by two fibers at once is EBUSY", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const accepting = spawn(() => listener.accept(), { name: "first" });
    yield* sleep(100);
    const error = yield* errorOf(listener.accept());
    assertEquals(error.code, "EBUSY");
    assertStringIncludes(error.message, "Cannot accept a connection of the listener on 127.0.0.1:");
    yield* cancelWait(accepting);
  });
});

ioTest("Listener.close() wakes who waits, and refuses whoever comes then", async (world) => {
  await world.run(function* () {
    const listener = listen(anyPort);
    const accepting = spawn(() => errorOf(listener.accept()));
    yield* sleep(100);
    listener.close();
    assertEquals((yield* accepting).code, "EBADF");
    assertEquals(listener.fd, -1);
    assertEquals(yield* codeOf(listener.accept()), "EBADF");
    assertEquals(assertThrows(() => listener.close(), SystemError).code, "EBADF");
    listener[Symbol.dispose]();
    assertEquals(yield* codeOf(connect(listener.address)), "ECONNREFUSED");
  });
});

ioTest("Listener serves many clients at once", async (world) => {
  await world.run(function* () {
    using listener = listen(anyPort);
    const served: Fiber<void>[] = [];
    const server = spawn(function* () {
      while (true) {
        const connection = yield* listener.accept();
        served.push(spawn(
          function* () {
            using open = connection;
            const buffer = new Uint8Array(16);
            for (let count; (count = yield* open.read(buffer)) !== null;) yield* open.writeAll(buffer.subarray(0, count));
          },
          { floating: true },
        ));
      }
    });
    const clients = Array.from({ length: 40 }, (_, number) =>
      spawn(function* () {
        using connection = yield* connect(listener.address);
        const buffer = new Uint8Array(1);
        for (let round = 0; round < 5; round++) {
          yield* connection.writeAll(Uint8Array.of(number));
          assertEquals([yield* connection.read(buffer), buffer[0]], [1, number]);
          yield* yieldNow();
        }
      }));
    for (const client of clients) yield* client;
    yield* cancelWait(server);
    for (const fiber of served) yield* fiber;
    assertEquals(served.length, 40);
  });
});

simulatedIoTest("Listener.accept() passes over connections that have gone", async (world) => {
  const { kernel } = world;
  const tryAccept = kernel.tryAccept.bind(kernel);
  const answers = ["ECONNABORTED", "EPROTO", "EHOSTUNREACH"].map((code) => -Errno[code]);
  kernel.tryAccept = (handle) => answers.shift() ?? tryAccept(handle);
  await world.run(function* () {
    using listener = listen(anyPort);
    yield* acceptOne(listener);
    assertEquals(answers, []);
    kernel.tryAccept = () => -Errno.ENOBUFS;
    assertEquals(yield* codeOf(listener.accept()), "ENOBUFS");
  });
});

Deno.test("Listener.accept() says EMFILE, and the connection stays where it is (linux)", async () => {
  const program = new URL("fixtures/accept_without_descriptors.ts", import.meta.url).pathname;
  const args = ["-c", `ulimit -n 100; exec "${Deno.execPath()}" run --no-check --no-prompt --allow-ffi "${program}"`];
  const { stdout, stderr } = await new Deno.Command("/bin/sh", { args, env: { NO_COLOR: "1" } }).output();
  assertEquals([new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)], ["EMFILE\nthe same connection\n", ""]);
});

ioTest("Listener cannot be made by new", (world) => {
  const make = Listener as unknown as new (io: object) => Listener;
  assertEquals(assertThrows(() => new make({}), SystemError).code, "EINVAL");
  world.settle();
});
