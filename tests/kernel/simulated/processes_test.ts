/**
 * Scripted children, and the signals of this process.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Errno, SystemError } from "../../../event/errno.ts";
import { ChildEvent } from "../../../event/flags.ts";
import type { SpawnedProcess, SpawnStdio } from "../../../event/kernel/kernel.ts";
import { type SimulatedKernel, simulatedKernel, type SimulatedProcess } from "../../../event/kernel/simulated/mod.ts";
import { openPoller, read, write } from "./_world.ts";

const SIGTERM = 15;
const SIGHUP = 1;
const SIGCHLD = 17;
const SIGSTOP = 19;
const SIGCONT = 18;

const record = { pid: 0, uid: 0, code: 0, status: 0 };

function spawn(kernel: SimulatedKernel, command: string, stdin: SpawnStdio = "null", args: string[] = []): SpawnedProcess {
  const options = { cwd: undefined, env: {}, clearEnv: false, processGroup: false };
  const spawned = kernel.spawn({ command, args, stdin, stdout: "null", stderr: "null", ...options });
  assert(typeof spawned === "object");
  return spawned;
}

/** Lets happen what is due. */
function look(kernel: SimulatedKernel): void {
  kernel.advance(0);
}

Deno.test("SimulatedKernel.program() begins after spawn has returned, with its arguments", () => {
  const kernel = simulatedKernel();
  const started: SimulatedProcess[] = [];
  kernel.program("p", (process) => void started.push(process));
  const { pid } = spawn(kernel, "p", "null", ["-a", "b"]);
  assertEquals(started.length, 0);
  look(kernel);
  assertEquals(started.map((process) => [process.pid, ...process.args]), [[pid, "-a", "b"]]);
});

Deno.test("Kernel.signalProcess() reaches a program that was started before", () => {
  const kernel = simulatedKernel();
  const got: number[] = [];
  kernel.program("p", (process) => process.onSignal = (signal) => void got.push(signal));
  const { handle } = spawn(kernel, "p");
  kernel.signalProcess(handle, SIGTERM, undefined);
  assertEquals(got, []);
  look(kernel);
  assertEquals(got, [SIGTERM]);
});

Deno.test("SimulatedProcess.onSignal gets the signals that can be caught, in place of their default action", () => {
  const kernel = simulatedKernel();
  const got: number[] = [];
  kernel.program("p", (process) => process.onSignal = (signal) => void got.push(signal));
  const { handle } = spawn(kernel, "p");
  for (const signal of [SIGTERM, SIGHUP, SIGSTOP, SIGTERM, SIGCONT]) {
    kernel.signalProcess(handle, signal, undefined);
    look(kernel);
  }
  assertEquals(got, [SIGTERM, SIGHUP, SIGTERM, SIGCONT]);
  kernel.signalProcess(handle, 9, undefined);
  assertEquals(kernel.reapKilledProcess(handle), 0);
});

Deno.test("The ends of pipes that a child has block, those of this process do not", () => {
  const kernel = simulatedKernel();
  const theirs: number[] = [];
  kernel.program("p", ({ stdin }) => void theirs.push(kernel.setBlocking(stdin, true)));
  const { stdin } = spawn(kernel, "p", "piped");
  look(kernel);
  assertEquals([theirs, kernel.setBlocking(stdin, false)], [[1], 0]);
});

Deno.test("SimulatedProcess.exit() closes its handles and keeps the first code", () => {
  const kernel = simulatedKernel();
  kernel.program("p", (process) => {
    process.exit(0x102);
    process.exit(3);
    assertEquals(write(kernel, process.stdout, "x"), -Errno.EBADF);
  });
  const { handle, stdin } = spawn(kernel, "p", "piped");
  look(kernel);
  assertEquals(write(kernel, stdin, "x"), -Errno.EPIPE);
  assertEquals(kernel.reapProcess(handle, ChildEvent.EXITED, record), 1);
  assertEquals(record.status, 2);
});

Deno.test("SimulatedProcess.stop() stops it until SIGCONT", () => {
  const kernel = simulatedKernel();
  kernel.program("p", (process) => process.stop());
  const { handle } = spawn(kernel, "p");
  look(kernel);
  assertEquals(kernel.reapProcess(handle, ChildEvent.STOPPED, record), 1);
  assertEquals([record.code, record.status], [5, SIGSTOP]);
  kernel.signalProcess(handle, SIGCONT, undefined);
  look(kernel);
  assertEquals(kernel.reapProcess(handle, ChildEvent.CONTINUED, record), 1);
});

Deno.test("SimulatedProcess.onInput is called for what is there at the start, what comes later, and the end", () => {
  const kernel = simulatedKernel();
  const got: string[] = [];
  kernel.program("p", (process) => process.onInput = () => void got.push(read(kernel, process.stdin)));
  const { stdin } = spawn(kernel, "p", "piped");
  write(kernel, stdin, "early");
  look(kernel);
  write(kernel, stdin, "late");
  write(kernel, stdin, "r");
  look(kernel);
  kernel.close(stdin);
  look(kernel);
  look(kernel);
  assertEquals(got, ["early", "later", ""]);
});

Deno.test("SimulatedProcess.onInput is held back while the process is stopped", () => {
  const kernel = simulatedKernel();
  const got: string[] = [];
  kernel.program("p", (process) => process.onInput = () => void got.push(read(kernel, process.stdin)));
  const { handle, stdin } = spawn(kernel, "p", "piped");
  kernel.signalProcess(handle, SIGSTOP, undefined);
  look(kernel);
  write(kernel, stdin, "x");
  look(kernel);
  assertEquals(got, []);
  kernel.signalProcess(handle, SIGCONT, undefined);
  look(kernel);
  assertEquals(got, ["x"]);
});

Deno.test("SimulatedProcess.onInput is called at once for an empty device", () => {
  const kernel = simulatedKernel();
  kernel.program("p", (process) => process.onInput = () => process.exit(kernel.tryRead(process.stdin, new Uint8Array(1))));
  const { handle } = spawn(kernel, "p");
  look(kernel);
  assertEquals(kernel.peekProcess(handle, ChildEvent.EXITED, record), 1);
});

Deno.test("SimulatedKernel.autoReap lets children vanish when they end", () => {
  const kernel = simulatedKernel();
  kernel.autoReap = true;
  assertEquals(kernel.reapsAutomatically(), 1);
  kernel.program("p", (process) => process.exit(0));
  const { handle, pid } = spawn(kernel, "p");
  look(kernel);
  assertEquals(kernel.peekProcess(handle, ChildEvent.EXITED, record), -Errno.ECHILD);
  assertEquals(kernel.openProcess(pid), -Errno.ESRCH);
});

Deno.test("Kernel.reapKilledProcess() lets time pass until the process ends, and reports EDEADLK when it never will", () => {
  const kernel = simulatedKernel();
  kernel.program("p", (process) => kernel.after(1_000, () => process.exit(0)));
  kernel.program("q", () => {});
  const before = kernel.now(2);
  assertEquals(kernel.reapKilledProcess(spawn(kernel, "p").handle), 0);
  assertEquals(kernel.now(2) - before, 1_000);
  assertEquals(kernel.reapKilledProcess(spawn(kernel, "q").handle), -Errno.EDEADLK);
});

Deno.test("SimulatedKernel.raise() fills in what is not said: the service manager sent it", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  poller.claimSignal(SIGTERM);
  kernel.raise("SIGTERM");
  assertEquals(poller.signalsQueued, 0);
  poller.poll(0);
  assertEquals(poller.takeSignal([SIGTERM]), { signal: SIGTERM, errno: 0, code: 0, pid: 1, uid: 0, value: 0, status: 0 });
  kernel.raise(SIGTERM, { code: -1, pid: 7, value: 9 });
  poller.poll(0);
  assertEquals(poller.takeSignal([SIGTERM]), { signal: SIGTERM, errno: 0, code: -1, pid: 7, uid: 0, value: 9, status: 0 });
  poller.close();
});

Deno.test("Poller.releaseSignal() drops a record that no poll has seen", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  poller.claimSignal(SIGTERM);
  kernel.raise("SIGTERM");
  poller.releaseSignal(SIGTERM);
  poller.claimSignal(SIGTERM);
  assertEquals([poller.poll(0), poller.signalsQueued], [0, 0]);
  poller.close();
});

Deno.test("SimulatedKernel.raise() throws for a signal that would have ended the process, and for none", () => {
  const kernel = simulatedKernel();
  for (const signal of ["SIGTERM", "SIGSTOP", "SIGRTMIN"] as const) assertThrows(() => kernel.raise(signal), Error, "Cannot survive");
  for (const signal of ["SIGCHLD", "SIGCONT", "SIGWINCH", "SIGURG"] as const) kernel.raise(signal);
  assertThrows(() => kernel.raise(0), SystemError, "Cannot use signal");
});

Deno.test("A child's state changes come as SIGCHLD, merged while one waits", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  poller.claimSignal(SIGCHLD);
  kernel.program("p", (process) => process.exit(4));
  const { pid } = spawn(kernel, "p");
  spawn(kernel, "p");
  look(kernel);
  poller.poll(0);
  const { code, status, ...rest } = poller.takeSignal([SIGCHLD])!;
  assertEquals([rest.pid, code, status], [pid, 1, 4]);
  assertEquals(poller.signalsQueued, 0);
  poller.close();
});
