/**
 * Which threads of this process a signal can be handed to.
 *
 * @module
 */

import type { Result } from "../kernel.ts";
import { readFile } from "./descriptors.ts";
import { cString, libc, stringAt } from "./libc.ts";

const SIG_BLOCK = 0;
const SIG_UNBLOCK = 1;
const signalSet = new Uint8Array(128);
const oldSignalSet = new Uint8Array(128);

/** Blocks the signal in this thread or lets it through; whether it was blocked before. */
export function setBlocked(signal: number, blocked: boolean): boolean {
  const byte = (signal - 1) >> 3;
  const bit = 1 << ((signal - 1) & 7);
  signalSet.fill(0);
  signalSet[byte] = bit;
  libc.pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, signalSet, oldSignalSet);
  return (oldSignalSet[byte] & bit) !== 0;
}

const SI_QUEUE = -1;

/**
 * Has every other thread block a real-time signal: each that does not is sent one whose value asks the handler for it.
 *
 * A thread takes what was sent to it alone before what was sent to the process. So there is nothing to wait for: from here on no thread can be
 * handed one that is meant for the process without having blocked it first. A thread inherits what the one that made it blocks; whatever is new in
 * the list was made before its maker was asked. Where /proc is not to be had, each thread blocks the signal when it gets its first.
 */
export function blockInOtherThreads(signal: number, request: bigint): void {
  const SYS_rt_tgsigqueueinfo = Deno.build.arch === "aarch64" ? 240n : 297n;
  const info = new DataView(new ArrayBuffer(128));
  info.setInt32(0, signal, true);
  info.setInt32(8, SI_QUEUE, true);
  info.setInt32(16, Deno.pid, true);
  info.setBigUint64(24, request, true);
  const asked = new Set<string>();
  for (;;) {
    const threads = threadNames().filter((thread) => !asked.has(thread) && !blocks(thread, signal));
    if (threads.length === 0) return;
    for (const thread of threads) {
      asked.add(thread);
      libc.rt_tgsigqueueinfo(SYS_rt_tgsigqueueinfo, Deno.pid, Number(thread), signal, info);
    }
  }
}

/** Where in a struct dirent the name stands, in glibc and in musl. */
const nameAt = 19n;

/** The threads by their numbers, as directories of /proc name them. */
function threadNames(): string[] {
  const names: string[] = [];
  const directory = libc.opendir(cString("/proc/self/task")!);
  if (directory === 0n) return names;
  for (let entry = libc.readdir(directory); entry !== 0n; entry = libc.readdir(directory)) {
    const name = stringAt(entry + nameAt);
    if (!name.startsWith(".")) names.push(name);
  }
  libc.closedir(directory);
  return names;
}

/** Whether the thread blocks the signal; of one that is gone by now that may be said as well. */
function blocks(thread: string, signal: number): boolean {
  const text = new Uint8Array(8192);
  const length: Result = readFile(`/proc/self/task/${thread}/status`, text);
  const mask = /^SigBlk:\s*([0-9a-f]+)$/m.exec(new TextDecoder().decode(text.subarray(0, Math.max(length, 0))))?.[1];
  return mask === undefined || (BigInt(`0x${mask}`) >> BigInt(signal - 1) & 1n) === 1n;
}
