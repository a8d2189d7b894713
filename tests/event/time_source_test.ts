/**
 * Sources that wait for a time (sd-event, section 9.2).
 *
 * @module
 */

import type { Clock } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { clockNames } from "../../event/time.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { makePending } from "./_sources.ts";
import { loopTest } from "./_trial.ts";

const last = Number.MAX_SAFE_INTEGER;

loopTest("EventLoop.addTime() checks the accuracy, the time, the callback, the loop, the clock, and then asks the kernel", ({ loop }) => {
  const add = (clock: string, usec: number, accuracy: number, callback?: unknown) =>
    codeOf(() => loop.addTime(clock as Clock, usec, callback as () => void, { accuracy }));
  assertEquals(add("lunar", -1, Infinity, "no function"), "EINVAL");
  assertEquals(add("lunar", -1, 0), "EINVAL");
  assertEquals(add("lunar", 0, 0, "no function"), "EINVAL");
  assertEquals(add("lunar", 0, 0), "EOPNOTSUPP");
  for (const accuracy of [-1, 0.5, NaN]) assertEquals(add("monotonic", 0, accuracy), "EINVAL");
  for (const usec of [-1, 0.5, NaN, 2 ** 53]) assertEquals(add("monotonic", usec, 0), "EINVAL");
  loop.exit();
  loop.loopSync();
  assertEquals(add("lunar", 0, Infinity), "EINVAL");
  assertEquals(add("lunar", 0, 0), "ESTALE");
});

loopTest("EventLoop.addTimeRelative() checks the clock and the span before all else", ({ loop }) => {
  const add = (clock: string, usec: number, accuracy: number) =>
    codeOf(() => loop.addTimeRelative(clock as Clock, usec, null, { accuracy }));
  assertEquals(add("lunar", Infinity, Infinity), "EOPNOTSUPP");
  assertEquals(add("monotonic", Infinity, Infinity), "EOVERFLOW");
  assertEquals(add("monotonic", last, Infinity), "EOVERFLOW");
  assertEquals(add("monotonic", last - loop.now() + 1, Infinity), "EOVERFLOW");
  assertEquals(add("monotonic", last - loop.now(), Infinity), "EINVAL");
  assertEquals(add("monotonic", last - loop.now(), 0), undefined);
  for (const span of [-1, 0.5, NaN]) assertEquals(add("monotonic", span, 0), "EINVAL");
  loop.exit();
  loop.loopSync();
  assertEquals(add("monotonic", Infinity, 0), "EOVERFLOW");
  assertEquals(add("monotonic", 1, 0), "ESTALE");
});

loopTest("The alarm clocks need what the kernel says", ({ loop, kernel }) => {
  const poller = kernel.openPoller();
  if (typeof poller === "number") throw new Error("There is always a poller");
  const prototype = Object.getPrototypeOf(poller);
  const { openClock } = prototype;
  poller.close();
  const before = kernel.leaks();
  try {
    for (const [result, code] of [[-1, "EPERM"], [-95, "EOPNOTSUPP"]] as const) {
      prototype.openClock = (clock: number) => clock >= 3 ? result : 0;
      for (const clock of ["realtime-alarm", "boottime-alarm"] as const) {
        const error = errorOf(() => loop.addTime(clock, 0));
        const text = `Cannot add a timer on ${clock}: ${code}, it needs CAP_WAKE_ALARM and a real-time clock`;
        assertEquals([error.code, error.message], [code, text]);
      }
      loop.addTime("boottime", Infinity)[Symbol.dispose]();
    }
  } finally {
    prototype.openClock = openClock;
  }
  assertEquals(kernel.leaks(), before);
});

for (const [index, clock] of clockNames.entries()) {
  loopTest(`A timer on ${clock} fires inside of its window`, ({ loop, kernel, steps }) => {
    const due = kernel.now(index as 0) + 12_345_678;
    const source = loop.addTime(clock, due, (usec, told) => {
      steps.expect(1);
      assertEquals([usec, told], [due, source]);
      const now = kernel.now(index as 0);
      assertEquals(now >= due && now <= due + 1_000, true, `${now - due} too late`);
    }, { accuracy: 1_000 });
    assertEquals([source.clock, source.type, source.usec, source.accuracy], [clock, clock, due, 1_000]);
    loop.runSync();
    steps.finish(2);
  });

  loopTest(`A timer on ${clock} with an accuracy of 1 us fires on time`, ({ loop, kernel, steps }) => {
    const due = kernel.now(index as 0) + 12_345_678;
    loop.addTime(clock, due, () => {
      steps.expect(1);
      assertEquals(kernel.now(index as 0), due);
    }, { accuracy: 1 });
    loop.runSync();
    steps.finish(2);
  });

  loopTest(`A timer on ${clock} whose time has passed fires at once, and one for never does not`, ({ loop, kernel, steps, at }) => {
    const before = kernel.now(2);
    loop.addTime(clock, 0, at(1));
    loop.addTime(clock, kernel.now(index as 0), at(2));
    loop.addTime(clock, Infinity, at());
    for (let i = 0; i < 2; i++) loop.runSync();
    assertEquals(loop.runSync(2 ** 51), false);
    assertEquals(kernel.now(2), before + 2 ** 51);
    steps.finish(3);
  });

  loopTest(`A timer on ${clock} that is on fires in each iteration until it is moved`, ({ loop, kernel, steps, at }) => {
    const source = loop.addTimeRelative(clock, 100, at(1, 2, 3, 4), { enabled: "on", accuracy: 1 });
    kernel.advance(100);
    for (let i = 0; i < 3; i++) assertEquals(loop.runSync(0), true);
    source.setRelative(50);
    assertEquals(loop.runSync(0), false);
    kernel.advance(50);
    assertEquals(loop.runSync(0), true);
    steps.finish(5);
  });

  loopTest(`A pending timer on ${clock} that is moved is not pending any more`, (trial) => {
    const { loop, kernel, at } = trial;
    const source = loop.addTimeRelative(clock, 10, at(), { accuracy: 1 });
    const happen = () => kernel.advance(10);
    const { usec } = source;
    for (
      const change of [
        () => source.usec = usec,
        () => source.usec = Infinity,
        () => source.usec = usec,
        () => source.accuracy = 1,
        () => source.accuracy = 5,
        () => source.setRelative(0),
        () => source.setRelative(Infinity),
      ]
    ) {
      if (source.usec === Infinity) source.usec = usec;
      makePending(trial, { source, happen });
      assertEquals(source.pending, true);
      change();
      assertEquals([source.pending, source.enabled], [false, "oneshot"]);
    }
    assertEquals(loop.runSync(0), false);
  });
}

loopTest("The errors of a timer name the value, and say what it takes", ({ loop }) => {
  const message = (action: () => unknown) => errorOf(action).message;
  const add = (usec: number, accuracy: number) => message(() => loop.addTime("monotonic", usec, null, { accuracy }));
  const whole = "it takes whole microseconds from 0 to 2^53, or Infinity";
  assertEquals(add(-1, 0), `Cannot use time '-1': ${whole}`);
  assertEquals(add(0, 0.5), `Cannot use accuracy '0.5': ${whole}`);
  assertEquals(add(0, Infinity), "Cannot use accuracy 'Infinity': a timer has to fire at some time");
  assertEquals(message(() => loop.addTimeRelative("monotonic", -1)), `Cannot use span '-1': ${whole}`);
  const late = `Cannot wait for '${last}' us from now: that is later than 2^53 us`;
  assertEquals(message(() => loop.addTimeRelative("monotonic", last)), late);
  const source = loop.addTime("monotonic", 0);
  assertEquals(message(() => source.setRelative(last)), late);
  source[Symbol.dispose]();
  assertEquals(message(() => source.usec = 1), "Cannot move the monotonic source: it is disposed");
});

loopTest("A timer's accuracy is 250 ms unless it says so", ({ loop }) => {
  const source = loop.addTime("monotonic", Infinity);
  assertEquals(source.accuracy, 250_000);
  source.accuracy = 7;
  assertEquals(source.accuracy, 7);
  source.accuracy = 0;
  assertEquals(source.accuracy, 250_000);
  assertEquals(loop.addTime("monotonic", 0, null, { accuracy: 0 }).accuracy, 250_000);
});

loopTest("Moving a timer does not turn it on", ({ loop, steps, at }) => {
  const source = loop.addTime("monotonic", 0, at(1));
  loop.runSync(0);
  source.usec = 0;
  source.accuracy = 1;
  source.setRelative(0);
  assertEquals([source.enabled, loop.runSync(0)], ["off", false]);
  steps.finish(2);
});

loopTest("A timer that is off when it is moved goes by its new time when it is turned on", ({ loop, kernel, steps, at }) => {
  const source = loop.addTimeRelative("monotonic", 10, at(1), { enabled: "off", accuracy: 1 });
  source.setRelative(1_000);
  source.enabled = "oneshot";
  kernel.advance(999);
  assertEquals(loop.runSync(0), false);
  kernel.advance(1);
  assertEquals(loop.runSync(0), true);
  steps.finish(2);
});

loopTest("A timer can be moved to an earlier and to a later time", ({ loop, kernel, steps }) => {
  const start = kernel.now(2);
  const source = loop.addTimeRelative("monotonic", 1_000, () => {
    steps.expect(1);
    assertEquals(kernel.now(2), start + 300);
  }, { accuracy: 1 });
  loop.runSync(0);
  source.usec = start + 2_000;
  loop.runSync(0);
  source.usec = start + 300;
  loop.runSync();
  steps.finish(2);
});

loopTest("What a timer cannot be set to leaves it as it was", ({ loop }) => {
  const source = loop.addTime("monotonic", 5, null, { accuracy: 6 });
  for (const usec of [-1, 0.5, NaN, 2 ** 53]) assertEquals(codeOf(() => source.usec = usec), "EINVAL");
  for (const accuracy of [-1, 0.5, NaN, Infinity]) assertEquals(codeOf(() => source.accuracy = accuracy), "EINVAL");
  for (const span of [-1, 0.5, NaN]) assertEquals(codeOf(() => source.setRelative(span)), "EINVAL");
  assertEquals(codeOf(() => source.setRelative(last)), "EOVERFLOW");
  assertEquals([source.usec, source.accuracy], [5, 6]);
  source.setRelative(Infinity);
  assertEquals(source.usec, Infinity);
  source.setRelative(last - loop.now());
  assertEquals(source.usec, last);
});

loopTest("The time that is set is absolute when the realtime clock is set", ({ loop, kernel, steps, at }) => {
  const due = kernel.now(0) + 3_600_000_000;
  loop.addTime("realtime", due, at(1), { accuracy: 1 });
  loop.addTimeRelative("monotonic", 3_600_000_000, at(2), { accuracy: 1 });
  loop.runSync(0);
  kernel.setRealtime(due);
  const before = kernel.now(2);
  loop.runSync();
  assertEquals(kernel.now(2), before);
  loop.runSync();
  steps.finish(3);
});

loopTest("A realtime timer is waited for anew when the clock is set back after its wake-up came", ({ loop, kernel, steps, at }) => {
  const due = kernel.now(0) + 1_000;
  loop.addTime("realtime", due, at(1), { accuracy: 1 });
  loop.runSync(0);
  kernel.advance(1_000);
  kernel.setRealtime(due - 500);
  assertEquals(loop.runSync(0), false);
  const before = kernel.now(2);
  assertEquals(loop.runSync(), true);
  assertEquals(kernel.now(2), before + 500);
  steps.finish(2);
});

loopTest("A oneshot timer may set and enable itself again", ({ loop, kernel, steps }) => {
  const start = kernel.now(2);
  let runs = 0;
  const source = loop.addTimeRelative("monotonic", 1_000, () => {
    steps.expect(++runs);
    assertEquals(kernel.now(2), start + 1_000 * runs);
    source.usec += 1_000;
    source.enabled = runs < 3 ? "oneshot" : "off";
    if (runs === 3) loop.exit();
  }, { accuracy: 1 });
  loop.loopSync();
  steps.finish(4);
});

loopTest("A thousand timers fire in the order of their times", ({ loop, kernel }) => {
  const start = kernel.now(2);
  const order: number[] = [];
  for (let i = 0; i < 1_000; i++) {
    const delay = (i * 617) % 1_009;
    loop.addTime("monotonic", start + delay, () => void order.push(delay), { accuracy: 1 + i % 3 });
  }
  loop.addTime("monotonic", start + 5_000, () => loop.exit());
  loop.loopSync();
  assertEquals(order.length, 1_000);
  assertEquals(order, order.toSorted((a, b) => a - b));
});

loopTest(
  "Timers that are due together go by priority, then by their times, then as they came, however many they are",
  ({ loop, kernel }) => {
    const start = loop.now();
    const went: number[] = [];
    const timers = Array.from({ length: 500 }, (_, number) => ({
      number,
      usec: start + 1_000 + (number * 7919) % 60,
      priority: number % 3,
      accuracy: [1, 2, 100][number % 7 % 3],
    }));
    for (const { number, usec, priority, accuracy } of timers) {
      loop.addTime("monotonic", usec, () => void went.push(number), {
        priority,
        accuracy,
      });
    }
    loop.addTime("monotonic", start + 2_000, () => loop.exit(), { accuracy: 1 });
    // They become due while this one keeps the loop from looking.
    loop.addTime("monotonic", start + 1, () => kernel.advance(1_500), { accuracy: 1 });
    loop.loopSync();
    const order = timers.toSorted((a, b) => a.priority - b.priority || a.usec - b.usec || a.number - b.number);
    assertEquals(went, order.map(({ number }) => number));
  },
);

loopTest("A timer tells its time and its accuracy in whatever state it is", ({ loop }) => {
  for (const usec of [0, 1, 2 ** 30 - 1, 2 ** 30, 2 ** 31, 2 ** 32 + 5, 2 ** 50 + 3, last, Infinity]) {
    const timer = loop.addTime("monotonic", usec, () => {}, { accuracy: 7 });
    const seen = () => [timer.usec, timer.accuracy];
    assertEquals(seen(), [usec, 7]);
    timer.enabled = "off";
    assertEquals(seen(), [usec, 7]);
    timer.enabled = "oneshot";
    timer.accuracy = 9;
    assertEquals(seen(), [usec, 9]);
    timer[Symbol.dispose]();
    assertEquals(seen(), [usec, 9]);
  }
});
