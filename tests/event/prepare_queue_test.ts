/**
 * In which order prepare callbacks are called (sd-event, section 6.2).
 *
 * @module
 */

import type { EventLoop, TimeSource } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { loopTest } from "./_trial.ts";

/** A source that does nothing but to be prepared. */
function addPrepared(loop: EventLoop, prepare: () => void, priority: number = 0): TimeSource {
  return loop.addTime("monotonic", Infinity, () => {}, { prepare, priority, enabled: "on" });
}

loopTest("Prepare callbacks are called once in each iteration, in order of priority", ({ loop, steps, at }) => {
  addPrepared(loop, at(2, 5), 1);
  addPrepared(loop, at(1, 4), 0);
  addPrepared(loop, at(3, 6), 2);
  loop.runSync(0);
  loop.runSync(0);
  steps.finish(7);
});

loopTest("A prepare callback is told its source", ({ loop }) => {
  const seen: unknown[] = [];
  const source = loop.addTime("monotonic", Infinity, () => {}, { prepare: (source) => void seen.push(source, loop.state) });
  loop.prepare();
  assertEquals(seen, [source, "preparing"]);
});

loopTest("A source that missed a round is prepared before a more important one", ({ loop, steps, at }) => {
  const late = addPrepared(loop, at(2, 4), 5);
  addPrepared(loop, at(1, 3, 5), 0);
  loop.runSync(0);
  late.enabled = "off";
  loop.runSync(0);
  late.enabled = "on";
  loop.prepare();
  steps.finish(6);
});

loopTest("A source that is off is not prepared", ({ loop, steps, at }) => {
  const source = addPrepared(loop, at(1, 2));
  loop.runSync(0);
  source.enabled = "off";
  loop.runSync(0);
  source.enabled = "oneshot";
  loop.runSync(0);
  steps.finish(3);
});

loopTest("A source that is suspended is not prepared", ({ loop, kernel, steps, at }) => {
  const source = loop.addDefer(at(2), { enabled: "on", prepare: at(1, 3, 4), rateLimit: { interval: 1_000, burst: 1 } });
  loop.runSync(0);
  loop.runSync(0);
  assertEquals(source.rateLimited, true);
  loop.runSync(0);
  kernel.advance(1_000);
  loop.prepare();
  loop.waitSync(0);
  assertEquals([source.rateLimited, loop.state], [false, "pending"]);
  source.enabled = "off";
  loop.dispatch();
  source.enabled = "on";
  loop.prepare();
  steps.finish(5);
});

loopTest("Sources that are off or suspended do not hold up the others", ({ loop, steps, at }) => {
  addPrepared(loop, at(), -2).enabled = "off";
  const rateLimit = { interval: 1_000, burst: 1 };
  const limited = loop.addDefer(at(3), { priority: -1, enabled: "on", rateLimit, prepare: at(1, 4, 7) });
  addPrepared(loop, at(2, 5, 6, 8), 1);
  loop.runSync(0);
  loop.runSync(0);
  assertEquals(limited.rateLimited, true);
  loop.runSync(0);
  limited.leaveRateLimit();
  loop.prepare();
  steps.finish(9);
});

loopTest("A oneshot source that has run does not hold up the others", ({ loop, steps, at }) => {
  loop.addDefer(at(3), { prepare: at(1), priority: -1 });
  addPrepared(loop, at(2, 4));
  loop.runSync(0);
  loop.runSync(0);
  steps.finish(5);
});

loopTest("A priority that changes counts in the next round", ({ loop, steps, at }) => {
  const first = addPrepared(loop, at(1, 4));
  addPrepared(loop, at(2, 3), 1);
  loop.runSync(0);
  first.priority = 2;
  loop.prepare();
  steps.finish(5);
});

loopTest("A source that a prepare callback adds is prepared in the same round", ({ loop, steps, at }) => {
  const first = addPrepared(loop, () => {
    steps.expect(1);
    addPrepared(loop, at(2, 4), -1);
    first.prepare = at(3);
  });
  loop.runSync(0);
  first.prepare = undefined;
  addPrepared(loop, at(3));
  loop.runSync(0);
  steps.finish(5);
});

loopTest("A prepare callback can be set, replaced and taken away at any time", ({ loop, steps, at }) => {
  const source = addPrepared(loop, at(1));
  loop.runSync(0);
  const second = at(2);
  source.prepare = second;
  assertEquals(source.prepare, second);
  loop.runSync(0);
  source.prepare = undefined;
  assertEquals(source.prepare, undefined);
  loop.runSync(0);
  source.prepare = at(3);
  loop.runSync(0);
  steps.finish(4);
});

loopTest("A prepare callback may turn its source and others off", ({ loop, steps, at }) => {
  const other = addPrepared(loop, at(), 2);
  const source = addPrepared(loop, () => {
    steps.expect(1);
    source.enabled = "off";
    other.enabled = "off";
  }, 1);
  loop.runSync(0);
  loop.runSync(0);
  steps.finish(2);
});

loopTest("A prepare callback may make its own source ready", ({ loop, steps, at }) => {
  const source = loop.addTime("monotonic", Infinity, at(2), {
    prepare: () => {
      steps.expect(1);
      source.usec = 0;
    },
  });
  assertEquals(loop.runSync(0), true);
  steps.finish(3);
});

loopTest("A prepare callback that fails is reported, and turns its source off", (trial) => {
  const { loop, steps } = trial;
  const source = addPrepared(loop, () => {
    steps.expect(1);
    throw new Error("unprepared");
  });
  loop.runSync(0);
  assertEquals(trial.takeMessages(), ["source 'monotonic': unprepared"]);
  assertEquals(source.enabled, "off");
  assertEquals(loop.state, "initial");
  loop.runSync(0);
  steps.finish(2);
});

loopTest("A prepare callback that fails under exitOnFailure ends the loop", (trial) => {
  const { loop } = trial;
  const source = addPrepared(loop, () => {
    throw new Error("unprepared");
  });
  source.exitOnFailure = true;
  assertEquals(loop.loopSync(), -5);
  assertEquals(trial.takeMessages(), ["source 'monotonic': unprepared"]);
});

loopTest("A source that its own prepare callback disposes of goes after it", ({ loop, steps, at }) => {
  const source = addPrepared(loop, () => {
    steps.expect(1);
    source[Symbol.dispose]();
    steps.expect(2);
  });
  source.onDestroy = at(3);
  loop.runSync(0);
  loop.runSync(0);
  steps.finish(4);
});
