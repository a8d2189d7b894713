/**
 * Datagram sockets.
 *
 * Some facts about their room: a socket of AF_UNIX sends into the receiver's queue, which takes a number of messages, and is charged for each of its
 * own that waits there; so what it sends waits or is refused, and is never lost. What comes by UDP and finds the queue full is lost.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent, MessageFlag } from "../../flags.ts";
import type { DatagramAddress, Result, SocketAddress } from "../kernel.ts";
import { type Delivery, type Letter, OpenFile } from "../emulated/open_file.ts";
import type { Parcel } from "../emulated/parcel.ts";
import { describeAddress } from "./stream.ts";

const { IN, OUT, ERR } = IoEvent;

/** For how many bytes a socket may be charged (net.core.wmem_default), and how many a UDP socket keeps for its receiver. */
const capacityBytes = 212_992;
/** What each message is charged for besides its bytes. */
const overheadBytes = 768;
/** How many messages may wait for a receiver of AF_UNIX before others are refused (net.unix.max_dgram_qlen). */
const queueLength = 10;

/** The largest message of each kind. */
const largest: Readonly<Record<DatagramFamily, number>> = { udp4: 65_507, udp6: 65_527, unix: capacityBytes - 32 };

/** What kind of socket. */
export type DatagramFamily = "udp4" | "udp6" | "unix";

/** A message that waits for its receiver. */
export interface Datagram {
  readonly data: Uint8Array;
  /** Whose it is. */
  readonly address: SocketAddress | undefined;
  readonly parcel: Parcel | undefined;
  /** The socket that is charged for it. */
  readonly payer: DatagramSocket | undefined;
}

/** How a message finds its way. */
export type Route = (sender: DatagramSocket, letter: Letter) => Result;

/** A socket that sends and receives messages. */
export class DatagramSocket extends OpenFile {
  readonly family: DatagramFamily;
  readonly options: { readonly reusePort: boolean; readonly broadcast: boolean };
  local: SocketAddress | undefined = undefined;
  remote: SocketAddress | undefined = undefined;
  isClosed = false;
  /** Told when it is gone. */
  onRelease: (() => void) | undefined = undefined;
  /** Those of AF_UNIX that are connected to it. */
  readonly followers: Set<DatagramSocket> = new Set();
  #peer: DatagramSocket | undefined = undefined;
  readonly #route: Route;
  #queue: Datagram[] = [];
  #queuedBytes = 0;
  #chargedBytes = 0;
  /** A positive errno that the next call on the socket takes. */
  #error = 0;
  #writeEnded = false;

  constructor(family: DatagramFamily, route: Route, address?: DatagramAddress) {
    super();
    this.family = family;
    this.#route = route;
    const { reusePort = false, broadcast = false } = address !== undefined && "port" in address ? address : {};
    this.options = { reusePort, broadcast };
  }

  get description(): string {
    return this.local === undefined ? "datagram socket" : `datagram socket on ${describeAddress(this.local)}`;
  }

  override get isSocket(): boolean {
    return true;
  }

  override get carriesHandles(): boolean {
    return this.family === "unix";
  }

  override readiness(): number {
    return (this.#queue.length > 0 ? IN : 0) | (this.isWritable ? OUT : 0) | (this.#error === 0 ? 0 : ERR);
  }

  /** Linux calls one of AF_UNIX writable only while three quarters of its room are left and its peer takes what it sends. */
  get isWritable(): boolean {
    return this.#chargedBytes * 4 <= capacityBytes && (this.#peer === undefined || this.#peer.takesFrom(this));
  }

  /** The socket of AF_UNIX that it is connected to. */
  get peer(): DatagramSocket | undefined {
    return this.#peer;
  }

  /** Connects it to another one, or to none. What it had from the one before is lost, and that one is told if it counts on this one. */
  connect(peer: DatagramSocket | undefined, remote?: SocketAddress): void {
    const before = this.#peer;
    this.remote = remote;
    if (peer === before) return;
    this.#peer = peer;
    before?.followers.delete(this);
    peer?.followers.add(this);
    if (before === undefined || this.#queue.length === 0) return;
    this.#clear();
    if (!before.isClosed && before.#peer === this) before.fail(Errno.ECONNRESET);
  }

  override read(buffer: Uint8Array): Result {
    if (buffer.length === 0) return 0;
    const delivery = this.receive(buffer, 0);
    if (typeof delivery === "number") return delivery;
    delivery.parcel?.discard();
    return delivery.count;
  }

  override receive(buffer: Uint8Array, flags: number): Delivery | Result {
    if (this.#error !== 0) return this.takeError();
    const datagram = this.#queue[0];
    if (datagram === undefined) return -Errno.EAGAIN;
    const part = datagram.data.subarray(0, buffer.length);
    buffer.set(part);
    if ((flags & MessageFlag.PEEK) === 0) this.#remove(datagram);
    return { count: part.length, wholeCount: datagram.data.length, address: datagram.address, parcel: datagram.parcel };
  }

  override write(data: Uint8Array): Result {
    return this.send({ data, address: undefined, parcel: undefined });
  }

  override send(letter: Letter): Result {
    if (this.#writeEnded) return -Errno.EPIPE;
    if (this.#error !== 0) return this.takeError();
    if (letter.data.length > largest[this.family]) return -Errno.EMSGSIZE;
    const result = this.#route(this, letter);
    // Linux charges one of AF_UNIX before it looks for the receiver: what was given back looks like room that was made.
    if (result < 0 && this.family === "unix" && this.isWritable) this.notify(OUT);
    return result;
  }

  /** Whether there is room for one more of its own on its way. */
  get mayCharge(): boolean {
    return this.#chargedBytes < capacityBytes;
  }

  /** Whether there is room for what a socket of AF_UNIX sends; what two that are connected with each other send is limited by its sender alone. */
  takesFrom(sender: DatagramSocket): boolean {
    return this.#peer === sender || this.#queue.length <= queueLength;
  }

  /** A message arrives, perhaps. By UDP it gets lost where there is no room for it. */
  admit(datagram: Datagram): void {
    const size = datagram.data.length + overheadBytes;
    if (this.family !== "unix" && this.#queuedBytes + size > capacityBytes) return;
    this.#queue.push({ ...datagram, data: datagram.data.slice() });
    this.#queuedBytes += size;
    if (datagram.payer !== undefined) datagram.payer.#chargedBytes += size;
    this.notify(IN);
  }

  #remove(datagram: Datagram): void {
    const size = datagram.data.length + overheadBytes;
    const wasFull = this.#queue.length > queueLength;
    this.#queue.shift();
    this.#queuedBytes -= size;
    const { payer } = datagram;
    if (payer !== undefined) payer.#chargedBytes -= size;
    for (const sender of wasFull ? [...this.followers, payer] : [payer]) if (sender?.isWritable) sender.notify(OUT);
  }

  /** The error that the socket holds, negative, and no longer. */
  takeError(): Result {
    const error = this.#error;
    this.#error = 0;
    return error === 0 ? 0 : -error;
  }

  /** What it has sent could not be delivered: the next call tells. */
  fail(errno: number): void {
    this.#error = errno;
    this.notify(this.readiness());
  }

  /** Ends the writing direction. */
  closeWrite(): Result {
    if (this.family !== "unix" && this.remote === undefined) return -Errno.ENOTCONN;
    this.#writeEnded = true;
    this.notify(this.readiness());
    return 0;
  }

  /** The last handle went, and with it all that nobody has received. */
  override release(): void {
    this.isClosed = true;
    this.onRelease?.();
    this.#clear();
    this.connect(undefined);
  }

  #clear(): void {
    for (let datagram = this.#queue[0]; datagram !== undefined; datagram = this.#queue[0]) {
      this.#remove(datagram);
      datagram.parcel?.discard();
    }
  }
}
