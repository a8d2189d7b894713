/**
 * Where the records of one owner's signals arrive, until they are read.
 *
 * Records come by two ways: through a pipe, into which a catcher writes them, and by a signalfd, for real-time signals that all threads block. An
 * epoll descriptor says whether either has any.
 *
 * @module
 */

import { IoEvent } from "../../flags.ts";
import type { Handle, Result, SignalRecord } from "../kernel.ts";
import { openPipe } from "./descriptors.ts";
import { addressOf, failure, fixedWords, libc, result } from "./libc.ts";
import { decodeRecord, decodeSignalfdRecord, RECORD_BYTES, SIGNALFD_RECORD_BYTES } from "./signal_queue.ts";

const EPOLL_CLOEXEC = 0o2000000;
const SFD_CLOEXEC_NONBLOCK = 0o2004000;
const EPOLL_CTL_ADD = 1;

/** struct epoll_event is packed on x86-64: the events, then 8 bytes that nobody looks at here. */
const wantInput = fixedWords(4, [IoEvent.IN]);

/** As much as a pipe of the default size holds. */
const batch = new DataView(new ArrayBuffer(0x1_0000));

/** The descriptors of one owner. */
export class SignalInbox {
  /** Readable when there are records. */
  readonly handle: Handle;
  /** What a catcher writes records to. */
  readonly writer: Handle;
  readonly #reader: Handle;
  #signalfd: Handle = -1;
  readonly #realtime = new Uint8Array(128);

  private constructor(handle: Handle, reader: Handle, writer: Handle) {
    this.handle = handle;
    this.#reader = reader;
    this.writer = writer;
  }

  /** Opens one. */
  static open(): SignalInbox | Result {
    const pipe = openPipe();
    if (typeof pipe === "number") return pipe;
    const [reader, writer] = pipe;
    const handle = result(libc.epoll_create1(EPOLL_CLOEXEC));
    const failed = handle < 0 ? handle : watch(handle, reader);
    if (failed === 0) return new SignalInbox(handle, reader, writer);
    for (const opened of [reader, writer, handle]) if (opened >= 0) libc.close(opened);
    return failed;
  }

  /** Reads this real-time signal, too, from what is pending for the process. */
  include(signal: number): Result {
    this.#realtime[(signal - 1) >> 3] |= 1 << ((signal - 1) & 7);
    const failed = this.#update();
    if (failed < 0) this.exclude(signal);
    return failed;
  }

  /** Leaves this real-time signal pending. */
  exclude(signal: number): void {
    this.#realtime[(signal - 1) >> 3] &= ~(1 << ((signal - 1) & 7));
    if (this.#signalfd >= 0) this.#update();
  }

  /** Hands over the records that are there; of real-time signals no more than a batch, lowest number first, and the rest the next time. */
  read(receive: (record: SignalRecord) => void): void {
    // Of a classic signal there is one, of a real-time signal at most one from each thread: a batch holds them all.
    const written = libc.read(this.#reader, batch, batch.byteLength);
    for (let at = 0; at < written; at += RECORD_BYTES) receive(decodeRecord(batch, at));
    if (this.#signalfd < 0) return;
    const pending = libc.read(this.#signalfd, batch, batch.byteLength);
    for (let at = 0; at < pending; at += SIGNALFD_RECORD_BYTES) receive(decodeSignalfdRecord(batch, at));
  }

  /** Closes it. The writing end goes first, as nobody may write to a pipe that nobody can read. */
  close(): void {
    libc.close(this.writer);
    libc.close(this.#reader);
    if (this.#signalfd >= 0) libc.close(this.#signalfd);
    libc.close(this.handle);
  }

  #update(): Result {
    const signalfd = result(libc.signalfd(this.#signalfd, this.#realtime, SFD_CLOEXEC_NONBLOCK));
    if (signalfd < 0 || signalfd === this.#signalfd) return Math.min(signalfd, 0);
    const failed = watch(this.handle, signalfd);
    if (failed === 0) this.#signalfd = signalfd;
    else libc.close(signalfd);
    return failed;
  }
}

function watch(epoll: Handle, handle: Handle): Result {
  return libc.epoll_ctl(epoll, EPOLL_CTL_ADD, handle, addressOf(wantInput)) < 0 ? failure() : 0;
}
