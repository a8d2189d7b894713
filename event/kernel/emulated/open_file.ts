/**
 * What a handle stands for.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { Result, SocketAddress } from "../kernel.ts";
import type { Parcel } from "./parcel.ts";

/** Somebody who wants to know when an open file becomes ready. */
export interface Observer {
  /** `events`, an IoEvent word, became true, or true again. */
  notify(events: number): void;
  /** The file is gone: its last handle was closed. */
  gone(): void;
}

/** What a receiving call got. */
export interface Delivery {
  /** How many bytes stand in the buffer. */
  readonly count: number;
  /** How many there were. */
  readonly wholeCount: number;
  /** Whose they are. */
  readonly address: SocketAddress | undefined;
  /** The handles that came with them; they are still the file's where it was only looked at. */
  readonly parcel: Parcel | undefined;
}

/** What a sending call is to send. */
export interface Letter {
  readonly data: Uint8Array;
  /** Where to, if not where the socket is connected to. */
  readonly address: SocketAddress | undefined;
  /** Handles that go along: the receiver's once it is sent. */
  readonly parcel: Parcel | undefined;
}

/** An open file description: the thing that duplicates of a handle share. */
export abstract class OpenFile {
  readonly observers: Set<Observer> = new Set();
  /** How many handles stand for it, also those on their way in a message. */
  handles = 0;
  /** Whether its calls are to wait. Remembered only: they never do. */
  blocking = false;

  /** What it is, for the leak report. */
  abstract readonly description: string;

  /** Whether it can be waited for. */
  get watchable(): boolean {
    return true;
  }

  /** Whether what makes it ready comes by turns of the host's own event loop, so that a thread that sleeps never sees it. */
  get isFedByHost(): boolean {
    return false;
  }

  /** What is ready, an IoEvent word. */
  readiness(): number {
    return 0;
  }

  /** How many bytes `read` would give now. */
  get readableBytes(): number {
    return 0;
  }

  /** Up to how many bytes a write is done whole or not at all. */
  get atomicBytes(): number {
    return 0;
  }

  read(_buffer: Uint8Array): Result {
    return -Errno.EINVAL;
  }

  write(_data: Uint8Array): Result {
    return -Errno.EINVAL;
  }

  /** Whether it is a socket; the calls for messages are for those alone. */
  get isSocket(): boolean {
    return false;
  }

  /** Whether handles can go along with what it sends. */
  get carriesHandles(): boolean {
    return false;
  }

  /** With TRUNC it counts what it has and copies nothing, as TCP does. */
  get onlyCounts(): boolean {
    return false;
  }

  /** Takes a message, or what a stream has; `flags` is a MessageFlag word. */
  receive(_buffer: Uint8Array, _flags: number): Delivery | Result {
    return -Errno.ENOTSOCK;
  }

  /** Sends a message, or what fits into a stream. */
  send(_letter: Letter): Result {
    return -Errno.ENOTSOCK;
  }

  /** Told what a poll has reported of it. */
  reported(_events: number): void {}

  /** Told when the last handle was closed. */
  release(): void {}

  /** Tells the observers what became ready. */
  notify(events: number): void {
    for (const observer of this.observers) observer.notify(events);
  }
}

/** What is always empty and swallows everything, `/dev/null`. Like a regular file it cannot be waited for. */
export class NullDevice extends OpenFile {
  readonly description = "null device";

  override get watchable(): boolean {
    return false;
  }

  override readiness(): number {
    return IoEvent.IN | IoEvent.OUT;
  }

  override read(_buffer: Uint8Array): Result {
    return 0;
  }

  override write(data: Uint8Array): Result {
    return data.length;
  }
}
