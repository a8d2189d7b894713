/**
 * The contract, 9: signals.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { signalNumber } from "../../event/signal_names.ts";
import { ClockIndex } from "../../event/time.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

const SIGUSR1 = signalNumber("SIGUSR1");
const SIGUSR2 = signalNumber("SIGUSR2");
const SIGCHLD = signalNumber("SIGCHLD");
const realtime = signalNumber("SIGRTMIN+3");
const later = signalNumber("SIGRTMIN+4");

/** Registers the tests. */
export function testSignals(hands: KernelHands): void {
  contractTest(hands, "Poller.claimSignal() turns a signal into a record that says who sent it", async (trial) => {
    claim(trial, SIGUSR1);
    await trial.deliver(SIGUSR1);
    assertEquals(trial.poller.signalsQueued, 1);
    assert(trial.poller.hasSignal([SIGUSR1]));
    const record = trial.poller.takeSignal([SIGUSR1]);
    assert(record !== undefined);
    assertEquals(record.signal, SIGUSR1);
    if (trial.kernel.features.has("siginfo")) {
      assertEquals([record.errno, record.code, record.pid, record.value, record.status], [0, 0, trial.kernel.pid, 0, 0]);
    }
    assertEquals(trial.poller.signalsQueued, 0);
    assertEquals(trial.poller.takeSignal([SIGUSR1]), undefined);
  });

  contractTest(hands, "Kernel.signalProcess() sends a value along", async (trial) => {
    if (!trial.kernel.features.has("siginfo")) return;
    claim(trial, SIGUSR1);
    await trial.deliver(SIGUSR1, -42);
    const record = trial.poller.takeSignal([SIGUSR1]);
    assertEquals([record?.code, record?.pid, record?.value], [-1, trial.kernel.pid, -42]);
  });

  contractTest(hands, "Poller.poll() reports no token for a signal", async (trial) => {
    claim(trial, SIGUSR1);
    trial.send(SIGUSR1);
    await trial.waitUntil((reports) => {
      assertEquals(reports, []);
      return trial.poller.signalsQueued > 0;
    });
  });

  contractTest(hands, "A classic signal that waits already is not recorded a second time", async (trial) => {
    claim(trial, SIGUSR1, SIGUSR2);
    await trial.deliver(SIGUSR1, 1);
    trial.send(SIGUSR1, 2);
    await trial.deliver(SIGUSR2);
    assertEquals(trial.poller.signalsQueued, 2);
    const record = trial.poller.takeSignal([SIGUSR1]);
    if (trial.kernel.features.has("siginfo")) assertEquals(record?.value, 1);
  });

  contractTest(hands, "A classic signal is recorded again once its record was taken", async (trial) => {
    claim(trial, SIGUSR1);
    for (const value of [1, 2]) {
      await trial.deliver(SIGUSR1, value);
      const record = trial.poller.takeSignal([SIGUSR1]);
      if (trial.kernel.features.has("siginfo")) assertEquals(record?.value, value);
    }
  });

  contractTest(hands, "Real-time signals are all kept, first in first out", async (trial) => {
    claim(trial, realtime);
    for (const value of [3, 1, 2]) await trial.deliver(realtime, value);
    assertEquals(trial.poller.signalsQueued, 3);
    const records = [1, 2, 3].map(() => trial.poller.takeSignal([realtime]));
    assertEquals(records.map((record) => record?.signal), [realtime, realtime, realtime]);
    if (trial.kernel.features.has("siginfo")) assertEquals(records.map((record) => record?.value), [3, 1, 2]);
    assert(!trial.poller.hasSignal([realtime]));
  });

  contractTest(hands, "Poller.takeSignal() answers the lowest number of the set that waits", async (trial) => {
    claim(trial, SIGUSR1, SIGUSR2, realtime, later);
    for (const signal of [later, realtime, SIGUSR2, SIGUSR1]) await trial.deliver(signal);
    assertEquals(trial.poller.takeSignal([later, SIGUSR2, realtime])?.signal, SIGUSR2);
    assert(!trial.poller.hasSignal([SIGUSR2]));
    assert(trial.poller.hasSignal([SIGUSR2, later]));
    assertEquals(trial.poller.takeSignal([SIGUSR2]), undefined);
    assertEquals(trial.poller.takeSignal([]), undefined);
    const rest = [SIGUSR1, SIGUSR2, realtime, later];
    assertEquals(rest.map(() => trial.poller.takeSignal(rest)?.signal), [SIGUSR1, realtime, later, undefined]);
  });

  contractTest(hands, "Poller.claimSignal() reports EBUSY while another poller has it", async (trial) => {
    const other = trial.openPoller();
    claim(trial, SIGUSR1);
    assertEquals(other.claimSignal(SIGUSR1), -Errno.EBUSY);
    assertEquals(other.claimSignal(SIGUSR2), 0);
    other.releaseSignal(SIGUSR1);
    assertEquals(other.claimSignal(SIGUSR1), -Errno.EBUSY);
    await trial.deliver(SIGUSR1);
    assertEquals(other.signalsQueued, 0);
    trial.poller.releaseSignal(SIGUSR1);
    assertEquals(other.claimSignal(SIGUSR1), 0);
  });

  contractTest(hands, "Poller.claimSignal() reports EINVAL for what cannot be caught, or is no signal", ({ poller }) => {
    const signals = ["SIGKILL", "SIGSTOP", "SIGSEGV", "SIGFPE", "SIGILL", "SIGBUS"].map((name) => signalNumber(name as "SIGKILL"));
    for (const signal of [...signals, 32, 33, 0, -1, 65, 1.5, NaN]) assertEquals(poller.claimSignal(signal), -Errno.EINVAL, `${signal}`);
  });

  contractTest(hands, "Poller.releaseSignal() drops the records that wait", async (trial) => {
    claim(trial, SIGUSR1, SIGUSR2);
    await trial.deliver(SIGUSR1);
    await trial.deliver(SIGUSR2);
    trial.poller.releaseSignal(SIGUSR1);
    assertEquals(trial.poller.signalsQueued, 1);
    assert(!trial.poller.hasSignal([SIGUSR1]));
    claim(trial, SIGUSR1);
    assertEquals(trial.poller.takeSignal([SIGUSR1, SIGUSR2])?.signal, SIGUSR2);
  });

  contractTest(hands, "Poller.releaseSignal() brings back what the signal did before", async (trial) => {
    const expectEffect = hands.noteEffect(trial.kernel, SIGUSR1);
    claim(trial, SIGUSR1);
    await trial.deliver(SIGUSR1);
    trial.poller.releaseSignal(SIGUSR1);
    await expectEffect(() => trial.send(SIGUSR1));
  });

  contractTest(hands, "Poller.close() lets go of its signals", async (trial) => {
    const expectEffect = hands.noteEffect(trial.kernel, SIGUSR1);
    const other = trial.openPoller();
    assertEquals(other.claimSignal(SIGUSR1), 0);
    trial.dropPoller(other);
    claim(trial, SIGUSR1);
    await trial.deliver(SIGUSR1);
    trial.poller.releaseSignal(SIGUSR1);
    await expectEffect(() => trial.send(SIGUSR1));
  });

  contractTest(hands, "Poller.poll() ends its wait when a signal comes, and waits again while its record is not taken", (trial) => {
    const { poller } = trial;
    claim(trial, SIGCHLD);
    assertEquals(poller.setWakeup(ClockIndex.monotonic, trial.now + 60_000_000), 0);
    const { handle } = trial.spawn(hands.programs.exit(0));
    while (poller.signalsQueued + poller.clocksFired === 0) poller.poll(Infinity);
    assertEquals(poller.clocksFired, 0, "The wait lasted until its end");
    assertEquals(trial.kernel.reapKilledProcess(handle), 0);
    const [count, took] = trial.pollOnce(2_000);
    assertEquals(count, 0);
    assertGreaterOrEqual(took, 2_000);
    assert(poller.signalsQueued > 0);
  });
}

function claim(trial: Trial, ...signals: number[]): void {
  for (const signal of signals) assertEquals(trial.poller.claimSignal(signal), 0);
}
