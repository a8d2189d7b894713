/**
 * What holds TLS back on a host that takes in too much.
 *
 * Deno reads for TLS however long the secure socket has been paused, and keeps all of that in memory. So there the socket of the network is not handed
 * to TLS as it is: this stands in between, and lets through only what somebody is about to read.
 *
 * @module
 */

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { lingerMilliseconds } from "./linger.ts";

/** A socket of the network that is read from only while it is open. */
export class Metered extends Duplex {
  readonly #raw: Socket;
  #isOpen = true;
  /** TLS has asked for more. */
  #isWanted = false;

  constructor(raw: Socket) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
    raw.pause();
    raw.on("data", (chunk) => this.#take(chunk));
    raw.on("end", () => this.push(null));
    raw.on("error", (error) => this.destroy(error));
    raw.on("close", () => this.destroy());
  }

  /** Lets everything through. */
  open(): void {
    this.#isOpen = true;
    if (this.#isWanted) this.#raw.resume();
  }

  /** Lets nothing more through than what is under way. */
  close(): void {
    this.#isOpen = false;
    this.#raw.pause();
  }

  #take(chunk: Uint8Array): void {
    this.#isWanted = this.push(chunk);
    if (!this.#isWanted || !this.#isOpen) this.#raw.pause();
  }

  override _read(): void {
    this.#isWanted = true;
    if (this.#isOpen) this.#raw.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#raw.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#raw.end(() => done());
  }

  /** What was given to the network is still sent: the alert that says why. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#raw.setTimeout(lingerMilliseconds, () => this.#raw.destroy());
    this.#raw.destroySoon();
    done(error);
  }
}
