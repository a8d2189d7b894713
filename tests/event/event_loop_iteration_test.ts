/**
 * One iteration, step by step (sd-event, section 5).
 *
 * @module
 */

import { ChildEvent, IoEvent } from "@sd/fibers";
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { coreOf } from "../../event/event_loop.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { loopTest, rejectionOf } from "./_trial.ts";

loopTest("EventLoop.iteration counts each prepare", ({ loop }) => {
  assertEquals(loop.iteration, 0);
  loop.prepare();
  assertEquals(loop.iteration, 1);
  assertEquals(codeOf(() => loop.prepare()), "EBUSY");
  loop.waitSync(0);
  assertEquals(loop.iteration, 1);
  loop.runSync(0);
  assertEquals(loop.iteration, 2);
});

loopTest("EventLoop.iteration counts exit sources, and not a prepare that finds exit requested", ({ loop }) => {
  const seen: number[] = [];
  for (let i = 0; i < 2; i++) loop.addExit(() => void seen.push(loop.iteration));
  loop.runSync(0);
  loop.exit();
  loop.prepare();
  assertEquals(loop.iteration, 1);
  loop.dispatch();
  assertEquals(loop.iteration, 2);
  assertEquals(loop.loopSync(), 0);
  assertEquals(seen, [2, 3]);
  assertEquals(loop.iteration, 3);
});

loopTest("EventLoop.iteration does not count the prepare that finds the loop idle", ({ loop }) => {
  loop.exitOnIdle = true;
  assertEquals(loop.prepare(), true);
  assertEquals(loop.iteration, 0);
});

loopTest("EventLoop.prepare() lets what has just arrived overtake what is pending", (trial) => {
  const { loop, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  loop.addDefer(at(2, 3), { enabled: "on" });
  loop.addIo(reader, IoEvent.IN, () => {
    steps.expect(1);
    trial.read(reader);
  }, { priority: -1 });
  trial.write(writer, "x");
  for (let i = 0; i < 3; i++) {
    loop.prepare();
    loop.dispatch();
  }
  steps.finish(4);
});

loopTest("EventLoop.prepare() does not let time pass, also when nothing is pending", ({ loop, kernel }) => {
  const before = kernel.now(2);
  loop.addTimeRelative("monotonic", 5, () => {}, { accuracy: 1 });
  assertEquals(loop.prepare(), false);
  assertEquals(kernel.now(2), before);
});

loopTest("EventLoop.prepare() is not cut short by an exit that is requested inside of it", ({ loop, kernel, steps, at }) => {
  const before = kernel.now(2);
  loop.addTime("monotonic", Infinity, () => {}, {
    priority: 1,
    prepare: () => {
      steps.expect(1);
      loop.exit(4);
    },
  });
  loop.addTime("monotonic", Infinity, () => {}, { priority: 2, prepare: at(2) });
  assertEquals(loop.prepare(), false);
  assertEquals([loop.state, loop.iteration], ["armed", 1]);
  assertEquals(loop.waitSync(), true);
  assertEquals(kernel.now(2), before);
  assertEquals(loop.dispatch(), false);
  steps.finish(3);
});

loopTest("EventLoop.prepare() answers true when exit is requested inside of it and something is pending", ({ loop }) => {
  loop.addDefer(() => {}, { enabled: "on", prepare: () => loop.exit(4) });
  assertEquals(loop.prepare(), true);
  assertEquals(loop.dispatch(), false);
  assertEquals(loop.exitCode, 4);
});

loopTest("EventLoop.prepare() calls no prepare callbacks and arms no clocks once exit is requested", ({ loop, kernel }) => {
  loop.addTimeRelative("monotonic", 5, () => {}, { prepare: () => loop.exit(99) });
  loop.exit(1);
  const before = kernel.leaks().length;
  assertEquals(loop.prepare(), true);
  assertEquals(loop.exitCode, 1);
  assertEquals(kernel.leaks().length, before);
});

for (const flavour of ["wait", "waitSync"] as const) {
  loopTest(`EventLoop.${flavour}() with nothing to do lasts as long as its timeout`, async ({ loop, kernel }) => {
    for (const timeout of [0, 1, 49, 50, 51, 1_000, 123_456_789]) {
      loop.prepare();
      const before = kernel.now(2);
      assertEquals(await loop[flavour](timeout), false);
      assertGreaterOrEqual(kernel.now(2), before + timeout);
      assertEquals(loop.state, "initial");
    }
  });

  loopTest(`EventLoop.${flavour}() answers at once when exit is requested, and does not poll`, async (trial) => {
    const { loop, kernel } = trial;
    const { reader, writer } = trial.pipe();
    const source = loop.addIo(reader, IoEvent.IN, () => {});
    loop.prepare();
    trial.write(writer, "x");
    const before = kernel.now(2);
    loop.exit();
    assertEquals(await loop[flavour](), true);
    assertEquals(kernel.now(2), before);
    assertEquals(source.pending, false);
  });

  loopTest(`EventLoop.${flavour}() makes all pending that is ready, whatever its priority`, async (trial) => {
    const { loop, kernel } = trial;
    const pipes = [trial.pipe(), trial.pipe()];
    const sources = [
      ...pipes.map(({ reader }, index) => loop.addIo(reader, IoEvent.IN, () => {}, { priority: index })),
      loop.addSignal("SIGUSR1", () => {}, { priority: 9 }),
      loop.addTimeRelative("monotonic", 1, () => {}, { priority: 10 }),
      loop.addTimeRelative("realtime", 1, () => {}, { priority: -10 }),
    ];
    loop.prepare();
    for (const { writer } of pipes) trial.write(writer, "x");
    kernel.raise("SIGUSR1");
    kernel.advance(1_000_000);
    assertEquals(await loop[flavour](), true);
    assertEquals(sources.map(({ pending }) => pending), [true, true, true, true, true]);
  });
}

loopTest("EventLoop.dispatch() runs one source and no more", ({ loop, steps, at }) => {
  loop.addDefer(at(1));
  loop.addDefer(at(3));
  loop.prepare();
  assertEquals(loop.dispatch(), true);
  steps.expect(2);
  loop.prepare();
  loop.dispatch();
  steps.finish(4);
});

loopTest("EventLoop.dispatch() answers true and runs nothing when what was pending was turned off meanwhile", ({ loop, at }) => {
  const source = loop.addDefer(at());
  loop.prepare();
  source.enabled = "off";
  assertEquals(loop.dispatch(), true);
  assertEquals([loop.state, loop.iteration], ["initial", 1]);
});

loopTest("EventLoop.dispatch() takes a more important source that was added after the poll", ({ loop, steps, at }) => {
  loop.addDefer(at(2));
  loop.prepare();
  loop.addDefer(at(1), { priority: -1 });
  loop.dispatch();
  loop.runSync(0);
  steps.finish(3);
});

loopTest("A wait does not wait when there is news that no poll would report", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { pid, handle } = trial.spawnProcess();
  const signal = loop.addSignal("SIGUSR1", at(2), { enabled: "off" });
  kernel.raise("SIGUSR1");
  kernel.signalProcess(handle, 19, undefined);
  loop.runSync(0);
  const before = kernel.now(2);
  assertEquals(loop.prepare(), false);
  loop.addChild(pid, ChildEvent.STOPPED, at(1));
  assertEquals(loop.waitSync(1_000), true);
  loop.dispatch();
  assertEquals(loop.prepare(), false);
  signal.enabled = "on";
  assertEquals(loop.waitSync(1_000), true);
  loop.dispatch();
  assertEquals(kernel.now(2), before);
  steps.finish(3);
});

for (const flavour of ["run", "runSync"] as const) {
  loopTest(`EventLoop.${flavour}() answers true for each dispatch, also the one that finishes the loop`, async ({ loop, at, steps }) => {
    loop.addDefer(at(1));
    loop.addExit(at(2));
    assertEquals(await loop[flavour](0), true);
    assertEquals(await loop[flavour](0), false);
    loop.exit();
    assertEquals(await loop[flavour](0), true);
    assertEquals(loop.state, "initial");
    assertEquals(await loop[flavour](0), true);
    assertEquals(loop.state, "finished");
    steps.finish(3);
  });

  loopTest(`EventLoop.${flavour}() without a timeout waits for what comes`, async ({ loop, at, steps }) => {
    loop.addTimeRelative("monotonic", 3_600_000_000, at(1));
    assertEquals(await loop[flavour](), true);
    steps.finish(2);
  });

  loopTest(`EventLoop.${flavour}() does not wait while something is pending`, async ({ loop, kernel }) => {
    const before = kernel.now(2);
    loop.addDefer(() => {}, { enabled: "on" });
    for (let i = 0; i < 3; i++) assertEquals(await loop[flavour](1_000_000), true);
    assertEquals(kernel.now(2), before);
  });
}

for (const flavour of ["loop", "loopSync"] as const) {
  loopTest(`EventLoop.${flavour}() answers with the exit code as it is`, async ({ loop }) => {
    loop.addDefer(() => loop.exit(-4711));
    assertEquals(await loop[flavour](), -4711);
    assertEquals(loop.state, "finished");
  });
}

loopTest("EventLoop.loopSync() throws what the kernel's poll fails with, and leaves the loop usable", ({ loop }) => {
  const source = loop.addTime("monotonic", Infinity, () => loop.exit(2));
  // Nothing can ever happen in the virtual world, so that waiting for it would not end.
  assertEquals(codeOf(() => loop.loopSync()), "EDEADLK");
  assertEquals([loop.state, loop.driven], ["initial", false]);
  source.usec = 0;
  assertEquals(loop.loopSync(), 2);
});

loopTest("EventLoop.prepare() throws when a clock cannot be armed, and leaves the loop usable", async ({ loop }) => {
  const { poller } = coreOf(loop);
  const { setWakeup } = poller;
  const { usec } = loop.addTimeRelative("monotonic", 5, () => loop.exit(6), { accuracy: 1 });
  poller.setWakeup = () => -22;
  const { code, message } = errorOf(() => loop.prepare());
  assertEquals([code, message, loop.state], ["EINVAL", `Cannot set a wake-up at ${usec} us: EINVAL`, "initial"]);
  assertEquals(await rejectionOf(loop.run()), "EINVAL");
  assertEquals([loop.state, loop.driven], ["initial", false]);
  poller.setWakeup = setWakeup;
  assertEquals(await loop.loop(), 6);
});

loopTest("A poll that fails says why, and leaves the loop usable", async ({ loop }) => {
  const { poller } = coreOf(loop);
  const { poll } = poller;
  const causes = {
    EIO: [5, "the kernel's poll failed with EIO"],
    EOPNOTSUPP: [95, "blocked, the thread would never see what the host's own event loop brings, use the calls that return promises"],
    EDEADLK: [35, "nothing can ever end it"],
  } as const;
  for (const [expected, [errno, cause]] of Object.entries(causes)) {
    poller.poll = () => -errno;
    const { code, message } = errorOf(() => loop.runSync());
    assertEquals([code, message, loop.state], [expected, `Cannot wait in loop 'loop': ${cause}`, "initial"]);
    assertEquals(await rejectionOf(loop.run()), expected);
    assertEquals([loop.state, loop.driven], ["initial", false]);
  }
  poller.poll = poll;
  assertEquals(loop.runSync(0), false);
});

loopTest("A wait that a signal handler interrupts answers true, and dispatch may run nothing", (trial) => {
  const { loop } = trial;
  const { reader } = trial.pipe();
  loop.addIo(reader, IoEvent.IN, () => {});
  loop.prepare();
  assertEquals(loop.waitSync(1_000), true);
  assertEquals(loop.state, "pending");
  assertEquals(loop.dispatch(), true);
  assertEquals(loop.state, "initial");
  assertEquals(loop.runSync(1_000), true);
}, { faults: { EINTR: 1 } });
