/**
 * One connection as the host has it: what carries the bytes, and for TLS what makes them secret.
 *
 * @module
 */

import type { Socket } from "node:net";
import { lingerMilliseconds, partingMilliseconds } from "./linger.ts";
import type { Metered } from "./metered.ts";

/** A connection: `socket` is read from and written to, `raw` is what lies on the network, the same but for TLS. */
export class Wire {
  readonly raw: Socket;
  readonly socket: Socket;
  readonly #metered: Metered | undefined;

  /** `metered`: what stands between the two. */
  constructor(raw: Socket, socket: Socket = raw, metered?: Metered) {
    this.raw = raw;
    this.socket = socket;
    this.#metered = metered;
    metered?.serve(socket);
    // A socket keeps no process alive: a loop that is driven does.
    raw.unref();
  }

  /** Whether what is sent is secret. */
  get isSecure(): boolean {
    return this.socket !== this.raw;
  }

  /** Takes in no more than what is under way. */
  pause(): void {
    this.socket.pause();
    this.#metered?.close();
  }

  /** Takes in whatever comes. */
  resume(): void {
    this.#metered?.open();
    this.socket.resume();
  }

  /** Breaks the connection off; the other end learns of it by ECONNRESET where the network can tell. */
  reset(): void {
    if (this.raw.connecting || this.raw.remotePort === undefined) this.raw.destroy();
    else this.raw.resetAndDestroy();
    this.socket.destroy();
  }

  /** Lets go of it at once. */
  destroy(): void {
    this.socket.destroy();
    this.raw.destroy();
  }

  /**
   * Sends what is left, then lets go. Until then the process stays alive, unless the other end takes nothing for too long. What still comes is passed
   * over: a socket that is closed while something waits to be read is reset by the system, and the other end may lose what it has not read yet.
   */
  finish(): void {
    const { raw, socket } = this;
    this.resume();
    raw.ref();
    raw.setTimeout(lingerMilliseconds, () => this.destroy());
    // What TLS has handed on need not have gone further.
    socket.end(() => this.#metered === undefined ? this.#part() : this.#metered.stream.end(() => this.#part()));
  }

  /** All is sent. TLS sends of its own accord too, to this end as well, so a secure connection waits a while for the other end to close. */
  #part(): void {
    const { raw, socket } = this;
    const destroy = () => this.destroy();
    if (!this.isSecure || socket.readableEnded || socket.destroyed) return destroy();
    raw.unref();
    const timer = setTimeout(destroy, partingMilliseconds).unref();
    raw.once("close", () => clearTimeout(timer));
    socket.once("end", destroy);
  }
}
