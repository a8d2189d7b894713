import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import type { Handle, Result, SocketAddress } from "../../../event/kernel/kernel.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
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

Deno.test("Kernel.openListener() shares a port where both listeners say so", () => {
  const first = kernel.openListener({ hostname: "127.0.0.1", port: 0, reusePort: true });
  const { port } = kernel.localAddress(first) as { port: number };
  const second = kernel.openListener({ hostname: "127.0.0.1", port, reusePort: true });
  assert(second >= 0);
  assertEquals(kernel.openListener({ hostname: "127.0.0.1", port }), -Errno.EADDRINUSE);
  kernel.close(first);
  kernel.close(second);
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

Deno.test("Kernel.openStream() reports EAGAIN when the queue of an AF_UNIX listener is full", () => {
  const listener = kernel.openListener({ ...abstractAddress, backlog: 0 });
  const first = kernel.openStream(abstractAddress);
  const before = openDescriptors();
  assertEquals(kernel.openStream(abstractAddress), -Errno.EAGAIN);
  assertEquals(openDescriptors(), before);
  kernel.close(first);
  kernel.close(listener);
});

Deno.test("Kernel.socketError() takes the error of a refused connection, then there is none", () => {
  const listener = kernel.openListener({ hostname: "127.0.0.1", port: 0 });
  const address = kernel.localAddress(listener) as SocketAddress;
  kernel.close(listener);
  const stream = kernel.openStream(address);
  // Over the loopback device the refusal may have come back before the call was over.
  if (stream < 0) return assertEquals(stream, -Errno.ECONNREFUSED);
  const poller = kernel.openPoller();
  assert(typeof poller !== "number");
  poller.watch(stream, 4, false, 1);
  assertEquals(poller.poll(Infinity), 1);
  assertEquals(kernel.socketError(stream), -Errno.ECONNREFUSED);
  assertEquals(kernel.socketError(stream), 0);
  poller.close();
  kernel.close(stream);
});

Deno.test("Kernel.socketError(), localAddress() and closeWrite() report ENOTSOCK for what is no socket", () => {
  const [reader, writer] = kernel.openPipe() as [Handle, Handle];
  assertEquals(kernel.socketError(reader), -Errno.ENOTSOCK);
  assertEquals(kernel.localAddress(reader), -Errno.ENOTSOCK);
  assertEquals(kernel.closeWrite(writer), -Errno.ENOTSOCK);
  kernel.close(reader);
  kernel.close(writer);
});

Deno.test("Kernel.removeSocketFile() removes a socket, and nothing that is none", () => {
  const path = `/tmp/sd-fibers-${kernel.pid}.sock`;
  const listener = kernel.openListener({ path });
  assertEquals(kernel.removeSocketFile(path), 0);
  assertEquals(kernel.removeSocketFile(path), -Errno.ENOENT);
  assertEquals(kernel.removeSocketFile("/dev/null"), -Errno.ENOTSOCK);
  assertEquals(kernel.removeSocketFile("/etc/hostname"), -Errno.ENOTSOCK);
  assertEquals(kernel.removeSocketFile("@abstract"), -Errno.ENOENT);
  assertEquals(kernel.removeSocketFile("a\0b"), -Errno.EINVAL);
  kernel.close(listener);
});
