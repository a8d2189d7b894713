/**
 * Looks at the children whose changes no handle reports, while more changes come (sd-event, section 9.4.3).
 *
 * @module
 */

import { ChildEvent, IoEvent } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import { loopTest } from "./_trial.ts";

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

loopTest("A child that is left out of a look because something more important came is looked at in the next wait", (trial) => {
  const { kernel, loop } = trial;
  const { reader, writer } = trial.pipe();
  const [first, second] = [trial.spawnProcess(), trial.spawnProcess()];
  const seen: string[] = [];
  loop.addChild(first.pid, EXITED | STOPPED, () => seen.push("first"), { enabled: "on" });
  loop.addChild(second.pid, EXITED | STOPPED, () => seen.push("second"), { enabled: "on", priority: 1 });
  loop.addIo(reader, IoEvent.IN, () => {
    trial.read(reader);
    seen.push("io");
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
  assertEquals(seen, ["io", "first", "second"]);
});
