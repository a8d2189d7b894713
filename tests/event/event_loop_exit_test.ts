/**
 * How a loop comes to its end (sd-event, section 13).
 *
 * @module
 */

import { EventLoop, IoEvent, promiseFuture } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { coreOf } from "../../event/event_loop.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { makers } from "./_sources.ts";
import { loopTest } from "./_trial.ts";

loopTest("EventLoop.exitCode is what exit was last asked for with", ({ loop }) => {
  assertEquals(loop.exitCode, undefined);
  loop.exit();
  assertEquals(loop.exitCode, 0);
  loop.exit(7);
  loop.addExit(() => loop.exit(loop.exitCode! + 1));
  loop.addExit(() => loop.exit(loop.exitCode! * 2));
  assertEquals(loop.loopSync(), 16);
  assertEquals(loop.exitCode, 16);
});

loopTest("EventLoop.exit() is refused when the loop has finished, and for what is no whole number", ({ loop }) => {
  for (const code of [0.5, NaN, Infinity, "1" as unknown as number]) assertEquals(codeOf(() => loop.exit(code)), "EINVAL");
  assertEquals(loop.exitCode, undefined);
  loop.exit(2);
  loop.loopSync();
  const { code, message } = errorOf(() => loop.exit(3));
  assertEquals([code, message], ["ESTALE", "Cannot exit with code 3: loop 'loop' has finished"]);
  assertEquals(loop.exitCode, 2);
});

loopTest("A layer above is told of the first request alone, and of the end once", ({ loop }) => {
  const told: string[] = [];
  coreOf(loop).watchers.add({ exitRequested: () => void told.push("exit requested"), ended: () => void told.push("ended") });
  for (const code of [1, 2]) loop.exit(code);
  assertEquals(told, ["exit requested"]);
  assertEquals(loop.loopSync(), 2);
  loop[Symbol.dispose]();
  assertEquals(told, ["exit requested", "ended"]);
});

for (const state of ["initial", "armed", "pending", "preparing", "running", "exiting"] as const) {
  loopTest(`EventLoop.exit() may be called while the loop is ${state}`, (trial) => {
    const { loop } = trial;
    const exit = () => {
      assertEquals(loop.state, state);
      loop.exit(9);
    };
    loop.addDefer(() => state === "running" && exit(), {
      enabled: state === "armed" ? "off" : "on",
      prepare: () => state === "preparing" && exit(),
    });
    loop.addExit(() => state === "exiting" && exit());
    if (state === "initial") exit();
    else if (state === "exiting") loop.exit(1);
    loop.prepare();
    if (state === "armed" || state === "pending") exit();
    if (loop.state === "armed") loop.waitSync(0);
    loop.dispatch();
    assertEquals(loop.loopSync(), 9);
  });
}

loopTest("EventLoop.exit() lets the running callback end, and then runs no regular source", (trial) => {
  const { loop, steps } = trial;
  const made = makers.map(({ make }) => make(trial, trial.at(), { enabled: "on", priority: 5, prepare: () => {} }));
  loop.addDefer(() => {
    steps.expect(1);
    loop.exit();
    steps.expect(2);
  });
  loop.addExit(trial.at(3));
  for (const { happen } of made) if (loop.exitCode === undefined) happen();
  loop.loopSync();
  steps.finish(4);
});

loopTest("A loop that exits polls no more and prepares nothing", (trial) => {
  const { loop, at } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, IoEvent.IN, at(), { priority: -100, prepare: at() });
  trial.write(writer, "x");
  loop.addExit(() => {}, { priority: 1 });
  loop.exit();
  loop.loopSync();
  assertEquals(source.pending, false);
});

loopTest("EventLoop.exitOnIdle ends a loop without sources in its first iteration", ({ loop, steps, at }) => {
  assertEquals(loop.exitOnIdle, false);
  loop.exitOnIdle = true;
  assertEquals(loop.exitOnIdle, true);
  loop.addExit(at(1));
  assertEquals(loop.loopSync(), 0);
  assertEquals(loop.iteration, 1);
  steps.finish(2);
});

loopTest("EventLoop.exitOnIdle counts neither exit sources nor what is off", ({ loop, at }) => {
  loop.exitOnIdle = true;
  loop.addExit(() => {}, { enabled: "on" }).enabled = "off";
  loop.addDefer(at(), { enabled: "off" });
  loop.addTimeRelative("monotonic", 5, at(), { enabled: "off" });
  loop.addPost(at());
  assertEquals(loop.loopSync(), 0);
});

for (const { name, make } of makers.filter((maker) => maker.name !== "post")) {
  loopTest(`EventLoop.exitOnIdle waits for a source of type ${name} that is enabled`, (trial) => {
    const { loop, steps } = trial;
    loop.exitOnIdle = true;
    const { happen } = make(trial, trial.at(1), { enabled: "oneshot" });
    assertEquals(loop.runSync(0), false);
    assertEquals(loop.exitCode, undefined);
    happen();
    assertEquals(loop.runSync(0), true);
    assertEquals(loop.loopSync(), 0);
    steps.finish(2);
  });
}

loopTest("EventLoop.exitOnIdle waits for a post source that is pending", ({ loop, steps, at }) => {
  loop.exitOnIdle = true;
  loop.addDefer(at(1));
  loop.addPost(at(2));
  loop.loopSync();
  steps.finish(3);
});

loopTest("EventLoop.exitOnIdle waits for a source that is suspended", ({ loop, steps, at }) => {
  loop.exitOnIdle = true;
  const source = loop.addDefer(at(1), { enabled: "on", rateLimit: { interval: 1_000, burst: 1 } });
  loop.runSync(0);
  loop.runSync(0);
  assertEquals(source.rateLimited, true);
  assertEquals(loop.runSync(0), false);
  assertEquals(loop.exitCode, undefined);
  source.enabled = "off";
  assertEquals(loop.loopSync(), 0);
  steps.finish(2);
});

loopTest("EventLoop.exitOnIdle waits for a promise of the host that a future waits for", async ({ loop }) => {
  loop.exitOnIdle = true;
  const { promise, resolve } = Promise.withResolvers<void>();
  const future = promiseFuture(loop, promise);
  assertEquals(await loop.run(0), false);
  assertEquals(loop.exitCode, undefined);
  resolve();
  assertEquals(await loop.loop(), 0);
  assertEquals(future.state, "resolved");
});

loopTest("EventLoop.exitOnIdle keeps the code of an exit that was asked for", ({ loop }) => {
  loop.exitOnIdle = true;
  loop.exit(3);
  assertEquals(loop.loopSync(), 3);
});

loopTest("EventLoop.exitOnIdle may be taken back", ({ loop }) => {
  loop.exitOnIdle = true;
  loop.exitOnIdle = false;
  assertEquals(loop.runSync(0), false);
  assertEquals(loop.exitCode, undefined);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  loopTest(`EventLoop.exitOnSignal ends the loop with code 0 on ${signal}`, ({ loop, kernel }) => {
    loop.exitOnSignal = true;
    kernel.after(1_000, () => kernel.raise(signal));
    assertEquals(loop.loopSync(), 0);
  });
}

loopTest("EventLoop.exitOnSignal claims both signals, and gives them back", ({ loop, kernel }) => {
  const claims = () => kernel.leaks().filter((line) => line.startsWith("claim")).map((line) => line.split(" ")[2]);
  assertEquals(loop.exitOnSignal, false);
  loop.exitOnSignal = true;
  assertEquals([loop.exitOnSignal, claims()], [true, ["SIGINT,", "SIGTERM,"]]);
  loop.exitOnSignal = true;
  assertEquals(claims().length, 2);
  loop.exitOnSignal = false;
  assertEquals([loop.exitOnSignal, claims()], [false, []]);
  loop.exitOnSignal = false;
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  loopTest(`EventLoop.exitOnSignal claims neither signal when ${signal} is taken`, ({ loop, kernel }) => {
    const source = loop.addSignal(signal, () => {});
    const before = kernel.leaks();
    assertEquals(codeOf(() => loop.exitOnSignal = true), "EBUSY");
    assertEquals([loop.exitOnSignal, kernel.leaks()], [false, before]);
    source[Symbol.dispose]();
    loop.exitOnSignal = true;
    assertEquals(loop.exitOnSignal, true);
  });
}

loopTest("EventLoop.exitOnSignal is refused when the loop has finished", ({ loop }) => {
  loop.exitOnSignal = true;
  loop.exit();
  loop.loopSync();
  for (const value of [true, false]) assertEquals(codeOf(() => loop.exitOnSignal = value), "ESTALE");
});

loopTest("A loop with exitOnSignal is never idle", ({ loop }) => {
  loop.exitOnSignal = true;
  loop.exitOnIdle = true;
  assertEquals(loop.runSync(0), false);
  assertEquals(loop.exitCode, undefined);
});

loopTest("Two loops of one process cannot both have exitOnSignal", ({ loop, kernel }) => {
  loop.exitOnSignal = true;
  using other = new EventLoop({ kernel });
  assertEquals(codeOf(() => other.exitOnSignal = true), "EBUSY");
  loop.exitOnSignal = false;
  other.exitOnSignal = true;
});
