/**
 * Sources that wait for a child process (sd-event, section 9.4).
 *
 * @module
 */

import { ChildEvent, type ChildInfo, type ChildSource, type ChildTarget, IoEvent, type SimulatedProcess, SystemError } from "@sd/fibers";
import { assertEquals, assertInstanceOf } from "@std/assert";
import { childInfo } from "../../event/child_source.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { loopTest, type Trial } from "./_trial.ts";

const { EXITED, STOPPED, CONTINUED, NOWAIT } = ChildEvent;
const SIGUSR1 = 10;
const SIGKILL = 9;
const SIGTERM = 15;
const SIGCONT = 18;
const SIGSTOP = 19;

/** Whether the process is there: running, stopped, a zombie; `undefined` when it was reaped. */
function stateOf({ kernel }: Trial, pid: number): string | undefined {
  return kernel.leaks().find((line) => line.startsWith(`process ${pid} `))?.split(", ")[1];
}

/** A child that ends when it is told to. */
function spawnObedient(trial: Trial): { pid: number; handle: number; end(code: number): void } {
  let process: SimulatedProcess | undefined;
  const spawned = trial.spawnProcess((started) => process = started);
  trial.kernel.advance(0);
  return { ...spawned, end: (code) => process!.exit(code) };
}

loopTest("EventLoop.addChild() checks a number, the events, the callback, the loop, the system, and then the process", (trial) => {
  const { loop, kernel } = trial;
  const { pid, handle } = trial.spawnProcess();
  const add = (child: unknown, events: number, callback?: unknown) =>
    codeOf(() => loop.addChild(child as ChildTarget, events, callback as () => void));
  for (const bad of [1, 0, -1, 1.5, NaN]) assertEquals(add(bad, 0, "no function"), "EINVAL");
  for (const events of [0, NOWAIT, 1, 16, EXITED | 32, 0.5, NaN]) assertEquals(add(pid, events), "EINVAL", String(events));
  assertEquals(add(pid, EXITED, "no function"), "EINVAL");
  assertEquals(add(4_711, EXITED), "ESRCH");
  assertEquals(add(pid, EXITED), undefined);
  assertEquals(add(pid, EXITED), "EBUSY");
  assertEquals(add({ pidfd: handle }, EXITED), "EBUSY");
  kernel.autoReap = true;
  assertEquals(add(4_711, EXITED), "EBUSY");
  assertEquals(add(4_711, EXITED | STOPPED), "EBUSY");
  assertEquals(add(4_711, STOPPED), "ESRCH");
  loop.exit();
  loop.loopSync();
  assertEquals(add(1, EXITED), "EINVAL");
  assertEquals(add(4_711, 0), "EINVAL");
  assertEquals(add(4_711, EXITED), "ESTALE");
});

loopTest("EventLoop.addChild() checks a pidfd in the same order", (trial) => {
  const { loop, kernel } = trial;
  const { pid, handle } = trial.spawnProcess();
  const { reader } = trial.pipe();
  const reaped = trial.spawnProcess();
  kernel.signalProcess(reaped.handle, SIGKILL, undefined);
  kernel.reapKilledProcess(reaped.handle);
  const add = (pidfd: number, events: number) => codeOf(() => loop.addChild({ pidfd }, events));
  for (const bad of [-1, 0.5, NaN]) assertEquals(add(bad, 0), "EBADF");
  assertEquals(add(handle, 0), "EINVAL");
  assertEquals(add(999, EXITED), "EBADF");
  assertEquals(add(reader, EXITED), "ENOTTY");
  assertEquals(add(reaped.handle, EXITED), "ESRCH");
  const processId = kernel.processId.bind(kernel);
  kernel.processId = () => -66;
  assertEquals(add(handle, EXITED), "EREMOTE");
  kernel.processId = processId;
  assertEquals(add(handle, EXITED), undefined);
  assertEquals(add(handle, EXITED), "EBUSY");
  assertEquals(codeOf(() => loop.addChild(pid, EXITED)), "EBUSY");
  kernel.autoReap = true;
  assertEquals(add(reader, EXITED), "EBUSY");
  loop.exit();
  loop.loopSync();
  assertEquals(add(999, EXITED), "ESTALE");
});

loopTest("EventLoop.addChild() reports EOPNOTSUPP where the kernel tells of no stops", (trial) => {
  const { loop, kernel } = trial;
  const { pid } = trial.spawnProcess();
  Object.defineProperty(kernel, "features", { value: new Set() });
  for (const events of [STOPPED, CONTINUED, EXITED | STOPPED]) {
    const { code, message } = errorOf(() => loop.addChild(pid, events));
    const text = `Cannot watch process '${pid}' for '${events}': the ${kernel.name} kernel tells of no more than EXITED`;
    assertEquals([code, message], ["EOPNOTSUPP", text]);
  }
  assertEquals(codeOf(() => loop.addChild(pid, EXITED | NOWAIT)), undefined);
});

loopTest("The errors of EventLoop.addChild() name the process, and say what to do", (trial) => {
  const { loop, kernel } = trial;
  const { pid, handle } = trial.spawnProcess();
  const message = (child: ChildTarget, events: number) => errorOf(() => loop.addChild(child, events)).message;
  loop.addChild(pid, EXITED);
  const taken = "this loop has a source for it already, dispose that one first";
  assertEquals(message(pid, EXITED), `Cannot watch process '${pid}': ${taken}`);
  assertEquals(message({ pidfd: handle }, EXITED), `Cannot watch pidfd '${handle}': ${taken}`);
  assertEquals(message(1, EXITED), "Cannot watch process '1': a process number is a whole number above 1");
  assertEquals(message({ pidfd: -1 }, EXITED), "Cannot watch pidfd '-1': not a descriptor");
  assertEquals(
    message(pid, NOWAIT),
    `Cannot watch process '${pid}' for '${NOWAIT}': it takes a word of ChildEvent flags, NOWAIT not alone`,
  );
  assertEquals(message(4_711, EXITED), "Cannot watch process '4711': ESRCH");
  kernel.autoReap = true;
  const ignored = "this process ignores SIGCHLD, so the system reaps its children by itself";
  assertEquals(message(4_711, EXITED), `Cannot watch process '4711': ${ignored}`);
});

const endings: [
  name: string,
  end: (child: ReturnType<typeof spawnObedient>, trial: Trial) => void,
  info: Pick<ChildInfo, "code" | "status">,
][] = [
  ["exits", (child) => child.end(7), { code: "exited", status: 7 }],
  ["is killed", ({ handle }, { kernel }) => void kernel.signalProcess(handle, SIGTERM, undefined), { code: "killed", status: SIGTERM }],
];

for (const events of [EXITED, EXITED | STOPPED]) {
  for (const [name, end, info] of endings) {
    loopTest(`A callback for ${events} is told that a child ${name} while it is a zombie, and reaps it`, (trial) => {
      const { loop, steps } = trial;
      const child = spawnObedient(trial);
      const source = loop.addChild(child.pid, events, (...told) => {
        steps.expect(1);
        assertEquals(told, [{ pid: child.pid, uid: 1_000, ...info }, source]);
        assertEquals(stateOf(trial, child.pid), "zombie");
      });
      assertEquals(loop.runSync(0), false);
      end(child, trial);
      assertEquals(loop.runSync(0), true);
      assertEquals([stateOf(trial, child.pid), source.enabled], [undefined, "off"]);
      assertEquals(loop.runSync(0), false);
      steps.finish(2);
    });

    loopTest(`A child that ${name} before somebody waits for ${events} is found`, (trial) => {
      const { loop, steps, at } = trial;
      const child = spawnObedient(trial);
      end(child, trial);
      trial.kernel.advance(0);
      loop.addChild(child.pid, events, at(1));
      assertEquals(loop.runSync(0), true);
      steps.finish(2);
    });
  }

  loopTest(`A child that ended is reaped though the callback for ${events} failed`, (trial) => {
    const { loop } = trial;
    const child = spawnObedient(trial);
    loop.addChild(child.pid, events, () => {
      throw new Error("a bad day");
    }, { enabled: "on" });
    child.end(0);
    loop.runSync(0);
    assertEquals(trial.takeMessages(), ["source 'child': a bad day"]);
    assertEquals(stateOf(trial, child.pid), undefined);
    assertEquals(loop.runSync(0), false);
  });

  loopTest(`A child that ended is reaped though the callback for ${events} disposed of its source`, (trial) => {
    const { loop, steps } = trial;
    const child = spawnObedient(trial);
    const source = loop.addChild(child.pid, events, () => {
      steps.expect(1);
      source[Symbol.dispose]();
      assertEquals(stateOf(trial, child.pid), "zombie");
    });
    child.end(0);
    loop.runSync(0);
    assertEquals(stateOf(trial, child.pid), undefined);
    steps.finish(2);
  });

  loopTest(`A source that is on for ${events} has nothing more to say of a child that was reaped`, (trial) => {
    const { loop, steps, at } = trial;
    const child = spawnObedient(trial);
    const source = loop.addChild(child.pid, events, at(1), { enabled: "on" });
    child.end(0);
    assertEquals([loop.runSync(0), loop.runSync(0), source.enabled], [true, false, "on"]);
    source.enabled = "off";
    source.enabled = "on";
    assertEquals([loop.runSync(0), source.pid], [false, child.pid]);
    steps.finish(2);
  });
}

loopTest("Without a source a child is left alone, also when others are looked at", (trial) => {
  const { loop } = trial;
  const stranger = spawnObedient(trial);
  const child = spawnObedient(trial);
  loop.addChild(child.pid, EXITED | STOPPED | CONTINUED, () => {});
  stranger.end(0);
  child.end(0);
  while (loop.runSync(0));
  assertEquals([stateOf(trial, child.pid), stateOf(trial, stranger.pid)], [undefined, "zombie"]);
});

loopTest("With NOWAIT a child is left for others, and a source that is on is told again and again", (trial) => {
  const { loop, steps, at } = trial;
  const child = spawnObedient(trial);
  const source = loop.addChild(child.pid, EXITED | NOWAIT, at(1, 2, 3, 4), { enabled: "on" });
  child.end(5);
  for (let i = 0; i < 3; i++) assertEquals(loop.runSync(0), true);
  source.enabled = "off";
  assertEquals(loop.runSync(0), false);
  assertEquals(stateOf(trial, child.pid), "zombie");
  source.enabled = "oneshot";
  assertEquals([loop.runSync(0), loop.runSync(0), source.enabled], [true, false, "off"]);
  assertEquals(stateOf(trial, child.pid), "zombie");
  steps.finish(5);
});

loopTest("For the end of a child nobody needs SIGCHLD, for its stops and continues the loop claims it", (trial) => {
  const { loop, kernel } = trial;
  const claims = () => kernel.leaks().filter((line) => line.startsWith("claim of SIGCHLD")).length;
  const first = loop.addChild(trial.spawnProcess().pid, EXITED, () => {});
  const second = loop.addChild(trial.spawnProcess().pid, EXITED | NOWAIT, () => {});
  assertEquals(claims(), 0);
  const third = loop.addChild(trial.spawnProcess().pid, STOPPED, () => {});
  const fourth = loop.addChild(trial.spawnProcess().pid, CONTINUED, () => {});
  assertEquals(claims(), 1);
  third[Symbol.dispose]();
  assertEquals(claims(), 1);
  fourth[Symbol.dispose]();
  assertEquals(claims(), 0);
  for (const source of [first, second]) source[Symbol.dispose]();
});

loopTest("Stops and continues are told, each once", (trial) => {
  const { loop, kernel } = trial;
  const { pid, handle } = trial.spawnProcess();
  const seen: string[] = [];
  loop.addChild(pid, STOPPED | CONTINUED, ({ code, status }) => void seen.push(`${code} ${status}`), { enabled: "on" });
  loop.runSync(0);
  for (const signal of [SIGSTOP, SIGCONT, SIGSTOP, SIGCONT]) {
    kernel.signalProcess(handle, signal, undefined);
    assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  }
  assertEquals(seen, ["stopped 19", "continued 18", "stopped 19", "continued 18"]);
});

for (const events of [STOPPED, STOPPED | EXITED, STOPPED | NOWAIT, STOPPED | EXITED | NOWAIT]) {
  loopTest(`A stop that was told for ${events} is not told again when another child has news`, (trial) => {
    const { loop, kernel, steps, at } = trial;
    const { pid, handle } = trial.spawnProcess();
    const other = trial.spawnProcess();
    loop.addChild(pid, events, at(1), { enabled: "on" });
    loop.addChild(other.pid, STOPPED, at(2), { enabled: "on" });
    kernel.signalProcess(handle, SIGSTOP, undefined);
    assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
    kernel.signalProcess(other.handle, SIGSTOP, undefined);
    assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
    steps.finish(3);
  });
}

loopTest("An end that was told and left for others is not told again when another child has news", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const child = spawnObedient(trial);
  const other = trial.spawnProcess();
  loop.addChild(child.pid, STOPPED | EXITED | NOWAIT, at(1), { enabled: "on" });
  loop.addChild(other.pid, STOPPED, at(2), { enabled: "on" });
  child.end(0);
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  kernel.signalProcess(other.handle, SIGSTOP, undefined);
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  steps.finish(3);
});

loopTest("A child that dies when its stop was seen is not reaped with the stop", (trial) => {
  const { loop, kernel } = trial;
  const { pid, handle, end } = spawnObedient(trial);
  const seen: string[] = [];
  loop.addChild(pid, STOPPED | EXITED, ({ code }) => void seen.push(`${code}, ${stateOf(trial, pid)}`), { enabled: "on" });
  loop.runSync(0);
  const peekProcess = kernel.peekProcess.bind(kernel);
  kernel.peekProcess = (...args) => {
    const result = peekProcess(...args);
    if (result === 1) {
      kernel.peekProcess = peekProcess;
      end(0);
    }
    return result;
  };
  kernel.signalProcess(handle, SIGSTOP, undefined);
  trial.settle();
  assertEquals(seen, ["stopped, zombie", "exited, zombie"]);
});

loopTest("A child that has left a core is dead like any other", (trial) => {
  const { loop, kernel } = trial;
  const child = spawnObedient(trial);
  const seen: string[] = [];
  const source = loop.addChild(child.pid, EXITED, ({ code }) => void seen.push(code));
  const peekProcess = kernel.peekProcess.bind(kernel);
  // The simulated kernel writes no cores.
  kernel.peekProcess = (pidfd, options, record) => {
    const result = peekProcess(pidfd, options, record);
    if (result === 1) record.code = 3;
    return result;
  };
  child.end(6);
  assertEquals(trial.settle(), 1);
  assertEquals([seen, stateOf(trial, child.pid), codeOf(() => source.kill(SIGTERM))], [["dumped"], undefined, "ESRCH"]);
});

Deno.test("childInfo() names what happened to a process", () => {
  const names = [1, 2, 3, 4, 5, 6].map((code) => childInfo({ pid: 2, uid: 3, code, status: 7 }));
  assertEquals(names.map(({ code }) => code), ["exited", "killed", "dumped", "trapped", "stopped", "continued"]);
  assertEquals(names[0], { pid: 2, uid: 3, code: "exited", status: 7 });
});

loopTest("A stop that happened before somebody waits for it is found", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const { pid, handle } = trial.spawnProcess();
  kernel.signalProcess(handle, SIGSTOP, undefined);
  kernel.advance(0);
  loop.addChild(pid, STOPPED, at(1));
  assertEquals(loop.runSync(0), true);
  steps.finish(2);
});

loopTest("A source for stops and the end is told of both", (trial) => {
  const { loop, kernel } = trial;
  const { pid, handle } = trial.spawnProcess();
  const seen: string[] = [];
  loop.addChild(pid, STOPPED | EXITED, ({ code }) => void seen.push(code), { enabled: "on" });
  kernel.signalProcess(handle, SIGSTOP, undefined);
  while (loop.runSync(0));
  kernel.signalProcess(handle, SIGKILL, undefined);
  while (loop.runSync(0));
  assertEquals(seen, ["stopped", "killed"]);
});

loopTest("What a child wrote before it ended goes first if that is more important", (trial) => {
  const { loop, kernel, steps } = trial;
  const { reader, writer } = trial.pipe();
  const child = spawnObedient(trial);
  loop.addIo(reader, IoEvent.IN, () => {
    steps.expect(1);
    trial.read(reader);
  }, { priority: -1 });
  loop.addChild(child.pid, EXITED | STOPPED, trial.at(2));
  while (loop.runSync(0));
  // It writes and ends after the loop has polled, and before the loop looks at its children.
  const peekProcess = kernel.peekProcess.bind(kernel);
  kernel.peekProcess = (...args) => {
    kernel.peekProcess = peekProcess;
    trial.write(writer, "last words");
    child.end(0);
    return peekProcess(...args);
  };
  kernel.raise("SIGCHLD");
  loop.runSync(0);
  loop.runSync(0);
  steps.finish(3);
});

loopTest("Of two children that have news the more important is told of first", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const [late, soon] = [trial.spawnProcess(), trial.spawnProcess()];
  loop.addChild(late.pid, STOPPED, at(2), { priority: 5 });
  loop.addChild(soon.pid, STOPPED, at(1), { priority: -5 });
  loop.runSync(0);
  for (const { handle } of [late, soon]) kernel.signalProcess(handle, SIGSTOP, undefined);
  while (loop.runSync(0));
  steps.finish(3);
});

loopTest("A number stays taken until its source is disposed of", (trial) => {
  const { loop } = trial;
  const child = spawnObedient(trial);
  const source = loop.addChild(child.pid, EXITED, () => {});
  child.end(0);
  loop.runSync(0);
  assertEquals(codeOf(() => loop.addChild(child.pid, EXITED)), "EBUSY");
  source[Symbol.dispose]();
  assertEquals(codeOf(() => loop.addChild(child.pid, EXITED)), "ESRCH");
});

loopTest("A source opens and closes a handle of its own for a number, and leaves a pidfd to its owner", (trial) => {
  const { loop, kernel } = trial;
  const [first, second] = [trial.spawnProcess(), trial.spawnProcess()];
  const byNumber = loop.addChild(first.pid, EXITED);
  const byHandle = loop.addChild({ pidfd: second.handle }, EXITED);
  assertEquals([byNumber.pid, byNumber.ownsPidfd, byNumber.ownsProcess], [first.pid, true, false]);
  assertEquals([byHandle.pid, byHandle.ownsPidfd, byHandle.ownsProcess], [second.pid, false, false]);
  assertEquals([byNumber.pidfd === first.handle, byHandle.pidfd], [false, second.handle]);
  for (const source of [byNumber, byHandle]) source[Symbol.dispose]();
  assertEquals(kernel.close(byNumber.pidfd), -9);
  assertEquals(kernel.processId(second.handle), second.pid);
});

loopTest("Whether a source owns its handle can be changed", (trial) => {
  const { loop, kernel } = trial;
  const [first, second] = [trial.spawnProcess(), trial.spawnProcess()];
  const duplicate = kernel.duplicate(second.handle);
  const byNumber = loop.addChild(first.pid, EXITED, null, { ownsPidfd: false });
  const byHandle = loop.addChild({ pidfd: duplicate }, EXITED);
  byHandle.ownsPidfd = true;
  for (const source of [byNumber, byHandle]) source[Symbol.dispose]();
  assertEquals([kernel.close(byNumber.pidfd), kernel.close(duplicate)], [0, -9]);
});

loopTest("A child that is owned is killed and reaped with its source, and any other is not", (trial) => {
  const { loop } = trial;
  const children = [trial.spawnProcess(), trial.spawnProcess(), trial.spawnProcess()];
  const sources: ChildSource[] = children.map(({ pid }, index) => loop.addChild(pid, EXITED, () => {}, { ownsProcess: index > 0 }));
  sources[2].ownsProcess = false;
  for (const source of sources) {
    source.enabled = "off";
    source[Symbol.dispose]();
  }
  assertEquals(children.map(({ pid }) => stateOf(trial, pid)), ["running", undefined, "running"]);
});

loopTest("A child that is owned goes with its loop too", (trial) => {
  const { loop } = trial;
  const { pid } = trial.spawnProcess();
  loop.addChild(pid, EXITED, () => {}, { ownsProcess: true });
  loop[Symbol.dispose]();
  assertEquals(stateOf(trial, pid), undefined);
});

loopTest("A child that is owned and left as a zombie is reaped with its source and not killed", (trial) => {
  const { loop, kernel, at, steps } = trial;
  const child = spawnObedient(trial);
  const source = loop.addChild(child.pid, EXITED | NOWAIT, at(1), { ownsProcess: true });
  child.end(0);
  loop.runSync(0);
  assertEquals(stateOf(trial, child.pid), "zombie");
  const { signalProcess } = kernel;
  kernel.signalProcess = () => {
    throw new Error("Nobody is to be killed");
  };
  source[Symbol.dispose]();
  kernel.signalProcess = signalProcess;
  assertEquals(stateOf(trial, child.pid), undefined);
  steps.finish(2);
});

loopTest("A child that is owned and may not be killed is not waited for", (trial) => {
  const { loop, kernel } = trial;
  const { pid } = trial.spawnProcess();
  const source = loop.addChild(pid, EXITED, () => {}, { ownsProcess: true });
  const { signalProcess, reapKilledProcess } = kernel;
  kernel.signalProcess = () => -1;
  kernel.reapKilledProcess = () => {
    throw new Error("Nobody is to be reaped");
  };
  source[Symbol.dispose]();
  Object.assign(kernel, { signalProcess, reapKilledProcess });
  assertEquals(stateOf(trial, pid), "running");
});

loopTest("A child that is owned and was reaped is not reaped again", (trial) => {
  const { loop, kernel } = trial;
  const child = spawnObedient(trial);
  const source = loop.addChild(child.pid, EXITED, () => {}, { ownsProcess: true });
  child.end(0);
  loop.runSync(0);
  const { reapKilledProcess } = kernel;
  kernel.reapKilledProcess = () => {
    throw new Error("Nobody is to be reaped");
  };
  source[Symbol.dispose]();
  kernel.reapKilledProcess = reapKilledProcess;
});

loopTest("ChildSource.kill() sends signals until the end was seen", (trial) => {
  const { loop, kernel } = trial;
  const seen: number[] = [];
  const { pid } = trial.spawnProcess((process) => process.onSignal = (signal) => void seen.push(signal));
  const source = loop.addChild(pid, EXITED, () => {});
  kernel.advance(0);
  source.kill("SIGUSR1");
  source.kill(12, 42);
  kernel.advance(0);
  assertEquals(seen, [SIGUSR1, 12]);
  for (const signal of [0, 65, "SIGNONE"]) assertEquals(codeOf(() => source.kill(signal as 1)), "EINVAL");
  source.kill("SIGKILL");
  loop.runSync(0);
  assertEquals(codeOf(() => source.kill("SIGUSR1")), "ESRCH");
  assertEquals(codeOf(() => source.kill(65)), "EINVAL");
});

loopTest("ChildSource.kill() says what the kernel refuses", (trial) => {
  const { loop, kernel } = trial;
  const { pid } = trial.spawnProcess();
  const source = loop.addChild(pid, EXITED, () => {});
  const { signalProcess } = kernel;
  kernel.signalProcess = () => -1;
  const { code, message, syscall } = errorOf(() => source.kill("SIGUSR1"));
  assertEquals([code, message, syscall], ["EPERM", `Cannot send SIGUSR1 to process ${pid}: EPERM`, "pidfd_send_signal"]);
  kernel.signalProcess = signalProcess;
});

loopTest("A process that is no child is reported, and its source turned off", (trial) => {
  const { loop, kernel } = trial;
  const source = loop.addChild(kernel.pid, STOPPED, () => {}, { description: "myself" });
  assertEquals(loop.runSync(0), false);
  const [{ error, origin }, ...rest] = trial.takeReports();
  assertInstanceOf(error, SystemError);
  const text = `Cannot wait for process ${kernel.pid}: it is no child of this process, or was reaped by somebody else`;
  assertEquals([error.code, error.message, origin.name, source.enabled, rest], ["ECHILD", text, "myself", "off", []]);
  assertEquals(loop.runSync(0), false);
});
