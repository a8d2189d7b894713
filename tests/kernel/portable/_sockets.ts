/**
 * Sockets of the portable kernel, and of somebody else's on the same host, for tests.
 *
 * @module
 */

import * as net from "node:net";
import { once } from "node:events";
import { assert, assertGreaterOrEqual } from "@std/assert";
import { errorCode } from "../../../event/errno.ts";
import { portableKernel } from "../../../event/kernel/portable/mod.ts";
import type { ClientTls, Handle, Kernel, Result, ServerTls, SocketAddress } from "../../../event/kernel/kernel.ts";

/** More turns of the host than anything takes that a test waits for. */
const patience = 20_000;

/** What a test opens. Disposed, all of it is closed, and the host has seen that. */
export class SocketTrial implements AsyncDisposable {
  readonly kernel: Kernel = portableKernel();
  readonly #handles = new Set<Handle>();
  readonly #foreign: { destroy(): void }[] = [];
  readonly #servers: net.Server[] = [];
  #closed = 0;
  #opened = 0;

  /** The handle that a call answered with. */
  own(result: Result): Handle {
    assertGreaterOrEqual(result, 0, `${errorCode(-result)} instead of a handle`);
    this.#handles.add(result);
    return result;
  }

  /** Closes a handle before the end. */
  drop(handle: Handle): void {
    this.#handles.delete(handle);
    assert(this.kernel.close(handle) === 0);
  }

  /** Gives the host turns until it is so. */
  async until(isSo: () => boolean): Promise<void> {
    for (let turns = 0; !isSo(); turns++) {
      assert(turns < patience, "It never happens");
      await this.kernel.turn("io");
    }
  }

  /** Gives the host turns until a number stays the same for long. */
  async settled(measure: () => number): Promise<number> {
    let last = measure();
    for (let quiet = 0; quiet < 30; quiet++) {
      await this.kernel.turn("io");
      const next = measure();
      if (next !== last) quiet = 0;
      last = next;
    }
    return last;
  }

  /** A listener of the kernel's, and where it is. */
  listen(address: SocketAddress = { hostname: "127.0.0.1", port: 0 }, tls?: ServerTls): [handle: Handle, port: number] {
    const handle = this.own(this.kernel.openListener(address, tls));
    const bound = this.kernel.localAddress(handle);
    return [handle, typeof bound === "object" && "port" in bound ? bound.port : 0];
  }

  /** The connection that comes next. */
  async accept(listener: Handle): Promise<Handle> {
    let result = -11;
    await this.until(() => (result = this.kernel.tryAccept(listener)) !== -11);
    return this.own(result);
  }

  /** A stream to a port of this machine's that has arrived, or failed. */
  async open(port: number, tls?: ClientTls): Promise<Handle> {
    const handle = this.own(this.kernel.openStream({ hostname: "127.0.0.1", port }, tls));
    let error = 0;
    await this.until(() => typeof this.kernel.remoteAddress(handle) === "object" || (error = this.kernel.socketError(handle)) < 0);
    assert(error === 0, errorCode(-error));
    return handle;
  }

  /** A server of somebody else's; `accept` is told of each connection. */
  async serve(accept: (socket: net.Socket) => void, server: net.Server = net.createServer({ allowHalfOpen: true })): Promise<number> {
    server.on(server.listenerCount("secureConnection") === 0 && "setSecureContext" in server ? "secureConnection" : "connection", accept);
    server.on("connection", (socket) => this.watch(socket));
    this.#servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as net.AddressInfo).port;
  }

  /** A socket of somebody else's, which is destroyed at the end. */
  watch<S extends net.Socket>(socket: S): S {
    this.#foreign.push(socket);
    this.#opened++;
    socket.on("error", () => {});
    socket.on("close", () => this.#closed++);
    return socket;
  }

  /** A socket of somebody else's that is connected to a port of this machine's. */
  async connect(port: number): Promise<net.Socket> {
    const socket = this.watch(net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }));
    await once(socket, "connect");
    return socket;
  }

  /**
   * Writes so many bytes to a socket of somebody else's, piece by piece as they are taken: how many were so far. What is written at once the host tells of
   * at once, when all of it was taken.
   */
  pour(socket: net.Socket, bytes: number): () => number {
    const piece = new Uint8Array(65_536);
    let taken = 0;
    const next = () => {
      if (taken >= bytes) return;
      socket.write(piece, () => {
        taken += piece.length;
        next();
      });
    };
    next();
    return () => taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const handle of this.#handles) this.kernel.close(handle);
    for (const socket of this.#foreign) socket.destroy();
    for (const server of this.#servers) server.close();
    await this.until(() => this.#closed === this.#opened);
    // What the kernel has let go of the host closes in turns of its own.
    for (let turns = 0; turns < 3; turns++) await this.kernel.turn("io");
  }
}

/** Reads all that is there: how many bytes came, and the error or end (0) that came last. */
export function readAll(kernel: Kernel, handle: Handle): [bytes: number, last: Result] {
  const buffer = new Uint8Array(65_536);
  let bytes = 0;
  while (true) {
    const count = kernel.tryRead(handle, buffer);
    if (count <= 0) return [bytes, count];
    bytes += count;
  }
}
