/**
 * Telling the service manager that the loop goes round (sd-event, section 15).
 *
 * @module
 */

import { EventLoop, sec, type SimulatedKernel, type Usec } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { spy } from "@std/testing/mock";
import { coreOf } from "../../event/event_loop.ts";
import { ClockIndex } from "../../event/time.ts";
import { chooseWakeup, perturbationOf } from "../../event/timer_window.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { loopTest, type Trial } from "./_trial.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

const period = sec(4);
const NOTIFY_SOCKET = "/run/systemd/notify";
const asked = { WATCHDOG_USEC: `${period}`, NOTIFY_SOCKET };
const bootId = Uint8Array.from({ length: 16 }, (_, index) => index * 3);

/** What the service manager got so far, as texts. */
function messages(kernel: SimulatedKernel, path: string = NOTIFY_SOCKET): string[] {
  return kernel.datagrams(path).map((data) => new TextDecoder().decode(data));
}

/** Turns the watchdog on in a world with these variables: whether it is on, or the error, and how many messages were sent. */
function turnOn(environment: Record<string, string>): [answer: boolean | string, messages: number] {
  const kernel = virtualKernel({ environment: { NOTIFY_SOCKET, ...environment } });
  const before = messages(kernel);
  assertEquals(before, []);
  using loop = new EventLoop({ kernel });
  let answer: boolean | undefined;
  const code = codeOf(() => answer = loop.setWatchdog(true));
  assertEquals(loop.watchdog, answer ?? false);
  return [code ?? answer!, messages(kernel).length];
}

function now({ kernel }: Trial): Usec {
  return kernel.now(ClockIndex.monotonic);
}

Deno.test("EventLoop.setWatchdog() leaves it off where the service manager does not ask for it", () => {
  assertEquals(turnOn({}), [false, 0]);
  assertEquals(turnOn({ WATCHDOG_PID: "no number" }), [false, 0]);
  assertEquals(turnOn({ WATCHDOG_USEC: "1000", WATCHDOG_PID: "4242424" }), [false, 0]);
});

Deno.test("EventLoop.setWatchdog() reports EINVAL for a period that is no number or no time", () => {
  const bad = ["", "x", "1s", "-1", "1.5", " 1", "0x10", "0", "00", `${2n ** 64n - 1n}`, `${2n ** 64n}`];
  for (const text of bad) assertEquals(turnOn({ WATCHDOG_USEC: text, WATCHDOG_PID: "4242424" }), ["EINVAL", 0], text);
});

Deno.test("EventLoop.setWatchdog() reports EINVAL for a process that is no number", () => {
  for (const text of ["", "x", "-1", "1.5"]) assertEquals(turnOn({ WATCHDOG_USEC: "1000", WATCHDOG_PID: text }), ["EINVAL", 0], text);
});

Deno.test("EventLoop.setWatchdog() tells the service manager at once where it asks this process for it", () => {
  assertEquals(turnOn({ WATCHDOG_USEC: "1" }), [true, 1]);
  assertEquals(turnOn({ WATCHDOG_USEC: "1000", WATCHDOG_PID: `${virtualKernel().pid}` }), [true, 1]);
  assertEquals(turnOn({ WATCHDOG_USEC: `${2n ** 64n - 2n}` }), [true, 1]);
});

Deno.test("EventLoop.setWatchdog() turns it on where nobody listens", () => {
  const WATCHDOG_USEC = "1000";
  for (const environment of [{ WATCHDOG_USEC }, ...["", "/nobody", "@nobody"].map((path) => ({ WATCHDOG_USEC, NOTIFY_SOCKET: path }))]) {
    using loop = new EventLoop({ kernel: virtualKernel({ environment }) });
    assertEquals([loop.setWatchdog(true), loop.watchdog, loop.runSync(), loop.watchdog], [true, true, false, true]);
  }
});

loopTest("The watchdog says WATCHDOG=1, to an abstract name too", ({ loop, kernel }) => {
  const received = messages(kernel, "@notify");
  assertEquals(received, []);
  loop.setWatchdog(true);
  assertEquals(messages(kernel, "@notify"), ["WATCHDOG=1"]);
}, { environment: { WATCHDOG_USEC: "1000", NOTIFY_SOCKET: "@notify" } });

loopTest("EventLoop.setWatchdog() does nothing when it is on, or off, already", ({ loop, kernel }) => {
  messages(kernel);
  assertEquals([loop.watchdog, loop.setWatchdog(false)], [false, false]);
  assertEquals([loop.setWatchdog(true), loop.setWatchdog(true), loop.watchdog], [true, true, true]);
  assertEquals(messages(kernel).length, 1);
  assertEquals(coreOf(loop).fed.total, 1);
  assertEquals([loop.setWatchdog(false), loop.setWatchdog(false), loop.watchdog], [false, false, false]);
  assertEquals(coreOf(loop).fed.total, 0);
  assertEquals(kernel.environment("WATCHDOG_USEC"), `${period}`);
  assertEquals([loop.setWatchdog(true), messages(kernel).length], [true, 2]);
}, { environment: asked });

loopTest("An idle loop is woken between the half and three quarters of the period, and the wait comes to nothing", (trial) => {
  const { loop, kernel } = trial;
  messages(kernel);
  loop.setWatchdog(true);
  for (let count = 2; count < 6; count++) {
    const last = now(trial);
    const due = chooseWakeup(last + period / 2, last + period * 3 / 4, perturbationOf(bootId));
    assertEquals(loop.runSync(), false);
    assertEquals(now(trial), due);
    assert(due >= last + period / 2 && due <= last + period * 3 / 4);
    assertEquals(messages(kernel).length, count);
  }
}, { environment: asked, bootId });

loopTest("A wait before a quarter of the period is over says nothing", (trial) => {
  const { loop, kernel } = trial;
  messages(kernel);
  loop.setWatchdog(true);
  assertEquals(loop.runSync(period / 4 - 1), false);
  assertEquals(messages(kernel).length, 1);
  assertEquals(loop.runSync(1), false);
  assertEquals(messages(kernel).length, 2);
}, { environment: asked });

loopTest("A busy loop that nothing else feeds tells in each quarter of the period", (trial) => {
  const { loop, kernel } = trial;
  const step = period / 32;
  messages(kernel);
  loop.setWatchdog(true);
  loop.addDefer(() => kernel.advance(step), { enabled: "on" });
  const times: Usec[] = [now(trial)];
  for (let round = 0; round < 100; round++) {
    loop.runSync();
    while (times.length < messages(kernel).length) times.push(now(trial));
  }
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  assert(gaps.length >= 9);
  for (const gap of gaps) assert(gap >= period / 4 && gap <= period / 4 + 2 * step, `${gap} us`);
}, { environment: asked });

loopTest("The watchdog is served however important what keeps the loop busy is", (trial) => {
  const { loop, kernel } = trial;
  messages(kernel);
  loop.setWatchdog(true);
  for (const priority of [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]) {
    loop.addDefer(() => kernel.advance(period / 8), { enabled: "on", priority });
  }
  for (let round = 0; round < 64; round++) loop.runSync();
  assert(messages(kernel).length >= 20);
}, { environment: asked });

loopTest("The watchdog leaves the timers their times", (trial) => {
  const { loop, kernel, steps } = trial;
  messages(kernel);
  const start = now(trial);
  loop.setWatchdog(true);
  const timers = [period / 8, period / 2 + 7, period * 2 + 1];
  for (const [index, usec] of timers.entries()) {
    loop.addTimeRelative("monotonic", usec, () => {
      steps.expect(index + 1);
      assertEquals(now(trial), start + usec);
    }, { accuracy: 1 });
  }
  trial.runUntil(() => now(trial) > start + period * 2);
  steps.finish(4);
  assert(messages(kernel).length >= 3);
}, { environment: asked });

loopTest("EventLoop.setWatchdog() with false takes the wake-up back", (trial) => {
  const { loop, kernel } = trial;
  messages(kernel);
  loop.setWatchdog(true);
  assertEquals(loop.runSync(0), false);
  assertEquals(kernel.leaks().filter((line) => line.startsWith("wake-up")).length, 1);
  loop.setWatchdog(false);
  assertEquals(loop.runSync(2 * period), false);
  assertEquals(kernel.leaks().filter((line) => line.startsWith("wake-up")), []);
  assertEquals(messages(kernel).length, 1);
}, { environment: asked });

loopTest("An exiting loop tells nothing any more", (trial) => {
  const { loop, kernel } = trial;
  messages(kernel);
  loop.setWatchdog(true);
  let turns = 0;
  const source = loop.addExit(() => {
    kernel.advance(period);
    if (++turns === 3) source.enabled = "off";
  }, { enabled: "on" });
  loop.exit();
  loop.loopSync();
  assertEquals([turns, messages(kernel).length], [3, 1]);
}, { environment: asked });

loopTest("The watchdog keeps no loop from being idle", ({ loop }) => {
  loop.setWatchdog(true);
  loop.exitOnIdle = true;
  assertEquals(loop.loopSync(), 0);
}, { environment: asked });

loopTest("EventLoop.setWatchdog() works in every state, and is ESTALE when the loop is disposed", ({ loop, kernel }) => {
  messages(kernel);
  loop.prepare();
  assertEquals([loop.state, loop.setWatchdog(true)], ["armed", true]);
  loop.waitSync(0);
  loop.exit();
  loop.loopSync();
  assertEquals([loop.state, loop.setWatchdog(false), loop.setWatchdog(true)], ["finished", false, true]);
  loop[Symbol.dispose]();
  for (const on of [false, true]) assertEquals(codeOf(() => loop.setWatchdog(on)), "ESTALE");
  assertEquals(messages(kernel).length, 2);
}, { environment: asked });

loopTest("EventLoop.setWatchdog() leaves it off where the kernel has no clock to give", ({ loop, kernel }) => {
  const { poller, fed } = coreOf(loop);
  messages(kernel);
  poller.openClock = () => -24;
  const { code, message } = errorOf(() => loop.setWatchdog(true));
  assertEquals([code, message], ["EMFILE", "Cannot turn on the watchdog of loop 'loop': EMFILE"]);
  assertEquals([loop.watchdog, fed.total, messages(kernel)], [false, 0, []]);
}, { environment: asked });

loopTest("The watchdog makes no loop poll that is busy with what is more important than nothing", (trial) => {
  const { loop } = trial;
  const { poller } = coreOf(loop);
  const polls = spy(poller, "poll");
  loop.setWatchdog(true);
  for (let i = 0; i < 10; i++) loop.addDefer(() => {}, { enabled: "on", priority: 1 });
  trial.tick(100);
  // One each time that all ten have had their turn, by the rule of batches.
  assert(polls.calls.length <= (trial.polling === "batch" ? 20 : 100), `${polls.calls.length} polls`);
}, { environment: asked });

loopTest("A period longer than anything runs does no harm", ({ loop }) => {
  assertEquals(loop.setWatchdog(true), true);
  assert(Number.isSafeInteger(coreOf(loop).clocks[ClockIndex.monotonic].alsoAt));
  assertEquals([loop.runSync(0), loop.runSync(sec(3_600))], [false, false]);
}, { environment: { ...asked, WATCHDOG_USEC: `${2n ** 64n - 2n}` } });

loopTest("A parked loop is woken for the watchdog, and by turning it on", async (trial) => {
  const { loop, kernel } = trial;
  messages(kernel);
  const end = loop.loop();
  await kernel.turn("io");
  kernel.after(10 * period, () => loop.exit(7));
  loop.setWatchdog(true);
  assertEquals(await end, 7);
  assert(messages(kernel).length >= 10);
}, { environment: asked });

loopTest("A parked loop takes its wake-up back when the watchdog is turned off", async ({ loop, kernel }) => {
  const wakeups = () => kernel.leaks().filter((line) => line.startsWith("wake-up")).length;
  loop.setWatchdog(true);
  const end = loop.loop();
  for (let turns = 0; turns < 5; turns++) await kernel.turn("tasks");
  assertEquals([loop.state, wakeups()], ["armed", 1]);
  loop.setWatchdog(false);
  for (let turns = 0; turns < 5; turns++) await kernel.turn("tasks");
  assertEquals([loop.state, wakeups()], ["armed", 0]);
  loop.exit();
  await end;
}, { environment: asked, autoAdvance: false });

loopTest("The errors of EventLoop.setWatchdog() name the variable, and say what it takes", ({ loop }) => {
  const { code, message } = errorOf(() => loop.setWatchdog(true));
  assertEquals([code, message], ["EINVAL", "Cannot turn the watchdog on by WATCHDOG_PID 'x': it takes a whole number above 0"]);
  loop[Symbol.dispose]();
  const stale = errorOf(() => loop.setWatchdog(true));
  assertEquals([stale.code, stale.message], ["ESTALE", "Cannot set the watchdog of loop 'loop': it is disposed"]);
}, { environment: { ...asked, WATCHDOG_PID: "x" } });
