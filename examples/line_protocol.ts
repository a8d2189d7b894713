/**
 * Lines and blocks of bytes on a connection.
 *
 * @module
 */

import { type Connection, type Operation, SystemError } from "@sd/fibers";

/** The longest line that is taken. */
const MOST_BYTES = 64 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Reads what a connection brings, line by line or in blocks of a known size. */
export class LineReader {
  readonly #connection: Connection;
  #buffer = new Uint8Array(1024);
  #start = 0;
  #end = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The next line without its end; `undefined` when there are no more. EMSGSIZE for one that is too long. */
  *line(): Operation<string | undefined> {
    for (let searched = this.#start;;) {
      const newline = this.#buffer.subarray(0, this.#end).indexOf(10, searched);
      const length = (newline < 0 ? this.#end : newline) - this.#start;
      if (length > MOST_BYTES) throw new SystemError("EMSGSIZE", `Cannot read a line of more than ${MOST_BYTES} bytes`);
      if (newline >= 0) {
        const line = decoder.decode(this.#buffer.subarray(this.#start, newline));
        this.#start = newline + 1;
        return line;
      }
      searched = length;
      if (!(yield* this.#fill())) return undefined;
    }
  }

  /** The next `count` bytes; fewer at the end. */
  *block(count: number): Operation<Uint8Array> {
    while (this.#end - this.#start < count && (yield* this.#fill()));
    const block = this.#buffer.slice(this.#start, Math.min(this.#start + count, this.#end));
    this.#start += block.length;
    return block;
  }

  /** Reads on, to the front of a buffer with room. */
  *#fill(): Operation<boolean> {
    const kept = this.#buffer.subarray(this.#start, this.#end);
    if (kept.length * 2 > this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(kept);
      this.#buffer = larger;
    } else {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#start = 0;
    this.#end = kept.length;
    const count = yield* this.#connection.read(this.#buffer.subarray(this.#end));
    this.#end += count ?? 0;
    return count !== null;
  }
}

/** Sends one line. */
export function writeLine(connection: Connection, line: string): Operation<void> {
  return connection.writeAll(encoder.encode(`${line}\n`));
}

/** Sends a block of bytes behind a line that tells how many: `data 12`. */
export function* writeBlock(connection: Connection, block: Uint8Array): Operation<void> {
  yield* writeLine(connection, `data ${block.length}`);
  yield* connection.writeAll(block);
}
