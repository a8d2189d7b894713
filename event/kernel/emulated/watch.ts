/**
 * One handle watched by one poller.
 *
 * @module
 */

import { IoEvent } from "../../flags.ts";
import type { Handle } from "../kernel.ts";
import type { Observer, OpenFile } from "./open_file.ts";

/** Who watches. */
export interface Watcher {
  /** The watch has something to report, perhaps. */
  enqueue(watch: Watch): void;
  /** The watch is over. */
  forget(watch: Watch): void;
}

/** What a poller knows of a handle it watches. */
export class Watch implements Observer {
  readonly watcher: Watcher;
  readonly handle: Handle;
  readonly file: OpenFile;
  token = 0;
  oneshot = false;
  edge = false;
  /** What is reported; nothing after the one report of `oneshot`. */
  #reported = 0;

  constructor(watcher: Watcher, handle: Handle, file: OpenFile) {
    this.watcher = watcher;
    this.handle = handle;
    this.file = file;
  }

  /** Begins to watch, or goes on with something else. What is ready already counts as new. */
  arm(events: number, oneshot: boolean, token: number): void {
    this.token = token;
    this.oneshot = oneshot;
    this.edge = (events & IoEvent.ET) !== 0;
    this.#reported = (events | IoEvent.ERR | IoEvent.HUP) & ~IoEvent.ET;
    this.notify(this.file.readiness());
  }

  /** Reports nothing until it is armed again. */
  disarm(): void {
    this.#reported = 0;
  }

  /** Whether it may report something some day. */
  get isArmed(): boolean {
    return this.#reported !== 0;
  }

  /** What there is to report now. */
  ready(): number {
    return this.file.readiness() & this.#reported;
  }

  notify(events: number): void {
    if ((events & this.#reported) !== 0) this.watcher.enqueue(this);
  }

  gone(): void {
    this.watcher.forget(this);
  }
}
