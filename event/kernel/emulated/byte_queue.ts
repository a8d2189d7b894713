/**
 * What is on its way from a writer to a reader.
 *
 * @module
 */

/** Bytes, first in first out. */
export class ByteQueue {
  /** How many bytes are in it. */
  size = 0;
  readonly #chunks: Uint8Array[] = [];

  /** From how many pushes the bytes are. */
  get pushes(): number {
    return this.#chunks.length;
  }

  /** Appends a copy of the bytes. */
  push(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#chunks.push(data.slice());
    this.size += data.length;
  }

  /** Moves the oldest bytes into the buffer, as many as it takes; how many. */
  shift(buffer: Uint8Array): number {
    let count = 0;
    while (count < buffer.length && this.size > 0) {
      const chunk = this.#chunks[0];
      const part = chunk.subarray(0, buffer.length - count);
      buffer.set(part, count);
      count += part.length;
      this.size -= part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    return count;
  }

  /** Throws everything away. */
  clear(): void {
    this.#chunks.length = 0;
    this.size = 0;
  }
}
