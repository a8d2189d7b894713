/**
 * Sources that wait for a descriptor (sd-event, section 9.1).
 *
 * @module
 */

import { EventLoop, IoEvent } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { codeOf, errorOf } from "../_simulation.ts";
import { makePending } from "./_sources.ts";
import { loopTest } from "./_trial.ts";

const { IN, OUT, PRI, ERR, HUP, RDHUP, ET } = IoEvent;

loopTest("EventLoop.addIo() checks the descriptor, the events, the callback, the loop, and then asks the kernel", (trial) => {
  const { loop, kernel } = trial;
  const unwatchable = trial.unwatchable();
  const { reader } = trial.pipe();
  const add = (fd: number, events: number, callback?: unknown) => codeOf(() => loop.addIo(fd, events, callback as () => void));
  assertEquals(add(-1, 1 << 30, "no function"), "EBADF");
  assertEquals(add(1_000, 1 << 30, "no function"), "EINVAL");
  assertEquals(add(1_000, IN, "no function"), "EINVAL");
  assertEquals(add(1_000, IN), "EBADF");
  assertEquals(add(unwatchable, IN), "EPERM");
  assertEquals(add(reader, IN), undefined);
  assertEquals(add(reader, IN), "EEXIST");
  loop.exit();
  loop.loopSync();
  assertEquals(add(-1, IN), "EBADF");
  assertEquals(add(reader, 1 << 30), "EINVAL");
  assertEquals(add(reader, IN), "ESTALE");
  assertEquals(add(1_000, IN), "ESTALE");
  assertEquals(kernel.leaks().some((line) => line.includes("handle 1000")), false);
});

loopTest("EventLoop.addIo() takes whole numbers from 0 on for descriptors", ({ loop }) => {
  for (const fd of [-1, 0.5, NaN, 2 ** 31, "3" as unknown as number]) {
    const { code, message } = errorOf(() => loop.addIo(fd, IN));
    assertEquals([code, message], ["EBADF", `Cannot watch fd '${fd}': not a descriptor`]);
  }
});

loopTest("An io source waits for any of seven flags and for no others", (trial) => {
  const { loop } = trial;
  const { reader } = trial.pipe();
  using source = loop.addIo(reader, 0, () => {});
  assertEquals(source.events, 0);
  for (const events of [IN, OUT, PRI, ERR, HUP, RDHUP, ET, IN | OUT | PRI | ERR | HUP | RDHUP | ET]) {
    source.events = events;
    assertEquals(source.events, events >>> 0);
  }
  const oneshot = 1 << 30;
  for (
    const events of [
      oneshot,
      1 << 28,
      1 << 29,
      0x40,
      0x80,
      0x100,
      IN | oneshot,
      0.5,
      NaN,
      2 ** 32 + IN,
      -(2 ** 32),
      "1" as unknown as number,
    ]
  ) {
    assertEquals(codeOf(() => source.events = events), "EINVAL", String(events));
    assertEquals(codeOf(() => loop.addIo(reader, events)), "EINVAL", String(events));
  }
});

loopTest("The errors of a descriptor name it and say what to do", (trial) => {
  const { loop } = trial;
  const { reader } = trial.pipe();
  loop.addIo(reader, IN);
  const source = loop.addIo(trial.pipe().reader, IN);
  const unwatchable = trial.unwatchable();
  const actions: [title: string, action: (fd: number) => void][] = [
    ["watch", (fd) => void loop.addIo(fd, IN)],
    ["move the io source to", (fd) => source.fd = fd],
  ];
  for (const [title, action] of actions) {
    const message = (fd: number) => errorOf(() => action(fd)).message;
    assertEquals(message(reader), `Cannot ${title} fd ${reader}: already watched by this loop, duplicate the descriptor instead`);
    const isFile = "a regular file or directory is always ready, read it directly";
    assertEquals(message(unwatchable), `Cannot ${title} fd ${unwatchable}: ${isFile}`);
    assertEquals(message(999), `Cannot ${title} fd 999: 999 is not an open descriptor`);
    assertEquals(message(-1), `Cannot ${title} fd '-1': not a descriptor`);
  }
  const events = `Cannot watch fd ${source.fd} for events '0.5': it takes a word of IoEvent flags`;
  assertEquals(errorOf(() => source.events = 0.5).message, events);
  assertEquals(errorOf(() => loop.addIo(source.fd, 0.5)).message, events);
});

loopTest("A descriptor and its duplicate may both be watched", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  const duplicate = kernel.duplicate(reader);
  loop.addIo(reader, IN, at(1), { enabled: "oneshot" });
  loop.addIo(duplicate, IN, at(2), { enabled: "oneshot" });
  trial.write(writer, "x");
  for (let i = 0; i < 2; i++) loop.runSync(0);
  kernel.close(duplicate);
  steps.finish(3);
});

loopTest("A descriptor may be watched again after its source was disposed of, and by another loop", (trial) => {
  const { loop, kernel } = trial;
  const { reader } = trial.pipe();
  using other = new EventLoop({ kernel });
  other.addIo(reader, IN);
  loop.addIo(reader, IN)[Symbol.dispose]();
  assertEquals(loop.addIo(reader, IN).fd, reader);
});

loopTest("Errors and hang-ups are reported unasked", (trial) => {
  const { loop } = trial;
  const first = trial.pipe();
  const second = trial.pipe();
  const seen: number[] = [];
  loop.addIo(first.reader, 0, (revents) => void seen.push(revents), { enabled: "oneshot" });
  loop.addIo(second.writer, 0, (revents) => void seen.push(revents), { enabled: "oneshot" });
  trial.close(first.writer);
  loop.runSync(0);
  trial.close(second.reader);
  loop.runSync(0);
  assertEquals(seen, [HUP, ERR]);
});

loopTest("A source that is on fires as long as the descriptor is ready, once an iteration", (trial) => {
  const { loop, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  loop.addIo(reader, IN, at(1, 2, 3));
  trial.write(writer, "x");
  for (let i = 0; i < 3; i++) assertEquals(loop.runSync(0), true);
  assertEquals(trial.read(reader), "x");
  assertEquals(loop.runSync(0), false);
  steps.finish(4);
});

loopTest("A source that is pending runs though somebody else has drained its descriptor", (trial) => {
  const { loop, steps } = trial;
  const { reader, writer } = trial.pipe();
  loop.addTime("monotonic", 0, () => {
    steps.expect(1);
    assertEquals(trial.read(reader), "x");
  }, { priority: -1 });
  loop.addIo(reader, IN, (revents) => {
    steps.expect(2);
    assertEquals([revents, trial.read(reader)], [IN, ""]);
  });
  trial.write(writer, "x");
  for (let i = 0; i < 2; i++) loop.runSync(0);
  assertEquals(loop.runSync(0), false);
  steps.finish(3);
});

loopTest("revents is what is ready and not delivered yet", (trial) => {
  const { loop, steps } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, IN, () => {
    steps.expect(1);
    assertEquals(source.revents, undefined);
  });
  assertEquals(source.revents, undefined);
  makePending(trial, { source, happen: () => void trial.write(writer, "x") });
  assertEquals(source.revents, IN);
  trial.close(writer);
  makePending(trial, { source, happen: () => {} });
  assertEquals(source.revents, IN | HUP);
  loop.runSync(0);
  source.enabled = "off";
  assertEquals(source.revents, undefined);
  steps.finish(2);
});

loopTest("What was ready when a source became pending is delivered though only something else is ready now", (trial) => {
  const { loop, steps } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, IN, (revents) => {
    steps.expect(1);
    assertEquals(revents, IN | HUP);
    source.enabled = "off";
  });
  makePending(trial, { source, happen: () => void trial.write(writer, "x") });
  trial.read(reader);
  trial.close(writer);
  makePending(trial, { source, happen: () => {} });
  loop.runSync(0);
  steps.finish(2);
});

loopTest("Events that the kernel refuses leave the source as it was", (trial) => {
  const { loop, kernel } = trial;
  const { reader, writer } = kernel.pipe();
  const source = loop.addIo(reader, IN, () => {});
  kernel.close(reader);
  const { code, message } = errorOf(() => source.events = OUT);
  assertEquals([code, message], ["EBADF", `Cannot watch fd ${reader} for events '${OUT}': EBADF`]);
  assertEquals(source.events, IN);
  kernel.close(writer);
});

loopTest("What was ready once is forgotten when it is ready anew", (trial) => {
  const { loop } = trial;
  const [ours, theirs] = trial.kernel.socketPair();
  const seen: number[] = [];
  const source = loop.addIo(ours, IN | OUT, (revents) => {
    seen.push(revents);
    trial.read(ours);
  });
  trial.write(theirs, "x");
  loop.runSync(0);
  loop.runSync(0);
  assertEquals(seen, [IN | OUT, OUT]);
  source[Symbol.dispose]();
  for (const handle of [ours, theirs]) trial.kernel.close(handle);
});

loopTest("With ET a source fires once for each edge", (trial) => {
  const { loop, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  loop.addIo(reader, IN | ET, at(1, 2));
  trial.write(writer, "x");
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  trial.write(writer, "y");
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  steps.finish(3);
});

loopTest("Setting events with ET in it reports an edge that is there again, the same events too", (trial) => {
  const { loop, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, IN | ET, at(1, 2));
  trial.write(writer, "x");
  loop.runSync(0);
  assertEquals(loop.runSync(0), false);
  source.events = IN | ET;
  assertEquals(loop.runSync(0), true);
  steps.finish(3);
});

loopTest("Setting the events that it has changes nothing, and others clear what is pending", (trial) => {
  const { loop } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, IN, () => {});
  const makeReady = () => {
    makePending(trial, { source, happen: () => void trial.write(writer, "x") });
    assertEquals(source.pending, true);
  };
  makeReady();
  source.events = IN;
  assertEquals([source.pending, source.revents], [true, IN]);
  source.events = IN | RDHUP;
  assertEquals(source.pending, false);
  source.events = IN | ET;
  makeReady();
  source.events = IN | ET;
  assertEquals(source.pending, false);
});

loopTest("New events are what the kernel is asked for", (trial) => {
  const { loop } = trial;
  const [ours, theirs] = trial.kernel.socketPair();
  const seen: number[] = [];
  const source = loop.addIo(ours, 0, (revents) => void seen.push(revents));
  assertEquals(loop.runSync(0), false);
  source.events = OUT;
  assertEquals(loop.runSync(0), true);
  source.events = IN;
  assertEquals(loop.runSync(0), false);
  source.enabled = "off";
  source.events = IN | OUT;
  assertEquals(loop.runSync(0), false);
  source.enabled = "oneshot";
  assertEquals(loop.runSync(0), true);
  assertEquals(seen, [OUT, OUT]);
  source[Symbol.dispose]();
  for (const handle of [ours, theirs]) trial.kernel.close(handle);
});

loopTest("New events on a oneshot source are reported once", (trial) => {
  const { loop, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, OUT, at(1), { enabled: "oneshot" });
  trial.write(writer, "x");
  source.events = IN;
  assertEquals([loop.runSync(0), loop.runSync(0), source.enabled], [true, false, "off"]);
  steps.finish(2);
});

loopTest("Another descriptor takes the place of the old one", (trial) => {
  const { loop, steps, at } = trial;
  const first = trial.pipe();
  const second = trial.pipe();
  const source = loop.addIo(first.reader, IN, at(1, 2));
  source.fd = second.reader;
  assertEquals(source.fd, second.reader);
  trial.write(first.writer, "x");
  assertEquals(loop.runSync(0), false);
  trial.write(second.writer, "x");
  assertEquals(loop.runSync(0), true);
  source.enabled = "off";
  source.fd = first.reader;
  assertEquals(loop.runSync(0), false);
  source.enabled = "oneshot";
  assertEquals(loop.runSync(0), true);
  steps.finish(3);
});

loopTest("Another descriptor leaves what is pending alone", (trial) => {
  const { loop, steps, at } = trial;
  const first = trial.pipe();
  const second = trial.pipe();
  const source = loop.addIo(first.reader, IN, at(1), { enabled: "oneshot" });
  makePending(trial, { source, happen: () => void trial.write(first.writer, "x") });
  source.fd = second.reader;
  assertEquals([source.pending, source.revents], [true, IN]);
  loop.runSync(0);
  assertEquals(loop.runSync(0), false);
  steps.finish(2);
});

loopTest("Another descriptor is taken up also after the loop has finished", (trial) => {
  const { loop, kernel } = trial;
  const first = trial.pipe();
  const second = trial.pipe();
  const source = loop.addIo(first.reader, IN, null, { ownsFd: true });
  loop.exit();
  loop.loopSync();
  source.fd = second.reader;
  assertEquals([source.fd, kernel.close(first.reader)], [second.reader, -9]);
});

loopTest("A descriptor that the kernel refuses leaves the source as it was", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  const other = trial.pipe();
  loop.addIo(other.reader, IN, () => {});
  const source = loop.addIo(reader, IN, at(1), { ownsFd: true });
  assertEquals(codeOf(() => source.fd = -1), "EBADF");
  assertEquals(codeOf(() => source.fd = 999), "EBADF");
  assertEquals(codeOf(() => source.fd = other.reader), "EEXIST");
  assertEquals(codeOf(() => source.fd = trial.unwatchable()), "EPERM");
  assertEquals(source.fd, reader);
  source.fd = reader;
  trial.write(writer, "x");
  loop.runSync(0);
  steps.finish(2);
  source[Symbol.dispose]();
  assertEquals(kernel.close(reader), -9);
});

loopTest("A source closes its descriptor if it owns it, and only then", (trial) => {
  const { loop, kernel } = trial;
  const first = trial.pipe();
  const second = trial.pipe();
  const third = trial.pipe();
  const source = loop.addIo(first.reader, IN);
  assertEquals(source.ownsFd, false);
  source.fd = second.reader;
  source.ownsFd = true;
  source.fd = third.reader;
  assertEquals(source.ownsFd, true);
  source[Symbol.dispose]();
  assertEquals([first, second, third].map(({ reader }) => kernel.close(reader)), [0, -9, -9]);
});

loopTest("A source that was turned off closes the descriptor it owns, and one that owns none may lose it before", (trial) => {
  const { loop, kernel } = trial;
  const first = kernel.pipe();
  const second = kernel.pipe();
  const source = loop.addIo(first.reader, IN, null, { ownsFd: true, enabled: "off" });
  source[Symbol.dispose]();
  assertEquals(kernel.close(first.reader), -9);
  const careless = loop.addIo(second.reader, IN);
  kernel.close(second.reader);
  careless[Symbol.dispose]();
  for (const { writer } of [first, second]) kernel.close(writer);
});

loopTest("An add that fails does not close the descriptor", (trial) => {
  const { loop } = trial;
  const { reader, writer } = trial.pipe();
  loop.addIo(reader, IN);
  assertEquals(codeOf(() => loop.addIo(reader, IN, null, { ownsFd: true })), "EEXIST");
  trial.write(writer, "x");
  assertEquals(trial.read(reader), "x");
});

loopTest("More descriptors than one poll reports all become pending in one wait", (trial) => {
  const { loop } = trial;
  const order: number[] = [];
  const pipes = Array.from({ length: 50 }, () => trial.pipe());
  const sources = pipes.map(({ reader }, index) =>
    loop.addIo(reader, IN | (index % 2 ? ET : 0), () => void order.push(index), { enabled: "oneshot" })
  );
  for (const { writer } of pipes) trial.write(writer, "x");
  loop.prepare();
  assertEquals(loop.waitSync(0), true);
  assertEquals(sources.filter((source) => source.pending).length, 50);
  loop.dispatch();
  while (loop.runSync(0));
  assertEquals(order.toSorted((a, b) => a - b), pipes.map((_, index) => index));
});

loopTest("A source that is disposed of between the poll and its report gets nothing", (trial) => {
  const { loop, at, steps } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, IN, at());
  loop.addIo(writer, OUT, () => {
    steps.expect(1);
    source[Symbol.dispose]();
  }, { priority: -1, enabled: "oneshot" });
  trial.write(writer, "x");
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  steps.finish(2);
});

loopTest("The type of an io source is io", (trial) => {
  const { loop } = trial;
  const { reader } = trial.pipe();
  const source = loop.addIo(reader, IN);
  assertEquals([source.type, source.loop, source.description], ["io", loop, undefined]);
});
