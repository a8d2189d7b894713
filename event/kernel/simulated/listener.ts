/**
 * Listening sockets.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { Result, SocketAddress } from "../kernel.ts";
import { type Letter, OpenFile } from "../emulated/open_file.ts";
import { describeAddress, Stream } from "./stream.ts";

/** What a listener is made with. */
export interface ListenerOptions {
  readonly backlog: number;
  readonly reusePort: boolean;
  /** Told when it is gone. */
  readonly onRelease: () => void;
}

/** A socket that takes connections in. */
export class Listener extends OpenFile {
  readonly address: SocketAddress;
  readonly reusePort: boolean;
  readonly #backlog: number;
  readonly #onRelease: () => void;
  /** Our ends of the connections that wait to be accepted. */
  readonly #accepted: Stream[] = [];
  /** TCP clients that find no room; they go on trying. */
  readonly #trying: Stream[] = [];

  constructor(address: SocketAddress, options: ListenerOptions) {
    super();
    this.address = address;
    this.reusePort = options.reusePort;
    this.#backlog = options.backlog;
    this.#onRelease = options.onRelease;
  }

  get description(): string {
    return `listener on ${describeAddress(this.address)}`;
  }

  /** Whether a new connection has to wait outside. Linux admits one more than the backlog. */
  get full(): boolean {
    return this.#accepted.length > this.#backlog;
  }

  override readiness(): number {
    return this.#accepted.length > 0 ? IoEvent.IN : 0;
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

  /** Connects the client, now or as soon as there is room. */
  admit(client: Stream): void {
    if (this.full) {
      this.#trying.push(client);
      return;
    }
    const server = new Stream(client.family);
    server.local = client.remote;
    server.remote = client.local;
    this.#accepted.push(server);
    Stream.join(client, server);
    this.notify(IoEvent.IN);
  }

  /** The connection that has waited longest. */
  accept(): Stream | undefined {
    const server = this.#accepted.shift();
    while (this.#trying.length > 0 && !this.full) {
      const client = this.#trying.shift()!;
      if (client.state === "connecting") this.admit(client);
    }
    return server;
  }

  /** Whoever was not accepted is refused, or cut off if already connected. */
  override release(): void {
    this.#onRelease();
    for (const server of this.#accepted) server.reset();
    for (const client of this.#trying) if (client.state === "connecting") client.fail(Errno.ECONNREFUSED);
  }
}
