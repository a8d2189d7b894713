/**
 * Sources that are always ready (sd-event, section 9.6).
 *
 * @module
 */

import { IoEvent } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { codeOf } from "../_simulation.ts";
import { loopTest } from "./_trial.ts";

loopTest("A defer source runs once, in a following dispatch and never from the add", ({ loop, steps }) => {
  const source = loop.addDefer((told) => {
    steps.expect(2);
    assertEquals([told, loop.state, source.enabled], [source, "running", "off"]);
  });
  steps.expect(1);
  assertEquals([source.type, source.enabled], ["defer", "oneshot"]);
  assertEquals([loop.runSync(), loop.runSync(0)], [true, false]);
  steps.finish(3);
});

loopTest("A loop does not wait while a defer source is on, and does when it is off", ({ loop, kernel }) => {
  const before = kernel.now(2);
  const source = loop.addDefer(() => {}, { enabled: "on" });
  for (let i = 0; i < 3; i++) loop.runSync(1_000);
  assertEquals(kernel.now(2), before);
  source.enabled = "off";
  loop.runSync(1_000);
  assertEquals(kernel.now(2), before + 1_000);
});

loopTest("A defer source that a callback adds runs after those that wait already", ({ loop, steps, at }) => {
  loop.addDefer(() => {
    steps.expect(1);
    loop.addDefer(at(3));
  });
  loop.addDefer(at(2));
  for (let i = 0; i < 3; i++) loop.runSync(0);
  steps.finish(4);
});

loopTest("A defer source that is on and others of its priority take turns", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  loop.addDefer(at(1, 4, 7), { enabled: "on" });
  loop.addIo(reader, IoEvent.IN, at(2, 5, 8));
  loop.addTime("monotonic", 0, at(3, 6, 9), { enabled: "on" });
  trial.write(writer, "x");
  kernel.advance(1);
  for (let i = 0; i < 9; i++) loop.runSync(0);
  steps.finish(10);
});

loopTest("An unimportant defer source does not hold up what is ready", (trial) => {
  const { loop, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  const busy = loop.addDefer(at(1, 4), { enabled: "on", priority: 100 });
  loop.addIo(reader, IoEvent.IN, at(2, 3));
  loop.runSync(0);
  trial.write(writer, "x");
  for (let i = 0; i < 2; i++) loop.runSync(0);
  trial.read(reader);
  loop.runSync(0);
  busy.enabled = "off";
  steps.finish(5);
});

loopTest("EventLoop.addDefer() checks the callback and the loop", ({ loop }) => {
  assertEquals(codeOf(() => loop.addDefer(1 as unknown as () => void)), "EINVAL");
  loop.exit();
  loop.loopSync();
  assertEquals(codeOf(() => loop.addDefer(1 as unknown as () => void)), "EINVAL");
  assertEquals(codeOf(() => loop.addDefer()), "ESTALE");
});
