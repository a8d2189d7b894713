/**
 * Stream sockets.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent, MessageFlag } from "../../flags.ts";
import type { Result, SocketAddress } from "../kernel.ts";
import { ByteQueue, type Taken } from "../emulated/byte_queue.ts";
import { type Delivery, type Letter, OpenFile } from "../emulated/open_file.ts";
import type { Parcel } from "../emulated/parcel.ts";

/** How many bytes may be on their way in one direction. */
const capacityBytes = 212_992;

const { IN, OUT, ERR, HUP, RDHUP } = IoEvent;

/** One end of a connection, or of what may become one. */
export class Stream extends OpenFile {
  readonly family: "tcp" | "unix";
  state: "idle" | "connecting" | "connected" | "closed" = "idle";
  local: SocketAddress | undefined;
  remote: SocketAddress | undefined;
  /** A positive errno that the next call on the socket takes. */
  #error = 0;
  #peer: Stream | undefined;
  readonly #received = new ByteQueue();
  /** Nothing more will come. */
  #readEnded = false;
  /** Nothing more can be sent. */
  #writeEnded = false;

  constructor(family: "tcp" | "unix") {
    super();
    this.family = family;
  }

  /** Makes two streams the ends of one connection. */
  static join(one: Stream, other: Stream): void {
    one.#peer = other;
    other.#peer = one;
    one.#become("connected");
    other.#become("connected");
  }

  /** Whether there is a connection that can still break. */
  get isAlive(): boolean {
    return this.state === "connected" && !(this.#readEnded && this.#writeEnded);
  }

  get description(): string {
    return this.remote === undefined ? "stream" : `stream to ${describeAddress(this.remote)}`;
  }

  override get readableBytes(): number {
    return this.#received.size;
  }

  override readiness(): number {
    const error = this.#error === 0 ? 0 : IN | ERR;
    if (this.state === "connecting") return error;
    if (this.state === "idle") return OUT | HUP | error;
    return error | (this.#received.size > 0 ? IN : 0) | (this.#writeEnded || this.#room > 0 ? OUT : 0) |
      (this.#readEnded ? IN | RDHUP : 0) | (this.#readEnded && this.#writeEnded ? HUP : 0);
  }

  override get isSocket(): boolean {
    return true;
  }

  override get onlyCounts(): boolean {
    return this.family === "tcp";
  }

  override get carriesHandles(): boolean {
    return this.family === "unix";
  }

  override read(buffer: Uint8Array): Result {
    const delivery = this.receive(buffer, 0);
    if (typeof delivery === "number") return delivery;
    delivery.parcel?.discard();
    return delivery.count;
  }

  override receive(buffer: Uint8Array, flags: number): Delivery | Result {
    if (buffer.length === 0) return delivered(0);
    if (this.#received.size > 0) return this.#receive(buffer, flags);
    if (this.#error !== 0) return this.takeError();
    if (this.state === "idle") return -Errno.ENOTCONN;
    return this.#readEnded ? delivered(0) : -Errno.EAGAIN;
  }

  override write(data: Uint8Array): Result {
    return this.send({ data, address: undefined, parcel: undefined });
  }

  override send({ data, address, parcel }: Letter): Result {
    if (address !== undefined && this.family === "unix") return this.state === "connected" ? -Errno.EISCONN : -Errno.EOPNOTSUPP;
    // TCP tells of the error that it holds, AF_UNIX of the end, and keeps the error for whoever reads.
    if (this.#error !== 0 && !(this.#writeEnded && this.family === "unix")) return this.takeError();
    if (this.state === "idle") return -Errno.ENOTCONN;
    if (this.state === "connecting") return -Errno.EAGAIN;
    if (!this.#writeEnded && this.#peer?.state === "closed") this.#end();
    if (this.#writeEnded) return -Errno.EPIPE;
    if (data.length === 0) return 0;
    if (this.#room === 0) return -Errno.EAGAIN;
    const part = data.subarray(0, this.#room);
    this.#peer!.#received.push(part, parcel);
    this.#peer!.notify(IN);
    return part.length;
  }

  /** The error that the socket holds, negative, and no longer. */
  takeError(): Result {
    const error = this.#error;
    this.#error = 0;
    return error === 0 ? 0 : -error;
  }

  /** Ends the writing direction: the other side reads what is there, then the end. */
  closeWrite(): Result {
    if (this.state !== "connected") return -Errno.ENOTCONN;
    this.#writeEnded = true;
    this.notify(this.readiness());
    this.#peer!.#readEnded = true;
    this.#peer!.notify(this.#peer!.readiness());
    return 0;
  }

  /** The connection could not be made. */
  fail(errno: number): void {
    this.#error = errno;
    this.#become("idle");
  }

  /** The connection broke: both sides get ECONNRESET, what was on its way is lost. */
  reset(): void {
    for (const end of [this, this.#peer!]) {
      end.#received.clear();
      end.#error = Errno.ECONNRESET;
      end.#end();
    }
  }

  /** The last handle went: the peer reads what is there, then the end; ECONNRESET if it sent something that nobody read. */
  override release(): void {
    const peer = this.#peer;
    const wasConnected = this.state === "connected";
    this.state = "closed";
    const unread = this.#received.size > 0;
    this.#received.clear();
    if (!wasConnected || peer === undefined || peer.state === "closed") return;
    if (unread) peer.#error = Errno.ECONNRESET;
    // An AF_UNIX socket knows that its peer is gone; to TCP it might have ended its writing direction only.
    if (unread || this.family === "unix") return peer.#end();
    peer.#readEnded = true;
    peer.notify(peer.readiness());
  }

  get #room(): number {
    return this.#peer === undefined ? 0 : capacityBytes - this.#peer.#received.size;
  }

  #receive(buffer: Uint8Array, flags: number): Delivery {
    const { count, parcel } = (flags & MessageFlag.PEEK) !== 0 ? this.#received.peek(buffer) : this.#take(buffer);
    return delivered(count, parcel, this.family === "unix" ? this.remote : undefined);
  }

  /** TCP tells the writer of room after it had none, AF_UNIX whenever all of one write was read. */
  #take(buffer: Uint8Array): Taken {
    const wasFull = this.#peer!.#room === 0;
    const writes = this.#received.pushes;
    const taken = this.#received.take(buffer);
    if (wasFull || (this.family === "unix" && this.#received.pushes < writes)) this.#peer!.notify(OUT);
    return taken;
  }

  #become(state: "idle" | "connected"): void {
    this.state = state;
    this.notify(this.readiness());
  }

  #end(): void {
    this.#readEnded = true;
    this.#writeEnded = true;
    this.notify(this.readiness());
  }
}

function delivered(count: number, parcel?: Parcel, address?: SocketAddress): Delivery {
  return { count, wholeCount: count, address, parcel };
}

/** An address as it is written in messages. */
export function describeAddress(address: SocketAddress): string {
  if ("path" in address) return address.path;
  const hostname = address.hostname ?? "localhost";
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${address.port}`;
}
