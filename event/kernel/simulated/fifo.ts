/**
 * FIFOs: pipes with a name, whose ends come and go.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { Result } from "../kernel.ts";
import { ByteQueue } from "../emulated/byte_queue.ts";
import { OpenFile } from "../emulated/open_file.ts";
import { atomicWriteBytes, defaultCapacityBytes } from "../emulated/pipe.ts";

/** What stands at the path. */
export class Fifo {
  readonly bytes: ByteQueue = new ByteQueue();
  readonly ends: Set<FifoEnd> = new Set();
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get room(): number {
    return defaultCapacityBytes - this.bytes.size;
  }

  get isWritable(): boolean {
    return this.room >= atomicWriteBytes;
  }

  get hasWriters(): boolean {
    return [...this.ends].some((end) => end.writes);
  }

  /** Opens it for reading, or for both. */
  open(writes: boolean): FifoEnd {
    return new FifoEnd(this, writes);
  }

  notify(events: number): void {
    for (const end of this.ends) end.notify(events);
  }
}

/** One opening of it. */
export class FifoEnd extends OpenFile {
  readonly writes: boolean;
  readonly #fifo: Fifo;
  /** As on Linux the end of the writers is news to those alone who saw one. */
  #sawWriter = false;

  constructor(fifo: Fifo, writes: boolean) {
    super();
    this.#fifo = fifo;
    this.writes = writes;
    fifo.ends.add(this);
    for (const end of fifo.ends) end.#sawWriter ||= fifo.hasWriters;
  }

  get description(): string {
    return `FIFO ${this.#fifo.path}`;
  }

  /** Nobody else has it open. */
  get isAlone(): boolean {
    return this.#fifo.ends.size === 1;
  }

  override get readableBytes(): number {
    return this.#fifo.bytes.size;
  }

  override get atomicBytes(): number {
    return atomicWriteBytes;
  }

  override readiness(): number {
    const { bytes, isWritable, hasWriters } = this.#fifo;
    return (bytes.size > 0 ? IoEvent.IN : 0) | (this.writes && isWritable ? IoEvent.OUT : 0) |
      (this.#sawWriter && !hasWriters ? IoEvent.HUP : 0);
  }

  override read(buffer: Uint8Array): Result {
    const { bytes, hasWriters } = this.#fifo;
    if (buffer.length === 0) return 0;
    if (bytes.size === 0) return hasWriters ? -Errno.EAGAIN : 0;
    const wasWritable = this.#fifo.isWritable;
    const count = bytes.shift(buffer);
    if (!wasWritable && this.#fifo.isWritable) this.#fifo.notify(IoEvent.OUT);
    return count;
  }

  override write(data: Uint8Array): Result {
    const { bytes, room } = this.#fifo;
    if (!this.writes) return -Errno.EBADF;
    if (data.length === 0) return 0;
    if (room === 0 || (data.length <= atomicWriteBytes && data.length > room)) return -Errno.EAGAIN;
    const part = data.subarray(0, room);
    bytes.push(part);
    this.#fifo.notify(IoEvent.IN);
    return part.length;
  }

  override release(): void {
    this.#fifo.ends.delete(this);
    if (this.#fifo.ends.size === 0) this.#fifo.bytes.clear();
    if (this.writes && !this.#fifo.hasWriters) this.#fifo.notify(IoEvent.HUP);
  }
}
