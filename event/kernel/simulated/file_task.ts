/**
 * What takes its time on the virtual disk.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { CompletionResult } from "../kernel.ts";
import type { Observer, OpenFile } from "../emulated/open_file.ts";
import type { World } from "./world.ts";

/** Until the disk has done the next piece, or until an open file tells of something. */
export type Pause = "disk" | OpenFile;

/** Work on a file, which pauses at each `yield` and may be ended there. */
export type FileWork = Generator<Pause, CompletionResult, void>;

/** Work under way: it ends by what it returns. What it holds open it gives back in its `finally`. */
export class FileTask implements Observer {
  readonly #world: World;
  readonly #work: FileWork;
  readonly #done: (result: CompletionResult) => void;
  #awaited: OpenFile | undefined = undefined;
  #isStopped = false;
  #isAbandoned = false;

  constructor(world: World, work: FileWork, done: (result: CompletionResult) => void) {
    this.#world = world;
    this.#work = work;
    this.#done = done;
    this.#goOnSoon();
  }

  /** Ends it when the disk has done what it is at, or at once if it waits for somebody else. */
  stop(): void {
    this.#isStopped = true;
    if (this.#awaited !== undefined) this.notify();
  }

  /** Ends it on the spot; nobody is told. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#awaited?.observers.delete(this);
    this.#work.return(-Errno.ECANCELED);
  }

  notify(): void {
    this.#awaited?.observers.delete(this);
    this.#awaited = undefined;
    this.#goOnSoon();
  }

  gone(): void {}

  #goOnSoon(): void {
    this.#world.timeline.after(this.#world.files.latency, () => this.#goOn());
    this.#world.parking.lookSoon();
  }

  #goOn(): void {
    if (this.#isAbandoned) return;
    const { done, value } = this.#isStopped ? this.#work.return(-Errno.ECANCELED) : this.#work.next();
    if (done) return this.#done(value);
    if (value === "disk") return this.#goOnSoon();
    this.#awaited = value;
    value.observers.add(this);
  }
}
