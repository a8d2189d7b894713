/**
 * Stream sockets.
 *
 * Some facts about the host's sockets, and why it is done this way:
 *
 * - They are read from as soon as there is a connection, into a queue of limited size, and paused while that is full: what an interrupted read leaves
 *   stays in the queue, and the end and errors are told of without anybody having asked.
 * - `pause()` lets come what is under way: the queue takes that too, one chunk above its limit.
 * - What is written is copied and handed to the socket at once; it tells when the system has taken it. No more than a limited number of bytes is under
 *   way. That number falls in a turn of the host, never within a call.
 * - An error is followed by "close", which is when both directions have ended.
 * - A connection that is closed while something unread waits is reset, as the system itself would: it no longer knows of what the queue holds.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent, MessageFlag } from "../../flags.ts";
import { ByteQueue } from "../emulated/byte_queue.ts";
import { type Delivery, type Letter, OpenFile } from "../emulated/open_file.ts";
import type { Result, SocketAddress } from "../kernel.ts";
import { buffer } from "./builtin.ts";
import { socketErrno } from "./socket_error.ts";
import type { Wire } from "./wire.ts";

/** From how many bytes in the queue on the socket is paused, and up to how many may be on their way out. */
const capacityBytes = 262_144;

const { IN, OUT, ERR, HUP, RDHUP } = IoEvent;

/** How far a stream is, and where it leads. */
export interface StreamOptions {
  /** Which event says that it has arrived; `undefined`: it has. */
  readonly arrival?: "connect" | "secureConnect" | "secure";
  /** Told once when it has arrived or failed to. Then nothing is taken in before `begin`, else from the arrival on. */
  readonly onArrival?: (arrived: boolean) => void;
  /** Of an AF_UNIX socket, which the host does not tell. Default: what the socket says when it has arrived. */
  readonly local?: SocketAddress;
  readonly remote?: SocketAddress;
}

/** One end of a connection, or of what may become one. */
export class Stream extends OpenFile {
  readonly #wire: Wire;
  readonly #received = new ByteQueue();
  readonly #onArrival: ((arrived: boolean) => void) | undefined;
  #state: "connecting" | "connected" | "idle" | "closed" = "connecting";
  #local: SocketAddress | undefined;
  #remote: SocketAddress | undefined;
  /** A positive errno that the next call on the socket takes. */
  #error = 0;
  /** How many bytes are on their way out, and whether somebody waits for fewer. */
  #unsentBytes = 0;
  #isFull = false;
  #begun = false;
  #isPaused = false;
  /** Nothing more will come. */
  #readEnded = false;
  /** Nothing more can be sent. */
  #writeEnded = false;

  constructor(wire: Wire, options: StreamOptions) {
    super();
    this.#wire = wire;
    this.#local = options.local;
    this.#remote = options.remote;
    this.#onArrival = options.onArrival;
    const { raw, socket } = wire;
    socket.on("end", () => this.#endReading());
    socket.on("close", () => this.#end());
    for (const each of new Set([raw, socket])) each.on("error", (error) => this.#fail(error));
    if (options.arrival === undefined) this.#arrive();
    else socket.once(options.arrival, () => this.#arrive());
  }

  get description(): string {
    return "stream";
  }

  override get isFedByHost(): boolean {
    return true;
  }

  override get readableBytes(): number {
    return this.#received.size;
  }

  /** The protocol that both sides have agreed upon. */
  get alpnProtocol(): string | undefined {
    const { alpnProtocol } = this.#wire.socket as { alpnProtocol?: string | false | null };
    return alpnProtocol || undefined;
  }

  /** Where this end is bound. */
  get localAddress(): SocketAddress | undefined {
    return this.#local;
  }

  /** Where the other end is bound; ENOTCONN before there is one. */
  get remoteAddress(): SocketAddress | undefined | Result {
    return this.#state === "connected" ? this.#remote : -Errno.ENOTCONN;
  }

  override readiness(): number {
    const error = this.#error === 0 ? 0 : IN | ERR;
    if (this.#state === "connecting") return error;
    if (this.#state === "idle") return OUT | HUP | error;
    return error | (this.#received.size > 0 ? IN : 0) | (this.#writeEnded || !this.#isFull ? OUT : 0) |
      (this.#readEnded ? IN | RDHUP : 0) | (this.#readEnded && this.#writeEnded ? HUP : 0);
  }

  /** Takes in what comes, from now on. */
  begin(): void {
    if (!this.#begun) this.#wire.socket.on("data", (chunk) => this.#receive(chunk));
    this.#begun = true;
    this.#isPaused = false;
    this.#wire.resume();
  }

  override get isSocket(): boolean {
    return true;
  }

  override get onlyCounts(): boolean {
    return !this.#isUnix;
  }

  override read(buffer: Uint8Array): Result {
    return this.#read(buffer, 0);
  }

  override receive(buffer: Uint8Array, flags: number): Delivery | Result {
    const count = this.#read(buffer, flags);
    if (count < 0) return count;
    return { count, wholeCount: count, address: this.#isUnix ? this.#remote : undefined, parcel: undefined };
  }

  override write(data: Uint8Array): Result {
    return this.send({ data, address: undefined, parcel: undefined });
  }

  override send({ data, address }: Letter): Result {
    if (address !== undefined && this.#isUnix) return this.#state === "connected" ? -Errno.EISCONN : -Errno.EOPNOTSUPP;
    if (this.#error !== 0) return this.takeError();
    if (this.#state === "idle") return -Errno.ENOTCONN;
    if (this.#state === "connecting") return -Errno.EAGAIN;
    if (this.#writeEnded) return -Errno.EPIPE;
    if (data.length === 0) return 0;
    const length = Math.min(data.length, capacityBytes - this.#unsentBytes);
    if (length < data.length) this.#isFull = true;
    if (length === 0) return -Errno.EAGAIN;
    this.#unsentBytes += length;
    // Of the host's pool: to get memory of its own takes a small copy longer than all the rest.
    const copy = buffer().Buffer.allocUnsafe(length);
    copy.set(length === data.length ? data : data.subarray(0, length));
    this.#wire.socket.write(copy, () => this.#sent(length));
    return length;
  }

  /** The error that the socket holds, negative, and no longer. */
  takeError(): Result {
    const error = this.#error;
    this.#error = 0;
    return error === 0 ? 0 : -error;
  }

  /** Ends the writing direction: the other side reads what is on its way, then the end. */
  closeWrite(): Result {
    if (this.#state !== "connected" || this.#wire.socket.destroyed) return -Errno.ENOTCONN;
    if (this.#writeEnded) return 0;
    this.#writeEnded = true;
    this.#wire.socket.end();
    this.notify(this.readiness());
    return 0;
  }

  /** The connection is not wanted: it is broken off. */
  refuse(): void {
    this.#state = "closed";
    this.#wire.reset();
  }

  /** The last handle went. What was written is still sent. */
  override release(): void {
    const wasConnected = this.#state === "connected";
    this.#state = "closed";
    const wire = this.#wire;
    const { size } = this.#received;
    this.#received.clear();
    if (!wasConnected || wire.socket.destroyed) return wire.destroy();
    if (size > 0) return wire.reset();
    if (this.#unsentBytes === 0 && !wire.isSecure) return wire.destroy();
    wire.finish();
  }

  #arrive(): void {
    if (this.#state !== "connecting") return;
    this.#state = "connected";
    const { localAddress, localPort, remoteAddress, remotePort } = this.#wire.raw;
    if (localAddress !== undefined && localPort !== undefined) this.#local = { hostname: localAddress, port: localPort };
    if (remoteAddress !== undefined && remotePort !== undefined) this.#remote = { hostname: remoteAddress, port: remotePort };
    if (this.#onArrival === undefined) this.begin();
    else this.#wire.pause();
    this.#onArrival?.(true);
    this.notify(OUT);
  }

  #receive(chunk: Uint8Array): void {
    if (this.#state !== "connected") return;
    this.#received.give(chunk);
    if (!this.#isPaused && this.#received.size >= capacityBytes) {
      this.#isPaused = true;
      this.#wire.pause();
    }
    this.notify(IN);
  }

  #read(buffer: Uint8Array, flags: number): Result {
    if (buffer.length === 0) return 0;
    if (this.#received.size > 0) return this.#take(buffer, flags);
    if (this.#error !== 0) return this.takeError();
    if (this.#state === "idle") return -Errno.ENOTCONN;
    return this.#readEnded ? 0 : -Errno.EAGAIN;
  }

  #take(buffer: Uint8Array, flags: number): number {
    if ((flags & MessageFlag.PEEK) !== 0) return this.#received.peek(buffer).count;
    const count = this.#received.shift(buffer);
    if (this.#isPaused && this.#received.size <= capacityBytes / 2) this.begin();
    return count;
  }

  get #isUnix(): boolean {
    return this.#local !== undefined && "path" in this.#local || this.#remote !== undefined && "path" in this.#remote;
  }

  #sent(length: number): void {
    this.#unsentBytes -= length;
    if (!this.#isFull || this.#unsentBytes > capacityBytes / 2) return;
    this.#isFull = false;
    this.notify(OUT);
  }

  #endReading(): void {
    this.#readEnded = true;
    this.notify(this.readiness());
  }

  #fail(error: unknown): void {
    if (this.#state === "closed" || this.#error !== 0 || (this.#readEnded && this.#writeEnded)) return;
    this.#error = socketErrno(error);
    // Of two sockets only the one that has failed is closed by that. What TLS still has to say goes out first.
    this.#wire.socket.destroy();
    this.#end();
  }

  #end(): void {
    if (this.#state === "closed" || (this.#readEnded && this.#writeEnded)) return;
    const wasConnecting = this.#state === "connecting";
    if (wasConnecting) this.#state = "idle";
    this.#readEnded = true;
    this.#writeEnded = true;
    if (wasConnecting) this.#onArrival?.(false);
    this.notify(this.readiness());
  }
}
