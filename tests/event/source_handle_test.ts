/**
 * What handles answer, in which state of their source and of their loop (sd-event, sections 12.6 and 18.3).
 *
 * @module
 */

import { ChildEvent, IoEvent, type LimitedSource, type QueuedSource } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { codeOf, errorOf } from "../_simulation.ts";
import { makers } from "./_sources.ts";
import { loopTest } from "./_trial.ts";

loopTest("Source.description is what was given, and may be changed or taken away", ({ loop }) => {
  const source = loop.addDefer(() => {}, { description: "first" });
  assertEquals(source.description, "first");
  source.description = "second";
  assertEquals(source.description, "second");
  source.description = undefined;
  assertEquals(source.description, undefined);
});

loopTest("Source.priority takes whole numbers and no others", ({ loop }) => {
  const source = loop.addDefer(() => {});
  for (const priority of [0.5, NaN, Infinity, "1" as unknown as number]) {
    assertEquals(codeOf(() => source.priority = priority), "EINVAL");
    assertEquals(codeOf(() => loop.addDefer(() => {}, { priority })), "EINVAL");
  }
  assertEquals(source.priority, 0);
  source.priority = -7;
  assertEquals(source.priority, -7);
});

for (const { name, make } of makers) {
  loopTest(`A source of type ${name} that was disposed of still tells what it was, and is stale for what would touch the loop`, (trial) => {
    const options = { priority: 3, description: "the late", onDestroy: () => {}, prepare: () => {}, exitOnFailure: true };
    const { source } = make(trial, () => {}, { ...options, enabled: "on" });
    source[Symbol.dispose]();
    const { loop, priority, description, pending, exitOnFailure } = source;
    assertEquals([loop, priority, description, pending, exitOnFailure], [undefined, 3, "the late", false, true]);
    source.enabled = "off";
    for (
      const action of [
        () => source.enabled = "on",
        () => source.enabled = "oneshot",
        () => source.priority = 3,
        () => source.priority = 4,
        () => source.prepare = () => {},
        () => source.prepare = undefined,
      ]
    ) assertEquals(codeOf(action), "ESTALE", String(action));
    assertEquals(codeOf(() => source.onDestroy = () => {}), "EINVAL");
    assertEquals(codeOf(() => source.onDestroy = undefined), "EINVAL");
    source.description = "the late one";
    source.exitOnFailure = false;
    assertEquals([source.description, source.exitOnFailure], ["the late one", false]);
  });

  loopTest(`A source of type ${name} of a loop that has finished is stale for what would change the loop`, (trial) => {
    const { loop } = trial;
    const { source } = make(trial, () => {}, { enabled: "on" });
    loop.exit();
    loop.loopSync();
    for (
      const action of [
        () => source.enabled = "on",
        () => source.priority = 4,
        () => source.prepare = () => {},
      ]
    ) assertEquals(codeOf(action), "ESTALE", String(action));
    assertEquals([source.loop, source.pending, source.priority], [loop, false, 0]);
    source.description = "still here";
    source.onDestroy = () => {};
  });
}

loopTest("What only some sources have is stale after disposal, or still tells what it was", (trial) => {
  const { loop } = trial;
  const { reader } = trial.pipe();
  const { pid } = trial.spawnProcess();
  const io = loop.addIo(reader, IoEvent.IN);
  const time = loop.addTime("monotonic", 5, null, { accuracy: 6 });
  const signal = loop.addSignal("SIGUSR1");
  const child = loop.addChild(pid, ChildEvent.EXITED);
  for (const source of [io, time, signal, child]) source[Symbol.dispose]();
  assertEquals([io.fd, io.events, io.revents], [reader, IoEvent.IN, undefined]);
  assertEquals([time.usec, time.accuracy, time.clock], [5, 6, "monotonic"]);
  assertEquals([signal.signal, child.pid], [10, pid]);
  for (
    const action of [
      () => io.fd = 3,
      () => io.events = IoEvent.OUT,
      () => time.usec = 1,
      () => time.accuracy = 1,
      () => time.setRelative(1),
    ]
  ) assertEquals(codeOf(action), "ESTALE", String(action));
});

loopTest("Arguments are looked at before the state of the source", (trial) => {
  const { loop } = trial;
  const { reader } = trial.pipe();
  const io = loop.addIo(reader, IoEvent.IN);
  const time = loop.addTime("monotonic", 5);
  for (const source of [io, time]) source[Symbol.dispose]();
  assertEquals(codeOf(() => io.fd = -1), "EBADF");
  assertEquals(codeOf(() => io.events = 1 << 30), "EINVAL");
  assertEquals(codeOf(() => time.accuracy = Infinity), "EINVAL");
});

loopTest("A rate limit of a source that was disposed of does nothing any more", (trial) => {
  for (const { make } of makers.filter((maker) => maker.limited)) {
    const source = make(trial, () => {}, { rateLimit: { interval: 5, burst: 5 } }).source as LimitedSource;
    source[Symbol.dispose]();
    assertEquals([source.rateLimited, source.leaveRateLimit(), source.rateLimit], [false, false, { interval: 5, burst: 5 }]);
  }
});

loopTest("Sources are told apart by their type", (trial) => {
  const types = makers.map(({ make }) => make(trial, () => {}).source).map((source: QueuedSource) => source.type);
  assertEquals(types, [
    "io",
    "monotonic",
    "realtime",
    "boottime",
    "realtime-alarm",
    "boottime-alarm",
    "signal",
    "child",
    "child",
    "inotify",
    "time-change",
    "post",
  ]);
});

loopTest("An error names its source by type, and by description if it has one", ({ loop }) => {
  const source = loop.addTime("boottime", 5, null, { description: "the watch" });
  const nameless = loop.addDefer(() => {});
  for (const each of [source, nameless]) each[Symbol.dispose]();
  const messageOf = (action: () => void) => errorOf(action).message;
  assertEquals(messageOf(() => source.enabled = "on"), "Cannot enable boottime source 'the watch': it is disposed");
  assertEquals(messageOf(() => nameless.priority = 1), "Cannot set the priority of the defer source: it is disposed");
  assertEquals(messageOf(() => nameless.onDestroy = undefined), "Cannot set onDestroy of the defer source: it is disposed");
  assertEquals(messageOf(() => nameless.prepare = undefined), "Cannot set the prepare callback of the defer source: it is disposed");
});

loopTest("An error names the value that was refused, and says what it takes", ({ loop }) => {
  const source = loop.addDefer(() => {});
  const messageOf = (action: () => void) => errorOf(action).message;
  assertEquals(messageOf(() => source.enabled = "yes" as "on"), `Cannot set enabled to 'yes': it takes "off", "on" or "oneshot"`);
  assertEquals(messageOf(() => source.priority = 0.5), "Cannot use priority '0.5': it takes a whole number");
  assertEquals(
    messageOf(() => loop.addPost(null, { rateLimit: { interval: 1, burst: 1 } } as object)),
    "Cannot add a post source with option 'rateLimit': there are enabled, priority, description, onDestroy, exitOnFailure, prepare",
  );
  const takesFunction = "with a callback of type number: it takes a function";
  assertEquals(messageOf(() => loop.addDefer(1 as unknown as null)), `Cannot add a defer source ${takesFunction}`);
  assertEquals(messageOf(() => loop.addExit(1 as never)), `Cannot add an exit source ${takesFunction}`);
  loop.exit();
  loop.loopSync();
  assertEquals(messageOf(() => loop.addDefer()), "Cannot add a defer source: loop 'loop' has finished");
  assertEquals(messageOf(() => source.enabled = "on"), "Cannot enable the defer source: loop 'loop' has finished");
});

loopTest("An error of the kernel names what was wanted and its code", (trial) => {
  const { loop, kernel } = trial;
  const { reader, writer } = kernel.pipe();
  const off = loop.addIo(reader, IoEvent.IN, null, { enabled: "off" });
  kernel.close(reader);
  const { code, message } = errorOf(() => off.enabled = "on");
  assertEquals([code, message], ["EBADF", "Cannot turn the io source on: EBADF"]);
  kernel.close(writer);
});

loopTest("An option that there is not is refused", (trial) => {
  const { loop } = trial;
  const { reader } = trial.pipe();
  const { pid } = trial.spawnProcess();
  const wrong = { prioritee: 1 } as object;
  for (
    const add of [
      () => loop.addIo(reader, IoEvent.IN, null, wrong),
      () => loop.addTime("monotonic", 0, null, wrong),
      () => loop.addTimeRelative("monotonic", 0, null, wrong),
      () => loop.addSignal("SIGUSR1", null, wrong),
      () => loop.addChild(pid, ChildEvent.EXITED, null, wrong),
      () => loop.addDefer(null, wrong),
      () => loop.addPost(null, wrong),
      () => loop.addExit(() => {}, wrong),
      () => loop.addPost(null, { rateLimit: { interval: 1, burst: 1 } } as object),
      () => loop.addExit(() => {}, { prepare: () => {} } as object),
    ]
  ) assertEquals(codeOf(add), "EINVAL", String(add));
  assertEquals(loop.runSync(0), false);
});
