/**
 * How sources go (sd-event, section 12).
 *
 * @module
 */

import { IoEvent, type QueuedSource } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { codeOf } from "../_simulation.ts";
import { makePending, makers } from "./_sources.ts";
import { loopTest, type Trial } from "./_trial.ts";

/** All types, defer among them. */
const all = [
  ...makers,
  {
    name: "defer",
    make: ({ loop }: Trial, ...args: Parameters<Trial["loop"]["addDefer"]>) => ({ source: loop.addDefer(...args), happen: () => {} }),
  },
];

for (const { name, make } of all) {
  loopTest(`A source of type ${name} that is disposed of inside of its callback goes after it, once`, (trial) => {
    const { loop, steps } = trial;
    const { source, happen } = make(trial, () => {
      steps.expect(1);
      source[Symbol.dispose]();
      assertEquals(source.loop, undefined);
      steps.expect(2);
      source[Symbol.dispose]();
    }, { enabled: "on", onDestroy: trial.at(3) });
    happen();
    loop.runSync(0);
    steps.expect(4);
    assertEquals(loop.runSync(0), false);
    source[Symbol.dispose]();
    steps.finish(5);
  });

  loopTest(`A pending source of type ${name} that another callback disposes of goes at once and is not run`, (trial) => {
    const { loop, steps, at } = trial;
    const { source, happen } = make(trial, at(), { enabled: "on", priority: 5, onDestroy: at(2) });
    loop.addPost(() => {
      if (!source.pending) return;
      steps.expect(1);
      source[Symbol.dispose]();
      steps.expect(3);
      assertEquals([source.loop, source.pending], [undefined, false]);
    }, { priority: -2_000 });
    happen();
    loop.addDefer(() => {}, { priority: -1 });
    while (loop.runSync(0));
    steps.finish(4);
  });

  loopTest(`A source of type ${name} that is disposed of while idle leaves nothing behind`, (trial) => {
    const { loop, kernel, steps, at } = trial;
    const before = kernel.leaks();
    const { source, happen } = make(trial, at(), { onDestroy: at(1), prepare: at(2) });
    source[Symbol.dispose]();
    // Nobody has claimed the signal any more, and it would end the process.
    if (name !== "signal") happen();
    while (loop.runSync(0));
    steps.finish(2);
    assertEquals(kernel.leaks().filter((line) => !before.includes(line) && !/pipe|process/.test(line)), []);
  });

  loopTest(`A source of type ${name} that is on or off or pending goes with its loop, once`, (trial) => {
    const { loop, steps } = trial;
    let destroyed = 0;
    const onDestroy = () => void destroyed++;
    const { source, happen } = make(trial, () => {}, { enabled: "on", onDestroy, priority: 9 });
    makePending(trial, { source, happen });
    loop[Symbol.dispose]();
    assertEquals([destroyed, source.loop], [1, undefined]);
    source[Symbol.dispose]();
    assertEquals(destroyed, 1);
    steps.finish(1);
  });
}

loopTest("An exit source that is disposed of before the exit does not run", ({ loop, steps, at }) => {
  const source = loop.addExit(at(), { onDestroy: at(1) });
  source[Symbol.dispose]();
  loop.exit();
  loop.loopSync();
  steps.finish(2);
});

loopTest("An exit source that is disposed of inside of its callback goes after it", ({ loop, steps }) => {
  const source = loop.addExit(() => {
    steps.expect(1);
    source[Symbol.dispose]();
    steps.expect(2);
  }, { enabled: "on", onDestroy: () => steps.expect(3) });
  loop.exit();
  loop.loopSync();
  steps.finish(4);
});

loopTest("onDestroy is called when the source has gone and what it owned is closed", (trial) => {
  const { loop, kernel, steps } = trial;
  const { reader, writer } = kernel.pipe();
  kernel.close(writer);
  const source = loop.addIo(reader, IoEvent.IN, () => {}, {
    ownsFd: true,
    onDestroy: () => {
      steps.expect(1);
      assertEquals(source.loop, undefined);
      assertEquals(kernel.close(reader), -9);
    },
  });
  source[Symbol.dispose]();
  steps.finish(2);
});

loopTest("onDestroy may be replaced and taken away, and what it throws is reported", (trial) => {
  const { loop, steps, at } = trial;
  const source = loop.addDefer(() => {}, { onDestroy: at() });
  const last = at(1);
  source.onDestroy = last;
  assertEquals(source.onDestroy, last);
  source[Symbol.dispose]();
  assertEquals(source.onDestroy, undefined);
  const other = loop.addDefer(() => {}, { onDestroy: at() });
  other.onDestroy = undefined;
  other[Symbol.dispose]();
  const third = loop.addDefer(() => {}, {
    description: "the third",
    onDestroy: () => {
      throw new Error("a bad end");
    },
  });
  third[Symbol.dispose]();
  assertEquals(trial.takeMessages(), ["source 'the third': a bad end"]);
  steps.finish(2);
});

loopTest("onDestroy may dispose of other sources and add new ones", ({ loop, steps, at }) => {
  const other = loop.addDefer(at(), { onDestroy: at(2) });
  const source = loop.addDefer(at(), {
    onDestroy: () => {
      steps.expect(1);
      other[Symbol.dispose]();
      loop.addDefer(at(3));
    },
  });
  source[Symbol.dispose]();
  loop.runSync(0);
  steps.finish(4);
});

loopTest("A source's descriptor may be closed inside of its callback right after disposing of it", (trial) => {
  const { loop, kernel, steps } = trial;
  const { reader, writer } = kernel.pipe();
  const source = loop.addIo(reader, IoEvent.IN, () => {
    steps.expect(1);
    source[Symbol.dispose]();
    kernel.close(reader);
    const again = kernel.pipe();
    assertEquals(again.reader, reader);
    loop.addIo(again.reader, IoEvent.IN, trial.at(), { ownsFd: true });
    kernel.close(again.writer);
    loop.addDefer(() => loop.exit(), { priority: -1 });
  });
  kernel.close(writer);
  loop.loopSync();
  steps.finish(2);
});

loopTest("A using declaration disposes of its source", ({ loop, steps, at }) => {
  {
    using _source = loop.addDefer(at(), { onDestroy: at(1) });
  }
  assertEquals(loop.runSync(0), false);
  steps.finish(2);
});

loopTest("A suspended source that is disposed of does not come back", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = loop.addDefer(at(1), { enabled: "on", rateLimit: { interval: 10, burst: 1 }, onRateLimitExpired: at() });
  loop.runSync(0);
  loop.runSync(0);
  assertEquals(source.rateLimited, true);
  source[Symbol.dispose]();
  assertEquals(source.rateLimited, false);
  kernel.advance(100);
  assertEquals(loop.runSync(0), false);
  steps.finish(2);
});

loopTest("Dropping the variable of a source stops nothing", ({ loop, steps, at }) => {
  loop.addDefer(at(1));
  loop.runSync(0);
  steps.finish(2);
});

loopTest("An add that fails leaves nothing behind and does not call onDestroy", (trial) => {
  const { loop, kernel, at } = trial;
  const { reader } = trial.pipe();
  const first: QueuedSource = loop.addIo(reader, IoEvent.IN, () => {});
  const { pid } = trial.spawnProcess();
  loop.addSignal("SIGUSR1", () => {});
  loop.addChild(pid, 4, () => {});
  const before = kernel.leaks();
  const options = { onDestroy: at(), prepare: at() };
  for (
    const add of [
      () => loop.addIo(reader, IoEvent.IN, () => {}, options),
      () => loop.addIo(77, IoEvent.IN, () => {}, options),
      () => loop.addIo(reader, IoEvent.IN, () => {}, { ...options, priority: 0.5 }),
      () => loop.addSignal("SIGUSR1", () => {}, options),
      () => loop.addSignal("SIGKILL", () => {}, options),
      () => loop.addSignal("SIGUSR2", () => {}, { ...options, enabled: "no" as "on" }),
      () => loop.addSignal("SIGUSR2", () => {}, { ...options, priority: NaN }),
      () => loop.addChild(pid, 4, () => {}, options),
      () => loop.addChild(4_711, 4, () => {}, options),
      () => loop.addChild(kernel.pid, 4, () => {}, { ...options, priority: NaN }),
      () => loop.addTime("monotonic", 0, () => {}, { ...options, priority: NaN }),
      () => loop.addDefer(() => {}, { ...options, enabled: "no" as "on" }),
      () => loop.addPost(() => {}, { ...options, enabled: "no" as "on" }),
      () => loop.addExit(() => {}, { onDestroy: at(), priority: NaN }),
    ]
  ) assert(codeOf(add) !== undefined, String(add));
  assertEquals(kernel.leaks(), before);
  assertEquals(loop.runSync(0), false);
  assertEquals(first.enabled, "on");
});
