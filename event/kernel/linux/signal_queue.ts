/**
 * Signals that have arrived and wait to be taken, as the kernel's own queue of pending signals would hold them.
 *
 * @module
 */

import type { SignalRecord } from "../kernel.ts";

/** How much of a siginfo is written as a record: all fields that a {@linkcode SignalRecord} has stand before that. */
export const RECORD_BYTES = 32;

/** The first real-time signal. Of the ones below, the classic signals, no more than one waits at a time. */
const firstRealtime = 32;

/** The last signal number. */
export const LAST_SIGNAL = 64;

/** Whether the signals of this number queue. */
export function isRealtime(signal: number): boolean {
  return signal >= firstRealtime;
}

/**
 * How many records of one real-time signal may wait; what comes then is lost. The kernel's own limit, RLIMIT_SIGPENDING, counts what one user's
 * processes have not been handed yet, and is smaller than this on all but the largest machines.
 */
const limit = 1 << 20;

/** Records that wait, by signal number. */
export class SignalQueue {
  /** How many records wait. */
  length = 0;
  readonly #waiting: Fifo[] = Array.from({ length: LAST_SIGNAL + 1 }, () => new Fifo());

  /** Adds a record, unless one of the same classic signal waits: the kernel keeps the first one too. */
  push(record: SignalRecord): void {
    const fifo = this.#waiting[record.signal];
    if (fifo.length >= (isRealtime(record.signal) ? limit : 1)) return;
    fifo.push(record);
    this.length++;
  }

  /** The oldest record of the lowest number in `set` that has one. */
  take(set: readonly number[]): SignalRecord | undefined {
    const signal = this.#lowest(set);
    if (signal === undefined) return undefined;
    this.length--;
    return this.#waiting[signal].shift();
  }

  /** Whether a record of `set` waits. */
  has(set: readonly number[]): boolean {
    return this.#lowest(set) !== undefined;
  }

  /** Forgets all records of a signal. */
  drop(signal: number): void {
    this.length -= this.#waiting[signal].length;
    this.#waiting[signal] = new Fifo();
  }

  #lowest(set: readonly number[]): number | undefined {
    if (this.length === 0) return undefined;
    let lowest: number | undefined;
    for (const signal of set) {
      if ((lowest === undefined || signal < lowest) && (this.#waiting[signal]?.length ?? 0) > 0) lowest = signal;
    }
    return lowest;
  }
}

/** First in, first out. Taking from the head of a long array would move all the rest each time, so it moves the head. */
class Fifo {
  #records: SignalRecord[] = [];
  #head = 0;

  get length(): number {
    return this.#records.length - this.#head;
  }

  push(record: SignalRecord): void {
    this.#records.push(record);
  }

  shift(): SignalRecord | undefined {
    const record = this.#records[this.#head++];
    if (this.#head * 2 >= this.#records.length) {
      this.#records.splice(0, this.#head);
      this.#head = 0;
    }
    return record;
  }
}

const SIGCHLD = 17;

/** Who made a signal, as `si_code` says it: kill, the kernel, a timer, a descriptor. */
const SI_USER = 0;
const SI_KERNEL = 0x80;
const SI_TIMER = -2;
const SI_SIGIO = -5;

/**
 * The record in the first {@linkcode RECORD_BYTES} of a siginfo. What stands behind the code depends on it: a field that this kind of signal does
 * not have is 0.
 */
export function decodeRecord(siginfo: DataView, offset: number): SignalRecord {
  const signal = siginfo.getInt32(offset, true);
  const code = siginfo.getInt32(offset + 8, true);
  const isQueued = code < 0 && code !== SI_SIGIO;
  const isChild = signal === SIGCHLD && code > SI_USER && code < SI_KERNEL;
  const hasSender = isChild || isQueued && code !== SI_TIMER || code === SI_USER || code === SI_KERNEL;
  return {
    signal,
    errno: siginfo.getInt32(offset + 4, true),
    code,
    pid: hasSender ? siginfo.getInt32(offset + 16, true) : 0,
    uid: hasSender ? siginfo.getUint32(offset + 20, true) : 0,
    value: isQueued ? siginfo.getInt32(offset + 24, true) : 0,
    status: isChild ? siginfo.getInt32(offset + 24, true) : 0,
  };
}

/** How much of a signalfd's stream is one record. */
export const SIGNALFD_RECORD_BYTES = 128;

/** The record in a signalfd_siginfo, where every field has a place of its own and is 0 if it is not meant. */
export function decodeSignalfdRecord(info: DataView, offset: number): SignalRecord {
  return {
    signal: info.getUint32(offset, true),
    errno: info.getInt32(offset + 4, true),
    code: info.getInt32(offset + 8, true),
    pid: info.getUint32(offset + 12, true),
    uid: info.getUint32(offset + 16, true),
    value: info.getInt32(offset + 44, true),
    status: info.getInt32(offset + 40, true),
  };
}
