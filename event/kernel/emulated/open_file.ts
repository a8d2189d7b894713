/**
 * What a handle stands for.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { Result } from "../kernel.ts";

/** Somebody who wants to know when an open file becomes ready. */
export interface Observer {
  /** `events`, an IoEvent word, became true, or true again. */
  notify(events: number): void;
  /** The file is gone: its last handle was closed. */
  gone(): void;
}

/** An open file description: the thing that duplicates of a handle share. */
export abstract class OpenFile {
  readonly observers: Set<Observer> = new Set();
  /** How many handles stand for it. */
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
