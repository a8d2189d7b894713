/**
 * What fibers do with descriptors, their own and those of callers.
 *
 * @module
 */

import { Errno, SystemError } from "../event/errno.ts";
import type { Handle, SocketAddress } from "../event/kernel/kernel.ts";
import { addressError, describeAddress } from "./address.ts";
import { type StreamIo, StreamOperation } from "./stream_io.ts";

/** How much `ReadAllOperation` makes room for at first. */
const FIRST_ROOM = 16_384;

/** The most that one call moves where this module makes the buffer. */
const MOST_AT_ONCE = 262_144;

/** What a call on buffers may be given; EINVAL for anything else. */
export function requireBytes(buffer: Uint8Array, action: string): Uint8Array {
  if (buffer instanceof Uint8Array) return buffer;
  throw new SystemError("EINVAL", `Cannot ${action} '${String(buffer)}': it takes a Uint8Array`);
}

abstract class InputOperation<T> extends StreamOperation<T> {
  constructor(io: StreamIo) {
    super(io, io.input);
  }

  protected override get action(): string {
    return "read from";
  }
}

abstract class OutputOperation<T> extends StreamOperation<T> {
  constructor(io: StreamIo) {
    super(io, io.output);
  }

  protected override get action(): string {
    return "write to";
  }
}

/** Reads once. */
export class ReadOperation<End> extends InputOperation<number | End> {
  declare private readonly buffer: Uint8Array;
  declare private readonly atEnd: End;

  /** `atEnd`: what tells the end. */
  constructor(io: StreamIo, buffer: Uint8Array, atEnd: End) {
    super(io);
    this.buffer = requireBytes(buffer, "read into");
    this.atEnd = atEnd;
  }

  protected override isEmpty(): boolean {
    if (this.buffer.length > 0) return false;
    this.value = 0;
    return true;
  }

  protected override step(): boolean {
    const count = this.io.read(this.buffer);
    if (count < 0) return false;
    this.value = count === 0 ? this.atEnd : count;
    return true;
  }
}

/** Reads until the buffer is full, or the end: the count. */
export class ReadFullOperation<T = number> extends InputOperation<number | T> {
  declare protected readonly buffer: Uint8Array;
  declare private count: number;

  constructor(io: StreamIo, buffer: Uint8Array) {
    super(io);
    this.buffer = requireBytes(buffer, "read into");
    this.count = 0;
  }

  protected override isEmpty(): boolean {
    this.count = 0;
    return this.buffer.length === 0 && this.finish(0);
  }

  protected override step(): boolean {
    const { buffer } = this;
    const count = this.io.read(this.count === 0 ? buffer : buffer.subarray(this.count));
    if (count < 0) return false;
    this.count += count;
    return (count === 0 || this.count === buffer.length) && this.finish(this.count);
  }

  protected finish(count: number): true {
    this.value = count;
    return true;
  }
}

/** Reads until the buffer is full; EIO at an early end. */
export class ReadExactOperation extends ReadFullOperation<void> {
  protected override finish(count: number): true {
    if (count < this.buffer.length) {
      throw new SystemError("EIO", `Cannot read ${this.buffer.length} bytes from ${this.io.title}: it ended after ${count}`);
    }
    this.value = undefined;
    return true;
  }
}

/** Reads up to the end. */
export class ReadAllOperation extends InputOperation<Uint8Array> {
  declare private bytes: Uint8Array<ArrayBuffer>;
  declare private count: number;

  constructor(io: StreamIo) {
    super(io);
    this.bytes = new Uint8Array(FIRST_ROOM);
    this.count = 0;
  }

  protected override step(): boolean {
    if (this.count === this.bytes.length) this.resize(this.count * 2);
    const count = this.io.read(this.bytes.subarray(this.count, this.count + MOST_AT_ONCE));
    if (count < 0) return false;
    this.count += count;
    if (count > 0) return false;
    this.resize(this.count);
    this.value = this.bytes;
    return true;
  }

  private resize(size: number): void {
    this.bytes = resized(this.bytes, size);
  }
}

/** The bytes with more or less room, in place where the host can do that: Node can from version 21 on. */
function resized(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (ArrayBuffer.prototype.transfer !== undefined) return new Uint8Array(bytes.buffer.transfer(size));
  const moved = new Uint8Array(size);
  moved.set(bytes.subarray(0, size));
  return moved;
}

/** Reads once, into several buffers one after the other. */
export class ReadVectorOperation extends InputOperation<number> {
  declare private readonly buffers: readonly Uint8Array[];

  constructor(io: StreamIo, buffers: readonly Uint8Array[]) {
    super(io);
    this.buffers = requireBuffers(buffers, "read into");
  }

  protected override isEmpty(): boolean {
    if (!this.buffers.every(isEmpty)) return false;
    this.value = 0;
    return true;
  }

  protected override step(): boolean {
    const { io } = this;
    const count = io.core.kernel.tryReadVector(io.handle, this.buffers);
    if (count < 0) io.failed(io.input, count, this.action);
    else this.value = count;
    return count >= 0;
  }
}

/** Writes once. */
export class WriteOperation extends OutputOperation<number> {
  declare private readonly data: Uint8Array;

  constructor(io: StreamIo, data: Uint8Array) {
    super(io);
    this.data = requireBytes(data, "write");
  }

  protected override isEmpty(): boolean {
    if (this.data.length > 0) return false;
    this.value = 0;
    return true;
  }

  protected override step(): boolean {
    const count = this.io.write(this.data);
    if (count < 0) return false;
    this.value = count;
    return true;
  }
}

/** Writes until everything is written. */
export class WriteAllOperation extends OutputOperation<void> {
  declare private readonly data: Uint8Array;
  declare private count: number;

  constructor(io: StreamIo, data: Uint8Array) {
    super(io);
    this.data = requireBytes(data, "write");
    this.count = 0;
  }

  protected override isEmpty(): boolean {
    this.count = 0;
    return this.isDone();
  }

  protected override step(): boolean {
    const { data } = this;
    const count = this.io.write(this.count === 0 ? data : data.subarray(this.count));
    if (count < 0) return false;
    this.count += count;
    return this.isDone();
  }

  private isDone(): boolean {
    if (this.count < this.data.length) return false;
    this.value = undefined;
    return true;
  }
}

/** Writes several pieces at once. */
export class WriteVectorOperation extends OutputOperation<number> {
  declare private readonly data: readonly Uint8Array[];

  constructor(io: StreamIo, data: readonly Uint8Array[]) {
    super(io);
    this.data = requireBuffers(data, "write");
  }

  protected override isEmpty(): boolean {
    if (!this.data.every(isEmpty)) return false;
    this.value = 0;
    return true;
  }

  protected override step(): boolean {
    const { io } = this;
    const count = io.core.kernel.tryWriteVector(io.handle, this.data);
    if (count < 0) io.failed(io.output, count, this.action);
    else this.value = count;
    return count >= 0;
  }
}

/** A list of its own of what a call on several buffers may be given; EINVAL for anything else. */
export function requireBuffers(buffers: readonly Uint8Array[], action: string): readonly Uint8Array[] {
  if (!Array.isArray(buffers)) throw new SystemError("EINVAL", `Cannot ${action} '${String(buffers)}': it takes an array of Uint8Arrays`);
  return buffers.map((buffer) => requireBytes(buffer, action));
}

function isEmpty(buffer: Uint8Array): boolean {
  return buffer.length === 0;
}

/** What `accept` reports of a connection that has gone before it was taken: the next one may be better. */
const goneConnection: ReadonlySet<number> = new Set(
  ["ECONNABORTED", "EPROTO", "ENETDOWN", "ENOPROTOOPT", "EHOSTDOWN", "ENONET", "EHOSTUNREACH", "ENETUNREACH"].map((code) => -Errno[code]),
);

/** Takes a connection of a listener's. */
export class AcceptOperation<T> extends StreamOperation<T> {
  declare private readonly wrap: (handle: Handle) => T;

  constructor(io: StreamIo, wrap: (handle: Handle) => T) {
    super(io, io.input);
    this.wrap = wrap;
  }

  protected override get action(): string {
    return "accept a connection of";
  }

  protected override step(): boolean {
    const { io } = this;
    const handle = io.core.kernel.tryAccept(io.handle);
    if (handle >= 0) {
      this.value = this.wrap(handle);
      return true;
    }
    if (!goneConnection.has(handle)) io.failed(io.input, handle, this.action);
    return false;
  }
}

/** Makes a socket of a caller's go to an address. */
export class ConnectSocketOperation extends OutputOperation<void> {
  declare private readonly address: SocketAddress;
  declare private isUnderWay: boolean;

  constructor(io: StreamIo, address: SocketAddress) {
    super(io);
    this.address = address;
    this.isUnderWay = false;
  }

  protected override get action(): string {
    return `connect to ${describeAddress(this.address)} by`;
  }

  protected override step(): boolean {
    const { address, io } = this;
    const { kernel } = io.core;
    const result = this.isUnderWay ? kernel.socketError(io.handle) : kernel.connectSocket(io.handle, address);
    if (result >= 0) {
      this.value = undefined;
      return true;
    }
    if (this.isUnderWay || result !== -Errno.EINPROGRESS) throw addressError("connect to", address, result, "connect");
    this.isUnderWay = true;
    io.output.ready = false;
    return false;
  }
}

/** Waits until a stream that was opened has arrived. */
export class ArriveOperation extends OutputOperation<void> {
  declare private readonly address: SocketAddress;

  constructor(io: StreamIo, address: SocketAddress) {
    super(io);
    this.address = address;
  }

  protected override get action(): string {
    return "open";
  }

  /** A stream that has a peer has arrived; one that has neither peer nor error is on its way. */
  protected override step(): boolean {
    const { io } = this;
    const { kernel } = io.core;
    if (typeof kernel.remoteAddress(io.handle) !== "number") {
      this.value = undefined;
      return true;
    }
    const error = kernel.socketError(io.handle);
    if (error < 0) throw addressError("connect to", this.address, error, "connect");
    io.output.ready = false;
    return false;
  }
}
