/**
 * Handles on their way with a message.
 *
 * @module
 */

import type { Handle } from "../kernel.ts";
import { type Descriptors, hold, letGo } from "./descriptors.ts";
import type { OpenFile } from "./open_file.ts";

/** The open files that handles were sent for. As long as they are on their way they stay open, whatever happens to the sender's handles. */
export class Parcel {
  readonly files: readonly OpenFile[];

  constructor(files: readonly OpenFile[]) {
    this.files = files;
    for (const file of files) hold(file);
  }

  /** New handles for them, of `owner`, and no more than that many. The parcel keeps its own. */
  open(descriptors: Descriptors, owner: number, maxHandles: number): Handle[] {
    return this.files.slice(0, maxHandles).map((file) => descriptors.open(file, owner));
  }

  /** It has arrived, or got lost. */
  discard(): void {
    for (const file of this.files) letGo(file);
  }
}
