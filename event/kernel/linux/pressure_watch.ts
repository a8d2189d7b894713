/**
 * Watching the kernel's own pressure files.
 *
 * Such a file says once that there was pressure, to the first who asks. Whoever asks an epoll descriptor whether it is readable asks all that is in
 * its set, and drops the answers: a park does that, and a loop that watches another loop. So a pressure file must not be in the set, or news of
 * pressure gets lost. Asynchronous I/O asks in its place, keeps the answer and counts an eventfd up, and that one is in the set.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { IoEvent } from "../../flags.ts";
import type { Handle, Result } from "../kernel.ts";
import { close } from "./descriptors.ts";
import { type Address, allocateCopy, isArm, libc, result } from "./libc.ts";

const EFD_NONBLOCK_CLOEXEC = 0x8_0800;
const IOCB_CMD_POLL = 5;
const IOCB_FLAG_RESFD = 1;

/** The calls have numbers of their own on each processor. */
const [ioSetup, ioSubmit, ioCancel, ioGetevents] = isArm ? [0n, 2n, 3n, 4n] : [206n, 209n, 210n, 208n];

/** How many files may be watched at a time, and room for the answers about them, which the eventfds have told already. */
const capacity = 128;
const answers = new Int32Array(8 * capacity);

/** Where the kernel keeps what is asked; 0 until something is. One for the isolate and its whole life: to give one back takes 30 ms. */
const context = new BigUint64Array(1);

/** One pressure file that is watched. */
export class PressureWatch {
  /** Counted up with the answer, so that it is an edge. It is never read. */
  readonly event: Handle;
  #token: number;
  #oneshot: boolean;
  readonly #request: Address;
  #isAsking = false;

  private constructor(event: Handle, request: Address, oneshot: boolean, token: number) {
    this.event = event;
    this.#token = token;
    this.#oneshot = oneshot;
    this.#request = request;
  }

  /** Begins to watch. −ENOSYS, −EPERM and others where there is no asynchronous I/O to be had. */
  static open(file: Handle, oneshot: boolean, token: number): PressureWatch | Result {
    const answer = context[0] === 0n ? result(libc.io_setup(ioSetup, capacity, context)) : 0;
    if (answer < 0) return answer;
    const event = result(libc.eventfd(0, EFD_NONBLOCK_CLOEXEC));
    if (event < 0) return event;
    const request = allocateCopy(new Uint8Array(describeRequest(file, event).buffer));
    const watch = new PressureWatch(event, request, oneshot, token);
    const asked = request === 0n ? -Errno.ENOMEM : watch.#ask();
    if (asked === 0) return watch;
    watch.close();
    return asked;
  }

  /** Goes on with another token, and asks unless an answer is still to come. */
  change(oneshot: boolean, token: number): Result {
    this.#oneshot = oneshot;
    this.#token = token;
    return this.#isAsking ? 0 : this.#ask();
  }

  /** The answer has come: whose it is. It asks again unless it was to do so once. */
  take(): number {
    this.#isAsking = false;
    if (!this.#oneshot) this.#ask();
    return this.#token;
  }

  #ask(): Result {
    // Answers that nobody takes would stand in the way of new ones.
    libc.io_getevents(ioGetevents, context[0], 0, capacity, answers, null);
    const answer = result(libc.io_submit(ioSubmit, context[0], 1, BigUint64Array.of(this.#request)));
    if (answer < 0) return answer;
    this.#isAsking = true;
    return 0;
  }

  /** Ends it. */
  close(): void {
    if (this.#isAsking) libc.io_cancel(ioCancel, context[0], this.#request, answers);
    libc.free(this.#request);
    close(this.event);
  }
}

/** A struct iocb that asks for a poll of the file. */
function describeRequest(file: Handle, event: Handle): Int32Array<ArrayBuffer> {
  const request = new Int32Array(16);
  request[4] = IOCB_CMD_POLL;
  request[5] = file;
  request[6] = IoEvent.PRI;
  request[14] = IOCB_FLAG_RESFD;
  request[15] = event;
  return request;
}
