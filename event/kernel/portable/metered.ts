/**
 * What TLS needs on a host that reads too much of it and loses its end.
 *
 * Deno reads for TLS however long the secure socket has been paused, and keeps all of that in memory. And it loses the end at times: where the other
 * side's goodbye comes together with data, the secure socket never says that it has ended, not even when the network has. So there the socket of the
 * network is not handed to TLS as it is. This stands in between, lets through only what somebody is about to read, and ends the secure socket itself
 * where the network has ended, everything was read, and nothing more came of it.
 *
 * @module
 */

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { clearTimeout, setTimeout } from "node:timers";
import { lingerMilliseconds } from "./linger.ts";

/** How long the secure socket may take to say that it has ended, in milliseconds. */
const endMilliseconds = 20;

/** A socket of the network that is read from only while it is open. */
export class Metered extends Duplex {
  readonly #raw: Socket;
  #isOpen = true;
  /** TLS has asked for more. */
  #isWanted = false;
  #secure: Socket | undefined = undefined;
  #hasEnded = false;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(raw: Socket) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
    raw.pause();
    raw.on("data", (chunk) => this.#take(chunk));
    raw.on("end", () => this.#end());
    raw.on("error", (error) => this.destroy(error));
    raw.on("close", () => this.destroy());
  }

  /** Which socket is secure by this one. */
  serve(secure: Socket): void {
    this.#secure = secure;
    // The end of what it writes is that of the network's too, or the other side, if it loses the goodbye, would wait for ever.
    secure.on("finish", () => this.end());
    secure.on("close", () => clearTimeout(this.#timer));
  }

  /** Lets everything through. */
  open(): void {
    this.#isOpen = true;
    if (this.#hasEnded) this.#awaitEnd();
    if (this.#isWanted) this.#raw.resume();
  }

  /** Lets nothing more through than what is under way. */
  close(): void {
    this.#isOpen = false;
    this.#raw.pause();
  }

  #end(): void {
    this.#hasEnded = true;
    this.push(null);
    if (this.#isOpen) this.#awaitEnd();
  }

  #awaitEnd(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#endSecure(), endMilliseconds).unref();
  }

  /** While somebody has yet to read what came, there is no hurry. */
  #endSecure(): void {
    const secure = this.#secure;
    if (secure === undefined || secure.readableEnded || secure.destroyed || !this.#isOpen) return;
    if (secure.readableLength > 0 || secure.isPaused()) return this.#awaitEnd();
    secure.push(null);
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
