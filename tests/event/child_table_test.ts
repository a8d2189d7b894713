/**
 * Looks at the children whose changes no handle reports, while more changes come (sd-event, section 9.4.3).
 *
 * @module
 */

import { ChildEvent, IoEvent } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { loopTest, type Trial } from "./_trial.ts";

const { EXITED, STOPPED, CONTINUED } = ChildEvent;
const SIGSTOP = 19;
const SIGKILL = 9;

loopTest("A child that dies while the news of its stop wait for their turn is told of again", (trial) => {
  const { kernel, loop } = trial;
  const { pid, handle } = trial.spawnProcess();
  const seen: string[] = [];
  loop.addChild(pid, EXITED | STOPPED | CONTINUED, ({ code }) => seen.push(code), { enabled: "on" });
  const defer = loop.addDefer(() => {}, { enabled: "on", priority: -1 });
  kernel.signalProcess(handle, SIGSTOP, undefined);
  trial.tick();
  kernel.signalProcess(handle, SIGKILL, undefined);
  // SIGCHLD is taken here, while the child is pending.
  trial.tick(2);
  defer.enabled = "off";
  trial.settle();
  assertEquals(seen, ["stopped", "killed"]);
});

for (const [how, priority] of [["as important as", 0], ["less important than", 1]] as const) {
  loopTest(`A child that is ${how} what was found is left out of a second look, and looked at in the next wait`, (trial) => {
    const { kernel, loop } = trial;
    const { reader, writer } = trial.pipe();
    const [first, second] = [trial.spawnProcess(), trial.spawnProcess()];
    const seen: string[] = [];
    loop.addChild(first.pid, EXITED | STOPPED, () => seen.push("first"), { enabled: "on" });
    const left = loop.addChild(second.pid, EXITED | STOPPED, () => seen.push("second"), { enabled: "on", priority });
    loop.addIo(reader, IoEvent.IN, () => {
      trial.read(reader);
      seen.push(`io, the second one pending: ${left.pending}`);
    }, { priority: -1 });
    trial.settle();
    // When the first one was looked at, and has news, the second one dies and a byte comes.
    const peek = kernel.peekProcess.bind(kernel);
    let looks = 0;
    kernel.peekProcess = (handle, options, record) => {
      const result = peek(handle, options, record);
      if (result === 1 && looks++ === 0) {
        trial.write(writer, "x");
        kernel.after(0, () => kernel.signalProcess(second.handle, SIGKILL, undefined));
      }
      return result;
    };
    kernel.signalProcess(first.handle, SIGKILL, undefined);
    trial.settle();
    assertEquals(seen, ["io, the second one pending: false", "first", "second"]);
    // Nothing is left to look at: the loop waits.
    const before = kernel.now(2);
    assertEquals([loop.runSync(1_000), kernel.now(2)], [false, before + 1_000]);
  });
}

/**
 * A child of priority 0 has news, and one that is much less important. When the first was looked at, a descriptor becomes ready and another child dies, each
 * with a priority of its own; when that child was looked at, the same happens with the next pair. Which of the other children are pending after the wait.
 */
function lookedAt(trial: Trial, ...pairs: readonly (readonly [ioPriority: number, childPriority: number])[]): boolean[] {
  const { kernel, loop } = trial;
  const [first, patient] = [trial.spawnProcess(), trial.spawnProcess()];
  loop.addChild(first.pid, EXITED | STOPPED, () => {});
  loop.addChild({ pidfd: patient.handle }, EXITED | STOPPED, () => {}, { priority: 9 });
  const others = pairs.map(([ioPriority, childPriority]) => {
    const [pipe, { pid, handle }] = [trial.pipe(), trial.spawnProcess()];
    loop.addIo(pipe.reader, IoEvent.IN, () => {}, { priority: ioPriority });
    return { source: loop.addChild(pid, EXITED | STOPPED, () => {}, { priority: childPriority }), handle, writer: pipe.writer };
  });
  assertEquals(loop.runSync(0), false);
  const peek = kernel.peekProcess.bind(kernel);
  const next = others.values();
  kernel.peekProcess = (handle, ...rest) => {
    const result = peek(handle, ...rest);
    const other = result === 1 && handle !== patient.handle ? next.next().value : undefined;
    if (other !== undefined) {
      trial.write(other.writer, "x");
      kernel.after(0, () => kernel.signalProcess(other.handle, SIGKILL, undefined));
    }
    return result;
  };
  for (const { handle } of [first, patient]) kernel.signalProcess(handle, SIGKILL, undefined);
  loop.prepare();
  assertEquals(loop.waitSync(0), true);
  kernel.peekProcess = peek;
  return others.map(({ source }) => source.pending);
}

loopTest("Children are looked at once more when something has come that is more important than what was found", (trial) => {
  assertEquals(lookedAt(trial, [-1, -1]), [true]);
});

loopTest("Children that are less important than what was found are not looked at once more", (trial) => {
  assertEquals(lookedAt(trial, [-1, 1]), [false]);
});

loopTest("Children are not looked at once more for what is as important as what was found", (trial) => {
  assertEquals(lookedAt(trial, [0, -1]), [false]);
});

loopTest("Each look at the children asks for more than the best of all that was found in this wait", (trial) => {
  assertEquals(lookedAt(trial, [-3, -1], [-2, -2]), [true, false]);
});

loopTest("What was found in an earlier wait keeps no child from being looked at", (trial) => {
  const { reader, writer } = trial.pipe();
  trial.write(writer, "x");
  trial.loop.addIo(reader, IoEvent.IN, () => trial.read(reader), { priority: -5 });
  trial.tick();
  assertEquals(lookedAt(trial, [-1, -1]), [true]);
});
