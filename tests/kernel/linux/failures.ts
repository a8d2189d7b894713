/** System calls that fail as a machine seldom lets them. */

import type { Handle } from "../../../event/kernel/kernel.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";

/** A call that fails until this is disposed of, and how often it was made. */
export interface FailingCall extends Disposable {
  readonly calls: number;
}

/** Has a call fail with this errno: where its first argument is `handle`, or whatever that is, and so many `times` or always. */
export function failWith(
  name: keyof typeof libc,
  errno: number,
  { handle, times = Infinity }: { handle?: Handle; times?: number } = {},
): FailingCall {
  const calls = libc as unknown as Record<string, unknown>;
  const original = calls[name] as (...args: unknown[]) => unknown;
  let count = 0;
  calls[name] = (...args: unknown[]) => {
    if (count === times || handle !== undefined && args[0] !== handle) return original(...args);
    count++;
    libc.copyTo(libc.__errno_location(), new Uint8Array(Int32Array.of(errno).buffer), 4n);
    return -1;
  };
  return {
    get calls() {
      return count;
    },
    [Symbol.dispose]: () => void (calls[name] = original),
  };
}
