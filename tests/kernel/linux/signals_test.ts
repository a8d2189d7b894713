import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import type { SignalRecord } from "../../../event/kernel/kernel.ts";
import { libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import * as signals from "../../../event/kernel/linux/signals.ts";
import { signalNumber } from "../../../event/signal_names.ts";
import { openDescriptors } from "./descriptors.ts";
import { SignalProgram } from "./signal_programs.ts";

const kernel = linuxKernel();

const SIGHUP = signalNumber("SIGHUP");
const SIGUSR1 = signalNumber("SIGUSR1");
const SIGUSR2 = signalNumber("SIGUSR2");
const SIGTERM = signalNumber("SIGTERM");
const SIGCHLD = signalNumber("SIGCHLD");
const realtime = signalNumber("SIGRTMIN+5");

/** Codes in siginfo: from kill, from sigqueue, a child that has exited. */
const SI_USER = 0;
const SI_QUEUE = -1;
const CLD_EXITED = 1;

/** What the shell says of a process that this signal has ended. */
function endedBy(signal: number): number {
  return 128 + signal;
}

function kill(program: SignalProgram, signal: number): void {
  assertEquals(libc.kill(program.pid, signal), 0);
}

/** Sends one signal for each value, in this order. */
function queue(program: SignalProgram, signal: number, values: Iterable<number>): void {
  const handle = kernel.openProcess(program.pid);
  for (const value of values) assertEquals(kernel.signalProcess(handle, signal, value), 0);
  kernel.close(handle);
}

/** Sends a signal to one thread alone. */
function queueToThread(program: SignalProgram, thread: number, signal: number, value: number): number {
  const SYS_rt_tgsigqueueinfo = Deno.build.arch === "aarch64" ? 240n : 297n;
  const info = new Int32Array(32);
  info.set([signal, 0, SI_QUEUE, 0, Deno.pid, 0, value]);
  return libc.rt_tgsigqueueinfo(SYS_rt_tgsigqueueinfo, program.pid, thread, signal, info);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

Deno.test("A claimed signal from another process is a record that says who sent it", async () => {
  await using program = await SignalProgram.start();
  assertEquals(await program.ask("claim", SIGTERM), 0);
  kill(program, SIGTERM);
  const sender = { pid: Deno.pid, uid: libc.getuid() };
  assertEquals(await program.take(1), [{ signal: SIGTERM, errno: 0, code: SI_USER, ...sender, value: 0, status: 0 }]);
});

Deno.test("A claimed signal ends the wait of a poll that is under way", async () => {
  await using program = await SignalProgram.start();
  await program.ask("claim", SIGUSR2);
  program.tell("take", 1);
  kill(program, SIGUSR2);
  assertEquals((await program.answer() as SignalRecord[])[0].signal, SIGUSR2);
});

Deno.test("A claimed signal ends a park", async () => {
  await using program = await SignalProgram.start();
  for (const signal of [SIGUSR2, realtime]) await program.ask("claim", signal);
  for (const signal of [SIGUSR2, realtime, SIGUSR2]) {
    program.tell("takeParked", 1);
    kill(program, signal);
    assertEquals((await program.answer() as SignalRecord[])[0].signal, signal);
  }
});

Deno.test("A claimed classic signal is a record whichever thread it is sent to", async () => {
  await using program = await SignalProgram.start();
  await program.ask("claim", SIGUSR1);
  const threads = await program.threads();
  assert(threads.length > 1);
  for (const thread of threads) {
    assertEquals(queueToThread(program, thread, SIGUSR1, thread), 0);
    const [{ signal, code, pid, value }] = await program.take(1);
    assertEquals([signal, code, pid, value], [SIGUSR1, SI_QUEUE, Deno.pid, thread]);
  }
});

Deno.test("A claimed real-time signal that is sent to the loop's thread alone is a record", async () => {
  await using program = await SignalProgram.start();
  await program.ask("claim", realtime);
  assertEquals(queueToThread(program, program.pid, realtime, 5), 0);
  assertEquals((await program.take(1))[0].value, 5);
});

Deno.test("Claimed real-time signals come in the order they were sent in, with their values, while the loop looks", async () => {
  await using program = await SignalProgram.start();
  assertEquals(await program.ask("claim", realtime), 0);
  program.tell("take", 10_000);
  for (const chunk of range(10)) queue(program, realtime, range(1000).map((index) => chunk * 1000 + index));
  const records = await program.answer() as SignalRecord[];
  assertEquals(records.map(({ value }) => value), range(10_000));
  assert(records.every(({ code, pid, signal }) => code === SI_QUEUE && pid === Deno.pid && signal === realtime));
});

Deno.test("A claimed real-time signal is blocked by all threads, as only then the kernel keeps the order", async () => {
  await using program = await SignalProgram.start();
  await program.ask("claim", realtime);
  const bit = 1n << BigInt(realtime - 1);
  for (let tries = 0;; tries++) {
    const masks = await program.blockedSignals();
    assert(masks.length > 1);
    if (masks.every((mask) => (mask & bit) !== 0n)) break;
    assert(tries < 100, "It never happens");
  }
});

Deno.test("A storm of signals loses nothing that the kernel would not merge, while the loop does not look", async () => {
  await using program = await SignalProgram.start();
  for (const signal of [SIGUSR1, SIGTERM, realtime]) assertEquals(await program.ask("claim", signal), 0);
  for (const tenth of range(10)) {
    for (let sent = 0; sent < 10_000; sent++) kill(program, SIGUSR1);
    queue(program, realtime, range(200).map((index) => tenth * 200 + index));
  }
  kill(program, SIGTERM);
  const records = await program.take(2002);
  assertEquals(records.slice(0, 2).map(({ signal }) => signal), [SIGUSR1, SIGTERM]);
  assertEquals(records.slice(2).map(({ value }) => value), range(2000));
});

Deno.test("Signals that have arrived are taken by ascending number", async () => {
  await using program = await SignalProgram.start();
  for (const signal of [realtime, realtime + 1, SIGHUP, SIGUSR2, SIGTERM]) await program.ask("claim", signal);
  for (const signal of [realtime + 1, SIGTERM, realtime, SIGUSR2, SIGHUP]) kill(program, signal);
  const records = await program.take(5);
  assertEquals(records.map(({ signal }) => signal), [SIGHUP, SIGUSR2, SIGTERM, realtime, realtime + 1]);
});

Deno.test("A claimed SIGTERM does not end a process whose host listens to SIGHUP, before the claim or after it", async () => {
  await using program = await SignalProgram.start();
  await program.ask("listen", "SIGHUP");
  await program.ask("claim", SIGTERM);
  kill(program, SIGTERM);
  assertEquals((await program.take(1))[0].signal, SIGTERM);
  await program.ask("unlisten", "SIGHUP");
  await program.ask("listen", "SIGHUP");
  kill(program, SIGTERM);
  assertEquals((await program.take(1))[0].signal, SIGTERM);
  kill(program, SIGHUP);
  await program.ask("hear", "SIGHUP");
});

Deno.test("A claimed SIGTERM does not end a process whose host first listens to a signal after the claim", async () => {
  await using program = await SignalProgram.start();
  await program.ask("claim", SIGTERM);
  await program.ask("listen", "SIGWINCH");
  await program.ask("listen", "SIGTERM");
  await program.ask("unlisten", "SIGTERM");
  kill(program, SIGTERM);
  assertEquals((await program.take(1))[0].signal, SIGTERM);
  assertEquals(await program.ask("pid"), program.pid);
});

Deno.test("A released signal does what it did before", async () => {
  for (const signal of [SIGTERM, SIGUSR2, realtime]) {
    await using program = await SignalProgram.start();
    for (const _ of range(2)) {
      assertEquals(await program.ask("claim", signal), 0);
      kill(program, signal);
      assertEquals((await program.take(1))[0].signal, signal);
      await program.ask("release", signal);
    }
    kill(program, signal);
    assertEquals(await program.end(), endedBy(signal));
  }
});

Deno.test("A released signal that was ignored is ignored again", async () => {
  await using program = await SignalProgram.start();
  await program.ask("ignore", SIGUSR2);
  await program.ask("claim", SIGUSR2);
  kill(program, SIGUSR2);
  assertEquals((await program.take(1))[0].signal, SIGUSR2);
  await program.ask("release", SIGUSR2);
  kill(program, SIGUSR2);
  assertEquals(await program.ask("pid"), program.pid);
});

Deno.test("A signal that has come and was not taken has no effect when it is released", async () => {
  await using program = await SignalProgram.start();
  for (const signal of [SIGUSR2, realtime]) {
    await program.ask("claim", signal);
    for (const _ of range(3)) kill(program, signal);
    await program.ask("release", signal);
    await program.ask("claim", signal);
    queue(program, signal, [7]);
    assertEquals((await program.take(1))[0].value, 7);
  }
});

Deno.test("The host's listener for a claimed signal sleeps until it is released, whenever it was added", async () => {
  await using program = await SignalProgram.start();
  await program.ask("listen", "SIGUSR2");
  for (const signal of [SIGUSR2, SIGTERM]) await program.ask("claim", signal);
  await program.ask("listen", "SIGTERM");
  for (const signal of [SIGUSR2, SIGTERM]) {
    kill(program, signal);
    await program.take(1);
    await program.ask("release", signal);
    kill(program, signal);
  }
  await program.ask("hear", "SIGUSR2");
  await program.ask("hear", "SIGTERM");
});

Deno.test("A claimed SIGCHLD says which child has ended, and the host reaps its own and hears of it", async () => {
  await using program = await SignalProgram.start();
  await program.ask("listen", "SIGCHLD");
  await program.ask("claim", SIGCHLD);
  assertEquals(await program.ask("run", "true"), 0);
  const [{ signal, code, pid, status }] = await program.take(1);
  assertEquals([signal, code, status], [SIGCHLD, CLD_EXITED, 0]);
  assert(pid > 1);
  await program.ask("hear", "SIGCHLD");
});

Deno.test("A claimed SIGCHLD leaves a process that reaps automatically one", async () => {
  await using program = await SignalProgram.start();
  await program.ask("ignore", SIGCHLD);
  assertEquals(await program.ask("reapsAutomatically"), 1);
  await program.ask("claim", SIGCHLD);
  assertEquals(await program.ask("reapsAutomatically"), 1);
  await program.ask("release", SIGCHLD);
  assertEquals(await program.ask("reapsAutomatically"), 1);
});

Deno.test("A handler that a foreign library installs over ours stays, and ours is called through it", async () => {
  await using program = await SignalProgram.start();
  for (const signal of [SIGCHLD, SIGUSR2]) {
    await program.ask("claim", signal);
    for (const _ of range(3)) {
      await program.ask("installOver", signal);
      kill(program, signal);
      assertEquals((await program.take(1))[0].signal, signal);
      await program.ask("release", signal);
      kill(program, signal);
      await program.ask("claim", signal);
      queue(program, signal, [7]);
      assertEquals((await program.take(1))[0].value, 7);
    }
  }
});

Deno.test("A signal that the process's parent had blocked is received while it is claimed, and blocked again afterwards", async () => {
  await using program = await SignalProgram.start();
  for (const signal of [SIGUSR2, realtime]) {
    assertEquals(await program.ask("restartBlocked", signal), "ready");
    kill(program, signal);
    await program.ask("claim", signal);
    assertEquals((await program.take(1))[0].signal, signal);
    kill(program, signal);
    assertEquals((await program.take(1))[0].signal, signal);
    await program.ask("release", signal);
    kill(program, signal);
    // It waits in the kernel, whatever else is received meanwhile.
    await program.ask("claim", SIGHUP);
    kill(program, SIGHUP);
    assertEquals((await program.take(1))[0].signal, SIGHUP);
    await program.ask("claim", signal);
    assertEquals((await program.take(1))[0].signal, signal);
  }
});

Deno.test("Where there can be no handler the host's listeners serve, without siginfo", async () => {
  await using program = await SignalProgram.start();
  await program.ask("listenInstead");
  assertEquals(await program.ask("claim", realtime), -Errno.EOPNOTSUPP);
  assertEquals(await program.ask("claim", SIGUSR2), 0);
  for (const _ of range(2)) {
    kill(program, SIGUSR2);
    const records = await program.ask("takeHosted", 1);
    assertEquals(records, [{ signal: SIGUSR2, errno: 0, code: SI_USER, pid: 0, uid: 0, value: 0, status: 0 }]);
  }
  await program.ask("release", SIGUSR2);
  kill(program, SIGUSR2);
  assertEquals(await program.end(), endedBy(SIGUSR2));
});

Deno.test("claimSignal() reports EBUSY for what another isolate of the process has claimed", async () => {
  const others: typeof signals = await import(`../../../event/kernel/linux/signals.ts?of=another`);
  const [mine, theirs] = [{}, {}];
  for (const signal of [SIGUSR2, realtime]) {
    assertEquals(others.claimSignal(theirs, signal), 0);
    assertEquals(signals.claimSignal(mine, signal), -Errno.EBUSY);
    others.releaseSignal(theirs, signal);
    assertEquals(signals.claimSignal(mine, signal), 0);
    assertEquals(others.claimSignal(theirs, signal), -Errno.EBUSY);
  }
  signals.forgetOwner(mine);
  others.forgetOwner(theirs);
});

Deno.test("claimSignal() reports EINVAL for what must not be caught", () => {
  const faults = ["SIGILL", "SIGTRAP", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGSYS"] as const;
  for (const name of faults) assertEquals(signals.claimSignal({}, signalNumber(name)), -Errno.EINVAL, name);
});

Deno.test("claimSignal() leaves nothing behind when it fails, forgetOwner() nothing at all", () => {
  const before = openDescriptors();
  const owner = {};
  for (const signal of [32, 33]) assertEquals(signals.claimSignal(owner, signal), -Errno.EINVAL);
  assertEquals(openDescriptors(), before);
  assertEquals(signals.signalPipe(owner), -Errno.EBADF);
  for (const _ of range(3)) {
    for (const signal of [SIGUSR2, realtime, realtime + 1]) assertEquals(signals.claimSignal(owner, signal), 0);
    signals.forgetOwner(owner);
    assertEquals(openDescriptors(), before);
  }
});

Deno.test("releaseSignal() leaves another owner's signal alone", () => {
  const [owner, stranger] = [{}, {}];
  assertEquals(signals.claimSignal(owner, SIGUSR2), 0);
  signals.releaseSignal(stranger, SIGUSR2);
  assertEquals(signals.claimSignal(stranger, SIGUSR2), -Errno.EBUSY);
  signals.forgetOwner(stranger);
  assertEquals(signals.claimSignal(stranger, SIGUSR2), -Errno.EBUSY);
  signals.forgetOwner(owner);
  assertEquals(signals.claimSignal(stranger, SIGUSR2), 0);
  signals.forgetOwner(stranger);
});
