/**
 * Signals caught by the host's own listeners, for where a handler of ours is not to be had.
 *
 * Less is known and less is sure: a record has neither a sender nor a value, real-time signals cannot be had at all, and a signal arrives only
 * while the host's loop turns, so never inside of a Sync call.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { signalName } from "../../signal_names.ts";
import type { Handle, Result } from "../kernel.ts";
import { libc } from "./libc.ts";
import type { SignalCatcher } from "./signal_catcher.ts";
import { RECORD_BYTES } from "./signal_queue.ts";

class SignalListeners implements SignalCatcher {
  readonly hasInfo = false;
  readonly #listeners = new Map<number, () => void>();

  catch(signal: number, writer: Handle): Result {
    const record = new Int32Array(RECORD_BYTES / 4);
    record[0] = signal;
    const listener = () => void libc.write(writer, record, RECORD_BYTES);
    try {
      Deno.addSignalListener(signalName(signal) as Deno.Signal, listener);
    } catch {
      return -Errno.EOPNOTSUPP;
    }
    this.#listeners.set(signal, listener);
    return 0;
  }

  release(signal: number): void {
    const listener = this.#listeners.get(signal);
    if (listener === undefined) return;
    this.#listeners.delete(signal);
    Deno.removeSignalListener(signalName(signal) as Deno.Signal, listener);
  }

  expect(): void {}

  isWriting(): boolean {
    return false;
  }
}

/** Catches by the host's listeners. */
export function catchByListener(): SignalCatcher {
  return new SignalListeners();
}
