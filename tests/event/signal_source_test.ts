/**
 * Sources that receive a signal (sd-event, sections 9.3.1 and 9.3.3).
 *
 * @module
 */

import { EventLoop, type Signal, type SignalInfo } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { coreOf } from "../../event/event_loop.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { makePending } from "./_sources.ts";
import { loopTest } from "./_trial.ts";

loopTest("EventLoop.addSignal() checks the callback, the loop, the signal, and that nobody has it", ({ loop, kernel }) => {
  const add = (signal: unknown, callback?: unknown) => codeOf(() => loop.addSignal(signal as Signal, callback as () => void));
  assertEquals(add("SIGNONE", "no function"), "EINVAL");
  for (const signal of ["SIGNONE", "TERM", "sigterm", "", 0, 65, -1, 1.5, NaN, undefined, "SIGRTMIN+31", "SIGRTMAX-31"]) {
    assertEquals(add(signal), "EINVAL", String(signal));
  }
  for (const signal of ["SIGKILL", "SIGSTOP", 9, 19]) assertEquals(add(signal), "EINVAL", String(signal));
  assertEquals(add("SIGTERM"), undefined);
  assertEquals(add("SIGTERM"), "EBUSY");
  assertEquals(add(15), "EBUSY");
  using other = new EventLoop({ kernel });
  assertEquals(codeOf(() => other.addSignal("SIGTERM")), "EBUSY");
  loop.exit();
  loop.loopSync();
  assertEquals(add("SIGNONE"), "ESTALE");
});

loopTest("The errors of EventLoop.addSignal() name the signal, and say what to do", ({ loop, kernel }) => {
  using other = new EventLoop({ kernel });
  const message = (of: EventLoop, signal: unknown) => errorOf(() => of.addSignal(signal as Signal)).message;
  loop.addSignal(15);
  assertEquals(message(loop, 15), "Cannot receive SIGTERM: this loop has a source for it already, let that one tell the others");
  assertEquals(message(other, "SIGTERM"), "Cannot receive SIGTERM: another loop of this process has it");
  assertEquals(message(loop, "SIGKILL"), "Cannot receive SIGKILL: it cannot be caught");
  assertEquals(message(loop, "TERM"), "Cannot use signal 'TERM': not a signal's name, nor a number from 1 to 64");
  coreOf(loop).poller.claimSignal = () => -95;
  assertEquals(message(loop, "SIGHUP"), "Cannot receive SIGHUP: the loop's kernel is not told of it");
});

loopTest("A signal is known by its name and by its number", ({ loop }) => {
  const names: [Signal, number, string][] = [
    ["SIGUSR1", 10, "USR1"],
    [12, 12, "USR2"],
    ["SIGRTMIN", 34, "RTMIN"],
    ["SIGRTMIN+2", 36, "RTMIN+2"],
    ["SIGRTMAX", 64, "RTMIN+30"],
    ["SIGRTMAX-1", 63, "RTMIN+29"],
  ];
  for (const [signal, number, description] of names) {
    const source = loop.addSignal(signal);
    assertEquals([source.signal, source.description, source.type], [number, description, "signal"]);
  }
  assertEquals(loop.addSignal("SIGHUP", null, { description: "reload" }).description, "reload");
});

loopTest("A callback is told all that the kernel knows of the signal", ({ loop, kernel }) => {
  const seen: unknown[] = [];
  const source = loop.addSignal("SIGRTMIN+1", (...told) => void seen.push(...told));
  kernel.raise("SIGRTMIN+1", { pid: 42, uid: 1_000, code: -1, value: -7, errno: 3, status: 5 });
  loop.runSync(0);
  const info: SignalInfo = { signal: 35, name: "SIGRTMIN+1", pid: 42, uid: 1_000, code: -1, value: -7, errno: 3, status: 5 };
  assertEquals(seen, [info, source]);
});

loopTest("Classic signals merge, real-time signals are all delivered in their order", ({ loop, kernel }) => {
  const seen: unknown[] = [];
  const note = ({ name, value }: SignalInfo) => void seen.push(`${name} ${value}`);
  loop.addSignal("SIGUSR1", note);
  loop.addSignal("SIGRTMIN", note);
  for (const value of [1, 2, 3]) {
    kernel.raise("SIGUSR1", { value });
    kernel.raise("SIGRTMIN", { value });
  }
  while (loop.runSync(0));
  assertEquals(seen, ["SIGUSR1 1", "SIGRTMIN 1", "SIGRTMIN 2", "SIGRTMIN 3"]);
});

loopTest("A signal that comes while its callback runs is delivered after it", ({ loop, kernel, steps, at }) => {
  const run = at(1, 2);
  loop.addSignal("SIGUSR1", () => {
    run();
    if (loop.iteration === 1) kernel.raise("SIGUSR1");
  });
  kernel.raise("SIGUSR1");
  assertEquals([loop.runSync(0), loop.runSync(0), loop.runSync(0)], [true, true, false]);
  steps.finish(3);
});

loopTest("What a pending signal was told is lost with it", (trial) => {
  const { loop, kernel, at } = trial;
  const source = loop.addSignal("SIGUSR1", at());
  makePending(trial, { source, happen: () => kernel.raise("SIGUSR1") });
  assertEquals(source.pending, true);
  source.enabled = "off";
  source.enabled = "on";
  assertEquals([source.pending, loop.runSync(0)], [false, false]);
});

loopTest("Real-time signals that wait survive that their source is off", ({ loop, kernel }) => {
  const seen: number[] = [];
  const source = loop.addSignal("SIGRTMIN", ({ value }) => void seen.push(value));
  source.enabled = "off";
  for (const value of [1, 2, 3]) kernel.raise("SIGRTMIN", { value });
  assertEquals(loop.runSync(0), false);
  source.enabled = "on";
  while (loop.runSync(0));
  assertEquals(seen, [1, 2, 3]);
});

loopTest("A oneshot signal source leaves the rest in the kernel", ({ loop, kernel }) => {
  const seen: number[] = [];
  const source = loop.addSignal("SIGRTMIN", ({ value }) => void seen.push(value), { enabled: "oneshot" });
  for (const value of [1, 2, 3]) kernel.raise("SIGRTMIN", { value });
  while (loop.runSync(0));
  assertEquals([seen, source.enabled], [[1], "off"]);
  source.enabled = "on";
  while (loop.runSync(0));
  assertEquals(seen, [1, 2, 3]);
});

loopTest("A signal has its effect again when its source has gone", ({ loop, kernel }) => {
  const source = loop.addSignal("SIGWINCH");
  kernel.raise("SIGWINCH");
  source[Symbol.dispose]();
  assertEquals(kernel.leaks().some((line) => line.startsWith("claim")), false);
  const again = loop.addSignal("SIGWINCH");
  assertEquals(loop.runSync(0), false);
  again[Symbol.dispose]();
});

loopTest("A waiting loop is woken by a signal", ({ loop, kernel, steps, at }) => {
  loop.addSignal("SIGUSR1", at(1));
  kernel.after(5_000, () => kernel.raise("SIGUSR1"));
  const before = kernel.now(2);
  loop.runSync();
  assertEquals(kernel.now(2), before + 5_000);
  steps.finish(2);
});
