/**
 * Processes by their descriptors (pidfd): opened, named, looked at, reaped, signalled.
 *
 * @module
 */

import { Errno } from "../../errno.ts";
import { ChildEvent } from "../../flags.ts";
import type { Handle, ProcessRecord, Result } from "../kernel.ts";
import { readFile } from "./descriptors.ts";
import { libc, result } from "./libc.ts";

const SYS_pidfd_send_signal = 424n;
const SYS_pidfd_open = 434n;

const P_PID = 1;
const P_PIDFD = 3;
const WNOHANG = 1;
const WNOWAIT = 0x0100_0000;

const SI_QUEUE = -1;

/** A struct pidfd_info in words: what of it is asked for and filled in, in the first two, and where the process's number is. */
const processInfo = new Int32Array(16);
const pidInInfo = 4;
const PIDFD_GET_INFO = 0xc040_ff0bn;
const PIDFD_INFO_PID = 1;

/** A siginfo, of which these are used. */
const siginfo = new DataView(new ArrayBuffer(128));
const signoAt = 0;
const codeAt = 8;
const pidAt = 16;
const uidAt = 20;
const statusAt = 24; // and the value of a queued signal

/** Opens a process by its number. */
export function openProcess(pid: number): Result {
  if (pid !== (pid | 0)) return -Errno.ESRCH;
  return result(libc.pidfd_open(SYS_pidfd_open, pid, 0));
}

/** The number of the process behind a handle. */
export function processId(handle: Handle): Result {
  processInfo[0] = PIDFD_INFO_PID;
  if (libc.ioctl(handle, PIDFD_GET_INFO, processInfo) === 0 && processInfo[pidInInfo] > 0) return processInfo[pidInInfo];
  return idFromText(handle);
}

/** Before Linux 6.13, and where a call failed and it matters why: only the text of its fdinfo in /proc tells. */
function idFromText(handle: Handle): Result {
  const text = new Uint8Array(1024);
  const length = readFile(`/proc/self/fdinfo/${handle}`, text);
  if (length === -Errno.ENOENT) return notOpen(handle);
  if (length < 0) return length;
  const line = /^Pid:\s*(-?\d+)$/m.exec(new TextDecoder().decode(text.subarray(0, length)));
  if (line === null) return -Errno.ENOTTY;
  const pid = Number(line[1]);
  if (pid < 0) return -Errno.ESRCH;
  return pid === 0 ? -Errno.EREMOTE : pid;
}

/** −EBADF, or −EOPNOTSUPP for what is open and has no fdinfo because /proc is not there. */
function notOpen(handle: Handle): Result {
  const F_GETFD = 1;
  return libc.fcntl(handle, F_GETFD, 0) < 0 ? -Errno.EBADF : -Errno.EOPNOTSUPP;
}

/** Looks for a state change and leaves it. */
export function peekProcess(handle: Handle, options: number, record: ProcessRecord): Result {
  return look(handle, options | WNOWAIT, record);
}

/** Looks for a state change and consumes it. */
export function reapProcess(handle: Handle, options: number, record: ProcessRecord): Result {
  return look(handle, options & ~WNOWAIT, record);
}

function look(handle: Handle, options: number, record: ProcessRecord): Result {
  if (handle < 0) return -Errno.EBADF; // to waitid it is a bad argument
  siginfo.setInt32(pidAt, 0, true);
  const failed = result(libc.waitid(P_PIDFD, handle, siginfo, options | WNOHANG));
  if (failed < 0) return failed;
  record.pid = siginfo.getInt32(pidAt, true);
  record.uid = siginfo.getUint32(uidAt, true);
  record.code = siginfo.getInt32(codeAt, true);
  record.status = siginfo.getInt32(statusAt, true);
  return record.pid === 0 ? 0 : 1;
}

/** Waits for the end of a process, and reaps it. */
export function reapKilledProcess(handle: Handle): Result {
  if (handle < 0) return -Errno.EBADF;
  const reaped = waitForEnd(P_PIDFD, handle);
  if (reaped !== -Errno.EAGAIN) return reaped;
  // A descriptor that was made nonblocking does not wait. As long as this process has not reaped its child, the number is the child's too.
  const pid = processId(handle);
  return pid < 0 ? pid : waitForEnd(P_PID, pid);
}

function waitForEnd(kind: number, id: number): Result {
  for (;;) {
    const reaped = result(libc.waitid(kind, id, siginfo, ChildEvent.EXITED));
    if (reaped !== -Errno.EINTR) return reaped;
  }
}

/** Sends a signal. With a value it is a queued one, which says who sent it as sigqueue would. */
export function signalProcess(handle: Handle, signal: number, value: number | undefined): Result {
  if (value === undefined) return result(libc.pidfd_send_signal(SYS_pidfd_send_signal, handle, signal, null, 0));
  const info = new DataView(new ArrayBuffer(128));
  info.setInt32(signoAt, signal, true);
  info.setInt32(codeAt, SI_QUEUE, true);
  info.setInt32(pidAt, Deno.pid, true);
  info.setUint32(uidAt, libc.getuid(), true);
  info.setInt32(statusAt, value, true);
  return result(libc.pidfd_send_signal(SYS_pidfd_send_signal, handle, signal, info, 0));
}

/** A handle for a child that was just started. One that cannot be had is no reason to leave a process behind. */
export function openChild(pid: number): Result {
  const handle = openProcess(pid);
  // Gone already: the system reaps by itself, and the number may be another process's by now.
  if (handle >= 0 || handle === -Errno.ESRCH) return handle;
  const SIGKILL = 9;
  libc.kill(pid, SIGKILL);
  waitForEnd(P_PID, pid);
  return handle;
}
