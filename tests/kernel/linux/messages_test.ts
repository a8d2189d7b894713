import { assert, assertEquals } from "@std/assert";
import type { Handle, ReceivedMessage } from "../../../event/kernel/kernel.ts";
import { MessageFlag } from "../../../event/flags.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { isBlocking, isCloseOnExec, openDescriptors } from "./descriptors.ts";

const kernel = linuxKernel();

const SOL_SOCKET = 1;
const SO_PASSCRED = 16;
const SO_TIMESTAMP = 29;
const SO_PASSSEC = 34;
const SO_PASSPIDFD = 76;

/** Two sockets that are connected, closed in the end. */
class Pair implements Disposable {
  readonly ends: [Handle, Handle];

  constructor(kind: "stream" | "datagram") {
    const ends = kernel.openSocketPair(kind);
    assert(typeof ends === "object");
    this.ends = ends;
  }

  [Symbol.dispose](): void {
    for (const handle of this.ends) kernel.close(handle);
  }
}

function emptyMessage(): ReceivedMessage {
  return { address: undefined, handles: [], flags: -1 };
}

/** Whether the system knows the option. */
function setOption(handle: Handle, option: number): boolean {
  return libc.setsockopt(handle, SOL_SOCKET, option, Int32Array.of(1), 4) === 0;
}

Deno.test("Kernel.openDatagram() and openSocketPair() make handles that do not wait and are closed by exec", () => {
  using stream = new Pair("stream");
  using datagrams = new Pair("datagram");
  const socket = kernel.openDatagram({ port: 0 });
  for (const handle of [...stream.ends, ...datagrams.ends, socket]) assert(!isBlocking(handle) && isCloseOnExec(handle));
  kernel.close(socket);
});

Deno.test("Kernel.tryReceive() makes handles that are closed by exec, and as blocking as the sender's", () => {
  using pair = new Pair("stream");
  const [one, other] = pair.ends;
  for (const blocking of [true, false]) {
    kernel.setBlocking(one, blocking);
    assertEquals(kernel.trySend(one, [new Uint8Array(1)], undefined, [one]), 1);
    const message = emptyMessage();
    assertEquals(kernel.tryReceive(other, [new Uint8Array(1)], 0, 1, message), 1);
    const [handle] = message.handles;
    assertEquals([isCloseOnExec(handle), isBlocking(handle)], [true, blocking]);
    kernel.close(handle);
  }
});

for (const kind of ["stream", "datagram"] as const) {
  Deno.test(`Handles over a ${kind} pair are not pushed out by what the receiver's socket was set up to bring along`, () => {
    using pair = new Pair(kind);
    const [one, other] = pair.ends;
    const known = [SO_PASSCRED, SO_PASSSEC, SO_PASSPIDFD].filter((option) => setOption(other, option));
    assert(known.includes(SO_PASSCRED));
    const before = openDescriptors();
    for (const [maxHandles, flags] of [[1, MessageFlag.CTRUNC], [2, MessageFlag.CTRUNC], [3, 0], [9, 0], [300, 0]]) {
      assertEquals(kernel.trySend(one, [Uint8Array.of(7)], undefined, [one, other, one]), 1);
      const message = emptyMessage();
      assertEquals(kernel.tryReceive(other, [new Uint8Array(9)], 0, maxHandles, message), 1);
      assertEquals([message.handles.length, message.flags], [Math.min(maxHandles, 3), flags], `${maxHandles}`);
      for (const handle of message.handles) kernel.close(handle);
      assertEquals(openDescriptors(), before);
    }
    // The descriptor of the sender's process does not stay either where there is nothing else.
    assertEquals(kernel.trySend(one, [Uint8Array.of(7)], undefined, []), 1);
    const message = emptyMessage();
    assertEquals(kernel.tryReceive(other, [new Uint8Array(9)], MessageFlag.PEEK, 5, message), 1);
    assertEquals(kernel.tryReceive(other, [new Uint8Array(9)], 0, 5, message), 1);
    assertEquals([message.handles, message.flags, openDescriptors()], [[], 0, before]);
  });
}

Deno.test("Kernel.tryReceive() leaves out the time stamps that a socket was set up to bring along", () => {
  const socket = kernel.openDatagram({ hostname: "127.0.0.1", port: 0 });
  const address = kernel.localAddress(socket);
  assert(typeof address === "object" && setOption(socket, SO_TIMESTAMP));
  assertEquals(kernel.trySend(socket, [Uint8Array.of(7)], address, []), 1);
  const message = emptyMessage();
  assertEquals(kernel.tryReceive(socket, [new Uint8Array(9)], 0, 5, message), 1);
  assertEquals(message, { address, handles: [], flags: 0 });
  kernel.close(socket);
});

Deno.test("Buffers stand where their addresses say, however much memory comes and goes", () => {
  const pipe = kernel.openPipe();
  assert(typeof pipe === "object");
  const buffers = Array.from({ length: 500 }, (_, index) => new Uint8Array(index % 100));
  const sum = buffers.reduce((bytes, { length }) => bytes + length, 0);
  for (let round = 1; round < 50; round++) {
    const data = buffers.map(({ length }) => new Uint8Array(length).fill(round));
    assertEquals(kernel.tryWriteVector(pipe[1], data), sum);
    assertEquals(kernel.tryReadVector(pipe[0], buffers), sum);
    assert(buffers.every((buffer) => buffer.every((byte) => byte === round)));
  }
  for (const handle of pipe) kernel.close(handle);
});

Deno.test("Handles for which the process has no room are lost, and CTRUNC says so", async () => {
  const script = new URL("fixtures/no_room_for_handles.ts", import.meta.url).pathname;
  const command = new Deno.Command("/bin/sh", { args: ["-c", `ulimit -n 100; exec "${Deno.execPath()}" run --allow-ffi "${script}"`] });
  const { stdout, stderr } = await command.output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(new TextDecoder().decode(stdout), "free 0 received 0 CTRUNC\nfree 1 received 1 CTRUNC\nfree 2 received 2\n");
});
