/**
 * The descriptors and signals of one play.
 *
 * @module
 */

import { linuxKernel } from "../../event/mod.ts";
import type { Descriptor } from "./scripts.ts";

// As with the library: opened once, here.
const libc = Deno.dlopen("libc.so.6", {
  raise: { parameters: ["i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
}).symbols;

const kernel = linuxKernel();
const oneByte = Uint8Array.of(1);
const manyBytes = new Uint8Array(1 << 20);

const AF_UNIX = 1;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 0x8_0801;

function openPair(): [reader: number, writer: number] {
  const ends = new Int32Array(2);
  if (libc.socketpair(AF_UNIX, SOCK_STREAM_NONBLOCK_CLOEXEC, 0, ends) < 0) throw new Error("Cannot make a pair of sockets");
  return [ends[0], ends[1]];
}

/** A pipe and two pairs of sockets, whose reader can be ready for writing too, and what cannot be watched. */
export class Stage {
  readonly #readers: number[] = [];
  readonly #writers: number[] = [];
  readonly #file: number = libc.memfd_create(new Uint8Array([120, 0]), 0);

  constructor() {
    const pipe = kernel.openPipe();
    if (typeof pipe === "number") throw new Error(`Cannot make a pipe: errno ${-pipe}`);
    for (const [reader, writer] of [pipe, openPair(), openPair()]) {
      this.#readers.push(reader);
      this.#writers.push(writer);
    }
  }

  fd(descriptor: Descriptor): number {
    if (descriptor === "file") return this.#file;
    if (descriptor === "closed") return 1_000_000;
    if (descriptor === "negative") return -1;
    const [end, pipe] = descriptor.split(" ");
    return (end === "reader" ? this.#readers : this.#writers)[Number(pipe)];
  }

  /** One byte. */
  write(pipe: number): void {
    if (this.#writers[pipe] >= 0) kernel.tryWrite(this.#writers[pipe], oneByte);
  }

  /** As much as there is room for. */
  fill(pipe: number): void {
    if (this.#writers[pipe] >= 0) kernel.tryWrite(this.#writers[pipe], manyBytes);
  }

  /** All that is in it. */
  drain(pipe: number): void {
    kernel.tryRead(this.#readers[pipe], manyBytes);
  }

  /** Closes the writer of the last pipe, which nobody watches: its number may be somebody else's from now on. */
  hangUp(): void {
    if (this.#writers[2] >= 0) kernel.close(this.#writers[2]);
    this.#writers[2] = -1;
  }

  /** Sends a signal to this thread. */
  raise(signal: number): void {
    libc.raise(signal);
  }

  close(): void {
    for (const fd of [...this.#readers, ...this.#writers, this.#file]) {
      if (fd >= 0) kernel.close(fd);
    }
  }
}
