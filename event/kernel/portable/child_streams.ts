/**
 * This side of the pipes to a child process. They look like pipes of the system's: as much capacity, the same readiness.
 *
 * In each direction one operation of the host's is in flight at most, and a buffer stands between it and the calls. So an interrupted read
 * loses nothing, and a write is either in the buffer or refused.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import { ByteQueue } from "../emulated/byte_queue.ts";
import { OpenFile } from "../emulated/open_file.ts";
import { atomicWriteBytes, defaultCapacityBytes } from "../emulated/pipe.ts";
import type { Result } from "../kernel.ts";
import type { ByteSink, ByteSource } from "./child_process.ts";

/** What comes out of a child. */
export class ChildReader extends OpenFile {
  readonly description = "output of a process";
  /** How many chunks have come. */
  chunks = 0;
  readonly #source: ByteSource;
  readonly #bytes = new ByteQueue();
  #isPulling = false;
  #hasEnded = false;

  constructor(source: ByteSource) {
    super();
    this.#source = source;
    this.#fill();
  }

  override get isFedByHost(): boolean {
    return true;
  }

  override readiness(): number {
    return (this.#bytes.size > 0 ? IoEvent.IN : 0) | (this.#hasEnded ? IoEvent.HUP : 0);
  }

  /** Whether more may come without anybody reading. */
  get isListening(): boolean {
    return this.#isPulling && !this.#hasEnded;
  }

  override read(buffer: Uint8Array): Result {
    if (buffer.length === 0) return 0;
    if (this.#bytes.size === 0) return this.#hasEnded ? 0 : -Errno.EAGAIN;
    const count = this.#bytes.shift(buffer);
    this.#fill();
    return count;
  }

  override write(_data: Uint8Array): Result {
    return -Errno.EBADF;
  }

  override release(): void {
    this.#hasEnded = true;
    this.#bytes.clear();
    this.#source.close();
  }

  #fill(): void {
    while (!this.#isPulling && !this.#hasEnded && this.#bytes.size < defaultCapacityBytes) {
      this.#isPulling = true;
      this.#source.pull(this.#pulled);
    }
  }

  readonly #pulled = (chunk: Uint8Array | undefined): void => {
    this.#isPulling = false;
    if (this.#hasEnded) return;
    this.chunks++;
    if (chunk === undefined) this.#hasEnded = true;
    else this.#bytes.give(chunk);
    this.notify(this.readiness());
    this.#fill();
  };
}

/** What goes into a child. */
export class ChildWriter extends OpenFile {
  readonly description = "input of a process";
  readonly #sink: ByteSink;
  readonly #bytes = new ByteQueue();
  #bytesInFlight = 0;
  #isBroken = false;
  #isClosing = false;

  constructor(sink: ByteSink) {
    super();
    this.#sink = sink;
  }

  override get isFedByHost(): boolean {
    return true;
  }

  override get atomicBytes(): number {
    return atomicWriteBytes;
  }

  override readiness(): number {
    return (this.#isBroken || this.#room >= atomicWriteBytes ? IoEvent.OUT : 0) | (this.#isBroken ? IoEvent.ERR : 0);
  }

  override read(_buffer: Uint8Array): Result {
    return -Errno.EBADF;
  }

  override write(data: Uint8Array): Result {
    if (data.length === 0) return 0;
    if (this.#isBroken) return -Errno.EPIPE;
    const room = this.#room;
    if (room === 0 || (data.length <= atomicWriteBytes && data.length > room)) return -Errno.EAGAIN;
    const part = data.subarray(0, room);
    this.#bytes.push(part);
    this.#flush();
    return part.length;
  }

  /** The child has ended, and nobody reads any more. */
  breakOff(): void {
    if (!this.#isBroken) this.#break();
  }

  /** What was written still gets there, then the end. */
  override release(): void {
    this.#isClosing = true;
    if (!this.#isBroken) this.#flush();
  }

  get #room(): number {
    return defaultCapacityBytes - this.#bytes.size - this.#bytesInFlight;
  }

  #flush(): void {
    if (this.#bytesInFlight > 0) return;
    if (this.#bytes.size > 0) {
      const chunk = new Uint8Array(this.#bytes.size);
      this.#bytesInFlight = this.#bytes.shift(chunk);
      this.#sink.push(chunk, this.#pushed);
    } else if (this.#isClosing) this.#sink.close();
  }

  readonly #pushed = (errno: number): void => {
    this.#bytesInFlight = 0;
    if (this.#isBroken) return;
    if (errno !== 0) return this.#break();
    this.#flush();
    if (this.readiness() !== 0) this.notify(this.readiness());
  };

  #break(): void {
    this.#isBroken = true;
    this.#bytes.clear();
    this.#sink.close();
    this.notify(this.readiness());
  }
}
