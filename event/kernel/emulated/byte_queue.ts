/**
 * What is on its way from a writer to a reader.
 *
 * @module
 */

import type { Parcel } from "./parcel.ts";

/** What was pushed at once, or what is left of it. */
interface Chunk {
  readonly bytes: Uint8Array;
  /** The handles that come with its first byte. */
  readonly parcel: Parcel | undefined;
}

/** How many bytes were taken out, and the handles that came with them. */
export interface Taken {
  readonly count: number;
  readonly parcel: Parcel | undefined;
}

/** Bytes, first in first out. */
export class ByteQueue {
  /** How many bytes are in it. */
  size = 0;
  readonly #chunks: Chunk[] = [];

  /** From how many pushes the bytes are. */
  get pushes(): number {
    return this.#chunks.length;
  }

  /** Appends a copy of the bytes. */
  push(data: Uint8Array, parcel?: Parcel): void {
    if (data.length > 0) this.#append(data.slice(), parcel);
  }

  /** Appends bytes that nobody changes any more: without a copy, unless they would keep more memory than their own. */
  give(data: Uint8Array): void {
    if (data.length < data.buffer.byteLength) this.push(data);
    else if (data.length > 0) this.#append(data, undefined);
  }

  /** Moves the oldest bytes into the buffer, as many as it takes; how many. Handles get lost. */
  shift(buffer: Uint8Array): number {
    const { count, parcel } = this.take(buffer);
    parcel?.discard();
    return count;
  }

  /** Moves the oldest bytes into the buffer, as many as it takes, but none behind the first that come with handles: those end a message. */
  take(buffer: Uint8Array): Taken {
    let count = 0;
    let parcel: Parcel | undefined = undefined;
    while (count < buffer.length && this.size > 0 && parcel === undefined) {
      const chunk = this.#chunks[0];
      const room = buffer.length - count;
      const part = chunk.bytes.length <= room ? chunk.bytes : chunk.bytes.subarray(0, room);
      buffer.set(part, count);
      count += part.length;
      this.size -= part.length;
      parcel = chunk.parcel;
      if (part.length === chunk.bytes.length) this.#chunks.shift();
      else this.#chunks[0] = { bytes: chunk.bytes.subarray(part.length), parcel: undefined };
    }
    return { count, parcel };
  }

  /** Copies what {@linkcode take} would move, and leaves it there. As Linux has it, the handles may be those of a message behind these bytes. */
  peek(buffer: Uint8Array): Taken {
    let count = 0;
    for (const { bytes, parcel } of this.#chunks) {
      const part = bytes.subarray(0, buffer.length - count);
      buffer.set(part, count);
      count += part.length;
      if (parcel !== undefined) return { count, parcel };
    }
    return { count, parcel: undefined };
  }

  /** Throws everything away. */
  clear(): void {
    for (const { parcel } of this.#chunks.splice(0)) parcel?.discard();
    this.size = 0;
  }

  #append(bytes: Uint8Array, parcel: Parcel | undefined): void {
    this.#chunks.push({ bytes, parcel });
    this.size += bytes.length;
  }
}
