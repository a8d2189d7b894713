/**
 * How the arrivals of a signal become records in a pipe: what {@linkcode ./signals.ts} stands on.
 *
 * @module
 */

import type { Handle, Result } from "../kernel.ts";

/** One way to catch signals, for the whole process. */
export interface SignalCatcher {
  /** Whether the records tell who sent a signal, and with what. */
  readonly hasInfo: boolean;

  /** From now on each arrival is written to this end of a pipe, and has no other effect. A failure leaves all as it was. */
  catch(signal: number, writer: Handle): Result;
  /** From now on the signal does what it did before; a handler that somebody else has installed since stays. */
  release(signal: number): void;

  /** The record of this signal has been read, so another one may be written. */
  expect(signal: number): void;
  /** Whether a record may still be on its way to the pipe of a signal that has been released. */
  isWriting(): boolean;
}
