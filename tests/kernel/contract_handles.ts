/**
 * The contract, 1 to 4: results, failures, handles.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { Errno } from "../../event/errno.ts";
import { ChildEvent, IoEvent, WatchEvent } from "../../event/flags.ts";
import type { Handle, Kernel, KernelFeature, Poller } from "../../event/kernel/kernel.ts";
import { ClockIndex } from "../../event/time.ts";
import { commandOf, contractTest, emptyRecord, type KernelHands } from "./_trial.ts";

/** Far above any handle that is open. */
const notOpen: Handle = 987_654;

/** The calls that take a handle. */
const handleCalls: Record<string, (kernel: Kernel, poller: Poller, handle: Handle) => unknown> = {
  tryRead: (kernel, _, handle) => kernel.tryRead(handle, new Uint8Array(1)),
  tryWrite: (kernel, _, handle) => kernel.tryWrite(handle, new Uint8Array(1)),
  tryReadVector: (kernel, _, handle) => kernel.tryReadVector(handle, [new Uint8Array(1)]),
  tryWriteVector: (kernel, _, handle) => kernel.tryWriteVector(handle, [new Uint8Array(1)]),
  tryReceive: (kernel, _, handle) => kernel.tryReceive(handle, [new Uint8Array(1)], 0, 0, undefined),
  trySend: (kernel, _, handle) => kernel.trySend(handle, [new Uint8Array(1)], undefined, []),
  tryAccept: (kernel, _, handle) => kernel.tryAccept(handle),
  duplicate: (kernel, _, handle) => kernel.duplicate(handle),
  close: (kernel, _, handle) => kernel.close(handle),
  setBlocking: (kernel, _, handle) => kernel.setBlocking(handle, true),
  connectSocket: (kernel, _, handle) => kernel.connectSocket(handle, { port: 1 }),
  socketError: (kernel, _, handle) => kernel.socketError(handle),
  localAddress: (kernel, _, handle) => kernel.localAddress(handle),
  remoteAddress: (kernel, _, handle) => kernel.remoteAddress(handle),
  alpnProtocol: (kernel, _, handle) => kernel.alpnProtocol(handle),
  closeWrite: (kernel, _, handle) => kernel.closeWrite(handle),
  processId: (kernel, _, handle) => kernel.processId(handle),
  peekProcess: (kernel, _, handle) => kernel.peekProcess(handle, ChildEvent.EXITED, emptyRecord()),
  reapProcess: (kernel, _, handle) => kernel.reapProcess(handle, ChildEvent.EXITED, emptyRecord()),
  reapKilledProcess: (kernel, _, handle) => kernel.reapKilledProcess(handle),
  signalProcess: (kernel, _, handle) => kernel.signalProcess(handle, 0, undefined),
  inodeOf: (kernel, _, handle) => kernel.inodeOf(handle),
  pathOf: (kernel, _, handle) => kernel.pathOf(handle),
  addFileWatch: (kernel, _, handle) => kernel.addFileWatch(handle, handle, 1),
  removeFileWatch: (kernel, _, handle) => kernel.removeFileWatch(handle, 1),
  watch: (_, poller, handle) => poller.watch(handle, IoEvent.IN, false, 1),
  rewatch: (_, poller, handle) => poller.rewatch(handle, IoEvent.IN, false, 1),
  unwatch: (_, poller, handle) => poller.unwatch(handle),
};

/** Registers the tests. */
export function testHandles(hands: KernelHands): void {
  for (const [name, call] of Object.entries(handleCalls)) {
    const owner = ["watch", "rewatch", "unwatch"].includes(name) ? "Poller" : "Kernel";
    contractTest(hands, `${owner}.${name}() reports EBADF for what is not open`, (trial) => {
      assertEquals(call(trial.kernel, trial.poller, notOpen), -Errno.EBADF);
    });
  }

  contractTest(hands, "Kernel.addFileWatch() reports EBADF for a file that is not open", (trial) => {
    const watcher = trial.own(trial.kernel.openFileWatcher());
    assertEquals(trial.kernel.addFileWatch(watcher, notOpen, 1), -Errno.EBADF);
  });

  contractTest(hands, "Kernel.close() reports EBADF for what is closed already", (trial) => {
    const [reader] = trial.pipe();
    trial.drop(reader);
    assertEquals(trial.kernel.close(reader), -Errno.EBADF);
    assertEquals(trial.read(reader), "EBADF");
  });

  contractTest(hands, "Kernel.openPipe() answers with two ends: what is written to the second comes out of the first", (trial) => {
    const [reader, writer] = trial.pipe();
    trial.write(writer, "one");
    trial.write(writer, "two");
    assertEquals(trial.read(reader, 4), "onet");
    assertEquals(trial.read(reader), "wo");
    assertEquals(trial.read(writer), "EBADF");
    assertEquals(trial.kernel.tryWrite(reader, new Uint8Array(1)), -Errno.EBADF);
  });

  contractTest(hands, "Kernel.tryRead() reports EAGAIN when nothing is there and 0 at the end", (trial) => {
    const [reader, writer] = trial.pipe();
    assertEquals(trial.read(reader), "EAGAIN");
    trial.write(writer, "last");
    trial.drop(writer);
    assertEquals(trial.read(reader), "last");
    assertEquals(trial.kernel.tryRead(reader, new Uint8Array(1)), 0);
  });

  contractTest(hands, "Kernel.tryWrite() writes what fits and reports EAGAIN when nothing does", (trial) => {
    const [reader, writer] = trial.pipe();
    const count = trial.kernel.tryWrite(writer, new Uint8Array(10_000_000));
    assertGreater(count, 0);
    assert(count < 10_000_000);
    assertEquals(trial.kernel.tryWrite(writer, new Uint8Array(10)), -Errno.EAGAIN);
    assertEquals(trial.kernel.tryRead(reader, new Uint8Array(10_000_000)), count);
    trial.write(writer, "room again");
  });

  contractTest(hands, "Kernel.tryWrite() reports EPIPE when nobody reads", (trial) => {
    const [reader, writer] = trial.pipe();
    trial.drop(reader);
    assertEquals(trial.kernel.tryWrite(writer, new Uint8Array(1)), -Errno.EPIPE);
  });

  contractTest(hands, "Kernel.duplicate() makes a second handle of the same open thing", (trial) => {
    const [reader, writer] = trial.pipe();
    const second = trial.own(trial.kernel.duplicate(writer));
    assert(second !== writer);
    trial.write(second, "shared");
    trial.drop(writer);
    assertEquals(trial.read(reader), "shared");
    assertEquals(trial.read(reader), "EAGAIN");
    trial.drop(second);
    assertEquals(trial.read(reader), "");
  });

  contractTest(hands, "Kernel.setBlocking() answers what was before, for all duplicates, and new handles do not block", (trial) => {
    const [reader] = trial.pipe();
    const second = trial.own(trial.kernel.duplicate(reader));
    assertEquals(trial.kernel.setBlocking(reader, true), 0);
    assertEquals(trial.kernel.setBlocking(second, true), 1);
    assertEquals(trial.kernel.setBlocking(second, false), 1);
    assertEquals(trial.kernel.setBlocking(reader, false), 0);
  });

  contractTest(hands, "A failed call of the kernel leaves no handle behind", (trial) => {
    const { kernel } = trial;
    const openEnds = () => {
      const [reader, writer] = trial.pipe();
      trial.drop(reader);
      trial.drop(writer);
      return [reader, writer];
    };
    const before = openEnds();
    assertEquals(kernel.spawn(commandOf({ command: "/no/such/program", args: [] }, { stdin: "piped", stdout: "piped" })), -Errno.ENOENT);
    assertEquals(kernel.spawn(commandOf(hands.programs.live(), { stdin: "piped", stdout: { fd: notOpen } })), -Errno.EBADF);
    assertEquals(kernel.openListener({ hostname: "not numeric", port: 0 }), -Errno.EINVAL);
    // Others are told of that later.
    if (kernel.features.has("blocking")) assertEquals(kernel.openStream({ path: "/no/such/socket" }), -Errno.ENOENT);
    assertEquals(openEnds(), before);
  });

  contractTest(hands, "What a kernel says to lack is EOPNOTSUPP where it is asked for", (trial) => {
    const { kernel, poller } = trial;
    const lacks = (feature: KernelFeature, ...answers: (() => unknown)[]) => {
      if (kernel.features.has(feature)) return;
      for (const answer of answers) assertEquals(answer(), -Errno.EOPNOTSUPP, `${feature}: ${answer}`);
    };
    lacks("nesting", () => poller.handle);
    lacks("pidfd", () => kernel.openProcess(1));
    lacks("siginfo", () => kernel.signalProcess(trial.own(kernel.openProcess(kernel.pid)), 10, 5));
    lacks("pressure", () => kernel.pressurePaths("cpu"), () => kernel.openPressure("/proc/pressure/cpu", false));
    lacks("datagrams", () => kernel.openDatagram({ port: 0 }));
    lacks("descriptor-passing", () => kernel.openSocketPair("stream"), () => kernel.openSocketPair("datagram"));
    lacks(
      "inotify",
      () => kernel.addFileWatch(trial.own(kernel.openFileWatcher()), trial.own(kernel.openPath("/", 0)), WatchEvent.MOVED_FROM),
    );
  });

  contractTest(hands, "Kernel.now() reads whole microseconds of clocks that go forward", ({ kernel }) => {
    for (const clock of Object.values(ClockIndex)) {
      const before = kernel.now(clock);
      const after = kernel.now(clock);
      assert(Number.isSafeInteger(before) && before > 0);
      assert(after >= before);
    }
  });

  contractTest(hands, "Kernel.now() of an alarm clock reads the clock that it is based on", ({ kernel }) => {
    for (const clock of ["realtime", "boottime"] as const) {
      const before = kernel.now(ClockIndex[clock]);
      const alarm = kernel.now(ClockIndex[`${clock}-alarm`]);
      assert(before <= alarm && alarm <= kernel.now(ClockIndex[clock]));
    }
  });

  contractTest(hands, "Kernel.bootId() has 16 bytes, or there is none", ({ kernel }) => {
    assertEquals(kernel.bootId()?.length ?? 16, 16);
  });

  contractTest(hands, "Kernel.environment() has nothing for a variable that is not set", ({ kernel }) => {
    assertEquals(kernel.environment("SD_FIBERS_SURELY_NOT_SET"), undefined);
  });
}
