/**
 * Listening sockets.
 *
 * The host accepts whatever comes, and cannot be held back. What waits here for somebody to take it is therefore limited by the backlog, and what comes
 * on top is cut off; where some have not ended their handshake yet, the oldest of these.
 *
 * @module
 */

import type { Server, Socket } from "node:net";
import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import { type Letter, OpenFile } from "../emulated/open_file.ts";
import type { Result, SocketAddress } from "../kernel.ts";
import { net } from "./builtin.ts";
import type { InternetAddress, UnixAddress } from "./addresses.ts";
import { bind } from "./bind.ts";
import { socketErrno } from "./socket_error.ts";
import { Stream } from "./stream.ts";
import { secureServer, type TlsContext } from "./tls.ts";
import { Wire } from "./wire.ts";

/** How long a client may take for a handshake, in milliseconds. */
const handshakeMilliseconds = 60_000;

/** A socket that takes connections in. */
export class Listener extends OpenFile {
  readonly #server: Server;
  readonly #context: TlsContext | undefined;
  readonly #backlog: number;
  #address: SocketAddress;
  /** The connections that wait to be accepted. */
  readonly #waiting: Stream[] = [];
  /** Those that are not secure yet, each with what ends its patience. */
  readonly #shaking = new Map<Stream, ReturnType<typeof setTimeout>>();
  /** A positive errno that the next call takes. */
  #error = 0;

  private constructor(address: SocketAddress, backlog: number, context: TlsContext | undefined) {
    super();
    this.#address = address;
    this.#backlog = backlog;
    this.#context = context;
    this.#server = net().createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (raw) => this.#admit(raw));
    this.#server.on("error", (error) => this.#fail(error));
  }

  /** A listener at the address; with a context it makes each connection secure before anybody gets it. */
  static open(address: InternetAddress | UnixAddress, backlog: number, context: TlsContext | undefined): Listener | Result {
    const listener = new Listener(address, backlog, context);
    try {
      const answer = bind(listener.#server, address, backlog);
      if (answer < 0) return answer;
    } catch (error) {
      return -socketErrno(error);
    }
    listener.#listens();
    return listener;
  }

  get description(): string {
    return "listener";
  }

  override get isFedByHost(): boolean {
    return true;
  }

  /** Where it listens: with the port that the system chose. */
  get localAddress(): SocketAddress {
    return this.#address;
  }

  /** It has no other end. */
  get remoteAddress(): Result {
    return -Errno.ENOTCONN;
  }

  override readiness(): number {
    return (this.#waiting.length > 0 ? IoEvent.IN : 0) | (this.#error === 0 ? 0 : IoEvent.IN | IoEvent.ERR);
  }

  override read(_buffer: Uint8Array): Result {
    return -Errno.ENOTCONN;
  }

  override write(_data: Uint8Array): Result {
    return -Errno.EPIPE;
  }

  override get isSocket(): boolean {
    return true;
  }

  override receive(buffer: Uint8Array, _flags: number): Result {
    return this.read(buffer);
  }

  override send({ data }: Letter): Result {
    return this.write(data);
  }

  /** The connection that has waited longest, which takes in what comes from now on, or the error that the socket holds. */
  accept(): Stream | Result {
    const stream = this.#waiting.shift();
    if (stream === undefined) return this.#error === 0 ? -Errno.EAGAIN : this.takeError();
    stream.begin();
    return stream;
  }

  /** It has no writing direction. */
  closeWrite(): Result {
    return -Errno.ENOTCONN;
  }

  /** The error that the socket holds, negative, and no longer. */
  takeError(): Result {
    const error = this.#error;
    this.#error = 0;
    return error === 0 ? 0 : -error;
  }

  /** Whoever was not accepted is cut off. The host removes the socket file. */
  override release(): void {
    this.#server.close();
    for (const stream of this.#waiting.splice(0)) stream.refuse();
    for (const stream of [...this.#shaking.keys()]) this.#giveUp(stream);
  }

  #listens(): void {
    const address = this.#server.address();
    // A server keeps no process alive: a loop that is driven does.
    this.#server.unref();
    if (typeof address === "object" && address !== null) this.#address = { hostname: address.address, port: address.port };
  }

  #admit(raw: Socket): void {
    const addresses = "path" in this.#address ? { local: this.#address } : {};
    if (this.#isFull) this.#giveUpOldest();
    if (this.#isFull || this.handles === 0) return new Stream(new Wire(raw), addresses).refuse();
    if (this.#context === undefined) return this.#offer(new Stream(new Wire(raw), { ...addresses, onArrival: () => {} }));
    const onArrival = (arrived: boolean) => this.#endHandshake(stream, arrived);
    const stream = new Stream(secureServer(raw, this.#context), { ...addresses, arrival: "secure", onArrival });
    this.#shaking.set(stream, setTimeout(() => this.#giveUp(stream), handshakeMilliseconds).unref());
  }

  /** Linux too admits one more than the backlog. */
  get #isFull(): boolean {
    return this.#waiting.length + this.#shaking.size > this.#backlog;
  }

  /** A handshake that has failed is nobody's concern but the client's. */
  #endHandshake(stream: Stream, arrived: boolean): void {
    clearTimeout(this.#shaking.get(stream));
    if (this.#shaking.delete(stream) && arrived) this.#offer(stream);
  }

  /** Makes room: whoever is silent longest does not keep others out. */
  #giveUpOldest(): void {
    for (const stream of this.#shaking.keys()) return this.#giveUp(stream);
  }

  #giveUp(stream: Stream): void {
    clearTimeout(this.#shaking.get(stream));
    this.#shaking.delete(stream);
    stream.refuse();
  }

  #offer(stream: Stream): void {
    this.#waiting.push(stream);
    this.notify(IoEvent.IN);
  }

  /** It goes on listening: what has failed is to take one in, for want of descriptors for example. */
  #fail(error: unknown): void {
    this.#error = socketErrno(error);
    this.notify(IoEvent.IN | IoEvent.ERR);
  }
}
