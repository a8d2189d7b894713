/**
 * When the kernel is asked while something is pending (sd-event, section 5.1; the two polling rules).
 *
 * @module
 */

import { EventLoop, type Fiber, IoEvent, sleep, spawn, suspend } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { spy } from "@std/testing/mock";
import { coreOf } from "../../event/event_loop.ts";
import type { Polling } from "./_trial.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** A loop whose polls are counted, and whose callbacks must not fail. */
function counted(polling: Polling) {
  const kernel = virtualKernel();
  let polls = 0;
  const openPoller = kernel.openPoller.bind(kernel);
  kernel.openPoller = () => {
    const poller = openPoller();
    if (typeof poller === "number") return poller;
    const poll = poller.poll.bind(poller);
    poller.poll = (timeout) => {
      polls++;
      return poll(timeout);
    };
    return poller;
  };
  const errors: unknown[] = [];
  const loop = new EventLoop({ kernel, polling, onError: (error) => errors.push(error) });
  return {
    loop,
    /** Unwinds its fibers and disposes it. */
    end(): void {
      loop.exit();
      loop.loopSync();
      loop[Symbol.dispose]();
      assertEquals(errors, []);
    },
    kernel,
    /** How many polls so many iterations take. */
    pollsIn(iterations: number): number {
      polls = 0;
      for (let i = 0; i < iterations; i++) assert(loop.runSync(0));
      return polls;
    },
  };
}

/** A pipe with something in it, as a source. */
function addReady({ loop, kernel }: ReturnType<typeof counted>, priority: number, callback: () => void = () => {}): void {
  const { reader, writer } = kernel.pipe();
  kernel.tryWrite(writer, new Uint8Array(1));
  loop.addIo(reader, IoEvent.IN, callback, { priority });
}

for (const polling of ["every", "batch"] as const) {
  Deno.test(`A loop whose sources the kernel has no say in does not poll while it is busy (${polling})`, () => {
    const trial = counted(polling);
    for (let i = 0; i < 3; i++) trial.loop.addDefer(() => {}, { enabled: "on" });
    assertEquals(trial.pollsIn(30), 0);
    trial.end();
  });

  Deno.test(`A loop polls in each iteration while something better could come (${polling})`, () => {
    const trial = counted(polling);
    for (let i = 0; i < 10; i++) trial.loop.addDefer(() => {}, { enabled: "on" });
    trial.loop.addSignal("SIGTERM", () => {}, { priority: -1 });
    assertEquals(trial.pollsIn(30), 30);
    trial.end();
  });

  Deno.test(`A loop polls in each iteration while a better timer could become due (${polling})`, () => {
    const trial = counted(polling);
    for (let i = 0; i < 10; i++) trial.loop.addDefer(() => {}, { enabled: "on" });
    trial.loop.addTime("monotonic", Infinity, () => {}, { priority: -1 });
    assertEquals(trial.pollsIn(30), 30);
    trial.end();
  });

  for (const priority of [0, 1]) {
    Deno.test(`What becomes ready at priority ${priority} has its turn among ten busy sources (${polling})`, () => {
      const trial = counted(polling);
      let turns = 0;
      const busy = Array.from({ length: 10 }, () => trial.loop.addDefer(() => {}, { enabled: "on" }));
      addReady(trial, priority, () => void turns++);
      trial.pollsIn(220);
      if (priority === 0) assert(turns >= 10, `${turns} turns of 220`);
      else assertEquals(turns, 0);
      for (const source of busy) source.enabled = "off";
      assert(trial.loop.runSync(0));
      assert(turns > 0);
      trial.end();
    });
  }
}

Deno.test("By the rule of every iteration a loop polls in each", () => {
  const trial = counted("every");
  for (let i = 0; i < 10; i++) addReady(trial, 0);
  assertEquals(trial.pollsIn(100) >= 100, true);
  trial.end();
});

Deno.test("By the rule of batches a loop polls once for all that is ready at one priority", () => {
  const trial = counted("batch");
  for (let i = 0; i < 10; i++) addReady(trial, 0);
  // A full batch is followed by another poll, so that there may be some more.
  assert(trial.pollsIn(100) <= 30);
  trial.end();
});

Deno.test("By the rule of batches nobody misses a turn", () => {
  const trial = counted("batch");
  const turns = new Array<number>(10).fill(0);
  for (let i = 0; i < 10; i++) addReady(trial, 0, () => void turns[i]++);
  trial.pollsIn(100);
  assertEquals(turns, new Array(10).fill(10));
  trial.end();
});

Deno.test("By the rule of batches fibers that timers wake together share their polls", () => {
  const trial = counted("batch");
  const { loop } = trial;
  for (let i = 0; i < 100; i++) spawn(() => sleep(1000), { loop });
  loop.addTimeRelative("monotonic", 2000, () => loop.exit());
  trial.pollsIn(100);
  // The first finds all timers due.
  assert(loop.runSync());
  assert(trial.pollsIn(299) <= 3);
  trial.end();
});

Deno.test("By the rule of batches fibers that wake one another in turn leave a turn to what becomes ready", () => {
  const trial = counted("batch");
  const { loop } = trial;
  const fibers: Fiber<unknown>[] = Array.from({ length: 10 }, (_, i) =>
    spawn(function* () {
      for (;;) {
        yield* suspend();
        fibers[(i + 1) % 10].resume();
      }
    }, { loop }));
  trial.pollsIn(10);
  fibers[0].resume();
  let turns = 0;
  addReady(trial, 0, () => void turns++);
  trial.pollsIn(300);
  assert(turns >= 10, `${turns} turns of 300`);
  trial.end();
});

for (const polling of ["every", "batch"] as const) {
  Deno.test(`Asking what is pending polls where that was left out, and once (${polling})`, () => {
    const trial = counted(polling);
    const { loop, kernel } = trial;
    for (let i = 0; i < 3; i++) loop.addDefer(() => {}, { enabled: "on", priority: -1 });
    const timer = loop.addTimeRelative("monotonic", 10, () => {}, { accuracy: 1 });
    trial.pollsIn(4);
    loop.prepare();
    kernel.advance(10);
    const isLeftOut = polling === "batch";
    const polls = spy(coreOf(loop).poller, "poll");
    assertEquals([timer.pending, timer.pending, polls.calls.length], isLeftOut ? [true, true, 1] : [false, false, 0]);
    loop.dispatch();
    trial.end();
  });

  Deno.test(`A source is not pending in its callback, also where a poll was left out that would report it (${polling})`, () => {
    const trial = counted(polling);
    const { kernel, loop } = trial;
    const seen: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const { reader, writer } = kernel.pipe();
      kernel.tryWrite(writer, new Uint8Array(1));
      loop.addIo(reader, IoEvent.IN, (_, source) => seen.push([source.pending, source.revents]));
    }
    trial.pollsIn(3);
    assertEquals(seen, [[false, undefined], [false, undefined], [false, undefined]]);
    trial.end();
  });
}
