/**
 * The portable kernel's streams, against sockets of somebody else's.
 *
 * @module
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import { readAll, SocketTrial } from "./_sockets.ts";

const { IN, OUT, ET } = IoEvent;

/** More than a kernel and the queue keep for a connection. */
const tooMuch = 64 * 1024 * 1024;
const block = new Uint8Array(65_536);

Deno.test("A stream that nobody reads takes in no more than its queue and the system hold, and loses none of it", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen();
  const socket = await trial.connect(port);
  const stream = await trial.accept(listener);
  const taken = trial.pour(socket, tooMuch);
  assertLess(await trial.settled(taken), tooMuch / 2);
  let received = 0;
  await trial.until(() => (received += readAll(trial.kernel, stream)[0]) === tooMuch);
  assertEquals(taken(), tooMuch);
});

Deno.test("Kernel.tryWrite() of a stream is EAGAIN while the other side does not read, and OUT tells when there is room", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen();
  const socket = await trial.connect(port);
  socket.pause();
  const stream = await trial.accept(listener);
  const poller = trial.kernel.openPoller();
  assert(typeof poller === "object");
  let sent = 0;
  const fill = () => {
    for (let count = 0; count >= 0; count = trial.kernel.tryWrite(stream, block)) sent += count;
    return sent;
  };
  assertLess(await trial.settled(fill), tooMuch);
  assertEquals(trial.kernel.tryWrite(stream, block), -Errno.EAGAIN);
  assertEquals(poller.watch(stream, OUT | ET, false, 1), 0);
  assertEquals(poller.poll(0), 0);
  let received = 0;
  socket.on("data", (data) => received += data.length);
  socket.resume();
  await trial.until(() => poller.poll(0) === 1 && poller.readyEvents[0] === OUT);
  await trial.until(() => received === sent);
  poller.close();
});

Deno.test("Kernel.tryWrite() of a stream takes a copy, the caller's buffer may change at once", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen();
  const socket = await trial.connect(port);
  const stream = await trial.accept(listener);
  const data = new Uint8Array(200_000).fill(1);
  assertEquals(trial.kernel.tryWrite(stream, data), data.length);
  data.fill(2);
  let received = 0;
  socket.on("data", (chunk) => {
    received += chunk.length;
    assert(chunk.every((byte) => byte === 1));
  });
  await trial.until(() => received === data.length);
});

Deno.test("Kernel.tryRead() of a stream gives as much as fits of all that came", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen();
  const socket = await trial.connect(port);
  const stream = await trial.accept(listener);
  const poller = trial.kernel.openPoller();
  assert(typeof poller === "object");
  assertEquals(poller.watch(stream, IN | ET, false, 1), 0);
  for (let piece = 0; piece < 3; piece++) {
    socket.write(Uint8Array.of(piece));
    // Each arrival is an edge of its own.
    await trial.until(() => poller.poll(0) === 1 && poller.readyEvents[0] === IN);
  }
  const buffer = new Uint8Array(10);
  assertEquals(trial.kernel.tryRead(stream, buffer.subarray(0, 2)), 2);
  assertEquals(trial.kernel.tryRead(stream, buffer.subarray(2)), 1);
  assertEquals([...buffer.subarray(0, 3)], [0, 1, 2]);
  assertEquals(trial.kernel.tryRead(stream, buffer), -Errno.EAGAIN);
  poller.close();
});

Deno.test("Kernel.close() of a stream still sends what was written", async () => {
  await using trial = new SocketTrial();
  let received = 0;
  let ended = false;
  const port = await trial.serve((socket) => {
    socket.on("data", (data) => received += data.length);
    socket.on("end", () => ended = true);
  });
  const stream = await trial.open(port);
  let sent = 0;
  for (let count = 0; count >= 0; count = trial.kernel.tryWrite(stream, block)) sent += count;
  trial.drop(stream);
  await trial.until(() => ended);
  assertEquals(received, sent);
});

Deno.test("Kernel.close() of a stream on its way leaves no connection", async () => {
  await using trial = new SocketTrial();
  let open = 0;
  const port = await trial.serve((socket) => {
    open++;
    socket.on("close", () => open--);
    socket.on("end", () => socket.end());
    socket.resume();
  });
  trial.drop(trial.own(trial.kernel.openStream({ hostname: "127.0.0.1", port })));
  await trial.settled(() => open);
  assertEquals(open, 0);
});

Deno.test("A stream that the other side has reset gives what came before, the error once, then the end", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen();
  const socket = await trial.connect(port);
  const stream = await trial.accept(listener);
  socket.write("before");
  const poller = trial.kernel.openPoller();
  assert(typeof poller === "object");
  assertEquals(poller.watch(stream, IN, false, 1), 0);
  await trial.until(() => poller.poll(0) === 1);
  socket.resetAndDestroy();
  await trial.until(() => poller.poll(0) === 1 && (poller.readyEvents[0] & IoEvent.ERR) !== 0);
  assertEquals(readAll(trial.kernel, stream), [6, -Errno.ECONNRESET]);
  assertEquals(trial.kernel.tryRead(stream, block), 0);
  assertEquals(trial.kernel.tryWrite(stream, block), -Errno.EPIPE);
  assertEquals(trial.kernel.closeWrite(stream), -Errno.ENOTCONN);
  poller.close();
});

Deno.test("Kernel.tryWrite() of a stream to somebody who has gone ends in EPIPE or ECONNRESET", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen();
  const socket = await trial.connect(port);
  const stream = await trial.accept(listener);
  socket.destroy();
  let result = 0;
  await trial.until(() => (result = trial.kernel.tryWrite(stream, Uint8Array.of(1))) < 0);
  assert(result === -Errno.EPIPE || result === -Errno.ECONNRESET, String(result));
});

Deno.test("What happens to a stream after it was closed is nobody's concern", async () => {
  await using trial = new SocketTrial();
  const [listener, port] = trial.listen();
  const socket = await trial.connect(port);
  const stream = await trial.accept(listener);
  let sent = 0;
  const fill = () => {
    for (let count = 0; count >= 0; count = trial.kernel.tryWrite(stream, block)) sent += count;
    return sent;
  };
  socket.pause();
  await trial.settled(fill);
  trial.drop(stream);
  socket.resetAndDestroy();
  assertEquals(trial.kernel.tryWrite(stream, block), -Errno.EBADF);
});
