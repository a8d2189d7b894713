/**
 * Reading and writing in a world where things go wrong.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { Result } from "../kernel.ts";
import type { Faults } from "./faults.ts";
import type { Delivery, Letter, OpenFile } from "../emulated/open_file.ts";
import { DatagramSocket } from "./datagram_socket.ts";
import { Stream } from "./stream.ts";

/**
 * Some facts about these faults. A call that answers EAGAIN though the file was ready, or does less than it could, has met a world that
 * was a moment behind: the rest comes right after. So the file tells its observers again, and who watches it by edge gets the edge it
 * needs to go on. What the kernel promises is kept: a short count is at least 1, and a write that a pipe does whole or not at all stays so.
 */

/** Reads, perhaps badly. */
export function faultyRead(file: OpenFile, buffer: Uint8Array, faults: Faults): Result {
  if (buffer.length === 0 || (file.readiness() & IoEvent.IN) === 0) return file.read(buffer);
  breakPerhaps(file, faults);
  if (answersAgain(file, IoEvent.IN, faults)) return -Errno.EAGAIN;
  const possible = Math.min(buffer.length, file.readableBytes);
  const count = faults.shorten("short-read", possible);
  if (count === possible) return file.read(buffer);
  const result = file.read(buffer.subarray(0, count));
  file.notify(IoEvent.IN);
  return result;
}

/** Writes, perhaps badly. */
export function faultyWrite(file: OpenFile, data: Uint8Array, faults: Faults): Result {
  if (data.length === 0 || (file.readiness() & IoEvent.OUT) === 0) return file.write(data);
  breakPerhaps(file, faults);
  if (answersAgain(file, IoEvent.OUT, faults)) return -Errno.EAGAIN;
  const count = data.length > file.atomicBytes && !(file instanceof DatagramSocket)
    ? faults.shorten("short-write", data.length)
    : data.length;
  if (count === data.length) return file.write(data);
  const result = file.write(data.subarray(0, count));
  file.notify(IoEvent.OUT);
  return result;
}

/** Receives, perhaps badly. A message comes whole or not at all. */
export function faultyReceive(file: OpenFile, buffer: Uint8Array, flags: number, faults: Faults): Delivery | Result {
  if (!file.isSocket || (file.readiness() & IoEvent.IN) === 0) return file.receive(buffer, flags);
  breakPerhaps(file, faults);
  if (answersAgain(file, IoEvent.IN, faults)) return -Errno.EAGAIN;
  const possible = Math.min(buffer.length, file.readableBytes);
  const count = faults.shorten("short-read", possible);
  if (count === possible) return file.receive(buffer, flags);
  const delivery = file.receive(buffer.subarray(0, count), flags);
  file.notify(IoEvent.IN);
  return delivery;
}

/** Sends, perhaps badly. A message goes whole or not at all. */
export function faultySend(file: OpenFile, letter: Letter, faults: Faults): Result {
  if ((file.readiness() & IoEvent.OUT) === 0) return file.send(letter);
  breakPerhaps(file, faults);
  if (answersAgain(file, IoEvent.OUT, faults)) return -Errno.EAGAIN;
  const count = file instanceof Stream ? faults.shorten("short-write", letter.data.length) : letter.data.length;
  if (count === letter.data.length) return file.send(letter);
  const result = file.send({ ...letter, data: letter.data.subarray(0, count) });
  file.notify(IoEvent.OUT);
  return result;
}

/** Whether a call on a ready file is to answer EAGAIN; the file becomes ready again at once. */
export function answersAgain(file: OpenFile, events: number, faults: Faults): boolean {
  if (!faults.strikes("EAGAIN")) return false;
  file.notify(events);
  return true;
}

function breakPerhaps(file: OpenFile, faults: Faults): void {
  if (file instanceof Stream && file.isAlive && faults.strikes("ECONNRESET")) file.reset();
}
