/**
 * Which wake-ups the kernel is asked for, and what a wake-up brings (sd-event, sections 10.3 and 10.4).
 *
 * @module
 */

import { EventLoop, type SimulatedKernel } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { clockNames, type Usec } from "../../event/time.ts";
import { chooseWakeup } from "../../event/timer_window.ts";
import { runs } from "./_property.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** A loop, and what it asks its kernel's clocks for. */
function watched(
  options: { bootId?: Uint8Array } = {},
): { loop: EventLoop; kernel: SimulatedKernel; taken(): [clock: string, usec: Usec][] } {
  const kernel = virtualKernel(options);
  const wakeups: [string, Usec][] = [];
  const openPoller = kernel.openPoller.bind(kernel);
  kernel.openPoller = () => {
    const poller = openPoller();
    if (typeof poller === "number") return poller;
    const setWakeup = poller.setWakeup.bind(poller);
    poller.setWakeup = (clock, usec) => {
      wakeups.push([clockNames[clock], usec]);
      return setWakeup(clock, usec);
    };
    return poller;
  };
  return { loop: new EventLoop({ kernel }), kernel, taken: () => wakeups.splice(0) };
}

/** A boot id that stands for this perturbation. */
function bootIdOf(perturbation: number): Uint8Array {
  const words = new BigUint64Array([BigInt(perturbation), 0n]);
  return new Uint8Array(words.buffer);
}

Deno.test("A wake-up is placed on the coarsest grid of the machine that has a point in the window", () => {
  const perturbation = 38_345_136;
  const { loop, kernel, taken } = watched({ bootId: bootIdOf(perturbation) });
  const now = kernel.now(2);
  for (const accuracy of [1, 2, 1_000, 0, 1_500_000, 12_000_000, 70_000_000]) {
    const source = loop.addTime("monotonic", now + 123_456_789, null, { accuracy });
    loop.runSync(0);
    assertEquals(taken(), [["monotonic", chooseWakeup(source.usec, source.usec + source.accuracy, perturbation)]]);
    source[Symbol.dispose]();
    loop.runSync(0);
    assertEquals(taken(), [["monotonic", Infinity]]);
  }
  loop[Symbol.dispose]();
});

Deno.test("The wake-up comes before the tightest deadline of all timers, and serves those that are due by then", () => {
  const { loop, kernel, taken } = watched();
  const start = Math.ceil(kernel.now(2) / 60_000_000) * 60_000_000;
  const order: string[] = [];
  loop.addTime("monotonic", start + 1_000_000, () => void order.push("patient"), { accuracy: 50_000_000 });
  loop.addTime("monotonic", start + 3_300_000, () => void order.push("strict"), { accuracy: 900_000 });
  loop.addTime("monotonic", start + 4_000_001, () => void order.push("later"), { accuracy: 1 });
  loop.runSync(0);
  assertEquals(taken(), [["monotonic", start + 4_000_000]]);
  assertEquals(loop.runSync(), true);
  assertEquals(kernel.now(2), start + 4_000_000);
  assertEquals(loop.runSync(0), true);
  assertEquals(order, ["patient", "strict"]);
  loop[Symbol.dispose]();
});

Deno.test("A wake-up that is set already is not set again", () => {
  const { loop, kernel, taken } = watched();
  const now = kernel.now(2);
  const first = loop.addTime("monotonic", now + 1_000, null, { accuracy: 1 });
  loop.runSync(0);
  taken();
  const second = loop.addTime("monotonic", now + 2_000, null, { accuracy: 1 });
  loop.runSync(0);
  first.usec = now + 1_000;
  loop.runSync(0);
  first.enabled = "off";
  first.enabled = "on";
  loop.runSync(0);
  assertEquals(taken(), []);
  first.enabled = "off";
  loop.runSync(0);
  assertEquals(taken(), [["monotonic", now + 2_000]]);
  second[Symbol.dispose]();
  loop.runSync(0);
  loop.runSync(0);
  assertEquals(taken(), [["monotonic", Infinity]]);
  loop[Symbol.dispose]();
});

Deno.test("Neither what is off nor what is never due nor what is pending is armed", () => {
  const { loop, taken } = watched();
  loop.addTimeRelative("monotonic", 5, null, { enabled: "off" });
  loop.addTime("boottime", Infinity, null);
  loop.runSync(0);
  assertEquals(taken(), []);
  loop.addTime("monotonic", 0, () => {}, { priority: 1 });
  loop.addDefer(() => {}, { enabled: "on" });
  for (let i = 0; i < 3; i++) loop.runSync(0);
  assertEquals(taken(), []);
  loop[Symbol.dispose]();
});

Deno.test("Clocks are armed in one order, whatever order their timers came in", () => {
  const { loop, taken } = watched();
  for (const clock of ["boottime-alarm", "monotonic", "realtime-alarm", "realtime", "boottime"] as const) {
    loop.addTimeRelative(clock, 1_000_000, null, { accuracy: 1 });
  }
  loop.runSync(0);
  assertEquals(taken().map(([clock]) => clock), ["realtime", "boottime", "monotonic", "realtime-alarm", "boottime-alarm"]);
  loop[Symbol.dispose]();
});

Deno.test("A time long past is asked for as 0", () => {
  const { loop, taken } = watched();
  loop.addTime("monotonic", 0, () => {});
  assertEquals(loop.runSync(), true);
  assertEquals(taken(), [["monotonic", 0]]);
  loop[Symbol.dispose]();
});

Deno.test("What is due on any clock becomes pending in one wait, whatever woke the loop", () => {
  const { loop, kernel } = watched();
  const sources = clockNames.map((clock) => loop.addTimeRelative(clock, 1_000, () => {}, { accuracy: 1 }));
  const [reader, writer] = kernel.socketPair();
  loop.addIo(reader, 1, () => {});
  loop.runSync(0);
  kernel.advance(1_000);
  kernel.tryWrite(writer, new Uint8Array(1));
  loop.prepare();
  assertEquals(loop.waitSync(), true);
  assertEquals(sources.map(({ pending }) => pending), [true, true, true, true, true]);
  loop[Symbol.dispose]();
});

Deno.test("A timer that is pending is not waited for, and one that was dispatched on is", () => {
  const { loop, kernel, taken } = watched();
  const now = kernel.now(2);
  const source = loop.addTime("monotonic", now + 10, () => source.usec += 10, { accuracy: 1, enabled: "on" });
  for (let i = 1; i <= 3; i++) {
    loop.runSync();
    assertEquals(taken(), [["monotonic", now + 10 * i]]);
  }
  loop[Symbol.dispose]();
});

interface Timer {
  readonly clock: 0 | 1 | 2 | 3 | 4;
  readonly delay: number;
  readonly accuracy: number;
  readonly priority: number;
}

const timers: fc.Arbitrary<Timer[]> = fc.array(
  fc.record({
    clock: fc.constantFrom<0 | 1 | 2 | 3 | 4>(0, 1, 2, 3, 4),
    delay: fc.oneof(fc.nat(1_000), fc.nat(100_000_000)),
    accuracy: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 30_000_000 }), fc.constant(0)),
    priority: fc.integer({ min: -1, max: 1 }),
  }),
  { minLength: 1, maxLength: 30, size: "max" },
);

Deno.test("Every timer fires inside of its window, once", () => {
  fc.assert(
    fc.property(timers, fc.nat(59_999_999), (timers, perturbation) => {
      const { loop, kernel } = watched({ bootId: bootIdOf(perturbation) });
      let fired = 0;
      for (const { clock, delay, accuracy, priority } of timers) {
        const usec = kernel.now(clock) + delay;
        loop.addTime(clockNames[clock], usec, (told, source) => {
          fired++;
          const now = kernel.now(clock);
          assertEquals(told, usec);
          assert(now >= usec && now <= usec + source.accuracy, `${now} is not in ${usec} + ${source.accuracy}`);
        }, { accuracy, priority, exitOnFailure: true });
      }
      loop.exitOnIdle = true;
      assertEquals(loop.loopSync(), 0);
      assertEquals(fired, timers.length);
      loop[Symbol.dispose]();
      assertEquals(kernel.leaks(), []);
    }),
    runs(200),
  );
});
