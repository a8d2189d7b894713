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
import type { Duplex } from "node:stream";
import { stream } from "./builtin.ts";
import { lingerMilliseconds } from "./linger.ts";

/** How long the secure socket may take to say that it has ended, in milliseconds. */
const endMilliseconds = 20;

/** A socket of the network that is read from only while it is open. */
export class Metered {
  /** What TLS is to talk through. */
  readonly stream: Duplex;
  readonly #raw: Socket;
  #isOpen = true;
  /** TLS has asked for more. */
  #isWanted = false;
  #secure: Socket | undefined = undefined;
  #hasEnded = false;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(raw: Socket) {
    this.stream = new (stream().Duplex)({
      allowHalfOpen: true,
      read: () => this.#read(),
      write: (chunk, _encoding, done) => void raw.write(chunk, done),
      final: (done) => void raw.end(() => done()),
      destroy: (error, done) => this.#destroy(error, done),
    });
    this.#raw = raw;
    raw.pause();
    raw.on("data", (chunk) => this.#take(chunk));
    raw.on("end", () => this.#end());
    raw.on("error", (error) => this.stream.destroy(error));
    raw.on("close", () => this.stream.destroy());
  }

  /** Which socket is secure by this one. */
  serve(secure: Socket): void {
    this.#secure = secure;
    // The end of what it writes is that of the network's too, or the other side, if it loses the goodbye, would wait for ever.
    secure.on("finish", () => this.stream.end());
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
    this.stream.push(null);
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
    this.#isWanted = this.stream.push(chunk);
    if (!this.#isWanted || !this.#isOpen) this.#raw.pause();
  }

  #read(): void {
    this.#isWanted = true;
    if (this.#isOpen) this.#raw.resume();
  }

  /** What was given to the network is still sent: the alert that says why. */
  #destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#raw.setTimeout(lingerMilliseconds, () => this.#raw.destroy());
    this.#raw.destroySoon();
    done(error);
  }
}
