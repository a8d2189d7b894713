/**
 * Virtual time inside the host: when it jumps and when it does not.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { IoEvent } from "../../../event/flags.ts";
import { simulatedKernel } from "../../../event/kernel/simulated/mod.ts";
import { ClockIndex, sec } from "../../../event/time.ts";
import { openPoller, park, someTurns, write } from "./_world.ts";

const { monotonic } = ClockIndex;

Deno.test("A parked poller's time jumps to its wake-up", async () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const before = kernel.now(monotonic);
  poller.setWakeup(monotonic, before + sec(86_400));
  await park(poller);
  assertEquals(kernel.now(monotonic), before + sec(86_400));
  poller.close();
});

Deno.test("A parked poller's time does not jump before the host's microtasks are through", async () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const before = kernel.now(monotonic);
  poller.setWakeup(monotonic, before + 10);
  const parked = park(poller);
  for (let turns = 0; turns < 100; turns++) await undefined;
  assertEquals(kernel.now(monotonic), before);
  await parked;
  poller.close();
});

Deno.test("A parked poller's time stands still while the host is waited for", async () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const before = kernel.now(monotonic);
  poller.setWakeup(monotonic, before + 10);
  kernel.hostWaits = 2;
  const parked = park(poller);
  await someTurns(kernel);
  kernel.hostWaits--;
  await someTurns(kernel);
  assertEquals([poller.parked, kernel.now(monotonic)], [true, before]);
  kernel.hostWaits--;
  await parked;
  assertEquals(kernel.now(monotonic), before + 10);
  poller.close();
});

Deno.test("A parked poller is woken while the host is waited for, if it has a reason", async () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const { reader, writer } = kernel.pipe();
  poller.watch(reader, IoEvent.IN, false, 1);
  kernel.hostWaits++;
  const parked = park(poller);
  await someTurns(kernel);
  write(kernel, writer, "x");
  await parked;
  assertEquals(poller.poll(0), 1);
  kernel.hostWaits--;
  poller.close();
});

Deno.test("A parked poller's time stands still without autoAdvance, until a hand moves it", async () => {
  const kernel = simulatedKernel({ autoAdvance: false });
  const poller = openPoller(kernel);
  poller.setWakeup(monotonic, kernel.now(monotonic) + 10);
  const parked = park(poller);
  await someTurns(kernel);
  kernel.advance(9);
  await someTurns(kernel);
  assert(poller.parked);
  kernel.advance(1);
  await parked;
  poller.close();
});

Deno.test("A parked poller is woken by each of the hands", async () => {
  const kernel = simulatedKernel({ autoAdvance: false });
  const poller = openPoller(kernel);
  const { reader, writer } = kernel.pipe();
  poller.watch(reader, IoEvent.IN, true, 1);
  poller.claimSignal(15);
  poller.setWakeup(ClockIndex.realtime, kernel.now(ClockIndex.realtime) + 100);
  const hands: (() => void)[] = [
    () => write(kernel, writer, "x"),
    () => kernel.raise("SIGTERM"),
    () => kernel.setRealtime(kernel.now(ClockIndex.realtime) + 100),
    () => kernel.after(0, () => poller.setWakeup(monotonic, 0)),
    () => poller.limitPark(0),
  ];
  for (const hand of hands) {
    poller.poll(0);
    const parked = park(poller);
    await someTurns(kernel);
    assert(poller.parked);
    hand();
    await parked;
  }
  poller.close();
});

Deno.test("A parked poller's time jumps to scripted events too", async () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const { reader, writer } = kernel.pipe();
  const before = kernel.now(monotonic);
  poller.watch(reader, IoEvent.IN, false, 1);
  kernel.after(5, () => {});
  kernel.after(10, () => write(kernel, writer, "x"));
  await park(poller);
  assertEquals(kernel.now(monotonic), before + 10);
  poller.close();
});

Deno.test("A parked poller stays parked when nothing can ever happen, and the host may still act", async () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const parked = park(poller);
  await someTurns(kernel);
  assert(poller.parked);
  poller.wake();
  await parked;
  poller.close();
});

Deno.test("A poller that is closed in its park is never called", async () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  let calls = 0;
  poller.onWake = () => calls++;
  poller.setWakeup(monotonic, 0);
  poller.park();
  poller.close();
  await someTurns(kernel);
  assertEquals(calls, 0);
  assertEquals(kernel.leaks(), []);
});

Deno.test("Time does not jump for one parked poller while the loop of another gives the host a turn", async () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const before = kernel.now(monotonic);
  poller.setWakeup(monotonic, before + 10);
  const parked = park(poller);
  for (let turns = 0; turns < 20; turns++) {
    await kernel.turn("tasks");
    assertEquals(kernel.now(monotonic), before);
  }
  await parked;
  assertEquals(kernel.now(monotonic), before + 10);
  poller.close();
});

Deno.test("Parked pollers wake at their own times", async () => {
  const kernel = simulatedKernel();
  const start = kernel.now(monotonic);
  const log: [name: string, usec: number][] = [];
  async function tick(name: string, usec: number, count: number): Promise<void> {
    const poller = openPoller(kernel);
    for (let round = 0; round < count; round++) {
      poller.limitPark(usec);
      await park(poller);
      log.push([name, kernel.now(monotonic) - start]);
    }
    poller.close();
  }
  await Promise.all([tick("slow", 30, 2), tick("fast", 20, 4)]);
  assertEquals(log, [["fast", 20], ["slow", 30], ["fast", 40], ["slow", 60], ["fast", 60], ["fast", 80]]);
});

Deno.test("SimulatedKernel.turns counts the turns that were asked for", async () => {
  const kernel = simulatedKernel();
  await kernel.turn("tasks");
  await Promise.all([kernel.turn("tasks"), kernel.turn("io")]);
  assertEquals(kernel.turns, { tasks: 2, io: 1 });
});
