/**
 * The contract, 7 and 8: wake-ups.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { IoEvent } from "../../event/flags.ts";
import { ClockIndex, clockNames } from "../../event/time.ts";
import { contractTest, type KernelHands, type Trial } from "./_trial.ts";

const { monotonic, realtime, boottime } = ClockIndex;

/** Registers the tests. */
export function testWakeups(hands: KernelHands): void {
  for (const name of clockNames) {
    const clock = ClockIndex[name];
    contractTest(hands, `Poller.setWakeup() wakes poll when the ${name} clock gets there, once`, async (trial) => {
      const opened = trial.poller.openClock(clock);
      if (name.endsWith("-alarm") && (opened === -Errno.EPERM || opened === -Errno.EOPNOTSUPP)) return;
      assertEquals(opened, 0);
      const usec = trial.kernel.now(clock) + 3_000;
      assertEquals(trial.poller.setWakeup(clock, usec), 0);
      assertEquals(trial.reports(), []);
      assert(trial.poller.clocksFired === 0 || trial.kernel.now(clock) >= usec, "It came too early");
      await trial.waitUntil(() => trial.poller.clocksFired !== 0);
      assertEquals(trial.poller.clocksFired, 1 << clock);
      assertGreaterOrEqual(trial.kernel.now(clock), usec);
      assertFiresNoMore(trial);
    });
  }

  contractTest(hands, "Poller.clocksFired keeps its bits until the loop clears them", async (trial) => {
    setPast(trial, monotonic);
    await trial.waitUntil(() => trial.poller.clocksFired !== 0);
    assertEquals(trial.reports(), []);
    setPast(trial, realtime);
    await trial.waitUntil(() => trial.poller.clocksFired === (1 << monotonic | 1 << realtime));
  });

  contractTest(hands, "Poller.poll() reports no token for a wake-up", async (trial) => {
    setPast(trial, monotonic);
    const tokens: number[] = [];
    await trial.waitUntil((reports) => {
      tokens.push(...reports.map(([token]) => token));
      return trial.poller.clocksFired !== 0;
    });
    assertEquals(tokens, []);
  });

  contractTest(hands, "Poller.setWakeup() fires at once for a time that has passed, and for 0 and less", async (trial) => {
    for (const usec of [0, -5, 1, trial.now]) {
      assertEquals(trial.poller.setWakeup(monotonic, usec), 0);
      await trial.waitUntil(() => trial.poller.clocksFired !== 0);
      assertEquals(trial.poller.clocksFired, 1 << monotonic);
      trial.poller.clocksFired = 0;
    }
    assertFiresNoMore(trial);
  });

  contractTest(hands, "Poller.setWakeup() replaces the wake-up of its clock", async (trial) => {
    assertEquals(trial.poller.setWakeup(monotonic, trial.now + 1_000_000_000), 0);
    assertEquals(trial.poller.setWakeup(monotonic, trial.now + 1_000), 0);
    await trial.waitUntil(() => trial.poller.clocksFired !== 0);
    assertFiresNoMore(trial);
  });

  contractTest(hands, "Poller.setWakeup() leaves the wake-ups of other clocks as they are", async (trial) => {
    assertEquals(trial.poller.setWakeup(boottime, trial.kernel.now(boottime) + 1_000), 0);
    assertEquals(trial.poller.setWakeup(monotonic, trial.now + 2_000), 0);
    assertEquals(trial.poller.setWakeup(realtime, Infinity), 0);
    await trial.waitUntil(() => trial.poller.clocksFired === (1 << boottime | 1 << monotonic));
  });

  contractTest(hands, "Poller.setWakeup() with Infinity takes a wake-up back", (trial) => {
    assertEquals(trial.poller.setWakeup(monotonic, trial.now + 1_000), 0);
    assertEquals(trial.poller.setWakeup(monotonic, Infinity), 0);
    assertFiresNoMore(trial);
  });

  contractTest(hands, "Poller.setWakeup() with Infinity takes back what has come and no poll has noted", (trial) => {
    setPast(trial, monotonic);
    assertEquals(trial.poller.setWakeup(monotonic, Infinity), 0);
    assertFiresNoMore(trial);
  });

  contractTest(hands, "Poller.setWakeup() belongs to its poller alone", async (trial) => {
    const other = trial.openPoller();
    assertEquals(other.setWakeup(monotonic, 0), 0);
    assertFiresNoMore(trial);
    await trial.waitUntil(() => other.clocksFired !== 0, other);
  });

  contractTest(hands, "Kernel.openTimeChange() opens what is readable only when the realtime clock is set", async (trial) => {
    const handle = trial.own(trial.kernel.openTimeChange());
    assertEquals(trial.read(handle, 8), "EAGAIN");
    assertEquals(trial.poller.watch(handle, IoEvent.IN, false, 1), 0);
    assertEquals(trial.reports(), []);
    assertEquals(trial.poller.setWakeup(realtime, trial.kernel.now(realtime)), 0);
    await trial.waitUntil(() => trial.poller.clocksFired !== 0);
    assertEquals(trial.reports(), []);
  });
}

function setPast(trial: Trial, clock: ClockIndex): void {
  assertEquals(trial.poller.openClock(clock), 0);
  assertEquals(trial.poller.setWakeup(clock, 1), 0);
}

/** Clears the flag; nothing sets it again within a few milliseconds. */
function assertFiresNoMore(trial: Trial): void {
  trial.poller.clocksFired = 0;
  const end = trial.now + 4_000;
  while (trial.now < end) trial.poller.poll(end - trial.now);
  assertEquals(trial.poller.clocksFired, 0);
}
