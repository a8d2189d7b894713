/**
 * Exit sources (sd-event, sections 6.3 and 13.2).
 *
 * @module
 */

import type { ExitCallback } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { codeOf } from "../_simulation.ts";
import { loopTest } from "./_trial.ts";

loopTest("Exit sources run by priority, equals first come, first served", ({ loop, steps, at }) => {
  loop.addExit(at(4), { priority: 1 });
  loop.addExit(at(2));
  loop.addExit(at(3));
  loop.addExit(at(1), { priority: -1 });
  loop.exit();
  loop.loopSync();
  steps.finish(5);
});

loopTest("An exit source runs in state exiting, once, one each dispatch", ({ loop, steps }) => {
  const source = loop.addExit((told) => {
    steps.expect(1);
    assertEquals([told, loop.state, source.enabled], [source, "exiting", "off"]);
  });
  loop.exit();
  assertEquals(loop.runSync(), true);
  assertEquals(loop.state, "initial");
  assertEquals(loop.runSync(), true);
  assertEquals(loop.state, "finished");
  steps.finish(2);
});

loopTest("An exit source does not run without an exit", ({ loop, at }) => {
  loop.addExit(at(), { enabled: "on", priority: -100 });
  loop.addDefer(() => {});
  assertEquals(loop.runSync(0), true);
  assertEquals(loop.runSync(0), false);
});

loopTest("An exit source that is on keeps the loop from finishing", ({ loop, steps }) => {
  let runs = 0;
  const source = loop.addExit(() => {
    if (++runs === 5) source.enabled = "off";
  }, { enabled: "on" });
  loop.exit(4);
  assertEquals(loop.loopSync(), 4);
  assertEquals(runs, 5);
  steps.finish(1);
});

loopTest("Exit sources that are on take turns with their equals", ({ loop, steps, at }) => {
  const first = at(1, 3);
  const a = loop.addExit(() => first(), { enabled: "on" });
  const b = loop.addExit(at(2, 4), { enabled: "on" });
  loop.exit();
  for (let i = 0; i < 4; i++) loop.runSync();
  a.enabled = "off";
  b.enabled = "off";
  loop.loopSync();
  steps.finish(5);
});

loopTest("An exit source that is off does not run, and one that enables itself again does", ({ loop, steps }) => {
  const off = loop.addExit(() => steps.expect(NaN));
  off.enabled = "off";
  let again = true;
  const source = loop.addExit(() => {
    steps.expect(again ? 1 : 2);
    if (again) source.enabled = "oneshot";
    again = false;
  });
  loop.exit();
  loop.loopSync();
  steps.finish(3);
});

loopTest("An exit source may add exit sources, which run too", ({ loop, steps, at }) => {
  loop.addExit(() => {
    steps.expect(1);
    loop.addExit(at(3), { priority: 1 });
    loop.addExit(at(2), { priority: -1 });
  });
  loop.exit();
  loop.loopSync();
  steps.finish(4);
});

loopTest("An exit source that fails is reported and turned off, and the next one runs", (trial) => {
  const { loop, steps } = trial;
  const source = loop.addExit(() => {
    steps.expect(1);
    throw new Error("a bad end");
  }, { enabled: "on", description: "farewell" });
  loop.addExit(trial.at(2), { priority: 1 });
  loop.exit(2);
  assertEquals(loop.loopSync(), 2);
  assertEquals(trial.takeMessages(), ["source 'farewell': a bad end"]);
  assertEquals(source.enabled, "off");
  steps.finish(3);
});

loopTest("Posts do not run in the exit phase", ({ loop, steps, at }) => {
  const post = loop.addPost(at(), { priority: -100 });
  loop.addExit(at(1));
  loop.exit();
  loop.runSync();
  assertEquals(post.pending, true);
  loop.loopSync();
  steps.finish(2);
});

loopTest("Sources may be added in the exit phase and do not run", ({ loop, steps, at }) => {
  loop.addExit(() => {
    steps.expect(1);
    loop.addDefer(at(), { priority: -100 });
    loop.addTime("monotonic", 0, at());
  });
  loop.exit();
  loop.loopSync();
  steps.finish(2);
});

loopTest("The priority of an exit source can be changed", ({ loop, steps, at }) => {
  const last = loop.addExit(at(2));
  loop.addExit(at(1));
  last.priority = 10;
  loop.exit();
  loop.loopSync();
  steps.finish(3);
});

loopTest("EventLoop.addExit() needs a callback, before it looks at the loop", ({ loop }) => {
  loop.exit();
  loop.loopSync();
  for (const callback of [undefined, null, 1]) assertEquals(codeOf(() => loop.addExit(callback as unknown as ExitCallback)), "EINVAL");
  assertEquals(codeOf(() => loop.addExit(() => {})), "ESTALE");
});

loopTest("An exit source is of type exit", ({ loop }) => {
  const source = loop.addExit(() => {});
  assertEquals([source.type, source.loop], ["exit", loop]);
});
