/**
 * How a scripted program learns of its input.
 *
 * @module
 */

import { IoEvent } from "../../flags.ts";
import type { Child } from "./child.ts";
import type { Observer, OpenFile } from "../emulated/open_file.ts";
import type { Timeline } from "./timeline.ts";

/** Calls a child's `onInput` for what comes on its standard input, while it runs. */
export class InputWatch implements Observer {
  readonly #child: Child;
  readonly #file: OpenFile;
  readonly #timeline: Timeline;
  #isScheduled = false;

  constructor(child: Child, file: OpenFile, timeline: Timeline) {
    this.#child = child;
    this.#file = file;
    this.#timeline = timeline;
    file.observers.add(this);
  }

  /** Something may have come. */
  notify(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#timeline.after(0, () => this.#tell());
  }

  /** The child has ended; its standard input may live on in others. */
  gone(): void {
    this.#file.observers.delete(this);
  }

  #tell(): void {
    this.#isScheduled = false;
    const isReady = (this.#file.readiness() & (IoEvent.IN | IoEvent.HUP)) !== 0;
    if (isReady && this.#child.state === "running") this.#child.onInput?.();
  }
}
