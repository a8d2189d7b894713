/**
 * Rate limits (sd-event, section 11).
 *
 * @module
 */

import { IoEvent, type LimitedSource, type RateLimit } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { codeOf, errorOf } from "../_simulation.ts";
import { addAll, makers } from "./_sources.ts";
import { loopTest, type Trial } from "./_trial.ts";

const limited = makers.filter((maker) => maker.limited);
const once: RateLimit = { interval: 1_000, burst: 1 };

/** A defer source that has exceeded its limit: it ran once, and at its second turn it was suspended. */
function addSuspended({ loop }: Trial, callback: () => void, onRateLimitExpired?: () => void): LimitedSource {
  const source = loop.addDefer(callback, { enabled: "on", rateLimit: once, onRateLimitExpired });
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, true]);
  assertEquals(source.rateLimited, true);
  return source;
}

loopTest("A source runs as often in a window as its burst says, and the next attempt suspends it", ({ loop, steps, at }) => {
  const source = loop.addDefer(at(1, 2, 3), { enabled: "on", rateLimit: { interval: 1_000, burst: 3 } });
  for (let i = 0; i < 3; i++) {
    assertEquals(loop.runSync(0), true);
    assertEquals(source.rateLimited, false);
  }
  assertEquals(loop.runSync(0), true);
  assertEquals([source.rateLimited, source.pending, source.enabled], [true, true, "on"]);
  assertEquals(loop.runSync(0), false);
  steps.finish(4);
});

loopTest("The window opens with the first dispatch and lasts until more than its interval has passed", ({ loop, kernel }) => {
  let runs = 0;
  const source = loop.addDefer(() => void runs++, { enabled: "on", rateLimit: { interval: 1_000, burst: 2 } });
  kernel.advance(700);
  loop.runSync(0);
  kernel.advance(1_000);
  loop.runSync(0);
  assertEquals([runs, source.rateLimited], [2, false]);
  kernel.advance(1);
  for (let i = 0; i < 2; i++) loop.runSync(0);
  assertEquals([runs, source.rateLimited], [4, false]);
  loop.runSync(0);
  assertEquals([runs, source.rateLimited], [4, true]);
});

loopTest("The limit goes by the clock itself, not by the loop's present", ({ loop, kernel }) => {
  let runs = 0;
  const source = loop.addDefer(() => void runs++, { enabled: "on", rateLimit: once });
  loop.runSync(0);
  loop.prepare();
  const present = loop.now("boottime");
  kernel.advance(1_001);
  assertEquals(loop.now("boottime"), present);
  loop.dispatch();
  assertEquals([runs, source.rateLimited], [2, false]);
});

loopTest("A suspended source wakes the loop when its window ends, without slack", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const first = kernel.now(1);
  addSuspended(trial, at(1, 2));
  assertEquals(loop.runSync(), true);
  assertEquals(kernel.now(1), first + once.interval);
  steps.finish(3);
});

loopTest("An attempt that suspends a source marks no posts and runs nothing", (trial) => {
  const { loop, steps } = trial;
  const post = loop.addPost(() => {}, { enabled: "off" });
  const source = loop.addDefer(trial.at(1), { enabled: "on", rateLimit: once });
  loop.runSync(0);
  post.enabled = "on";
  assertEquals(loop.runSync(0), true);
  assertEquals([source.rateLimited, post.pending], [true, false]);
  steps.finish(2);
});

for (const { name, make } of limited) {
  loopTest(`A source of type ${name} that is suspended keeps what it has to deliver`, (trial) => {
    const { loop, steps } = trial;
    let kinds: boolean[] = [];
    const { source, happen } = make(trial, () => {
      steps.expect(kinds.length + 1);
      kinds = [...kinds, (source as LimitedSource).rateLimited];
    }, { enabled: "on", rateLimit: once });
    const limitedSource = source as LimitedSource;
    happen();
    loop.runSync(0);
    happen();
    assertEquals(loop.runSync(0), true);
    assertEquals([limitedSource.rateLimited, source.pending, source.enabled], [true, true, "on"]);
    assertEquals(loop.runSync(0), false);
    assertEquals(limitedSource.leaveRateLimit(), true);
    assertEquals([limitedSource.rateLimited, source.pending], [false, true]);
    assertEquals(limitedSource.leaveRateLimit(), false);
    assertEquals(loop.runSync(0), true);
    assertEquals(kinds, [false, false]);
    steps.finish(3);
  });

  loopTest(`A oneshot source of type ${name} that is suspended runs when its window has ended`, (trial) => {
    const { loop, steps, at } = trial;
    const run = at(1, 2);
    const { source, happen } = make(trial, () => run(), { rateLimit: once, enabled: "oneshot" });
    happen();
    loop.runSync(0);
    source.enabled = "oneshot";
    happen();
    loop.runSync(0);
    assertEquals(source.enabled, "oneshot");
    loop.runSync();
    assertEquals(source.enabled, "off");
    steps.finish(3);
  });
}

loopTest("A suspended io source is not watched", (trial) => {
  const { loop, kernel } = trial;
  const { reader, writer } = trial.pipe();
  const watches = () => kernel.leaks().filter((line) => line.startsWith("watch of")).length;
  const source = loop.addIo(reader, IoEvent.IN, () => {}, { rateLimit: once });
  trial.write(writer, "x");
  for (let i = 0; i < 2; i++) loop.runSync(0);
  assertEquals([source.rateLimited, watches()], [true, 0]);
  source.leaveRateLimit();
  assertEquals(watches(), 1);
});

loopTest("Leaving begins a new window", (trial) => {
  const { loop, steps, at } = trial;
  const source = addSuspended(trial, at(1, 2));
  source.leaveRateLimit();
  for (let i = 0; i < 2; i++) loop.runSync(0);
  assertEquals(source.rateLimited, true);
  steps.finish(3);
});

loopTest("onRateLimitExpired runs when the window has ended, and the wait starts over", (trial) => {
  const { loop, kernel, steps, at } = trial;
  let source: LimitedSource | undefined = undefined;
  source = addSuspended(trial, at(1, 4), () => {
    steps.expect(2);
    assertEquals([source!.rateLimited, source!.pending], [false, true]);
  });
  kernel.advance(1_000);
  loop.prepare();
  assertEquals(loop.waitSync(), false);
  assertEquals(loop.state, "initial");
  steps.expect(3);
  assertEquals(loop.runSync(0), true);
  steps.finish(5);
});

loopTest("Without onRateLimitExpired the wait goes on", (trial) => {
  const { loop, kernel, steps, at } = trial;
  addSuspended(trial, at(1, 2));
  kernel.advance(1_000);
  loop.prepare();
  assertEquals(loop.waitSync(), true);
  loop.dispatch();
  steps.finish(3);
});

loopTest("A prepare whose poll ends a suspension answers false, and the wait after it does not wait", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  addSuspended(trial, at(1), at(2));
  loop.addIo(reader, IoEvent.IN, () => {}, { priority: -1 });
  loop.addDefer(at(3), { priority: -1, enabled: "on" });
  kernel.advance(1_000);
  const before = kernel.now(2);
  assertEquals(loop.prepare(), false);
  assertEquals(loop.state, "armed");
  assertEquals(loop.waitSync(), true);
  assertEquals(kernel.now(2), before);
  loop.dispatch();
  trial.close(writer);
  steps.finish(4);
});

loopTest("onRateLimitExpired is not called by leaveRateLimit and by a new limit", (trial) => {
  const { loop, steps, at } = trial;
  const source = addSuspended(trial, at(1, 2), at());
  source.leaveRateLimit();
  for (let i = 0; i < 2; i++) loop.runSync(0);
  assertEquals(source.rateLimited, true);
  source.rateLimit = { interval: 5, burst: 5 };
  assertEquals([source.rateLimited, source.rateLimit], [false, { interval: 5, burst: 5 }]);
  steps.finish(3);
});

loopTest("A new limit starts with an empty window", ({ loop }) => {
  let runs = 0;
  const source = loop.addDefer(() => void runs++, { enabled: "on", rateLimit: { interval: 1_000, burst: 3 } });
  for (let i = 0; i < 2; i++) loop.runSync(0);
  source.rateLimit = { interval: 1_000, burst: 2 };
  for (let i = 0; i < 2; i++) loop.runSync(0);
  assertEquals([runs, source.rateLimited], [4, false]);
  loop.runSync(0);
  assertEquals([runs, source.rateLimited], [4, true]);
});

loopTest("A limit with a zero in it is none", (trial) => {
  const { loop } = trial;
  const source = loop.addDefer(() => {}, { enabled: "on", rateLimit: { interval: 0, burst: 1 } });
  assertEquals(source.rateLimit, undefined);
  source.rateLimit = once;
  assertEquals(source.rateLimit, once);
  source.rateLimit = { interval: 5, burst: 0 };
  assertEquals(source.rateLimit, undefined);
  for (let i = 0; i < 10; i++) loop.runSync(0);
  assertEquals(source.rateLimited, false);
});

loopTest("A limit is made of whole numbers", ({ loop }) => {
  const source = loop.addDefer(() => {}, { rateLimit: once });
  for (const bad of [{ interval: -1, burst: 1 }, { interval: 0.5, burst: 1 }, { interval: NaN, burst: 1 }, { interval: 1, burst: -1 }]) {
    assertEquals(codeOf(() => source.rateLimit = bad), "EINVAL");
    assertEquals(codeOf(() => loop.addDefer(() => {}, { rateLimit: bad })), "EINVAL");
  }
  assertEquals(codeOf(() => source.rateLimit = { interval: 1, burst: 1.5 }), "EINVAL");
  assertEquals(source.rateLimit, once);
});

loopTest("A limit that is refused ends no suspension", (trial) => {
  const source = addSuspended(trial, () => {});
  const { message } = errorOf(() => source.rateLimit = { interval: 1_000, burst: -1 });
  assertEquals(message, "Cannot use burst '-1': it takes a whole number from 0 on");
  assertEquals([source.rateLimited, source.rateLimit], [true, once]);
});

loopTest("Asking what is pending ends no suspension", (trial) => {
  const { loop, kernel } = trial;
  const { reader, writer } = trial.pipe();
  for (let i = 0; i < 3; i++) loop.addDefer(() => {}, { enabled: "on" });
  const expired: string[] = [];
  const options = { enabled: "on", rateLimit: once, priority: -1 } as const;
  const source = loop.addDefer(() => {}, { ...options, onRateLimitExpired: () => void expired.push(loop.state) });
  trial.tick(2);
  assertEquals(source.rateLimited, true);
  source.priority = 1;
  const io = loop.addIo(reader, IoEvent.IN, () => {}, { priority: 1 });
  trial.tick(4);
  loop.prepare();
  kernel.advance(1_000);
  trial.write(writer, "x");
  // By the rule of batches this asks the kernel now, by the other one it was asked already.
  assertEquals(io.pending, trial.polling === "batch");
  assertEquals([source.rateLimited, expired], [true, []]);
  loop.dispatch();
  trial.tick(4);
  assertEquals([source.rateLimited, expired], [false, ["initial"]]);
});

loopTest("A window may last forever", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = loop.addDefer(at(1, 2), { enabled: "on", rateLimit: { interval: Infinity, burst: 1 } });
  for (let i = 0; i < 2; i++) loop.runSync(0);
  kernel.advance(2 ** 40);
  assertEquals(loop.runSync(0), false);
  assertEquals(source.rateLimited, true);
  source.leaveRateLimit();
  loop.runSync(0);
  steps.finish(3);
});

loopTest("A source that is turned off while suspended stays suspended, and has nothing to deliver", (trial) => {
  const { loop, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, IoEvent.IN, at(1), { rateLimit: once });
  trial.write(writer, "x");
  for (let i = 0; i < 2; i++) loop.runSync(0);
  source.enabled = "off";
  assertEquals([source.rateLimited, source.pending, source.enabled], [true, false, "off"]);
  source.leaveRateLimit();
  assertEquals(loop.runSync(0), false);
  steps.finish(2);
});

loopTest("A source that is turned on while suspended is served when its window has ended", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = addSuspended(trial, at(1, 2));
  source.enabled = "off";
  source.enabled = "oneshot";
  assertEquals([source.rateLimited, source.enabled], [true, "oneshot"]);
  assertEquals(loop.runSync(0), false);
  kernel.advance(1_000);
  loop.runSync(0);
  assertEquals(source.enabled, "off");
  steps.finish(3);
});

loopTest("A timer that is moved while suspended keeps its new time", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = loop.addTime("monotonic", 0, at(1, 2), { enabled: "on", rateLimit: once, accuracy: 1 });
  for (let i = 0; i < 2; i++) loop.runSync(0);
  assertEquals([source.rateLimited, source.pending], [true, true]);
  source.usec = kernel.now(2) + 5_000;
  assertEquals([source.rateLimited, source.pending], [true, false]);
  kernel.advance(2_000);
  assertEquals(loop.runSync(0), false);
  assertEquals(source.rateLimited, false);
  kernel.advance(3_000);
  assertEquals(loop.runSync(0), true);
  steps.finish(3);
});

loopTest("A failed onRateLimitExpired is reported, and turns its source off", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = addSuspended(trial, at(1), () => {
    throw new Error("expired");
  });
  kernel.advance(1_000);
  assertEquals(loop.runSync(0), false);
  assertEquals([source.enabled, source.rateLimited], ["off", false]);
  assertEquals(trial.takeMessages(), ["source 'defer': expired"]);
  assertEquals(loop.runSync(0), false);
  steps.finish(2);
});

loopTest("A failed onRateLimitExpired ends the loop under exitOnFailure", (trial) => {
  const { loop } = trial;
  const source = addSuspended(trial, () => {}, () => {
    throw new Error("expired");
  });
  source.exitOnFailure = true;
  assertEquals(loop.loopSync(), -5);
  assertEquals(trial.takeMessages(), ["source 'defer': expired"]);
});

loopTest("A source that its own onRateLimitExpired disposes of goes after it", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source: LimitedSource = addSuspended(trial, at(1), () => {
    steps.expect(2);
    source[Symbol.dispose]();
    steps.expect(3);
  });
  source.onDestroy = at(4);
  kernel.advance(1_000);
  loop.runSync(0);
  assertEquals(loop.runSync(0), false);
  steps.finish(5);
});

loopTest("onRateLimitExpired can be read, set and taken away", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = addSuspended(trial, at(1, 3), at());
  const expired = at(2);
  source.onRateLimitExpired = expired;
  assertEquals(source.onRateLimitExpired, expired);
  kernel.advance(1_000);
  loop.runSync(0);
  for (let i = 0; i < 2; i++) loop.runSync(0);
  source.onRateLimitExpired = undefined;
  assertEquals(source.onRateLimitExpired, undefined);
  kernel.advance(1_000);
  loop.prepare();
  assertEquals(loop.waitSync(), true);
  steps.finish(4);
});

loopTest("A source whose registration the kernel refuses stays suspended", (trial) => {
  const { loop, kernel } = trial;
  const { reader, writer } = kernel.pipe();
  const source = loop.addIo(reader, IoEvent.IN, () => {}, { rateLimit: once });
  kernel.close(writer);
  for (let i = 0; i < 2; i++) loop.runSync(0);
  kernel.close(reader);
  const { code, message } = errorOf(() => source.leaveRateLimit());
  assertEquals([code, message], ["EBADF", "Cannot resume the io source: EBADF"]);
  assertEquals(source.rateLimited, true);
  kernel.advance(1_000);
  loop.prepare();
  assertEquals(codeOf(() => loop.waitSync(0)), "EBADF");
  assertEquals([source.rateLimited, loop.state], [true, "initial"]);
});

loopTest("A suspended source comes back while others keep the loop busy", (trial) => {
  const { loop, kernel } = trial;
  let runs = 0;
  loop.addDefer(() => kernel.advance(100), { enabled: "on" });
  const start = kernel.now(1);
  loop.addDefer(() => void runs++, { enabled: "on", rateLimit: once });
  for (let i = 0; i < 100; i++) loop.runSync(0);
  const windows = Math.floor((kernel.now(1) - start) / once.interval);
  assert(windows > 5);
  assert(runs >= windows && runs <= windows + 1, `${runs} runs in ${windows} windows`);
});

loopTest("A suspended source that is more important comes back as soon as its window has ended", (trial) => {
  const { loop, kernel, steps } = trial;
  const source = loop.addDefer(trial.at(1, 5), { enabled: "on", rateLimit: { interval: 300, burst: 1 }, priority: -1 });
  const busy = trial.at(2, 3, 4);
  loop.addDefer(() => {
    busy();
    kernel.advance(100);
  }, { enabled: "on" });
  for (let i = 0; i < 6; i++) loop.runSync(0);
  source.enabled = "off";
  steps.finish(6);
});

loopTest("Child, time change, post and exit sources take no limit", (trial) => {
  const sources = addAll(trial);
  const names = Object.keys(sources).filter((name) => !("rateLimit" in sources[name]));
  assertEquals(names, ["child", "child that may stop", "time-change", "post", "exit"]);
});
