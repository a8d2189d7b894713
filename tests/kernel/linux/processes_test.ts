import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { ChildEvent } from "../../../event/flags.ts";
import type { ProcessRecord, SpawnedProcess } from "../../../event/kernel/kernel.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { isCloseOnExec } from "./descriptors.ts";
import { failWith } from "./failures.ts";
import { emptyRecord, finish, readAll, shell, start, waitReadable } from "./spawning.ts";

const kernel = linuxKernel();
const { EXITED, STOPPED, CONTINUED, NOWAIT } = ChildEvent;

const SIGQUIT = 3;
const SIGKILL = 9;
const SIGUSR1 = 10;
const SIGTERM = 15;
const SIGCONT = 18;
const SIGSTOP = 19;
const realtime = 40;

/** Codes of state changes as in siginfo. */
const exited = 1;
const killed = 2;
const dumped = 3;
const stopped = 5;
const continued = 6;

/** A shell that tells when its script has begun, runs until it is killed, and does not read its input. */
function startLiving(script = ""): SpawnedProcess {
  const process = start(shell(`${script}\necho begun; while :; do read line; done`, { stdin: "piped", stdout: "piped" }));
  waitReadable(process.stdout);
  kernel.tryRead(process.stdout, new Uint8Array(10));
  return process;
}

/** Closes all that is open of a process. */
function closeAll(process: SpawnedProcess): void {
  for (const handle of [process.stdin, process.stdout, process.stderr, process.handle]) if (handle >= 0) kernel.close(handle);
}

/** Looks for a state change again and again until there is one. */
function waitForChange(process: SpawnedProcess, options: number): ProcessRecord {
  const record = emptyRecord();
  while (kernel.peekProcess(process.handle, options, record) === 0) assertEquals(record.pid, 0);
  return record;
}

function signal(process: SpawnedProcess, number: number): void {
  assertEquals(kernel.signalProcess(process.handle, number, undefined), 0);
}

Deno.test("reapProcess() tells the exit code", () => {
  for (const status of [0, 1, 255]) {
    const process = start(shell(`exit ${status}`));
    assertEquals(finish(process), { pid: process.pid, uid: libc.getuid(), code: exited, status });
  }
});

Deno.test("reapProcess() tells the signal that killed a process, and whether its memory was dumped", () => {
  for (const number of [SIGKILL, SIGTERM, realtime]) {
    const process = startLiving();
    signal(process, number);
    waitReadable(process.handle);
    const record = emptyRecord();
    assertEquals(kernel.reapProcess(process.handle, EXITED, record), 1);
    assertEquals([record.code, record.status], [killed, number]);
    closeAll(process);
  }
  const directory = Deno.makeTempDirSync();
  const process = start(shell("ulimit -c unlimited && kill -QUIT $$; ulimit -c 0; kill -KILL $$", { cwd: directory }));
  const record = finish(process);
  Deno.removeSync(directory, { recursive: true });
  // A machine may be set up to dump nothing.
  assert(record.code === dumped && record.status === SIGQUIT || record.code === killed);
});

Deno.test("peekProcess() sees that a process was stopped and that it goes on, and leaves that for reapProcess()", () => {
  const process = startLiving();
  const record = emptyRecord();
  assertEquals(kernel.peekProcess(process.handle, EXITED | STOPPED | CONTINUED, record), 0);
  assertEquals(record.pid, 0);
  for (const [number, option, code] of [[SIGSTOP, STOPPED, stopped], [SIGCONT, CONTINUED, continued]]) {
    signal(process, number);
    const seen = waitForChange(process, option);
    assertEquals([seen.pid, seen.code, seen.status], [process.pid, code, number]);
    assertEquals(kernel.peekProcess(process.handle, EXITED, record), 0);
    assertEquals(kernel.reapProcess(process.handle, option, record), 1);
    assertEquals(record, seen);
    assertEquals(kernel.reapProcess(process.handle, option, record), 0);
  }
  signal(process, SIGKILL);
  assertEquals(kernel.reapKilledProcess(process.handle), 0);
  closeAll(process);
});

Deno.test("peekProcess() leaves a zombie, also without NOWAIT", () => {
  const process = start(shell("exit 4"));
  waitReadable(process.handle);
  const record = emptyRecord();
  for (const options of [EXITED, EXITED | NOWAIT, EXITED | STOPPED]) {
    assertEquals(kernel.peekProcess(process.handle, options, record), 1);
    assertEquals([record.code, record.status], [exited, 4]);
  }
  assertEquals(kernel.reapProcess(process.handle, EXITED | NOWAIT, record), 1);
  assertEquals(kernel.peekProcess(process.handle, EXITED, record), -Errno.ECHILD);
  kernel.close(process.handle);
});

Deno.test("peekProcess() and reapProcess() report EINVAL without a kind of change, EBADF and ECHILD for what is no child", () => {
  const process = start(shell(""));
  const [self, record] = [kernel.openProcess(Deno.pid), emptyRecord()];
  for (const look of [kernel.peekProcess, kernel.reapProcess]) {
    assertEquals(look(process.handle, 0, record), -Errno.EINVAL);
    assertEquals(look(process.handle, NOWAIT, record), -Errno.EINVAL);
    for (const handle of [-1, 1000]) assertEquals(look(handle, EXITED, record), -Errno.EBADF);
    assertEquals(look(self, EXITED, record), -Errno.ECHILD);
  }
  for (const handle of [-1, 1000]) assertEquals(kernel.reapKilledProcess(handle), -Errno.EBADF);
  kernel.close(self);
  finish(process);
});

Deno.test("reapKilledProcess() waits for the end, also by a handle that does not block", () => {
  for (const blocking of [true, false]) {
    const process = startLiving();
    kernel.setBlocking(process.handle, blocking);
    signal(process, SIGKILL);
    assertEquals(kernel.reapKilledProcess(process.handle), 0);
    assertEquals(kernel.reapKilledProcess(process.handle), -Errno.ECHILD);
    closeAll(process);
  }
});

Deno.test("reapKilledProcess() goes on waiting when a signal handler interrupts it", () => {
  const process = startLiving();
  signal(process, SIGKILL);
  using failing = failWith("waitid", Errno.EINTR, { times: 2 });
  assertEquals(kernel.reapKilledProcess(process.handle), 0);
  assertEquals([failing.calls, kernel.processId(process.handle)], [2, -Errno.ESRCH]);
  closeAll(process);
});

Deno.test("openProcess() opens any process, by a handle that exec closes", () => {
  const process = start(shell(""));
  waitReadable(process.handle);
  const [child, self] = [process.pid, Deno.pid].map(kernel.openProcess);
  assert(isCloseOnExec(child));
  assertEquals([child, self].map(kernel.processId), [process.pid, Deno.pid]);
  finish(process);
  assertEquals(kernel.openProcess(process.pid), -Errno.ESRCH);
  assertEquals(kernel.processId(child), -Errno.ESRCH);
  for (const handle of [child, self]) kernel.close(handle);
});

Deno.test("openProcess() reports ESRCH for numbers that no process can have, EINVAL for none", () => {
  for (const pid of [2 ** 31 - 1, 2 ** 32 + Deno.pid, 1.5, NaN]) assertEquals(kernel.openProcess(pid), -Errno.ESRCH, `${pid}`);
  for (const pid of [0, -1]) assertEquals(kernel.openProcess(pid), -Errno.EINVAL, `${pid}`);
});

Deno.test("processId() reports ENOTTY for what is no process, EBADF for what is not open", () => {
  const pipe = kernel.openPipe();
  assert(typeof pipe !== "number");
  assertEquals(pipe.map(kernel.processId), [-Errno.ENOTTY, -Errno.ENOTTY]);
  for (const handle of pipe) kernel.close(handle);
  assertEquals(kernel.processId(pipe[0]), -Errno.EBADF);
  assertEquals(kernel.processId(-1), -Errno.EBADF);
});

Deno.test("processId() reads the number from /proc where the system does not tell it by a call of its own", () => {
  const process = start(shell(""));
  const calls = libc as unknown as Record<"ioctl", (...args: unknown[]) => number>;
  const { ioctl } = calls;
  let asked = 0;
  calls.ioctl = () => {
    asked++;
    return -1;
  };
  try {
    assertEquals(kernel.processId(process.handle), process.pid);
  } finally {
    calls.ioctl = ioctl;
  }
  assertEquals(asked, 1);
  finish(process);
});

Deno.test("signalProcess() sends a signal", () => {
  const process = startLiving("trap 'echo got it; exit 6' USR1");
  signal(process, SIGUSR1);
  kernel.close(process.stdin);
  assertEquals(readAll(process.stdout), "got it\n");
  assertEquals(finish(process).status, 6);
});

Deno.test("signalProcess() reports ESRCH for a process that was reaped, EINVAL for no signal, EBADF for what is not open", () => {
  const process = start(shell(""));
  for (const value of [undefined, 1]) {
    assertEquals(kernel.signalProcess(process.handle, 65, value), -Errno.EINVAL);
    assertEquals(kernel.signalProcess(process.handle, -1, value), -Errno.EINVAL);
    assertEquals(kernel.signalProcess(1000, SIGTERM, value), -Errno.EBADF);
  }
  assertEquals(kernel.reapKilledProcess(process.handle), 0);
  for (const value of [undefined, 1]) assertEquals(kernel.signalProcess(process.handle, SIGTERM, value), -Errno.ESRCH);
  kernel.close(process.handle);
});

Deno.test("reapsAutomatically() tells whether SIGCHLD is ignored, or its handler leaves no zombies", () => {
  const SIGCHLD = 17;
  const before = new Uint8Array(152);
  libc.sigaction(SIGCHLD, null, before);
  assertEquals(kernel.reapsAutomatically(), 0);
  const ignored = new Uint8Array(152);
  ignored[0] = 1; // SIG_IGN
  libc.sigaction(SIGCHLD, ignored, null);
  assertEquals(kernel.reapsAutomatically(), 1);
  const noZombies = before.slice();
  new DataView(noZombies.buffer).setInt32(136, 2, true); // SA_NOCLDWAIT
  libc.sigaction(SIGCHLD, noZombies, null);
  assertEquals(kernel.reapsAutomatically(), 1);
  libc.sigaction(SIGCHLD, before, null);
  assertEquals(kernel.reapsAutomatically(), 0);
});
