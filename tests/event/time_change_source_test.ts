/**
 * Sources that are told when the realtime clock is set (sd-event, section 19).
 *
 * @module
 */

import { EventLoop, linuxKernel, type SimulatedKernel } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { ClockIndex } from "../../event/time.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { loopTest } from "./_trial.ts";

/** Sets the clock an hour ahead. */
function setClock(kernel: SimulatedKernel): void {
  kernel.setRealtime(kernel.now(ClockIndex.realtime) + 3_600_000_000);
}

loopTest("EventLoop.addTimeChange() checks the callback, the options and the loop, and then asks the kernel", ({ loop, kernel }) => {
  const add = (...args: unknown[]) => codeOf(() => loop.addTimeChange(...args as Parameters<EventLoop["addTimeChange"]>));
  const before = kernel.leaks();
  assertEquals(add("no function"), "EINVAL");
  assertEquals(add(() => {}, { rateLimit: { interval: 1, burst: 1 } }), "EINVAL");
  assertEquals(add(() => {}, { priority: 0.5 }), "EINVAL");
  assertEquals(add(() => {}), "ENOSPC");
  const { openTimeChange } = kernel;
  kernel.openTimeChange = () => -24;
  const { code, message } = errorOf(() => loop.addTimeChange());
  assertEquals([code, message], ["EMFILE", "Cannot watch the realtime clock: EMFILE"]);
  kernel.openTimeChange = openTimeChange;
  assertEquals(kernel.leaks(), before);
  loop.exit();
  loop.loopSync();
  assertEquals(add("no function"), "EINVAL");
  assertEquals(add(() => {}), "ESTALE");
}, { faults: { ENOSPC: 1 } });

loopTest("A time change source says what it is", ({ loop }) => {
  const source = loop.addTimeChange(() => {});
  assertEquals([source.type, source.enabled, source.pending, source.priority], ["time-change", "on", false, 0]);
  assert(source.loop === loop);
});

loopTest("A time change source calls back each time that the realtime clock is set, until it is disposed of", (trial) => {
  const { loop, kernel, steps } = trial;
  const got: unknown[] = [];
  const source = loop.addTimeChange((source) => {
    steps.expect(got.length + 1);
    got.push(source);
  });
  trial.pass(1_000_000);
  assertEquals(got, []);
  for (let round = 0; round < 3; round++) {
    setClock(kernel);
    assertEquals(trial.settle(), 1);
    assertEquals(source.enabled, "on");
  }
  assert(got.every((each) => each === source));
  source[Symbol.dispose]();
  setClock(kernel);
  assertEquals(trial.settle(), 0);
  steps.finish(4);
});

loopTest("A time change source is told once of what came before its turn", (trial) => {
  const { loop, kernel, steps, at } = trial;
  loop.addTimeChange(at(2), { priority: 1 });
  setClock(kernel);
  loop.addDefer(() => {
    steps.expect(1);
    setClock(kernel);
  });
  assertEquals(trial.settle(), 2);
  steps.finish(3);
});

loopTest("A setting of the clock in the callback is told of in the next iteration", (trial) => {
  const { loop, kernel, steps } = trial;
  let turns = 0;
  loop.addTimeChange(() => {
    steps.expect(++turns);
    if (turns === 1) setClock(kernel);
  });
  setClock(kernel);
  assertEquals(trial.settle(), 2);
  steps.finish(3);
});

loopTest("A time change source without a callback exits with 0", ({ loop, kernel }) => {
  loop.addTimeChange();
  setClock(kernel);
  assertEquals(loop.loopSync(), 0);
});

loopTest("A oneshot time change source is told once", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = loop.addTimeChange(at(1), { enabled: "oneshot" });
  for (let round = 0; round < 2; round++) {
    setClock(kernel);
    trial.settle();
  }
  assertEquals(source.enabled, "off");
  steps.finish(2);
});

loopTest("A time change source that was oneshot and is on is told each time", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = loop.addTimeChange(at(1, 2), { enabled: "oneshot" });
  source.enabled = "on";
  for (let round = 0; round < 2; round++) {
    setClock(kernel);
    assertEquals(trial.settle(), 1);
  }
  assertEquals(source.enabled, "on");
  steps.finish(3);
});

loopTest("A time change source that was off is told of what it missed when it is on again", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = loop.addTimeChange(at(1), { enabled: "off" });
  setClock(kernel);
  setClock(kernel);
  assertEquals(trial.settle(), 0);
  source.enabled = "on";
  assertEquals(trial.settle(), 1);
  steps.finish(2);
});

loopTest("Setting the clock wakes a loop that is parked", async ({ loop, kernel }) => {
  loop.addTimeChange(() => loop.exit(7));
  kernel.after(1_000_000, () => setClock(kernel));
  assertEquals(await loop.loop(), 7);
});

loopTest("A time change source that fails is turned off", (trial) => {
  const { loop, kernel } = trial;
  const source = loop.addTimeChange(() => {
    throw new Error("no");
  });
  setClock(kernel);
  trial.settle();
  assertEquals([source.enabled, trial.takeMessages()], ["off", ["source 'time-change': no"]]);
});

Deno.test("A time change source on the Linux kernel is quiet as long as nobody sets the clock", () => {
  using loop = new EventLoop({ kernel: linuxKernel() });
  using source = loop.addTimeChange();
  assertEquals([loop.runSync(0), loop.runSync(1_000), source.pending], [false, false, false]);
  assertEquals(loop.exitCode, undefined);
});
