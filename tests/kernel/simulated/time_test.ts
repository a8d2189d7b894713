/**
 * How virtual time passes.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { Errno, SystemError } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import { simulatedKernel } from "../../../event/kernel/simulated/mod.ts";
import { ClockIndex } from "../../../event/time.ts";
import { openPoller, write } from "./_world.ts";

const { monotonic, realtime, boottime } = ClockIndex;
const allClocks = Object.values(ClockIndex);

Deno.test("SimulatedKernel.advance() moves all clocks alike", () => {
  const kernel = simulatedKernel();
  const before = allClocks.map((clock) => kernel.now(clock));
  kernel.advance(1_500);
  assertEquals(allClocks.map((clock, index) => kernel.now(clock) - before[index]), [1_500, 1_500, 1_500, 1_500, 1_500]);
});

Deno.test("SimulatedKernel.advance() refuses to go back, and forever", () => {
  const kernel = simulatedKernel();
  const before = kernel.now(monotonic);
  for (const usec of [-1, NaN, Infinity]) {
    const error = assertThrows(() => kernel.advance(usec), SystemError);
    assertEquals([error.code, error.message], ["EINVAL", `Cannot advance time by '${usec}': it only goes forward`]);
  }
  assertEquals(kernel.now(monotonic), before);
});

Deno.test("Time stands still while nobody lets it pass", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const before = kernel.now(monotonic);
  poller.setWakeup(monotonic, before + 1);
  assertEquals(poller.poll(0), 0);
  assertEquals(kernel.now(monotonic), before);
  assertEquals(poller.clocksFired, 0);
  poller.close();
});

Deno.test("SimulatedKernel.setRealtime() steps the realtime clocks alone", () => {
  const kernel = simulatedKernel();
  const before = kernel.now(monotonic);
  kernel.setRealtime(1_000_000);
  assertEquals(kernel.now(realtime), 1_000_000);
  assertEquals(kernel.now(ClockIndex["realtime-alarm"]), 1_000_000);
  assertEquals(kernel.now(monotonic), before);
  kernel.advance(5);
  assertEquals(kernel.now(realtime), 1_000_005);
});

Deno.test("SimulatedKernel.setRealtime() brings realtime wake-ups about, or puts them off", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const start = kernel.now(realtime);
  poller.setWakeup(realtime, start + 10);
  kernel.setRealtime(start + 10);
  poller.poll(0);
  assertEquals(poller.clocksFired, 1 << realtime);

  poller.clocksFired = 0;
  poller.setWakeup(realtime, start + 20);
  kernel.setRealtime(start);
  kernel.advance(19);
  poller.poll(0);
  assertEquals(poller.clocksFired, 0);
  kernel.advance(1);
  poller.poll(0);
  assertEquals(poller.clocksFired, 1 << realtime);
  poller.close();
});

Deno.test("Poller.poll() jumps to its end when nothing happens", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const before = kernel.now(monotonic);
  assertEquals(poller.poll(3_600_000_000), 0);
  assertEquals(kernel.now(monotonic) - before, 3_600_000_000);
  poller.close();
});

Deno.test("Poller.poll() jumps to the first wake-up and no further", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const before = kernel.now(monotonic);
  poller.setWakeup(monotonic, before + 300);
  poller.setWakeup(boottime, kernel.now(boottime) + 200);
  assertEquals(poller.poll(Infinity), 0);
  assertEquals([poller.clocksFired, kernel.now(monotonic) - before], [1 << boottime, 200]);
  assertEquals(poller.poll(1_000), 0);
  assertEquals([poller.clocksFired, kernel.now(monotonic) - before], [1 << boottime | 1 << monotonic, 300]);
  poller.close();
});

Deno.test("Poller.poll() goes on past events that are none of its business", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const other = openPoller(kernel);
  const before = kernel.now(monotonic);
  other.setWakeup(monotonic, before + 10);
  kernel.after(20, () => {});
  assertEquals(poller.poll(30), 0);
  assertEquals(kernel.now(monotonic) - before, 30);
  other.poll(0);
  assertEquals(other.clocksFired, 1 << monotonic);
  poller.close();
  other.close();
});

Deno.test("Poller.poll() reports EDEADLK when it would never return", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const { reader, writer } = kernel.pipe();
  poller.watch(reader, IoEvent.IN, false, 1);
  assertEquals(poller.poll(Infinity), -Errno.EDEADLK);
  kernel.after(7, () => write(kernel, writer, "x"));
  assertEquals(poller.poll(Infinity), 1);
  poller.close();
});

Deno.test("Poller.close() takes its wake-ups out of the world", () => {
  const kernel = simulatedKernel();
  const [poller, other] = [openPoller(kernel), openPoller(kernel)];
  const before = kernel.now(monotonic);
  other.setWakeup(monotonic, before + 10);
  other.close();
  assertEquals([poller.poll(Infinity), kernel.now(monotonic)], [-Errno.EDEADLK, before]);
  poller.close();
});

Deno.test("SimulatedKernel.after() lets things happen in the order of their times, then of the calls", () => {
  const kernel = simulatedKernel();
  const start = kernel.now(monotonic);
  const log: [string, number][] = [];
  const note = (what: string) => () => void log.push([what, kernel.now(monotonic) - start]);
  kernel.after(20, note("c"));
  kernel.after(10, note("a"));
  kernel.after(20, note("d"));
  kernel.after(10, () => {
    note("b")();
    kernel.after(5, note("between"));
  });
  kernel.after(30, note("never"));
  kernel.advance(25);
  assertEquals(log, [["a", 10], ["b", 10], ["between", 15], ["c", 20], ["d", 20]]);
});

Deno.test("SimulatedKernel.after() refuses the past", () => {
  const kernel = simulatedKernel();
  for (const usec of [-1, NaN]) {
    const error = assertThrows(() => kernel.after(usec, () => {}), SystemError);
    assertEquals([error.code, error.message], ["EINVAL", `Cannot let something happen after '${usec}': that has passed`]);
  }
});

Deno.test("SimulatedKernel.after() with 0 waits for the next look at the world", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  let hasHappened = false;
  kernel.after(0, () => hasHappened = true);
  assertEquals(hasHappened, false);
  poller.poll(0);
  assertEquals(hasHappened, true);
  poller.close();
});

Deno.test("SimulatedKernel.advance() from within an event is not undone by the outer one", () => {
  const kernel = simulatedKernel();
  const start = kernel.now(monotonic);
  kernel.after(10, () => kernel.advance(100));
  kernel.advance(50);
  assertEquals(kernel.now(monotonic) - start, 110);
});

Deno.test("A wake-up that time passes by has fired for the event at the same time", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  poller.setWakeup(monotonic, kernel.now(monotonic) + 10);
  let fired = -1;
  kernel.after(10, () => {
    poller.poll(0);
    fired = poller.clocksFired;
  });
  kernel.advance(10);
  assertEquals(fired, 1 << monotonic);
  poller.close();
});
