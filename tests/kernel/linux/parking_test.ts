import { assert, assertEquals } from "@std/assert";
import { ClockIndex } from "../../../event/time.ts";
import { allocateCopy, libc } from "../../../event/kernel/linux/libc.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { openDescriptors } from "./descriptors.ts";
import { endPark, nextWake, openPolledPipe, parkEnd } from "./pollers.ts";

const kernel = linuxKernel();
const byte = Uint8Array.of(1);

/** How many threads the host's pool has. */
const poolThreads = 32;

/** Takes every thread of the host's pool until it is disposed of, which may be done twice. */
function fillPool(): AsyncDisposable {
  const [reader, writer] = kernel.openPipe() as [number, number];
  const watched = allocateCopy(new Uint8Array(Int32Array.of(reader, 1).buffer));
  const calls = Array.from({ length: poolThreads }, () => libc.pollOnThread(watched, 1n, -1));
  return {
    async [Symbol.asyncDispose]() {
      if (calls.length === 0) return;
      kernel.close(writer);
      await Promise.all(calls.splice(0));
      kernel.close(reader);
      libc.free(watched);
    },
  };
}

Deno.test("Poller.park() calls onWake when an operation is completed, and when one was already", async () => {
  await using pipe = openPolledPipe();
  pipe.poller.start({ kind: "resolve", hostname: "localhost" }, 8);
  for (let park = 0; park < 2; park++) {
    const woken = parkEnd(pipe.poller);
    pipe.poller.park();
    await woken;
  }
  assertEquals(pipe.poller.poll(0), 1);
  assertEquals(pipe.poller.readyTokens[0], 8);
});

Deno.test("Poller.park() calls onWake when what another poller watches is ready", async () => {
  await using inner = openPolledPipe();
  await using outer = openPolledPipe();
  assertEquals(outer.poller.watch(inner.poller.handle, 1, false, 9), 0);
  const woken = parkEnd(outer.poller);
  outer.poller.park();
  kernel.tryWrite(inner.writer, byte);
  await woken;
  assertEquals(outer.poller.poll(0), 1);
  assertEquals(outer.poller.readyTokens[0], 9);
  outer.poller.unwatch(inner.poller.handle);
});

Deno.test("Poller.wake() ends a park, with nothing for the next poll to report and no effect on the next park", async () => {
  await using pipe = openPolledPipe();
  for (let park = 0; park < 3; park++) {
    const woken = parkEnd(pipe.poller);
    pipe.poller.park();
    pipe.poller.wake();
    pipe.poller.wake();
    assert(pipe.poller.parked, "not from inside the call");
    await woken;
    assert(!pipe.poller.parked);
    assertEquals(pipe.poller.poll(0), 0);
  }
  pipe.poller.park();
  kernel.tryWrite(pipe.writer, byte);
  await parkEnd(pipe.poller);
  assertEquals(pipe.poller.poll(0), 1);
});

Deno.test("Poller.wake() does nothing where nothing is parked", async () => {
  await using pipe = openPolledPipe();
  let wakes = 0;
  pipe.poller.onWake = () => wakes++;
  pipe.poller.wake();
  await kernel.turn("io");
  pipe.poller.park();
  await kernel.turn("io");
  assertEquals(wakes, 0);
  assert(pipe.poller.parked);
});

Deno.test("Poller.limitPark() ends a park that is under way, and every one until it is taken back", async () => {
  await using pipe = openPolledPipe();
  let woken = parkEnd(pipe.poller);
  pipe.poller.park();
  assertEquals(pipe.poller.limitPark(500), 0);
  await woken;
  assertEquals(pipe.poller.poll(0), 0);

  woken = parkEnd(pipe.poller);
  pipe.poller.park();
  await woken;

  assertEquals(pipe.poller.limitPark(0), 0);
  woken = parkEnd(pipe.poller);
  pipe.poller.park();
  await woken;

  assertEquals(pipe.poller.limitPark(Infinity), 0);
  let wakes = 0;
  pipe.poller.onWake = () => wakes++;
  pipe.poller.park();
  await kernel.turn("io");
  assertEquals(wakes, 0);
});

Deno.test("Poller.limitPark() does not limit a poll", async () => {
  await using pipe = openPolledPipe();
  const start = kernel.now(ClockIndex.monotonic);
  pipe.poller.limitPark(1);
  assertEquals(pipe.poller.poll(2_000), 0);
  assert(kernel.now(ClockIndex.monotonic) - start >= 2_000);
});

Deno.test("Poller.park() is heard while the host's pool is full; the call stays outstanding and ends later", async () => {
  await using pipe = openPolledPipe();
  {
    await using _full = fillPool();
    for (let park = 0; park < 2; park++) {
      const woken = nextWake(pipe.poller);
      pipe.poller.park();
      kernel.tryWrite(pipe.writer, byte);
      await woken;
      assertEquals(pipe.poller.poll(0), 1);
      assertEquals(kernel.tryRead(pipe.reader, new Uint8Array(8)), 1);
      assert(pipe.poller.parked, "no thread has run the call yet");
    }
  }
  await endPark(pipe.poller);
  assertEquals(pipe.poller.poll(0), 0);
});

Deno.test("Poller.park() is looked after by the host's timer until the call is known to have a thread, and not one look longer", async () => {
  const { setTimeout, clearTimeout } = globalThis;
  const timers = new Map<number, () => void>();
  let looks = 0;
  let lastTimer = 0;
  await using pipe = openPolledPipe();
  try {
    globalThis.setTimeout = ((look: () => void) => {
      timers.set(++lastTimer, look);
      return lastTimer;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((timer: number) => timers.delete(timer)) as typeof clearTimeout;
    const look = () => {
      looks++;
      const [[timer, run]] = timers;
      timers.delete(timer);
      run();
    };

    pipe.poller.park();
    await using full = fillPool(); // behind the park, ahead of its probe
    assertEquals(timers.size, 1);
    look();
    look();
    await kernel.turn("tasks");
    assertEquals(timers.size, 1);

    await full[Symbol.asyncDispose]();
    while (timers.size > 0) await kernel.turn("tasks");
    assertEquals(looks, 2);

    // The call goes on listening without a timer.
    const woken = parkEnd(pipe.poller);
    kernel.tryWrite(pipe.writer, byte);
    await woken;
    assertEquals(timers.size, 0);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
});

Deno.test("Poller.parked is true until the probe of a park is over too, and onWake tells", async () => {
  const { setTimeout } = globalThis;
  await using pipe = openPolledPipe();
  try {
    let look = () => {};
    globalThis.setTimeout = ((callback: () => void) => {
      look = callback;
      return 1;
    }) as unknown as typeof setTimeout;
    pipe.poller.park();
    await using full = fillPool(); // behind the park, ahead of its probe
    look();
    const woken = nextWake(pipe.poller);
    kernel.tryWrite(pipe.writer, byte);
    await woken;
    assert(pipe.poller.parked, "the probe is outstanding");
    const ended = parkEnd(pipe.poller);
    await full[Symbol.asyncDispose]();
    await ended;
  } finally {
    Object.assign(globalThis, { setTimeout });
  }
});

Deno.test("The probe of a park that is over says nothing of the next one, which may not have a thread", async () => {
  const { setTimeout, clearTimeout } = globalThis;
  const timers = new Map<number, () => void>();
  let lastTimer = 0;
  await using pipe = openPolledPipe();
  try {
    globalThis.setTimeout = ((look: () => void) => {
      timers.set(++lastTimer, look);
      return lastTimer;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((timer: number) => timers.delete(timer)) as typeof clearTimeout;
    pipe.poller.park();
    await using first = fillPool(); // behind the park, ahead of its probe
    const [[timer, look]] = timers;
    timers.delete(timer);
    look();
    await using _second = fillPool(); // behind the probe, ahead of the next park
    const woken = nextWake(pipe.poller);
    kernel.tryWrite(pipe.writer, byte);
    await woken;
    kernel.tryRead(pipe.reader, new Uint8Array(1));
    pipe.poller.poll(0);
    pipe.poller.park();
    assertEquals(timers.size, 1);
    await first[Symbol.asyncDispose]();
    for (let turns = 0; turns < 10; turns++) await kernel.turn("tasks");
    assertEquals(timers.size, 1);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
});

Deno.test("Poller.close() after parks, wake-ups, signals and completions leaves no descriptor behind", async () => {
  await openPolledPipe()[Symbol.asyncDispose](); // what is opened once for the process is open from here on
  const before = openDescriptors();
  for (let round = 0; round < 3; round++) {
    await using pipe = openPolledPipe();
    for (const clock of [ClockIndex.realtime, ClockIndex.boottime, ClockIndex.monotonic]) pipe.poller.setWakeup(clock, 0);
    pipe.poller.claimSignal(12);
    pipe.poller.start({ kind: "resolve", hostname: "::1" }, 8);
    pipe.poller.limitPark(1_000_000);
    const woken = parkEnd(pipe.poller);
    pipe.poller.park();
    await woken;
    assert(openDescriptors().length > before.length);
  }
  assertEquals(openDescriptors(), before);
});

Deno.test("Poller.close() while parked, which nobody should do, ends the park and then gives all back", async () => {
  const before = openDescriptors();
  const poller = kernel.openPoller();
  assert(typeof poller !== "number");
  poller.park();
  const woken = parkEnd(poller);
  poller.close();
  await woken;
  assert(!poller.parked);
  assertEquals(openDescriptors(), before);
});
