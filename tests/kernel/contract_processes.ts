/**
 * The contract, 10: processes.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { ChildEvent, IoEvent } from "../../event/flags.ts";
import { signalNumber } from "../../event/signal_names.ts";
import { contractTest, emptyRecord, type KernelHands, type Trial } from "./_trial.ts";

const { EXITED, STOPPED, CONTINUED, NOWAIT } = ChildEvent;
const SIGKILL = signalNumber("SIGKILL");
const SIGTERM = signalNumber("SIGTERM");
const SIGCHLD = signalNumber("SIGCHLD");
const SIGSTOP = signalNumber("SIGSTOP");
const SIGCONT = signalNumber("SIGCONT");
const SIGTSTP = signalNumber("SIGTSTP");

/** Codes of state changes as in siginfo. */
const exited = 1;
const killed = 2;
const stopped = 5;
const continued = 6;

/** Registers the tests. */
export function testProcesses(hands: KernelHands): void {
  contractTest(hands, "Kernel.spawn() starts a process whose handle is readable when it has ended", async (trial) => {
    const process = trial.spawn(hands.programs.exit(7));
    assert(process.pid > 1);
    assertNotEquals(process.pid, trial.kernel.pid);
    assertEquals([process.stdin, process.stdout, process.stderr], [-1, -1, -1]);
    assertEquals(trial.kernel.processId(process.handle), process.pid);
    await trial.waitFor(process.handle, IoEvent.IN);
    const record = emptyRecord();
    assertEquals(trial.kernel.reapProcess(process.handle, EXITED, record), 1);
    assertEquals([record.pid, record.code, record.status], [process.pid, exited, 7]);
  });

  contractTest(hands, "Kernel.spawn() connects piped streams", async (trial) => {
    const process = trial.spawn(hands.programs.copy(), { stdin: "piped", stdout: "piped" });
    assertEquals(process.stderr, -1);
    assertEquals(trial.kernel.setBlocking(process.stdin, false), 0);
    assertEquals(trial.kernel.setBlocking(process.stdout, false), 0);
    trial.write(process.stdin, "there and back");
    await trial.waitFor(process.stdout, IoEvent.IN);
    assertEquals(trial.read(process.stdout), "there and back");
    trial.drop(process.stdin);
    assertEquals((await trial.waitForChange(process.handle, EXITED)).status, 0);
    await trial.waitFor(process.stdout, IoEvent.HUP);
    assertEquals(trial.read(process.stdout), "");
    assertEquals(trial.kernel.reapKilledProcess(process.handle), 0);
  });

  contractTest(hands, "Kernel.spawn() passes handles of the caller's on, which stay the caller's", async (trial) => {
    const [reader, writer] = trial.pipe();
    const process = trial.spawn(hands.programs.copy(), { stdin: "piped", stdout: { fd: writer } });
    assertEquals(process.stdout, -1);
    trial.write(writer, "mine, ");
    trial.write(process.stdin, "its");
    trial.drop(process.stdin);
    await trial.waitForChange(process.handle, EXITED);
    assertEquals(trial.read(reader), "mine, its");
    assertEquals(trial.read(reader), "EAGAIN");
    assertEquals(trial.kernel.reapKilledProcess(process.handle), 0);
  });

  contractTest(hands, "Kernel.peekProcess() leaves a state change there, Kernel.reapProcess() consumes it", async (trial) => {
    const process = trial.spawn(hands.programs.exit(0));
    const record = await trial.waitForChange(process.handle, EXITED);
    assertEquals(trial.kernel.peekProcess(process.handle, EXITED, record), 1);
    assertEquals(trial.kernel.peekProcess(process.handle, EXITED | NOWAIT, record), 1);
    assertEquals(trial.kernel.reapProcess(process.handle, EXITED | STOPPED, record), 1);
    assertEquals([record.pid, record.code, record.status], [process.pid, exited, 0]);
    assertEquals(trial.kernel.peekProcess(process.handle, EXITED, record), -Errno.ECHILD);
    assertEquals(trial.kernel.reapProcess(process.handle, EXITED, record), -Errno.ECHILD);
    assertEquals(trial.kernel.reapKilledProcess(process.handle), -Errno.ECHILD);
  });

  contractTest(hands, "Kernel.peekProcess() answers 0 and pid 0 when there is no change of these kinds", (trial) => {
    const process = trial.spawn(hands.programs.live());
    const record = emptyRecord();
    assertEquals(trial.kernel.peekProcess(process.handle, EXITED | STOPPED | CONTINUED, record), 0);
    assertEquals(record.pid, 0);
    assertEquals(trial.kernel.reapProcess(process.handle, EXITED, record), 0);
    assertEquals(record.pid, 0);
    trial.end(process);
  });

  contractTest(hands, "Kernel.peekProcess() reports EINVAL when it is told to look for nothing", (trial) => {
    const process = trial.spawn(hands.programs.live());
    assertEquals(trial.kernel.peekProcess(process.handle, 0, emptyRecord()), -Errno.EINVAL);
    assertEquals(trial.kernel.reapProcess(process.handle, 0, emptyRecord()), -Errno.EINVAL);
    trial.end(process);
  });

  contractTest(hands, "Kernel.peekProcess() reports ECHILD for a process that is no child", (trial) => {
    const self = trial.own(trial.kernel.openProcess(trial.kernel.pid));
    assertEquals(trial.kernel.peekProcess(self, EXITED, emptyRecord()), -Errno.ECHILD);
    assertEquals(trial.kernel.processId(self), trial.kernel.pid);
  });

  contractTest(hands, "Kernel.signalProcess() ends a process, and it is a zombie until it is reaped", async (trial) => {
    const process = trial.spawn(hands.programs.live());
    assertEquals(trial.kernel.signalProcess(process.handle, 0, undefined), 0);
    assertEquals(trial.kernel.signalProcess(process.handle, SIGTERM, undefined), 0);
    const record = await trial.waitForChange(process.handle, EXITED);
    assertEquals([record.pid, record.code, record.status], [process.pid, killed, SIGTERM]);
    assertEquals(trial.kernel.signalProcess(process.handle, SIGKILL, undefined), 0);
    assertEquals(trial.kernel.processId(process.handle), process.pid);
    assertEquals(trial.kernel.reapProcess(process.handle, EXITED, record), 1);
    assertEquals(record.status, SIGTERM);
  });

  contractTest(hands, "A process handle outlives the process: ESRCH once it is reaped", (trial) => {
    const process = trial.spawn(hands.programs.live());
    const second = trial.own(trial.kernel.openProcess(process.pid));
    trial.end(process);
    for (const handle of [process.handle, second]) {
      assertEquals(trial.kernel.processId(handle), -Errno.ESRCH);
      assertEquals(trial.kernel.signalProcess(handle, SIGTERM, undefined), -Errno.ESRCH);
    }
    assertEquals(trial.kernel.openProcess(process.pid), -Errno.ESRCH);
  });

  contractTest(hands, "Kernel.openProcess() gives a handle of its own for the same process", async (trial) => {
    const process = trial.spawn(hands.programs.live());
    const second = trial.own(trial.kernel.openProcess(process.pid));
    trial.drop(process.handle);
    assertEquals(trial.kernel.signalProcess(second, SIGKILL, undefined), 0);
    const record = await trial.waitForChange(second, EXITED);
    assertEquals([record.pid, record.code, record.status], [process.pid, killed, SIGKILL]);
    assertEquals(trial.kernel.reapKilledProcess(second), 0);
  });

  contractTest(hands, "Kernel.openProcess() reports EINVAL for what is no process number", ({ kernel }) => {
    assertEquals(kernel.openProcess(0), -Errno.EINVAL);
    assertEquals(kernel.openProcess(-5), -Errno.EINVAL);
  });

  contractTest(hands, "Kernel.processId() reports ENOTTY for no process handle", (trial) => {
    const [reader] = trial.pipe();
    assertEquals(trial.kernel.processId(reader), -Errno.ENOTTY);
  });

  contractTest(hands, "Kernel.signalProcess() reports EBADF for no process handle and EINVAL for no signal", (trial) => {
    const [reader] = trial.pipe();
    assertEquals(trial.kernel.signalProcess(reader, SIGTERM, undefined), -Errno.EBADF);
    assertEquals(trial.kernel.peekProcess(reader, EXITED, emptyRecord()), -Errno.EBADF);
    const process = trial.spawn(hands.programs.live());
    assertEquals(trial.kernel.signalProcess(process.handle, 65, undefined), -Errno.EINVAL);
    assertEquals(trial.kernel.signalProcess(process.handle, -1, undefined), -Errno.EINVAL);
    trial.end(process);
  });

  contractTest(hands, "Stopping and continuing are state changes, each consumed for itself", async (trial) => {
    const process = trial.spawn(hands.programs.live());
    const record = emptyRecord();
    assertEquals(trial.kernel.signalProcess(process.handle, SIGSTOP, undefined), 0);
    const stop = await trial.waitForChange(process.handle, STOPPED);
    assertEquals([stop.pid, stop.code, stop.status], [process.pid, stopped, SIGSTOP]);
    assertEquals(trial.kernel.peekProcess(process.handle, EXITED | CONTINUED, record), 0);
    assertEquals(trial.kernel.reapProcess(process.handle, STOPPED, record), 1);
    assertEquals(trial.kernel.reapProcess(process.handle, STOPPED, record), 0);

    assertEquals(trial.kernel.signalProcess(process.handle, SIGCONT, undefined), 0);
    const go = await trial.waitForChange(process.handle, CONTINUED);
    assertEquals([go.pid, go.code, go.status], [process.pid, continued, SIGCONT]);
    assertEquals(trial.kernel.reapProcess(process.handle, CONTINUED, record), 1);
    assertEquals(trial.kernel.reapProcess(process.handle, EXITED | STOPPED | CONTINUED, record), 0);
    trial.end(process);
  });

  contractTest(hands, "A process that was continued has nothing to say of having been stopped", async (trial) => {
    const process = trial.spawn(hands.programs.live());
    assertEquals(trial.kernel.signalProcess(process.handle, SIGSTOP, undefined), 0);
    await trial.waitForChange(process.handle, STOPPED);
    assertEquals(trial.kernel.signalProcess(process.handle, SIGCONT, undefined), 0);
    await trial.waitForChange(process.handle, CONTINUED);
    assertEquals(trial.kernel.peekProcess(process.handle, STOPPED, emptyRecord()), 0);
    trial.end(process);
  });

  contractTest(hands, "A process that was continued has nothing of having been stopped a second time", async (trial) => {
    const process = trial.spawn(hands.programs.live());
    const send = (signal: number) => assertEquals(trial.kernel.signalProcess(process.handle, signal, undefined), 0);
    send(SIGSTOP);
    await trial.waitForChange(process.handle, STOPPED);
    for (const signal of [SIGSTOP, SIGTSTP, SIGCONT]) send(signal);
    await trial.waitForChange(process.handle, CONTINUED);
    assertEquals(trial.kernel.peekProcess(process.handle, STOPPED, emptyRecord()), 0);
    send(SIGTERM);
    assertEquals((await trial.waitForChange(process.handle, EXITED)).status, SIGTERM);
    assertEquals(trial.kernel.reapKilledProcess(process.handle), 0);
  });

  contractTest(hands, "A stopped process dies of SIGKILL, other signals wait until it goes on", async (trial) => {
    const process = trial.spawn(hands.programs.live());
    const other = trial.spawn(hands.programs.live());
    for (const { handle } of [process, other]) {
      assertEquals(trial.kernel.signalProcess(handle, SIGSTOP, undefined), 0);
      await trial.waitForChange(handle, STOPPED);
      assertEquals(trial.kernel.signalProcess(handle, SIGTERM, undefined), 0);
    }
    assertEquals(trial.pollOnce(1_000)[0], 0);
    assertEquals(trial.kernel.peekProcess(process.handle, EXITED, emptyRecord()), 0);
    assertEquals(trial.kernel.signalProcess(process.handle, SIGCONT, undefined), 0);
    assertEquals((await trial.waitForChange(process.handle, EXITED)).status, SIGTERM);
    assertEquals(trial.kernel.signalProcess(other.handle, SIGKILL, undefined), 0);
    assertEquals((await trial.waitForChange(other.handle, EXITED)).status, SIGKILL);
    for (const { handle } of [process, other]) assertEquals(trial.kernel.reapKilledProcess(handle), 0);
  });

  contractTest(hands, "Kernel.reapKilledProcess() waits until the process has ended", (trial) => {
    const process = trial.spawn(hands.programs.live());
    assertEquals(trial.kernel.signalProcess(process.handle, SIGKILL, undefined), 0);
    assertEquals(trial.kernel.reapKilledProcess(process.handle), 0);
    assertEquals(trial.kernel.processId(process.handle), -Errno.ESRCH);
  });

  contractTest(hands, "The kernel never reaps by itself", async (trial) => {
    assertEquals(trial.kernel.reapsAutomatically(), 0);
    const process = trial.spawn(hands.programs.exit(3));
    await trial.waitForChange(process.handle, EXITED);
    trial.drop(process.handle);
    for (let round = 0; round < 5; round++) trial.poller.poll(100);
    const handle = trial.own(trial.kernel.openProcess(process.pid));
    assertEquals(trial.kernel.reapProcess(handle, EXITED, emptyRecord()), 1);
  });

  contractTest(hands, "SIGCHLD, claimed, says which child did what", async (trial) => {
    assertEquals(trial.poller.claimSignal(SIGCHLD), 0);
    const process = trial.spawn(hands.programs.exit(5));
    await trial.waitUntil(() => isRecordOf(trial, process.pid));
    assertEquals(trial.kernel.reapKilledProcess(process.handle), 0);
  });
}

/** Whether a record of SIGCHLD says that the process exited with 5; other children of the test runner's may end at any time. */
function isRecordOf(trial: Trial, pid: number): boolean {
  const record = trial.poller.takeSignal([SIGCHLD]);
  if (record === undefined || !trial.kernel.features.has("siginfo")) return record !== undefined;
  return record.pid === pid && record.code === exited && record.status === 5;
}
