/**
 * Handles and the open files behind them.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Handle, Result } from "../kernel.ts";
import type { OpenFile } from "./open_file.ts";

/** The first handle: those below are the standard streams'. */
const firstHandle = 3;

/** What one handle stands for. `owner`: the number of the process whose handle it is. */
export interface Descriptor {
  readonly file: OpenFile;
  readonly owner: number;
}

/** The handles of all processes of a simulation, in one table. The lowest free number is used first, as Unix does it. */
export class Descriptors {
  readonly #table: (Descriptor | undefined)[] = [];
  /** No handle below is free. */
  #lowestFree: Handle = firstHandle;

  /** A new handle for the file. */
  open(file: OpenFile, owner: number): Handle {
    let handle = this.#lowestFree;
    while (this.#table[handle] !== undefined) handle++;
    this.#table[handle] = { file, owner };
    this.#lowestFree = handle + 1;
    hold(file);
    return handle;
  }

  /** What the handle stands for. */
  get(handle: Handle): Descriptor | undefined {
    return this.#table[handle];
  }

  /** The file of a handle, if it is one of this kind. */
  find<F extends OpenFile>(handle: Handle, kind: abstract new (...args: never[]) => F): F | undefined {
    const file = this.#table[handle]?.file;
    return file instanceof kind ? file : undefined;
  }

  /** Closes the handle, and the file with its last one. */
  close(handle: Handle): Result {
    const descriptor = this.#table[handle];
    if (descriptor === undefined) return -Errno.EBADF;
    this.#table[handle] = undefined;
    this.#lowestFree = Math.min(this.#lowestFree, handle);
    letGo(descriptor.file);
    return 0;
  }

  /** Every open handle of this owner. */
  *of(owner: number): Generator<[Handle, OpenFile]> {
    for (const [handle, descriptor] of this.#table.entries()) {
      if (descriptor?.owner === owner) yield [handle, descriptor.file];
    }
  }
}

/** One thing more keeps the file open. */
export function hold(file: OpenFile): void {
  file.handles++;
}

/** One thing less does; with the last one it is closed. */
export function letGo(file: OpenFile): void {
  if (--file.handles > 0) return;
  for (const observer of [...file.observers]) observer.gone();
  file.observers.clear();
  file.release();
}
