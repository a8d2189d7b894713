/**
 * Waiting for what is behind a path and is no file: the other end of a FIFO, a terminal.
 *
 * A thread of the host's pool waits, by poll(2), for the descriptor and for an eventfd that ends the wait.
 *
 * @module
 */

import type { Handle, Result } from "../kernel.ts";
import { Errno } from "../../errno.ts";
import { close } from "./descriptors.ts";
import { type Address, allocateCopy, libc, result } from "./libc.ts";

const EFD_NONBLOCK_CLOEXEC = 0x8_0800;
const POLLIN = 1;

/** What is written to the eventfd. */
const one = Int32Array.of(1, 0);

/** Waits for one descriptor, again and again. */
export class FileWait implements Disposable {
  readonly #event: Handle;
  readonly #watched: Address;

  private constructor(event: Handle, watched: Address) {
    this.#event = event;
    this.#watched = watched;
  }

  /** `events` is a word of poll(2). */
  static open(handle: Handle, events: number): FileWait | Result {
    const event = result(libc.eventfd(0, EFD_NONBLOCK_CLOEXEC));
    if (event < 0) return event;
    // Two structs pollfd: a descriptor, and what to wait for in the lower half of the next word.
    const watched = allocateCopy(new Uint8Array(Int32Array.of(handle, events, event, POLLIN).buffer));
    if (watched !== 0n) return new FileWait(event, watched);
    close(event);
    return -Errno.ENOMEM;
  }

  /** Until it is ready, or {@linkcode end} was called. */
  async ready(): Promise<void> {
    await libc.pollOnThread(this.#watched, 2n, -1);
  }

  /** Ends all waits from now on. */
  end(): void {
    libc.write(this.#event, one, 8);
  }

  /** Not while somebody waits. */
  [Symbol.dispose](): void {
    close(this.#event);
    libc.free(this.#watched);
  }
}
