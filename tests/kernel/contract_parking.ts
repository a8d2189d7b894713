/**
 * The contract, 12 and 13: life inside the host.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { IoEvent } from "../../event/flags.ts";
import { signalNumber } from "../../event/signal_names.ts";
import { ClockIndex } from "../../event/time.ts";
import { contractTest, type KernelHands } from "./_trial.ts";

const { IN, OUT } = IoEvent;
const SIGUSR1 = signalNumber("SIGUSR1");

/** Registers the tests. What counts calls of `onWake` counts those that end a park: there may be others before, without need. */
export function testParking(hands: KernelHands): void {
  contractTest(hands, "Poller.park() calls onWake from a turn of its own when something is ready, and consumes nothing", async (trial) => {
    const [, writer] = trial.pipe();
    assertEquals(trial.poller.watch(writer, OUT, false, 1), 0);
    let calls = 0;
    const woken = Promise.withResolvers<void>();
    trial.poller.onWake = () => {
      if (trial.poller.parked) return;
      calls++;
      woken.resolve();
    };
    trial.poller.park();
    assertEquals(calls, 0);
    assert(trial.poller.parked);
    await woken.promise;
    assert(!trial.poller.parked);
    assertEquals(calls, 1);
    assertEquals(trial.reports(), [[1, OUT]]);
  });

  contractTest(hands, "Poller.park() lasts until something becomes ready", async (trial) => {
    const [reader, writer] = trial.pipe();
    assertEquals(trial.poller.watch(reader, IN, false, 1), 0);
    let isWritten = false;
    await trial.park(() =>
      void trial.kernel.turn("tasks").then(() => {
        trial.write(writer, "x");
        isWritten = true;
      })
    );
    assert(isWritten);
    assertEquals(trial.reports(), [[1, IN]]);
  });

  contractTest(hands, "Poller.park() ends with a wake-up", async (trial) => {
    assertEquals(trial.poller.setWakeup(ClockIndex.monotonic, trial.now + 2_000), 0);
    await trial.park();
    trial.reports();
    assertEquals(trial.poller.clocksFired, 1 << ClockIndex.monotonic);
  });

  contractTest(hands, "Poller.park() ends with a wake-up that is set meanwhile", async (trial) => {
    await trial.park(() => assertEquals(trial.poller.setWakeup(ClockIndex.monotonic, trial.now + 1_000), 0));
    trial.reports();
    assertEquals(trial.poller.clocksFired, 1 << ClockIndex.monotonic);
  });

  contractTest(hands, "Poller.park() ends with a signal", async (trial) => {
    assertEquals(trial.poller.claimSignal(SIGUSR1), 0);
    await trial.park(() => trial.send(SIGUSR1));
    await trial.waitUntil(() => trial.poller.signalsQueued === 1);
  });

  contractTest(hands, "Poller.park() ends with what is watched meanwhile", async (trial) => {
    const [, writer] = trial.pipe();
    await trial.park(() => assertEquals(trial.poller.watch(writer, OUT, false, 1), 0));
    assertEquals(trial.reports(), [[1, OUT]]);
  });

  contractTest(hands, "Poller.wake() brings the call about, and not before it returns", async (trial) => {
    let calls = 0;
    const woken = Promise.withResolvers<void>();
    trial.poller.onWake = () => {
      if (trial.poller.parked) return;
      calls++;
      woken.resolve();
    };
    trial.poller.park();
    trial.poller.wake();
    trial.poller.wake();
    assertEquals(calls, 0);
    await woken.promise;
    await trial.kernel.turn("io");
    assertEquals(calls, 1);
    assert(!trial.poller.parked);
  });

  contractTest(hands, "Poller.park() does nothing while a call is outstanding", async (trial) => {
    let calls = 0;
    trial.poller.onWake = () => {
      if (!trial.poller.parked) calls++;
    };
    trial.poller.park();
    trial.poller.park();
    trial.poller.wake();
    while (trial.poller.parked) await trial.kernel.turn("io");
    await trial.kernel.turn("io");
    assertEquals(calls, 1);
  });

  contractTest(hands, "Poller.park() can be asked for again from onWake", async (trial) => {
    let calls = 0;
    const woken = Promise.withResolvers<void>();
    trial.poller.onWake = () => {
      if (trial.poller.parked) return;
      if (++calls === 3) return woken.resolve();
      trial.poller.park();
      trial.poller.wake();
    };
    trial.poller.park();
    trial.poller.wake();
    await woken.promise;
    assertEquals(calls, 3);
  });

  contractTest(hands, "Poller.park() calls the onWake of the time when it ends", async (trial) => {
    let isOldCalled = false;
    trial.poller.onWake = () => void (isOldCalled = true);
    trial.poller.park();
    await trial.park(() => trial.poller.wake());
    assert(!isOldCalled);
  });

  contractTest(hands, "Poller.limitPark() ends a park, and poll has nothing to say", async (trial) => {
    const before = trial.now;
    assertEquals(trial.poller.limitPark(2_000), 0);
    await trial.park();
    assert(trial.now - before >= 2_000);
    assertEquals(trial.reports(), []);
    assertEquals(trial.poller.clocksFired, 0);
  });

  contractTest(hands, "Poller.limitPark() with 0 or less ends a park at once, with Infinity not at all", async (trial) => {
    for (const timeout of [0, -5]) {
      assertEquals(trial.poller.limitPark(timeout), 0);
      await trial.park();
    }
    assertEquals(trial.poller.limitPark(Infinity), 0);
    assertEquals(trial.poller.setWakeup(ClockIndex.monotonic, trial.now + 3_000), 0);
    await trial.park();
    trial.reports();
    assertEquals(trial.poller.clocksFired, 1 << ClockIndex.monotonic);
  });

  contractTest(hands, "Poller.limitPark() goes for the park that is under way", async (trial) => {
    await trial.park(() => assertEquals(trial.poller.limitPark(1_000), 0));
    assertEquals(trial.reports(), []);
  });

  contractTest(hands, "Pollers park side by side", async (trial) => {
    const other = trial.openPoller();
    const [reader, writer] = trial.pipe();
    assertEquals(other.watch(reader, IN, false, 1), 0);
    const order: string[] = [];
    await Promise.all([
      trial.park(() => {}, other).then(() => order.push("other")),
      trial.park(() => assertEquals(trial.poller.limitPark(1_000), 0)).then(() => {
        order.push("first");
        trial.write(writer, "x");
      }),
    ]);
    assertEquals(order, ["first", "other"]);
  });

  contractTest(hands, `Kernel.turn("tasks") lets microtasks and tasks run`, async ({ kernel }) => {
    const ran: string[] = [];
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => void ran.push("task");
    port2.postMessage(undefined);
    queueMicrotask(() => ran.push("microtask"));
    const turn = kernel.turn("tasks");
    assertEquals(ran, []);
    await turn;
    assertEquals(ran[0], "microtask");
    for (let turns = 0; ran.length < 2; turns++) {
      assert(turns < 100, "The task never runs");
      await kernel.turn("tasks");
    }
    port1.close();
    port2.close();
  });

  contractTest(hands, `Kernel.turn("io") lets timers run`, async ({ kernel }) => {
    let hasRun = false;
    setTimeout(() => hasRun = true, 0);
    await kernel.turn("io");
    assert(hasRun);
  });

  for (const kind of ["tasks", "io"] as const) {
    contractTest(hands, `Kernel.turn("${kind}") settles however busy the host is`, async ({ kernel }) => {
      let isBusy = true;
      let rounds = 0;
      const busy = (async () => {
        while (isBusy) {
          rounds++;
          await kernel.turn("tasks");
        }
      })();
      await kernel.turn(kind);
      isBusy = false;
      await busy;
      assert(rounds > 0);
    });
  }
}
