/**
 * Pipes.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { Result } from "../kernel.ts";
import { ByteQueue } from "./byte_queue.ts";
import { OpenFile } from "./open_file.ts";

/** What a pipe of Linux holds. */
export const defaultCapacityBytes = 65_536;

/** PIPE_BUF: a write of no more is done whole or not at all, and a pipe is writable while it has room for one. */
export const atomicWriteBytes = 4_096;

/** A new pipe's two ends. */
export function openPipe(capacityBytes: number = defaultCapacityBytes): { reader: PipeReader; writer: PipeWriter } {
  const pipe = new Pipe(capacityBytes);
  return { reader: pipe.reader, writer: pipe.writer };
}

/** What the two ends share. */
class Pipe {
  readonly bytes = new ByteQueue();
  readonly atomicBytes: number;
  readonly reader: PipeReader;
  readonly writer: PipeWriter;
  readonly #capacityBytes: number;

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes;
    this.atomicBytes = Math.min(atomicWriteBytes, capacityBytes);
    this.reader = new PipeReader(this);
    this.writer = new PipeWriter(this);
  }

  get room(): number {
    return this.#capacityBytes - this.bytes.size;
  }

  get writable(): boolean {
    return this.room >= this.atomicBytes;
  }
}

/** The end that bytes come out of. */
export class PipeReader extends OpenFile {
  readonly description = "pipe reader";
  open = true;
  readonly #pipe: Pipe;

  constructor(pipe: Pipe) {
    super();
    this.#pipe = pipe;
  }

  override get readableBytes(): number {
    return this.#pipe.bytes.size;
  }

  override readiness(): number {
    return (this.#pipe.bytes.size > 0 ? IoEvent.IN : 0) | (this.#pipe.writer.open ? 0 : IoEvent.HUP);
  }

  override read(buffer: Uint8Array): Result {
    const { bytes, writer, writable } = this.#pipe;
    if (buffer.length === 0) return 0;
    if (bytes.size === 0) return writer.open ? -Errno.EAGAIN : 0;
    const count = bytes.shift(buffer);
    if (!writable && this.#pipe.writable) writer.notify(IoEvent.OUT);
    return count;
  }

  override write(_data: Uint8Array): Result {
    return -Errno.EBADF;
  }

  override release(): void {
    this.open = false;
    this.#pipe.bytes.clear();
    this.#pipe.writer.notify(IoEvent.OUT | IoEvent.ERR);
  }
}

/** The end that bytes go into. */
export class PipeWriter extends OpenFile {
  readonly description = "pipe writer";
  open = true;
  readonly #pipe: Pipe;

  constructor(pipe: Pipe) {
    super();
    this.#pipe = pipe;
  }

  override get atomicBytes(): number {
    return this.#pipe.atomicBytes;
  }

  override readiness(): number {
    return (this.#pipe.writable ? IoEvent.OUT : 0) | (this.#pipe.reader.open ? 0 : IoEvent.ERR);
  }

  override read(_buffer: Uint8Array): Result {
    return -Errno.EBADF;
  }

  override write(data: Uint8Array): Result {
    const { bytes, reader, room, atomicBytes } = this.#pipe;
    if (data.length === 0) return 0;
    if (!reader.open) return -Errno.EPIPE;
    if (room === 0 || (data.length <= atomicBytes && data.length > room)) return -Errno.EAGAIN;
    const part = data.subarray(0, room);
    bytes.push(part);
    reader.notify(IoEvent.IN);
    return part.length;
  }

  override release(): void {
    this.open = false;
    this.#pipe.reader.notify(IoEvent.HUP);
  }
}
