/**
 * The contract, 19: handles that travel with messages.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { IoEvent, MessageFlag } from "../../event/flags.ts";
import type { Handle, ReceivedMessage } from "../../event/kernel/kernel.ts";
import { emptyMessage, pair, receive, send } from "./contract_datagrams.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

const { PEEK, TRUNC, CTRUNC } = MessageFlag;
const kinds = ["stream", "datagram"] as const;

/** Registers the tests. */
export function testPassing(hands: KernelHands): void {
  for (const kind of kinds) testKind(hands, kind);

  contractTest(hands, "In a stream the bytes of a message with handles do not come with bytes after it", (trial) => {
    const [one, other] = pair(trial, "stream");
    const [reader] = trial.pipe();
    send(trial, one, "before ");
    send(trial, one, "handle", undefined, [reader]);
    send(trial, one, "after");
    send(trial, one, "handle", undefined, [reader, reader]);
    assertEquals(take(trial, other, { flags: PEEK }), ["before handle", 1, 0]);
    assertEquals(take(trial, other), ["before handle", 1, 0]);
    assertEquals(take(trial, other), ["afterhandle", 2, 0]);
    assertEquals(take(trial, other), ["EAGAIN", 0, -1]);
  });

  contractTest(hands, "In a stream handles come with the first byte of their message", (trial) => {
    const [one, other] = pair(trial, "stream");
    const [reader] = trial.pipe();
    send(trial, one, "handle", undefined, [reader]);
    send(trial, one, "after");
    assertEquals(take(trial, other, { size: 2 }), ["ha", 1, 0]);
    assertEquals(take(trial, other), ["ndleafter", 0, 0]);
  });

  contractTest(hands, "In a stream handles are sent also when not all bytes fit", (trial) => {
    const [one, other] = pair(trial, "stream");
    const [reader, writer] = trial.pipe();
    const block = new Uint8Array(10_000_000);
    const count = trial.kernel.trySend(one, [block], undefined, [writer]);
    assert(count > 0 && count < block.length);
    // Where nothing fits, no handle is sent.
    assertEquals(trial.kernel.trySend(one, [block], undefined, [writer]), -Errno.EAGAIN);
    trial.drop(writer);
    const message = emptyMessage();
    let received = trial.kernel.tryReceive(other, [block], 0, 5, message);
    assertEquals(message.handles.length, 1);
    trial.kernel.close(message.handles[0]);
    assertEquals(trial.read(reader), "");
    while (received < count) received += trial.kernel.tryRead(other, block);
    assertEquals(trial.read(other), "EAGAIN");
  });

  contractTest(hands, "Handles do not go over the network: EOPNOTSUPP, and nothing is sent", async (trial) => {
    const [reader] = trial.pipe();
    const there = { hostname: "127.0.0.1", port: 0 };
    const receiver = trial.own(trial.kernel.openDatagram(there));
    const address = trial.kernel.localAddress(receiver);
    assert(typeof address === "object");
    assertEquals(send(trial, trial.own(trial.kernel.openDatagram(there)), "x", address, [reader]), -Errno.EOPNOTSUPP);
    assertEquals(receive(trial, receiver), "EAGAIN");
    const listener = trial.own(trial.kernel.openListener(there));
    const client = trial.own(trial.kernel.openStream(trial.kernel.localAddress(listener) as { port: number }));
    await trial.waitFor(client, IoEvent.OUT);
    assertEquals(send(trial, client, "x", undefined, [reader]), -Errno.EOPNOTSUPP);
    assertEquals(trial.read(trial.own(trial.kernel.tryAccept(listener))), "EAGAIN");
  });
}

function testKind(hands: KernelHands, kind: "stream" | "datagram"): void {
  contractTest(hands, `Handles over a ${kind} pair are new ones of the same open things`, (trial) => {
    const [one, other] = pair(trial, kind);
    const [reader, writer] = trial.pipe();
    assertEquals(send(trial, one, "both", undefined, [reader, writer]), 4);
    trial.drop(reader);
    trial.drop(writer);
    const message = emptyMessage();
    assertEquals(trial.kernel.tryReceive(other, [new Uint8Array(9)], 0, 2, message), 4);
    assertEquals([message.handles.length, message.flags], [2, 0]);
    const [newReader, newWriter] = message.handles.map((handle) => trial.own(handle));
    assertNotEquals(newReader, newWriter);
    trial.write(newWriter, "through");
    assertEquals(trial.read(newReader), "through");
    trial.drop(newWriter);
    assertEquals(trial.read(newReader), "");
  });

  contractTest(hands, `Handles over a ${kind} pair that nobody takes are closed, and CTRUNC says so`, (trial) => {
    const [one, other] = pair(trial, kind);
    const before = lowestFree(trial);
    for (const [maxHandles, taken] of [[0, 0], [1, 1], [2, 2], [3, 3], [4, 3], [500, 3]]) {
      const ends = Array.from({ length: 3 }, () => trial.pipe());
      assertEquals(send(trial, one, "x", undefined, ends.map(([, writer]) => writer)), 1);
      for (const [, writer] of ends) trial.drop(writer);
      const message = emptyMessage();
      assertEquals(trial.kernel.tryReceive(other, [new Uint8Array(9)], 0, maxHandles, message), 1);
      assertEquals([message.handles.length, message.flags], [taken, taken < 3 ? CTRUNC : 0], `${maxHandles}`);
      assertEquals(ends.map(([reader]) => trial.read(reader)), ends.map((_, index) => index < taken ? "EAGAIN" : ""));
      for (const handle of message.handles) trial.kernel.close(handle);
      for (const [reader] of ends) trial.drop(reader);
      assertEquals(lowestFree(trial), before);
    }
  });

  const calls: Record<string, (trial: Trial, handle: Handle) => number> = {
    "Kernel.tryRead()": (trial, handle) => trial.kernel.tryRead(handle, new Uint8Array(9)),
    "Kernel.tryReadVector()": (trial, handle) => trial.kernel.tryReadVector(handle, [new Uint8Array(3), new Uint8Array(3)]),
    "Kernel.tryReceive() without a message": (trial, handle) => trial.kernel.tryReceive(handle, [new Uint8Array(9)], 0, 9, undefined),
  };
  for (const [name, call] of Object.entries(calls)) {
    contractTest(hands, `${name} on a ${kind} pair closes the handles that came along`, (trial) => {
      const [one, other] = pair(trial, kind);
      const before = lowestFree(trial);
      const [reader, writer] = trial.pipe();
      assertEquals(send(trial, one, "x", undefined, [writer]), 1);
      trial.drop(writer);
      assertEquals(trial.read(reader), "EAGAIN");
      assertEquals(call(trial, other), 1);
      assertEquals(trial.read(reader), "");
      trial.drop(reader);
      assertEquals(lowestFree(trial), before);
    });
  }

  contractTest(hands, `Handles on their way over a ${kind} pair are closed with the receiver`, async (trial) => {
    const [one, other] = pair(trial, kind);
    const [reader, writer] = trial.pipe();
    send(trial, one, "x", undefined, [writer]);
    trial.drop(writer);
    trial.drop(one);
    assertEquals(trial.read(reader), "EAGAIN");
    trial.drop(other);
    await trial.waitFor(reader, IoEvent.HUP);
    assertEquals(trial.read(reader), "");
  });

  contractTest(hands, `PEEK at a ${kind} pair makes new handles each time`, (trial) => {
    const [one, other] = pair(trial, kind);
    const [reader, writer] = trial.pipe();
    send(trial, one, "x", undefined, [writer]);
    trial.drop(writer);
    assertEquals([take(trial, other, { flags: PEEK }), take(trial, other, { flags: PEEK })], [["x", 1, 0], ["x", 1, 0]]);
    assertEquals(trial.read(reader), "EAGAIN");
    assertEquals(take(trial, other, { flags: TRUNC }), ["x", 1, 0]);
    assertEquals(trial.read(reader), "");
  });

  contractTest(hands, `Kernel.trySend() on a ${kind} pair sends all handles or nothing`, (trial) => {
    const [one, other] = pair(trial, kind);
    const before = lowestFree(trial);
    const [reader, writer] = trial.pipe();
    assertEquals(send(trial, one, "x", undefined, [writer, 987_654]), -Errno.EBADF);
    assertEquals(send(trial, one, "x", undefined, [writer, -1]), -Errno.EBADF);
    assertEquals(send(trial, one, "", undefined, [writer]), -Errno.EINVAL);
    assertEquals(send(trial, one, "x", undefined, Array(254).fill(writer)), -Errno.EINVAL);
    assertEquals(receive(trial, other), "EAGAIN");
    trial.drop(writer);
    assertEquals(trial.read(reader), "");
    trial.drop(reader);
    assertEquals(lowestFree(trial), before);
  });

  contractTest(hands, `A message over a ${kind} pair has up to 253 handles`, (trial) => {
    const [one, other] = pair(trial, kind);
    const before = lowestFree(trial);
    const [reader] = trial.pipe();
    assertEquals(send(trial, one, "x", undefined, Array(253).fill(reader)), 1);
    assertEquals(take(trial, other, { maxHandles: 253 }), ["x", 253, 0]);
    assertEquals(send(trial, one, "x", undefined, Array(253).fill(reader)), 1);
    assertEquals(take(trial, other, { maxHandles: 250 }), ["x", 250, CTRUNC]);
    trial.drop(reader);
    assertEquals(lowestFree(trial), before);
  });
}

/** Receives, and closes the handles that came: the text or the error's name, how many handles, the flags. */
function take(
  trial: Trial,
  handle: Handle,
  options: { flags?: number; size?: number; maxHandles?: number } = {},
): [string, number, number] {
  const { flags = 0, size = 100, maxHandles = 9 } = options;
  const message: ReceivedMessage = emptyMessage();
  const buffer = new Uint8Array(size);
  const count = trial.kernel.tryReceive(handle, [buffer], flags, maxHandles, message);
  for (const received of message.handles) assertEquals(trial.kernel.close(received), 0);
  const text = count === -Errno.EAGAIN ? "EAGAIN" : new TextDecoder().decode(buffer.subarray(0, count));
  return [text, message.handles.length, message.flags];
}

/** The number that the next handle gets: the same as before where nothing was left open below. */
function lowestFree(trial: Trial): Handle {
  const [reader, writer] = trial.pipe();
  trial.drop(reader);
  trial.drop(writer);
  return reader;
}
