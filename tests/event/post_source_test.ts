/**
 * Sources that run after others have (sd-event, section 9.7).
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { codeOf } from "../_simulation.ts";
import { makers } from "./_sources.ts";
import { loopTest } from "./_trial.ts";

loopTest("A post source does not run by itself, and does not keep the loop from waiting", ({ loop, kernel, at }) => {
  const source = loop.addPost(at());
  assertEquals([source.type, source.enabled, source.pending], ["post", "on", false]);
  const before = kernel.now(2);
  assertEquals(loop.runSync(1_000), false);
  assertEquals(kernel.now(2), before + 1_000);
});

loopTest("An important post source runs after each dispatch, an idle one when nothing else is pending", ({ loop, steps, at }) => {
  loop.addPost(at(2, 4, 6), { priority: -1 });
  loop.addPost(at(8), { priority: 100 });
  loop.addPost(at(7), { priority: 1 });
  loop.addDefer(at(1));
  loop.addDefer(at(3));
  loop.addDefer(at(5));
  while (loop.runSync(0));
  steps.finish(9);
});

loopTest("A post source of default priority takes its turn among its equals", ({ loop }) => {
  const counts = { post: 0, first: 0, second: 0 };
  loop.addPost(() => void counts.post++);
  loop.addDefer(() => void counts.first++, { enabled: "on" });
  loop.addDefer(() => void counts.second++, { enabled: "on" });
  for (let i = 0; i < 120; i++) loop.runSync(0);
  // Who goes first of those that became pending in the same iteration is open.
  for (const [name, count] of Object.entries(counts)) assertEquals(count >= 25 && count <= 50, true, `${name} ran ${count} times of 120`);
});

loopTest("A post source does not make post sources pending", ({ loop, steps, at }) => {
  const late = loop.addPost(at(), { priority: 2 });
  loop.addPost(() => {
    steps.expect(2);
    late.enabled = "off";
    late.enabled = "on";
  });
  loop.addDefer(at(1));
  for (let i = 0; i < 2; i++) assertEquals(loop.runSync(0), true);
  assertEquals([late.pending, loop.runSync(0)], [false, false]);
  steps.finish(3);
});

loopTest("A oneshot post source runs once", ({ loop, steps, at }) => {
  const source = loop.addPost(at(2), { enabled: "oneshot" });
  const run = at(1, 3);
  for (let i = 0; i < 2; i++) {
    loop.addDefer(() => run());
    while (loop.runSync(0));
  }
  assertEquals(source.enabled, "off");
  steps.finish(4);
});

for (const { name, make } of makers.filter((maker) => maker.name !== "post")) {
  loopTest(`A post source becomes pending with the dispatch of a source of type ${name}`, (trial) => {
    const { loop, steps } = trial;
    const post = loop.addPost(trial.at(2), { priority: 1 });
    const { happen } = make(trial, () => {
      steps.expect(1);
      assertEquals(post.pending, true);
    }, { enabled: "oneshot" });
    happen();
    for (let i = 0; i < 2; i++) assertEquals(loop.runSync(0), true);
    assertEquals(loop.runSync(0), false);
    steps.finish(3);
  });
}

loopTest("A post source that is off becomes pending with nothing", ({ loop, at }) => {
  const post = loop.addPost(at(), { enabled: "off" });
  loop.addDefer(() => {});
  loop.runSync(0);
  assertEquals([post.pending, loop.runSync(0)], [false, false]);
});

loopTest("A post source may dispose of itself and of others", ({ loop, steps, at }) => {
  const other = loop.addPost(at(), { priority: 2 });
  const post = loop.addPost(() => {
    steps.expect(2);
    other[Symbol.dispose]();
    post[Symbol.dispose]();
  });
  loop.addDefer(at(1));
  while (loop.runSync(0));
  loop.addDefer(at(3));
  while (loop.runSync(0));
  steps.finish(4);
});

loopTest("EventLoop.addPost() checks the callback and the loop", ({ loop }) => {
  assertEquals(codeOf(() => loop.addPost(1 as unknown as () => void)), "EINVAL");
  loop.exit();
  loop.loopSync();
  assertEquals(codeOf(() => loop.addPost(1 as unknown as () => void)), "EINVAL");
  assertEquals(codeOf(() => loop.addPost()), "ESTALE");
});
