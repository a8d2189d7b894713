/**
 * Handles and the open files behind them.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Handle, Result } from "../kernel.ts";
import type { OpenFile } from "./open_file.ts";

/** What one handle stands for. `owner`: the number of the process whose handle it is, where there are several. */
export interface Descriptor {
  readonly file: OpenFile;
  readonly owner: number;
}

/** All handles of a kernel, in one table. The lowest free number is used first, as Unix does it. */
export class Descriptors {
  readonly #firstHandle: Handle;
  /** By handle less the first one. */
  readonly #table: (Descriptor | undefined)[] = [];
  /** None before this one is free. */
  #lowestFree = 0;

  /** No handle will be below `firstHandle`. */
  constructor(firstHandle: Handle) {
    this.#firstHandle = firstHandle;
  }

  /** A new handle for the file. */
  open(file: OpenFile, owner: number = 0): Handle {
    let index = this.#lowestFree;
    while (this.#table[index] !== undefined) index++;
    this.#table[index] = { file, owner };
    this.#lowestFree = index + 1;
    hold(file);
    return this.#firstHandle + index;
  }

  /** What the handle stands for. */
  get(handle: Handle): Descriptor | undefined {
    return this.#table[handle - this.#firstHandle];
  }

  /** The file of a handle, if it is one of this kind. */
  find<F extends OpenFile>(handle: Handle, kind: abstract new (...args: never[]) => F): F | undefined {
    const file = this.get(handle)?.file;
    return file instanceof kind ? file : undefined;
  }

  /** Closes the handle, and the file with its last one. */
  close(handle: Handle): Result {
    const descriptor = this.get(handle);
    if (descriptor === undefined) return -Errno.EBADF;
    const index = handle - this.#firstHandle;
    this.#table[index] = undefined;
    this.#lowestFree = Math.min(this.#lowestFree, index);
    letGo(descriptor.file);
    return 0;
  }

  /** Every open handle of this owner. */
  *of(owner: number): Generator<[Handle, OpenFile]> {
    for (const [index, descriptor] of this.#table.entries()) {
      if (descriptor?.owner === owner) yield [this.#firstHandle + index, descriptor.file];
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
