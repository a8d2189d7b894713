import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import { ClockIndex } from "../../../event/time.ts";
import { COMPLETED, type Handle, type Poller } from "../../../event/kernel/kernel.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { openDescriptors } from "./descriptors.ts";
import { failWith } from "./failures.ts";
import { openPolledPipe, parkEnd } from "./pollers.ts";

const kernel = linuxKernel();
const byte = Uint8Array.of(1);

/** The tokens and events that one poll reports, sorted by token. */
function pollOnce(poller: Poller): [token: number, events: number][] {
  const count = poller.poll(0);
  const ready = Array.from({ length: count }, (_, index): [number, number] => [poller.readyTokens[index], poller.readyEvents[index]]);
  return ready.sort(([a], [b]) => a - b);
}

Deno.test("Poller.poll() reports everything that is ready at once, however much that is", async () => {
  await using pipe = openPolledPipe();
  const { poller, reader } = pipe;
  kernel.tryWrite(pipe.writer, byte);
  const handles = Array.from({ length: 300 }, () => kernel.duplicate(reader));
  handles.forEach((handle, index) => assertEquals(poller.watch(handle, IoEvent.IN, false, 1000 + index), 0));
  for (let token = 2000; token < 2200; token++) assertEquals(poller.start({ kind: "resolve", hostname: "::1" }, token), 0);
  poller.setWakeup(ClockIndex.monotonic, 0);
  poller.setWakeup(ClockIndex.realtime, 0);

  const expected = [7, ...handles.keys().map((index) => 1000 + index)].map((token) => [token, IoEvent.IN]);
  const completed = Array.from({ length: 200 }, (_, index) => [2000 + index, COMPLETED]);
  assertEquals<number[][]>(pollOnce(poller), [...expected, ...completed]);
  assertEquals<number[][]>(pollOnce(poller), expected);
  assertEquals(poller.clocksFired, 1 << ClockIndex.monotonic | 1 << ClockIndex.realtime);
  for (const handle of handles) {
    poller.unwatch(handle);
    kernel.close(handle);
  }
});

Deno.test("Poller.poll() is told of completions once, and so is another poller that watches it", async () => {
  await using inner = openPolledPipe();
  await using outer = openPolledPipe();
  outer.poller.watch(inner.poller.handle, IoEvent.IN, false, 9);
  for (let token = 0; token < 100; token++) inner.poller.start({ kind: "resolve", hostname: "::1" }, 1000 + token);
  assertEquals(pollOnce(outer.poller), [[9, IoEvent.IN]]);
  assertEquals(inner.poller.poll(Infinity), 100);
  assertEquals(inner.poller.poll(0), 0);
  assertEquals(outer.poller.poll(0), 0);
  outer.poller.unwatch(inner.poller.handle);
});

Deno.test("A poller can nap unless an operation is under way, whose end a turn of the host tells", async () => {
  await using pipe = openPolledPipe();
  const { poller } = pipe;
  assert(poller.canNap);
  assertEquals(poller.start({ kind: "resolve", hostname: "::1" }, 5), 0);
  assert(!poller.canNap);
  assertEquals(poller.poll(0), 1);
  poller.takeCompletion(5);
  assert(poller.canNap);
});

Deno.test("Poller.setWakeup() fires at once for a time that has passed, and once", async () => {
  await using pipe = openPolledPipe();
  for (const clock of [ClockIndex.realtime, ClockIndex.boottime, ClockIndex.monotonic]) {
    for (const usec of [0, -5, kernel.now(clock) - 1]) {
      assertEquals(pipe.poller.setWakeup(clock, usec), 0);
      assertEquals(pipe.poller.poll(Infinity), 0);
      assertEquals(pipe.poller.clocksFired, 1 << clock);
      pipe.poller.clocksFired = 0;
      assertEquals(pipe.poller.poll(0), 0);
      assertEquals(pipe.poller.clocksFired, 0);
    }
  }
});

Deno.test("Poller.setWakeup() to the time that has just fired fires again", async () => {
  await using pipe = openPolledPipe();
  const usec = kernel.now(ClockIndex.monotonic);
  for (let round = 0; round < 3; round++) {
    pipe.poller.setWakeup(ClockIndex.monotonic, usec);
    pipe.poller.clocksFired = 0;
    pipe.poller.poll(Infinity);
    assertEquals(pipe.poller.clocksFired, 1 << ClockIndex.monotonic);
  }
});

Deno.test("Poller.setWakeup() replaces a wake-up that has fired but was not looked at", async () => {
  await using pipe = openPolledPipe();
  for (const usec of [Infinity, 2 ** 53]) {
    pipe.poller.setWakeup(ClockIndex.monotonic, 0);
    assertEquals(pipe.poller.setWakeup(ClockIndex.monotonic, usec), 0);
    assertEquals(pipe.poller.poll(0), 0);
    assertEquals(pipe.poller.clocksFired, 0);
  }
});

Deno.test("Poller.setWakeup() makes the handle readable for another poller, until it was polled", async () => {
  await using inner = openPolledPipe();
  await using outer = openPolledPipe();
  outer.poller.watch(inner.poller.handle, IoEvent.IN, false, 9);
  inner.poller.setWakeup(ClockIndex.monotonic, 0);
  assertEquals(outer.poller.poll(Infinity), 1);
  inner.poller.poll(0);
  assertEquals(outer.poller.poll(0), 0);
  outer.poller.unwatch(inner.poller.handle);
});

Deno.test("Poller.openClock() opens an alarm clock or says why not, and wake-ups by it come then", async () => {
  await using pipe = openPolledPipe();
  for (const clock of [ClockIndex["realtime-alarm"], ClockIndex["boottime-alarm"]]) {
    const answer = pipe.poller.openClock(clock);
    if (answer < 0) {
      assert([-Errno.EPERM, -Errno.EOPNOTSUPP].includes(answer), String(answer));
      assertEquals(pipe.poller.setWakeup(clock, 0), answer);
      continue;
    }
    assertEquals(pipe.poller.setWakeup(clock, kernel.now(clock) + 100), 0);
    assertEquals(pipe.poller.poll(Infinity), 0);
    assertEquals(pipe.poller.clocksFired, 1 << clock);
    pipe.poller.clocksFired = 0;
  }
});

Deno.test("Kernel.now() of the realtime clock is the host's time", () => {
  const before = Date.now();
  const usec = kernel.now(ClockIndex.realtime);
  assert(before * 1_000 <= usec && usec < (Date.now() + 1) * 1_000);
  assert(Number.isInteger(usec));
});

Deno.test("Poller.start() refuses a token in use, a name that C cannot say and an operation that it does not know", async () => {
  await using pipe = openPolledPipe();
  const { poller } = pipe;
  assertEquals(poller.start({ kind: "resolve", hostname: "::1" }, 8), 0);
  assertEquals(poller.start({ kind: "resolve", hostname: "::1" }, 8), -Errno.EEXIST);
  for (const hostname of ["", "a\0b"]) assertEquals(poller.start({ kind: "resolve", hostname }, 9), -Errno.EINVAL);
  assertEquals(poller.start({ kind: "connect" } as unknown as { kind: "resolve"; hostname: string }, 9), -Errno.EOPNOTSUPP);
  assertEquals(pollOnce(poller), [[8, COMPLETED]]);
  assertEquals(poller.takeCompletion(9), undefined);
});

Deno.test("Poller.takeCompletion() gives what a name resolved to, or why it did not, once", async () => {
  await using pipe = openPolledPipe();
  const { poller } = pipe;
  const cases = new Map<string, unknown>([
    ["fe80::1%1", ["fe80::1%1"]],
    ["127.1", ["127.0.0.1"]], // not the kernel's idea of an address, but the resolver's
    ["x".repeat(64), -Errno.ENOENT],
  ]);
  for (const [hostname, expected] of cases) {
    assertEquals(poller.start({ kind: "resolve", hostname }, 8), 0);
    while (pollOnce(poller).length === 0) {
      poller.park();
      await parkEnd(poller);
    }
    assertEquals(poller.takeCompletion(8), expected);
    assertEquals(poller.takeCompletion(8), undefined);
  }
});

Deno.test("Poller.abandon() keeps a completion from being reported, done or not, and frees its token", async () => {
  await using pipe = openPolledPipe();
  const { poller } = pipe;
  for (const hostname of ["::1", "localhost"]) {
    poller.start({ kind: "resolve", hostname }, 8);
    poller.abandon(8);
    poller.start({ kind: "resolve", hostname: "::2" }, 8);
    assertEquals(pollOnce(poller), [[8, COMPLETED]]);
    assertEquals(poller.takeCompletion(8), ["::2"]);
    // The resolver's answer, when it comes, is nobody's. Another one that was asked later comes after it.
    poller.start({ kind: "resolve", hostname: "localhost" }, 9);
    poller.park();
    await parkEnd(poller);
    assertEquals(pollOnce(poller), [[9, COMPLETED]]);
    poller.abandon(9);
  }
});

Deno.test("Poller.close() leaves alone an operation that is under way", async () => {
  const before = openDescriptors();
  {
    await using pipe = openPolledPipe();
    pipe.poller.start({ kind: "resolve", hostname: "localhost" }, 8);
  }
  await using other = openPolledPipe();
  other.poller.start({ kind: "resolve", hostname: "localhost" }, 8);
  other.poller.park();
  await parkEnd(other.poller);
  // A pipe, epoll, two eventfds and a timer; the resolver, on its threads, may still have something open.
  for (let turns = 0; openDescriptors().length !== before.length + 6; turns++) {
    assert(turns < 1_000, `${openDescriptors()} are open, and ${before} were`);
    await kernel.turn("io");
  }
});

Deno.test("Poller.claimSignal(), openClock() and start() that epoll has no room for leave nothing behind", async () => {
  await using pipe = openPolledPipe();
  await using other = openPolledPipe();
  const { poller } = pipe;
  const before = openDescriptors();
  {
    using _failing = failWith("epoll_ctl", Errno.ENOSPC, poller);
    assertEquals(poller.openClock(ClockIndex.monotonic), -Errno.ENOSPC);
    assertEquals(poller.start({ kind: "resolve", hostname: "::1" }, 1), -Errno.ENOSPC);
    assertEquals(poller.claimSignal(12), -Errno.ENOSPC);
  }
  assertEquals(openDescriptors(), before);
  assertEquals([other.poller.claimSignal(12), poller.claimSignal(12)], [0, -Errno.EBUSY]);
  assertEquals([poller.openClock(ClockIndex.monotonic), poller.start({ kind: "resolve", hostname: "::1" }, 1)], [0, 0]);
  assertEquals(pollOnce(poller), [[1, COMPLETED]]);
});

Deno.test("Poller.watch() reports what the system says of handles that cannot be watched, and changes nothing", async () => {
  await using pipe = openPolledPipe();
  const { poller, reader } = pipe;
  const watch = (handle: Handle) => poller.watch(handle, IoEvent.IN, false, 1);
  assertEquals(watch(reader), -Errno.EEXIST);
  assertEquals(watch(-1), -Errno.EBADF);
  assertEquals(watch(poller.handle), -Errno.EINVAL);
  kernel.tryWrite(pipe.writer, byte);
  assertEquals(pollOnce(poller), [[7, IoEvent.IN]]);
});
