import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { IoEvent } from "../../../event/flags.ts";
import { signalNumber } from "../../../event/signal_names.ts";
import { ClockIndex } from "../../../event/time.ts";
import type { Poller } from "../../../event/kernel/kernel.ts";
import { fakeKernel } from "./fake_host.ts";

const { monotonic, realtime } = ClockIndex;

/** Parks: whether it has ended. */
function park(poller: Poller): () => boolean {
  let woken = false;
  poller.onWake = () => void (woken = true);
  poller.park();
  return () => woken;
}

Deno.test("A park ends late by as much as the host's timer does, and no more", () => {
  const { host, kernel, poller } = fakeKernel();
  poller.setWakeup(monotonic, kernel.now(monotonic) + 10_000);
  host.lateness = 50;
  const isOver = park(poller);
  host.turn();
  assertEquals(host.comeTimer(), 10);
  assert(isOver());
  poller.poll(0);
  assertEquals(poller.clocksFired, 1 << monotonic);
  poller.close();
});

Deno.test("A timer of the host that comes early ends no park: it is set once more", () => {
  const { host, kernel, poller } = fakeKernel();
  const usec = kernel.now(monotonic) + 10_000;
  poller.setWakeup(monotonic, usec);
  host.lateness = -3;
  const isOver = park(poller);
  host.turn();
  assertEquals([host.comeTimer(), isOver()], [10, false]);
  assertEquals([host.comeTimer(), isOver()], [3, true]);
  assert(kernel.now(monotonic) >= usec);
  poller.close();
});

Deno.test("A limit of a park is kept by a timer that comes early, too", () => {
  const { host, poller } = fakeKernel();
  poller.limitPark(2_000);
  host.lateness = -1;
  const isOver = park(poller);
  host.turn();
  host.comeTimer();
  assert(!isOver());
  host.comeTimer();
  assert(isOver());
  assertEquals([poller.poll(0), poller.clocksFired], [0, 0]);
  poller.close();
});

Deno.test("A wake-up further ahead than a timer of the host can be set takes several", () => {
  const { host, kernel, poller } = fakeKernel();
  const days = 60;
  poller.setWakeup(monotonic, kernel.now(monotonic) + days * 86_400_000_000);
  const isOver = park(poller);
  host.turn();
  const delays: number[] = [];
  while (!isOver()) delays.push(host.comeTimer());
  assertEquals(delays, [0x7fff_ffff, 0x7fff_ffff, days * 86_400_000 - 2 * 0x7fff_ffff]);
  poller.close();
});

Deno.test("A wake-up of the realtime clock comes within a second when somebody sets the clock", () => {
  const { host, kernel, poller } = fakeKernel();
  poller.setWakeup(realtime, kernel.now(realtime) + 3_600_000_000);
  const isOver = park(poller);
  host.turn();
  assertEquals([host.comeTimer(), isOver()], [1_000, false]);
  host.realtime += 3_600_000;
  assertEquals([host.comeTimer(), isOver()], [1_000, true]);
  poller.poll(0);
  assertEquals(poller.clocksFired, 1 << realtime);
  poller.close();
});

Deno.test("A wake-up of the realtime clock waits when somebody sets the clock back", () => {
  const { host, kernel, poller } = fakeKernel();
  const usec = kernel.now(realtime) + 500_000;
  poller.setWakeup(realtime, usec);
  const isOver = park(poller);
  host.turn();
  host.realtime -= 2_000;
  const delays: number[] = [];
  while (!isOver()) delays.push(host.comeTimer());
  assertEquals(delays.slice(0, 3), [500, 1_000, 1_000]);
  assert(kernel.now(realtime) >= usec);
  poller.close();
});

Deno.test("The host has something to wait for exactly while somebody waits to be woken", () => {
  const { host, kernel, poller } = fakeKernel();
  const [reader, writer] = kernel.openPipe();
  poller.watch(reader, IoEvent.IN, false, 1);
  poller.setWakeup(monotonic, kernel.now(monotonic) + 1_000_000);
  kernel.tryWrite(writer, new Uint8Array(1));
  assert(host.isIdle);
  kernel.tryRead(reader, new Uint8Array(1));
  for (const end of [() => poller.wake(), () => kernel.tryWrite(writer, new Uint8Array(1)), () => poller.limitPark(0)]) {
    const isOver = park(poller);
    assert(!host.isIdle);
    host.turn();
    assert(!host.isIdle);
    end();
    host.turn();
    assert(isOver());
    poller.onWake = undefined;
    assert(host.isIdle);
    kernel.tryRead(reader, new Uint8Array(1));
  }
  park(poller);
  host.turn();
  poller.close();
  assert(host.isIdle);
});

Deno.test("A timer of the host is left as it is from park to park while it comes early enough, and set anew for an earlier time", () => {
  const { host, kernel, poller } = fakeKernel();
  const start = kernel.now(monotonic);
  const parkAndWake = () => {
    const isOver = park(poller);
    host.turn();
    const timers = [...host.timers];
    poller.wake();
    host.turn();
    assert(isOver());
    return timers;
  };
  poller.setWakeup(monotonic, start + 10_400);
  const [first, ...others] = parkAndWake();
  assertEquals([first.milliseconds, others], [11, []]);
  host.pass(0.3);
  assertEquals(parkAndWake(), [first]);
  poller.setWakeup(monotonic, start + 50_000);
  assertEquals(parkAndWake(), [first]);
  poller.setWakeup(monotonic, start + 8_000);
  const [second, ...rest] = parkAndWake();
  assertEquals([second.milliseconds, rest], [8, []]);
  poller.setWakeup(monotonic, start + 50_000);
  const isOver = park(poller);
  host.turn();
  assertEquals([host.comeTimer(), isOver(), host.timers.length], [8, false, 1]);
  assertEquals([host.comeTimer(), isOver()], [42, true]);
  poller.close();
});

Deno.test("Without anything to wait for a park waits all the same", () => {
  const { host, poller } = fakeKernel();
  const isOver = park(poller);
  host.turn();
  assertEquals([host.comeTimer(), host.comeTimer(), isOver()], [0x7fff_ffff, 0x7fff_ffff, false]);
  poller.close();
});

Deno.test("A park that another poller's wake-up makes ready ends by that", () => {
  const { host, kernel, poller } = fakeKernel();
  const inner = kernel.openPoller();
  poller.watch(inner.handle, IoEvent.IN, false, 1);
  inner.setWakeup(monotonic, kernel.now(monotonic) + 7_000);
  const isOver = park(poller);
  host.turn();
  assertEquals([host.comeTimer(), isOver(), poller.poll(0), poller.readyEvents[0]], [7, true, 1, IoEvent.IN]);
  inner.close();
  poller.close();
});

/** Parks, is woken a millisecond later, and says by what the look came. Host code has worked for so long before that. */
function lookKind({ host, poller }: ReturnType<typeof fakeKernel>, busyMilliseconds = 0): "turn" | "timer" {
  const isOver = park(poller);
  host.pass(busyMilliseconds);
  poller.wake();
  host.pass(1);
  const kind = host.turns.length > 0 ? "turn" : "timer";
  if (kind === "turn") host.turn();
  else assertEquals(host.comeTimer(), 0);
  assert(isOver());
  return kind;
}

Deno.test("Looks that follow upon each other leave the host the time for its sockets", () => {
  const world = fakeKernel();
  const kinds = Array.from({ length: 40 }, () => lookKind(world));
  const timers = [...kinds.entries()].filter(([, kind]) => kind === "timer").map(([index]) => index);
  assert(timers[0] >= 8, "It came too early");
  assert(timers.length >= 3, "The sockets starve");
  for (const [index, at] of timers.slice(1).entries()) assert(at - timers[index] >= 8, "The turns are too slow");
  world.poller.close();
});

Deno.test("Host code that works for long while the loop is parked is not taken for a rest of the host's, also not after a sign of it", () => {
  const world = fakeKernel();
  const { host, poller } = world;
  poller.claimSignal(signalNumber("SIGUSR2"));
  park(poller);
  process.emit("SIGUSR2", "SIGUSR2");
  host.turn();
  assertEquals(poller.poll(0), 0);
  assert(poller.takeSignal([signalNumber("SIGUSR2")]) !== undefined);
  const kinds = Array.from({ length: 12 }, () => lookKind(world, 1.5));
  assert(kinds.includes("timer"), "The sockets starve");
  poller.close();
});

Deno.test("A park right after the host has brought something needs no look before it rests", () => {
  const { host, poller } = fakeKernel();
  poller.claimSignal(signalNumber("SIGUSR2"));
  for (let round = 0; round < 3; round++) {
    const isOver = park(poller);
    assertEquals([host.turns.length, host.timers.length], round === 0 ? [1, 0] : [0, 1]);
    host.turn();
    host.pass(100);
    process.emit("SIGUSR2", "SIGUSR2");
    assertEquals([isOver(), host.turns.length], [false, 1]);
    host.turn();
    assert(isOver());
    poller.poll(0);
    poller.takeSignal([signalNumber("SIGUSR2")]);
  }
  poller.close();
});

Deno.test("A look comes in the next turn when the host has brought something, or has rested", () => {
  const world = fakeKernel();
  const { host, poller } = world;
  assertEquals(poller.claimSignal(signalNumber("SIGUSR2")), 0);
  for (let round = 0; round < 8; round++) assertEquals(lookKind(world), "turn");
  poller.park();
  process.emit("SIGUSR2", "SIGUSR2");
  assertEquals(host.turns.length, 1);
  host.turn();
  poller.poll(0);
  assertEquals(poller.takeSignal([signalNumber("SIGUSR2")])?.signal, signalNumber("SIGUSR2"));

  host.pass(7);
  poller.park();
  if (host.turns.length > 0) host.turn();
  host.pass(20);
  poller.wake();
  assertEquals(host.turns.length, 1);
  poller.close();
});
