/**
 * Parking: being called back when something happens, while the host's own event loop goes on.
 *
 * Some facts, and why it is done this way:
 *
 * - A call that may wait runs on one of the host's 32 pool threads and answers with a promise. Here it is poll(2), on the poller's epoll descriptor
 *   (it consumes nothing there), on an eventfd that ends it, and on a timer that limits it. Those two are in no epoll set: an end of a park by them is
 *   nothing that a poll would have to report.
 * - Such a call cannot be taken back. When the loop goes on for another reason it stays outstanding and serves the next park too. So "a call is
 *   outstanding" (`parked`) and "a callback is asked for" are two things. A limit that changes meanwhile reaches it: the timer is set, not the
 *   call's own timeout.
 * - What the call points to is libc's memory, for no JavaScript buffer may be in use by another thread.
 * - When all threads of the pool are taken the call waits in a queue, and nobody listens. So a timer of the host looks too: after 10 ms, then after
 *   twice that and so on, which makes the loop slower by as much again at worst, but not deaf. An idle process should not be woken for that for ever,
 *   though: with the first look goes a probe, a call that does nothing. The queue is first in, first out, so when the probe has been answered the
 *   call has its thread, and the looking ends.
 *
 * `onWake` is called when a call ends, for whatever reason, and when the host's timer found something before. Then the outstanding call still ends
 * some day and calls it once more.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import type { Usec } from "../../time.ts";
import type { Handle, Result } from "../kernel.ts";
import { setTimer } from "./clocks.ts";
import { close } from "./descriptors.ts";
import { type Address, allocateCopy, libc, result } from "./libc.ts";

const CLOCK_MONOTONIC = 1;
const TFD_NONBLOCK_CLOEXEC = 0x8_0800;
const EFD_NONBLOCK_CLOEXEC = 0x8_0800;
const POLLIN = 1;

/** When the host's timer looks, in milliseconds. */
const firstLook = 10;
const longestLook = 200;

/** What wakes: an eventfd's count, written and read. */
const one = Int32Array.of(1, 0);
const drained = new Int32Array(2);

/** What one poller parks with. */
export class Parking {
  /** Called when a park ends. */
  onWake: (() => void) | undefined = undefined;

  readonly #event: Handle;
  readonly #limit: Handle;
  readonly #watched: Int32Array<ArrayBuffer>;
  readonly #watchedAddress: Address;

  /** A callback is asked for. */
  #asked = false;
  /** The call to poll(2) is outstanding, */
  #listening = false;
  /** and known to have a thread; */
  #heard = false;
  /** which of the calls it is; */
  #call = 0;
  /** for which of them the last probe was sent; */
  #probed = 0;
  /** how many calls are outstanding, probes too. */
  #outstanding = 0;
  /** The eventfd was written to, so that the call ends. */
  #woken = false;
  #closing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #delay = firstLook;
  #isLimited = false;

  private constructor(event: Handle, limit: Handle, watched: Int32Array<ArrayBuffer>, watchedAddress: Address) {
    this.#event = event;
    this.#limit = limit;
    this.#watched = watched;
    this.#watchedAddress = watchedAddress;
  }

  /** All that it takes to park until `poller` is readable. */
  static open(poller: Handle): Parking | Result {
    const event = result(libc.eventfd(0, EFD_NONBLOCK_CLOEXEC));
    if (event < 0) return event;
    const limit = result(libc.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK_CLOEXEC));
    if (limit < 0) {
      close(event);
      return limit;
    }
    // Three structs pollfd: a descriptor, and what to wait for in the lower half of the next word.
    const watched = Int32Array.of(poller, POLLIN, event, POLLIN, limit, POLLIN);
    const address = allocateCopy(new Uint8Array(watched.buffer));
    if (address === 0n) {
      close(event);
      close(limit);
      return -Errno.ENOMEM;
    }
    return new Parking(event, limit, watched, address);
  }

  /** A call is outstanding, so `onWake` will be called. */
  get parked(): boolean {
    return this.#outstanding > 0;
  }

  /** Asks for a call of `onWake`. */
  park(): void {
    if (this.#asked) return;
    this.#asked = true;
    if (!this.#listening) this.#listen();
    if (!this.#heard) this.#lookAfter(firstLook);
  }

  /** Makes the outstanding call end. */
  wake(): void {
    if (!this.#listening || this.#woken) return;
    this.#woken = true;
    libc.write(this.#event, one, 8);
  }

  /** How long from now a park may last. A limit that has passed ends every park until another one is set. */
  limit(timeout: Usec): Result {
    const isLimited = timeout !== Infinity;
    if (!isLimited && !this.#isLimited) return 0;
    const answer = setTimer(this.#limit, 0, timeout);
    if (answer === 0) this.#isLimited = isLimited;
    return answer;
  }

  /** Gives everything back: at once, or when the outstanding call has ended, since another thread uses it until then. */
  close(): void {
    this.#closing = true;
    if (this.#listening) this.wake();
    else this.#release();
  }

  #release(): void {
    close(this.#event);
    close(this.#limit);
    libc.free(this.#watchedAddress);
  }

  #listen(): void {
    this.#listening = true;
    this.#heard = false;
    this.#call++;
    this.#outstanding++;
    libc.pollOnThread(this.#watchedAddress, 3n, -1).then(this.#ended, this.#ended);
  }

  readonly #ended = (): void => {
    this.#listening = false;
    this.#outstanding--;
    if (this.#woken) {
      this.#woken = false;
      libc.read(this.#event, drained, 8);
    }
    if (this.#closing) this.#release();
    this.#answer();
  };

  #answer(): void {
    this.#stopLooking();
    this.#asked = false;
    this.onWake?.();
  }

  #lookAfter(delay: number): void {
    this.#delay = delay;
    this.#timer = setTimeout(this.#look, delay);
  }

  #stopLooking(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (libc.poll(this.#watched, 3n, 0) !== 0) return this.#answer();
    if (this.#probed !== this.#call) this.#probe();
    this.#lookAfter(Math.min(this.#delay * 2, longestLook));
  };

  #probe(): void {
    const call = this.#probed = this.#call;
    const answered = () => {
      this.#outstanding--;
      if (!this.#listening) return this.#answer();
      if (call !== this.#call) return;
      this.#heard = true;
      this.#stopLooking();
    };
    this.#outstanding++;
    libc.pollOnThread(0n, 0n, 0).then(answered, answered);
  }
}
