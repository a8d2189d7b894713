import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import type { Handle, Result, SocketAddress } from "../../../event/kernel/kernel.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { realFiles } from "../../_files.ts";
import { failWith } from "./failures.ts";
import { isBlocking, isCloseOnExec, openDescriptors } from "./descriptors.ts";

const kernel = linuxKernel();

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

/** The sockets of a connection: whose handles they are, and how to close them all. */
interface Connected extends Disposable {
  readonly listener: Handle;
  readonly client: Handle;
  readonly server: Handle;
}

function connect(address: SocketAddress): Connected {
  const listener = kernel.openListener(address);
  const client = kernel.openStream(kernel.localAddress(listener) as SocketAddress);
  const server = kernel.tryAccept(listener);
  for (const handle of [listener, client, server]) assert(handle >= 0, `${JSON.stringify(address)}: ${handle}`);
  return {
    listener,
    client,
    server,
    [Symbol.dispose]() {
      for (const handle of [listener, client, server]) kernel.close(handle);
    },
  };
}

function sendsAtOnce(handle: Handle): boolean {
  const value = new Int32Array(1);
  assertEquals(libc.getsockopt(handle, IPPROTO_TCP, TCP_NODELAY, value, Uint32Array.of(4)), 0);
  return value[0] !== 0;
}

const abstractAddress = { path: `@sd-fibers-test-${kernel.pid}` };

Deno.test("Kernel.openListener(), openStream() and tryAccept() make handles that do not wait and are closed by exec", () => {
  for (const address of [{ hostname: "127.0.0.1", port: 0 }, abstractAddress]) {
    using sockets = connect(address);
    for (const handle of [sockets.listener, sockets.client, sockets.server]) assert(!isBlocking(handle) && isCloseOnExec(handle));
  }
});

Deno.test("Kernel.openListener(), openStream() and tryAccept() make TCP send at once", () => {
  using sockets = connect({ hostname: "127.0.0.1", port: 0 });
  assert(sendsAtOnce(sockets.client));
  assert(sendsAtOnce(sockets.server));
});

Deno.test("Kernel.localAddress() and remoteAddress() name both ends of TCP, and of AF_UNIX what has a name", () => {
  using tcp = connect({ hostname: "127.0.0.1", port: 0 });
  const { port } = kernel.localAddress(tcp.listener) as { port: number };
  assert(port > 0);
  assertEquals(kernel.remoteAddress(tcp.client), { hostname: "127.0.0.1", port });
  assertEquals(kernel.remoteAddress(tcp.server), kernel.localAddress(tcp.client));
  using unix = connect(abstractAddress);
  assertEquals(kernel.remoteAddress(unix.client), abstractAddress);
  assertEquals(kernel.remoteAddress(unix.server), undefined);
  assertEquals(kernel.remoteAddress(unix.listener), -Errno.ENOTCONN);
});

Deno.test("Kernel.openListener() and openStream() that fail leave no descriptor behind", () => {
  const listener = kernel.openListener(abstractAddress);
  const before = openDescriptors();
  const failures: [Result, string][] = [
    [kernel.openListener(abstractAddress), "EADDRINUSE"],
    [kernel.openListener({ hostname: "203.0.113.1", port: 0 }), "EADDRNOTAVAIL"],
    [kernel.openListener({ path: "/no/such/folder/socket" }), "ENOENT"],
    [kernel.openListener({ path: "x".repeat(108) }), "ENAMETOOLONG"],
    [kernel.openListener({ hostname: "localhost", port: 0 }), "EINVAL"],
    [kernel.openStream({ path: "/no/such/socket" }), "ENOENT"],
    [kernel.openStream({ path: "/dev/null" }), "ECONNREFUSED"],
    [kernel.openStream({ path: "@no such socket" }), "ECONNREFUSED"],
    [kernel.openStream({ hostname: "255.255.255.255", port: 1 }), "ENETUNREACH"],
  ];
  assertEquals(failures.map(([answer]) => answer), failures.map(([, code]) => -Errno[code]));
  assertEquals(openDescriptors(), before);
  kernel.close(listener);
});

Deno.test("Kernel.openListener() has its port back at once, while a connection that was closed here lingers", async () => {
  const sockets = connect({ hostname: "127.0.0.1", port: 0 });
  const address = kernel.localAddress(sockets.listener) as SocketAddress;
  kernel.close(sockets.listener);
  kernel.close(sockets.server); // ends the connection first, so that it is this end that lingers
  while (kernel.tryRead(sockets.client, new Uint8Array(1)) !== 0) await kernel.turn("io");
  kernel.close(sockets.client);
  const listener = kernel.openListener(address);
  assert(listener >= 0, `${listener}`);
  kernel.close(listener);
});

Deno.test("Kernel.openStream() that a signal handler interrupts is on its way", () => {
  using _failing = failWith("connect", Errno.EINTR);
  const stream = kernel.openStream({ port: 9 });
  assert(stream >= 0, `${stream}`);
  assertEquals(kernel.connectSocket(stream, { port: 9 }), -Errno.EINPROGRESS);
  kernel.close(stream);
});

Deno.test("Kernel.trySend() and tryWrite() to a socket that nobody reads make no signal, also where SIGPIPE is claimed", () => {
  const SIGPIPE = 13;
  const poller = kernel.openPoller();
  assert(typeof poller === "object");
  assertEquals(poller.claimSignal(SIGPIPE), 0);
  const [one, other] = kernel.openSocketPair("stream") as [Handle, Handle];
  kernel.close(other);
  assertEquals(kernel.tryWrite(one, Uint8Array.of(1), true), -Errno.EPIPE);
  assertEquals(kernel.trySend(one, [Uint8Array.of(1)], undefined, []), -Errno.EPIPE);
  assertEquals([poller.poll(0), poller.signalsQueued], [0, 0]);
  kernel.close(one);
  poller.close();
});

Deno.test("Kernel.sendDatagram() leaves no descriptor behind, sent or not", () => {
  const receiver = kernel.openDatagram(abstractAddress);
  const before = openDescriptors();
  const paths = [abstractAddress.path, "@no such socket", "/no/such/socket"];
  assertEquals(paths.map((path) => kernel.sendDatagram(path, Uint8Array.of(1))), [1, -Errno.ECONNREFUSED, -Errno.ENOENT]);
  assertEquals(openDescriptors(), before);
  kernel.close(receiver);
});

Deno.test("Kernel.openStream() reports EAGAIN when the queue of an AF_UNIX listener is full", () => {
  const listener = kernel.openListener({ ...abstractAddress, backlog: 0 });
  const first = kernel.openStream(abstractAddress);
  const before = openDescriptors();
  assertEquals(kernel.openStream(abstractAddress), -Errno.EAGAIN);
  assertEquals(openDescriptors(), before);
  kernel.close(first);
  kernel.close(listener);
});

Deno.test("Kernel.removeSocketFile() removes a socket, and nothing that is none", () => {
  using files = realFiles();
  const at = (name: string) => `${files.directory}/${name}`;
  const listener = kernel.openListener({ path: at("socket") });
  files.write("file");
  files.symlink("socket", "link");
  assertEquals(["file", "link", ""].map((name) => kernel.removeSocketFile(at(name))), Array(3).fill(-Errno.ENOTSOCK));
  assertEquals(kernel.removeSocketFile(at("socket")), 0);
  assertEquals(kernel.removeSocketFile(at("socket")), -Errno.ENOENT);
  assertEquals(kernel.removeSocketFile("@abstract"), -Errno.ENOENT);
  assertEquals(kernel.removeSocketFile("a\0b"), -Errno.EINVAL);
  assertEquals(files.list(), ["file", "link"]);
  kernel.close(listener);
});
