/**
 * Which signals are taken in which order (sd-event, section 9.3.2).
 *
 * @module
 */

import { ChildEvent, type SignalInfo } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { makePending } from "./_sources.ts";
import { loopTest } from "./_trial.ts";

loopTest("Of one priority the lowest number goes first, one at a time", ({ loop, kernel }) => {
  const seen: string[] = [];
  const note = ({ name }: SignalInfo) => void seen.push(name);
  const sources = (["SIGTERM", "SIGHUP", "SIGUSR2", "SIGUSR1"] as const).map((signal) => loop.addSignal(signal, note));
  for (const signal of ["SIGTERM", "SIGUSR2", "SIGHUP", "SIGUSR1"] as const) kernel.raise(signal);
  loop.prepare();
  loop.waitSync(0);
  assertEquals(sources.map(({ pending }) => pending), [false, true, false, false]);
  loop.dispatch();
  while (loop.runSync(0));
  assertEquals(seen, ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTERM"]);
});

loopTest("Of each priority one is taken, and the more important goes first", ({ loop, kernel, steps, at }) => {
  const late = loop.addSignal("SIGHUP", at(3), { priority: 5 });
  const other = loop.addSignal("SIGINT", at(4), { priority: 5 });
  const soon = loop.addSignal("SIGTERM", at(1), { priority: -5 });
  const next = loop.addSignal("SIGUSR1", at(2));
  for (const signal of ["SIGHUP", "SIGINT", "SIGUSR1", "SIGTERM"] as const) kernel.raise(signal);
  loop.prepare();
  loop.waitSync(0);
  assertEquals([late, other, soon, next].map(({ pending }) => pending), [true, false, true, true]);
  loop.dispatch();
  while (loop.runSync(0));
  steps.finish(5);
});

loopTest("A signal source that moves to another priority is taken with its new equals", ({ loop, kernel }) => {
  const usr1 = loop.addSignal("SIGUSR1", () => {});
  const usr2 = loop.addSignal("SIGUSR2", () => {});
  usr2.priority = 1;
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) kernel.raise(signal);
  loop.prepare();
  loop.waitSync(0);
  assertEquals([usr1.pending, usr2.pending], [true, true]);
  loop.dispatch();
  loop.runSync(0);
  usr1.priority = 1;
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) kernel.raise(signal);
  loop.prepare();
  loop.waitSync(0);
  assertEquals([usr1.pending, usr2.pending], [true, false]);
});

loopTest("A pending signal that moves to another priority keeps what it was told", (trial) => {
  const { loop, kernel } = trial;
  const seen: number[] = [];
  const source = loop.addSignal("SIGRTMIN", ({ value }) => void seen.push(value));
  makePending(trial, { source, happen: () => kernel.raise("SIGRTMIN", { value: 7 }) });
  source.priority = -3;
  assertEquals(source.pending, true);
  kernel.raise("SIGRTMIN", { value: 8 });
  while (loop.runSync(0));
  assertEquals(seen, [7, 8]);
});

loopTest("A pending source that is turned off lets the next of its priority come", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const usr1 = loop.addSignal("SIGUSR1", at());
  const usr2 = loop.addSignal("SIGUSR2", at(1));
  makePending(trial, {
    source: usr1,
    happen: () => {
      kernel.raise("SIGUSR1");
      kernel.raise("SIGUSR2");
    },
  });
  assertEquals([usr1.pending, usr2.pending], [true, false]);
  usr1.enabled = "off";
  assertEquals(loop.runSync(0), true);
  steps.finish(2);
});

loopTest("A SIGCHLD source that is off does not hold up the children", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const own = loop.addSignal("SIGCHLD", at(), { enabled: "off" });
  const { pid, handle } = trial.spawnProcess();
  loop.addChild(pid, ChildEvent.STOPPED | ChildEvent.CONTINUED, at(1, 2), { enabled: "on" });
  kernel.signalProcess(handle, 19, undefined);
  loop.runSync(0);
  kernel.signalProcess(handle, 18, undefined);
  loop.runSync(0);
  assertEquals([loop.runSync(0), own.pending], [false, false]);
  steps.finish(3);
});

loopTest("SIGCHLD is taken with the signals of its own source's priority, though children want it too", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { pid, handle } = trial.spawnProcess();
  const usr1 = loop.addSignal("SIGUSR1", at(2), { priority: 5 });
  const own = loop.addSignal("SIGCHLD", at(3), { priority: 5 });
  loop.addChild(pid, ChildEvent.STOPPED, at(1), { priority: 1 });
  loop.runSync(0);
  makePending(trial, { source: usr1, happen: () => kernel.raise("SIGUSR1") });
  kernel.signalProcess(handle, 19, undefined);
  makePending(trial, { source: own, happen: () => {} });
  assertEquals([usr1.pending, own.pending], [true, false]);
  for (let i = 0; i < 3; i++) loop.runSync(0);
  steps.finish(4);
});

loopTest("A SIGCHLD source is told of children that are watched too", (trial) => {
  const { loop, kernel, steps, at } = trial;
  loop.addSignal("SIGCHLD", at(1));
  const { pid, handle } = trial.spawnProcess();
  loop.addChild(pid, ChildEvent.STOPPED, at(2), { priority: 1 });
  kernel.signalProcess(handle, 19, undefined);
  while (loop.runSync(0));
  steps.finish(3);
});

loopTest("A SIGCHLD that is for children alone holds up no signal of its priority", (trial) => {
  const { loop, kernel } = trial;
  const winch = loop.addSignal("SIGWINCH", () => {});
  loop.addChild(trial.spawnProcess().pid, ChildEvent.STOPPED, () => {});
  loop.runSync(0);
  for (const signal of ["SIGCHLD", "SIGWINCH"] as const) kernel.raise(signal);
  loop.prepare();
  assertEquals([loop.waitSync(0), winch.pending], [true, true]);
});

loopTest("SIGCHLD stays claimed by its own source when the children need it no longer", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { pid, handle } = trial.spawnProcess();
  const child = loop.addChild(pid, ChildEvent.STOPPED, at());
  loop.addSignal("SIGCHLD", at(1));
  child[Symbol.dispose]();
  kernel.signalProcess(handle, 19, undefined);
  loop.runSync(0);
  steps.finish(2);
});

loopTest("A child's news are looked for although a signal of the same priority waits for its turn", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { pid, handle } = trial.spawnProcess();
  loop.addChild(pid, ChildEvent.STOPPED, at(2), { priority: -5 });
  const signal = loop.addSignal("SIGUSR1", at(3));
  loop.runSync(0);
  loop.addDefer(() => {
    steps.expect(1);
    assertEquals(signal.pending, true);
    kernel.signalProcess(handle, 19, undefined);
  }, { priority: -10 });
  kernel.raise("SIGUSR1");
  for (let i = 0; i < 3; i++) loop.runSync(0);
  steps.finish(4);
});

loopTest("A signal that cannot be taken yet does not keep the loop from waiting", (trial) => {
  const { loop, kernel } = trial;
  const source = loop.addSignal("SIGUSR1", () => {}, { rateLimit: { interval: 1_000, burst: 1 } });
  for (let i = 0; i < 2; i++) {
    kernel.raise("SIGUSR1");
    loop.runSync(0);
  }
  assertEquals([source.rateLimited, source.pending], [true, true]);
  kernel.raise("SIGUSR1");
  assertEquals(loop.runSync(0), false);
  const before = kernel.now(1);
  loop.runSync();
  assertEquals(kernel.now(1), before + 1_000);
});
