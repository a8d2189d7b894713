/**
 * What timers cost, with so many of them.
 */

import { EventLoop, type TimeSource } from "@sd/fibers";

const HOUR_USEC = 3_600_000_000;

/** Times that are spread over a quarter of an hour, in no order; the same in each run. */
function times(count: number, from: number): number[] {
  return Array.from({ length: count }, (_, i) => from + (i * 7919) % 900_000_000);
}

function addAll(loop: EventLoop, when: readonly number[], callback: () => void = () => {}): TimeSource[] {
  return when.map((usec) => loop.addTime("monotonic", usec, callback, { accuracy: 1 }));
}

for (const count of [1_000, 100_000]) {
  const group = `${count} timers`;

  Deno.bench({
    name: `${group} added`,
    group,
    fn(b) {
      using loop = new EventLoop();
      const when = times(count, loop.now() + HOUR_USEC);
      b.start();
      addAll(loop, when);
      b.end();
    },
  });

  Deno.bench({
    name: `${group} cancelled`,
    group,
    fn(b) {
      using loop = new EventLoop();
      const timers = addAll(loop, times(count, loop.now() + HOUR_USEC));
      b.start();
      for (const timer of timers) timer[Symbol.dispose]();
      b.end();
    },
  });

  Deno.bench({
    name: `${group} moved`,
    group,
    fn(b) {
      using loop = new EventLoop();
      const when = times(count, loop.now() + HOUR_USEC);
      const timers = addAll(loop, when);
      b.start();
      for (const [i, timer] of timers.entries()) timer.usec = when[count - 1 - i];
      b.end();
    },
  });

  Deno.bench({
    name: `${group} fired, all due`,
    group,
    fn(b) {
      using loop = new EventLoop();
      let fired = 0;
      addAll(loop, times(count, 1), () => {
        if (++fired === count) loop.exit();
      });
      b.start();
      loop.loopSync();
      b.end();
    },
  });
}
