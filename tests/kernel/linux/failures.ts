/** System calls that fail as a machine seldom lets them. */

import { libc } from "../../../event/kernel/linux/libc.ts";

/** A call that fails until this is disposed of, and how often it was made. */
export interface FailingCall extends Disposable {
  readonly calls: number;
}

/** Has a call fail with this errno. */
export function failWith(name: keyof typeof libc, errno: number): FailingCall {
  const calls = libc as unknown as Record<string, unknown>;
  const original = calls[name];
  let count = 0;
  calls[name] = () => {
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
