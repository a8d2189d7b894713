import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import { signalNumber } from "../../../event/signal_names.ts";
import type { EmulatedPoller } from "../../../event/kernel/emulated/poller.ts";
import { ClockIndex } from "../../../event/time.ts";
import { commandOf } from "../_trial.ts";
import { fakeKernel } from "./fake_host.ts";

const { monotonic, realtime } = ClockIndex;

Deno.test("Poller.poll() blocks the thread while there is only time to wait for", () => {
  const { host, kernel, poller } = fakeKernel();
  const [reader] = kernel.openPipe();
  poller.watch(reader, IoEvent.IN, false, 1);
  poller.setWakeup(monotonic, kernel.now(monotonic) + 5_000);
  assertEquals([poller.poll(20_000), poller.clocksFired, host.blocks], [0, 1 << monotonic, [5]]);
  assertEquals([poller.poll(20_000), host.blocks], [0, [5, 20]]);
});

Deno.test("Poller.poll() goes on blocking when the thread wakes early", () => {
  const { host, kernel, poller } = fakeKernel();
  const usec = kernel.now(monotonic) + 8_000;
  poller.setWakeup(monotonic, usec);
  host.blockedShare = 0.5;
  poller.poll(Infinity);
  assertEquals(poller.clocksFired, 1 << monotonic);
  assert(kernel.now(monotonic) >= usec);
  assert(host.blocks.length > 1);
});

Deno.test("Poller.poll() notices while it blocks that somebody sets the realtime clock", () => {
  const { host, kernel, poller } = fakeKernel();
  poller.setWakeup(realtime, kernel.now(realtime) + 3_600_000_000);
  const block = host.block.bind(host);
  host.block = (milliseconds) => {
    host.realtime += 1_800_000;
    return block(milliseconds);
  };
  poller.poll(Infinity);
  assertEquals([poller.clocksFired, host.blocks.length], [1 << realtime, 2]);
});

Deno.test("Poller.poll() sees the wake-up of a poller that it watches while it blocks", () => {
  const { kernel, poller } = fakeKernel();
  const inner = kernel.openPoller();
  poller.watch(inner.handle, IoEvent.IN, false, 1);
  inner.setWakeup(monotonic, kernel.now(monotonic) + 5_000);
  assertEquals([poller.poll(Infinity), poller.readyTokens[0]], [1, 1]);
});

Deno.test("Poller.poll() reports EDEADLK when it would never return", () => {
  const { kernel, poller } = fakeKernel();
  const [reader] = kernel.openPipe();
  poller.watch(reader, IoEvent.IN, false, 1);
  assertEquals(poller.poll(Infinity), -Errno.EDEADLK);
});

Deno.test("Poller.poll() reports EOPNOTSUPP where the thread may not be blocked", () => {
  const { host, poller } = fakeKernel();
  host.mayBlock = false;
  assertEquals(poller.poll(1_000), -Errno.EOPNOTSUPP);
});

Deno.test("Poller.poll() reports EOPNOTSUPP where it would have to wait for what the host brings, and only there", async () => {
  const { host, kernel, poller } = fakeKernel();
  const process = kernel.spawn(commandOf({ command: "true", args: [] }));
  assert(typeof process === "object");
  poller.watch(process.handle, IoEvent.IN, false, 1);
  poller.setWakeup(monotonic, kernel.now(monotonic) + 1_000);
  assertEquals([poller.poll(5_000), poller.clocksFired, host.blocks], [-Errno.EOPNOTSUPP, 0, []]);
  assertEquals(poller.poll(0), 0);

  const outer = kernel.openPoller();
  outer.watch(poller.handle, IoEvent.IN, false, 1);
  assertEquals(outer.poll(5_000), -Errno.EOPNOTSUPP);

  while (poller.poll(0) === 0) await kernel.turn("io");
  assertEquals(poller.poll(5_000), 1);
  poller.rewatch(process.handle, IoEvent.IN, true, 1);
  assertEquals([poller.poll(5_000), poller.poll(5_000)], [1, 0]); // it will report no more
  kernel.close(process.handle);
});

Deno.test("Poller.poll() reports EOPNOTSUPP for a wait while a signal is claimed", () => {
  const { kernel, poller } = fakeKernel();
  const signal = signalNumber("SIGUSR2");
  assertEquals(poller.claimSignal(signal), 0);
  assertEquals(poller.poll(5_000), -Errno.EOPNOTSUPP);
  poller.releaseSignal(signal);
  assertEquals(poller.poll(5_000), 0);
  assertEquals(kernel.openPoller().claimSignal(signalNumber("SIGRTMIN+1")), -Errno.EOPNOTSUPP);
});

Deno.test("Poller.close() forgets what it watched", () => {
  const { kernel, poller } = fakeKernel();
  const [reader] = kernel.openPipe();
  assertEquals(poller.watch(reader, IoEvent.IN, false, 1), 0);
  const [{ file }] = (poller as EmulatedPoller).watches;
  assertEquals(file.observers.size, 1);
  poller.close();
  assertEquals(file.observers.size, 0);
  assertEquals([poller.poll(0), poller.watch(reader, IoEvent.IN, false, 1)], [-Errno.EBADF, -Errno.EBADF]);
});

Deno.test("Poller.openClock() reports EOPNOTSUPP for the clocks that wake the machine", () => {
  const { poller } = fakeKernel();
  for (const name of ["realtime-alarm", "boottime-alarm"] as const) {
    assertEquals(poller.openClock(ClockIndex[name]), -Errno.EOPNOTSUPP);
    assertEquals(poller.setWakeup(ClockIndex[name], 1), -Errno.EOPNOTSUPP);
  }
});
