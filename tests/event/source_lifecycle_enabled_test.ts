/**
 * What enabled and pending mean for each type of source (sd-event, section 7).
 *
 * @module
 */

import { type Enabled, IoEvent } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { codeOf } from "../_simulation.ts";
import { addAll, makePending, makers } from "./_sources.ts";
import { loopTest } from "./_trial.ts";

loopTest("Sources begin as their type says", (trial) => {
  const sources = addAll(trial);
  const found = Object.entries(sources).map(([name, { enabled, pending }]) => [name, enabled, pending]);
  assertEquals(found, [
    ...makers.map(({ name, enabled }) => [name, enabled, false]),
    ["defer", "oneshot", true],
    ["exit", "oneshot", undefined],
  ]);
});

loopTest("Sources begin as their options say", (trial) => {
  for (const enabled of ["off", "on", "oneshot"] as const) {
    using part = new DisposableStack();
    for (const [name, source] of Object.entries(addAll(trial, { enabled, priority: 7 }))) {
      assertEquals([source.enabled, (source as unknown as { priority: number }).priority], [enabled, 7], name);
      part.use(source as unknown as Disposable);
    }
  }
});

for (const { name, make } of [...makers, { name: "defer", make: null }]) {
  for (const callback of [undefined, null]) {
    loopTest(`A source of type ${name} whose callback is ${callback} ends the loop with code 0`, (trial) => {
      const { loop } = trial;
      const made = make?.(trial, callback) ?? { source: loop.addDefer(callback), happen: () => {} };
      made.happen();
      assertEquals(loop.runSync(0), true);
      assertEquals(loop.exitCode, 0);
    });
  }
}

loopTest("Source.enabled takes three words and no others, before it looks at anything else", (trial) => {
  const sources = Object.values(addAll(trial));
  const check = () => {
    for (const source of sources) {
      for (const value of ["ON", "", 1, true, null, undefined]) {
        assertEquals(codeOf(() => source.enabled = value as Enabled), "EINVAL");
      }
    }
  };
  check();
  trial.loop[Symbol.dispose]();
  check();
});

loopTest("Source.enabled of a loop that has finished stays as it is: off does nothing, the rest is stale", (trial) => {
  const { loop } = trial;
  const on = Object.values(addAll(trial, { enabled: "on" }));
  on.pop()!.enabled = "off";
  loop.exit();
  loop.loopSync();
  for (const source of on) {
    source.enabled = "off";
    assertEquals(source.enabled, "on");
    assertEquals(codeOf(() => source.enabled = "on"), "ESTALE");
    assertEquals(codeOf(() => source.enabled = "oneshot"), "ESTALE");
  }
});

for (const maker of makers) {
  loopTest(`A pending source of type ${maker.name} stays pending when it is enabled as it is already`, (trial) => {
    const made = maker.make(trial, () => {});
    makePending(trial, made);
    assertEquals(made.source.pending, true);
    made.source.enabled = maker.enabled;
    assertEquals(made.source.pending, true);
  });

  loopTest(`A pending source of type ${maker.name} stays pending between on and oneshot`, (trial) => {
    const { loop, steps } = trial;
    const made = maker.make(trial, () => {
      steps.expect(1);
      assertEquals(made.source.enabled, "on");
      made.source[Symbol.dispose]();
    }, { enabled: "on" });
    makePending(trial, made);
    for (const enabled of ["oneshot", "on", "oneshot", "on"] as const) {
      made.source.enabled = enabled;
      assertEquals([made.source.enabled, made.source.pending], [enabled, true]);
    }
    loop.runSync(0);
    steps.finish(2);
  });

  loopTest(`A pending source of type ${maker.name} has nothing pending any more once it was off`, (trial) => {
    const { loop, at } = trial;
    const made = maker.make(trial, at(), { enabled: "on" });
    makePending(trial, made);
    made.source.enabled = "off";
    assertEquals(made.source.pending, false);
    assertEquals(loop.runSync(0), false);
    made.source.enabled = "on";
    assertEquals(made.source.pending, false);
    loop.prepare();
    assertEquals(loop.waitSync(0), maker.level);
    assertEquals(made.source.pending, maker.level);
  });

  loopTest(`A source of type ${maker.name} that is off is left alone`, (trial) => {
    const { loop, at } = trial;
    const made = maker.make(trial, at(), { enabled: "off" });
    made.happen();
    assertEquals(loop.runSync(0), false);
    assertEquals(made.source.pending, false);
  });

  loopTest(`A oneshot source of type ${maker.name} is off when its callback runs, and may enable itself again`, (trial) => {
    const { loop, steps } = trial;
    const made = maker.make(trial, () => {
      steps.expect(1);
      assertEquals([made.source.enabled, made.source.pending], ["off", false]);
      made.source.enabled = "oneshot";
    }, { enabled: "oneshot" });
    made.happen();
    loop.runSync(0);
    steps.finish(2);
    assertEquals(made.source.enabled, "oneshot");
  });

  loopTest(`A source of type ${maker.name} that is on stays on, and is not pending when its callback runs`, (trial) => {
    const { loop, steps } = trial;
    const made = maker.make(trial, () => {
      steps.expect(1);
      assertEquals([made.source.enabled, made.source.pending], ["on", false]);
    }, { enabled: "on" });
    made.happen();
    loop.runSync(0);
    steps.finish(2);
    assertEquals(made.source.enabled, "on");
  });

  loopTest(`A pending source of type ${maker.name} stays pending whatever its priority and its prepare callback become`, (trial) => {
    const { loop, steps, at } = trial;
    const made = maker.make(trial, at(2), { enabled: "oneshot" });
    makePending(trial, made);
    // The priority of an inotify source is fixed by then; that it takes along what is pending stands in inotify_group_test.ts.
    if (maker.name !== "inotify") made.source.priority = 5;
    made.source.prepare = at(1);
    assertEquals(made.source.pending, true);
    loop.runSync(0);
    steps.finish(3);
  });
}

loopTest("A defer source is always pending, enabled or not, also while it runs", ({ loop, steps }) => {
  const source = loop.addDefer(() => {
    steps.expect(1);
    assertEquals([source.pending, source.enabled], [true, "off"]);
  });
  assertEquals(source.pending, true);
  loop.runSync(0);
  assertEquals(source.pending, true);
  source.enabled = "on";
  source.enabled = "off";
  assertEquals(source.pending, true);
  steps.finish(2);
});

loopTest("A defer source that is enabled again runs again", ({ loop, steps, at }) => {
  const source = loop.addDefer(at(1, 2, 3));
  loop.runSync(0);
  assertEquals(loop.runSync(0), false);
  source.enabled = "oneshot";
  loop.runSync(0);
  source.enabled = "on";
  loop.runSync(0);
  assertEquals(source.enabled, "on");
  steps.finish(4);
});

loopTest("A post source that is enabled again waits for the next dispatch", ({ loop, steps, at }) => {
  const post = loop.addPost(at(1), { priority: 1 });
  loop.addDefer(() => {});
  loop.runSync(0);
  assertEquals(post.pending, true);
  post.enabled = "off";
  post.enabled = "on";
  assertEquals(post.pending, false);
  assertEquals(loop.runSync(0), false);
  loop.addDefer(() => {});
  loop.runSync(0);
  loop.runSync(0);
  steps.finish(2);
});

loopTest("A source whose registration the kernel refuses stays off", (trial) => {
  const { loop, kernel } = trial;
  const { reader, writer } = kernel.pipe();
  const source = loop.addIo(reader, IoEvent.IN, () => {}, { enabled: "off" });
  kernel.close(reader);
  for (const enabled of ["on", "oneshot"] as const) {
    assertEquals(codeOf(() => source.enabled = enabled), "EBADF");
    assertEquals(source.enabled, "off");
  }
  assertEquals(loop.runSync(0), false);
  kernel.close(writer);
});

loopTest("A source whose registration the kernel refused can be turned on when the reason has gone", (trial) => {
  const { loop, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  const first = loop.addIo(reader, IoEvent.IN, at());
  const second = loop.addIo(reader, IoEvent.IN, at(1), { enabled: "off" });
  assertEquals(codeOf(() => second.enabled = "oneshot"), "EEXIST");
  first[Symbol.dispose]();
  second.enabled = "oneshot";
  trial.write(writer, "x");
  assertEquals([loop.runSync(0), second.enabled], [true, "off"]);
  steps.finish(2);
});

loopTest("A source that the kernel refuses to register differently stays as it was", (trial) => {
  const { loop, kernel } = trial;
  const { reader, writer } = kernel.pipe();
  const source = loop.addIo(reader, IoEvent.IN, () => {});
  kernel.close(reader);
  assertEquals(codeOf(() => source.enabled = "oneshot"), "EBADF");
  assertEquals(source.enabled, "on");
  kernel.close(writer);
});

loopTest("An io source is watched by the kernel as long as it is on", (trial) => {
  const { loop, kernel } = trial;
  const { reader } = trial.pipe();
  const isWatched = () => kernel.leaks().some((line) => line.startsWith(`watch of pipe reader, handle ${reader},`));
  const source = loop.addIo(reader, IoEvent.IN, () => {});
  assertEquals(isWatched(), true);
  source.enabled = "off";
  assertEquals(isWatched(), false);
  source.enabled = "oneshot";
  assertEquals(isWatched(), true);
  source[Symbol.dispose]();
  assertEquals(isWatched(), false);
});

loopTest("A signal source keeps its claim while it is off, and is told then of what came meanwhile", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = loop.addSignal("SIGTERM", at(1));
  source.enabled = "off";
  kernel.raise("SIGTERM");
  assertEquals(loop.runSync(0), false);
  source.enabled = "on";
  assertEquals(source.pending, false);
  assertEquals(loop.runSync(0), true);
  steps.finish(2);
});

loopTest("SIGCHLD is claimed as long as a child source that needs it is on", (trial) => {
  const { loop, kernel } = trial;
  const isClaimed = () => kernel.leaks().some((line) => line.startsWith("claim of SIGCHLD"));
  const { pid } = trial.spawnProcess();
  const source = loop.addChild(pid, 2, () => {});
  assert(isClaimed());
  source.enabled = "off";
  assert(!isClaimed());
  source.enabled = "on";
  assert(isClaimed());
  source.enabled = "oneshot";
  assert(isClaimed());
  source[Symbol.dispose]();
  assert(!isClaimed());
});

loopTest("An io source that changes between on and oneshot is reported by the kernel as often as it says last", (trial) => {
  const { loop, steps } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, IoEvent.IN, trial.at(1, 2, 3), { enabled: "oneshot" });
  trial.write(writer, "x");
  source.enabled = "on";
  loop.runSync(0);
  loop.runSync(0);
  source.enabled = "oneshot";
  loop.runSync(0);
  assertEquals(source.enabled, "off");
  assertEquals(loop.runSync(0), false);
  steps.finish(4);
});

loopTest("A oneshot io source that became pending is reported again when it is turned on before its turn", (trial) => {
  const { loop, steps, at } = trial;
  const { reader, writer } = trial.pipe();
  const source = loop.addIo(reader, IoEvent.IN, at(1, 2), { enabled: "oneshot" });
  makePending(trial, { source, happen: () => void trial.write(writer, "x") });
  source.enabled = "on";
  loop.runSync(0);
  loop.runSync(0);
  steps.finish(3);
});
