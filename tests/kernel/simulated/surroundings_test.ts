/**
 * The hands on what surrounds a program: pressure, the service manager's socket, the clock that somebody sets.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import type { Handle } from "../../../event/kernel/kernel.ts";
import { type SimulatedKernel, simulatedKernel } from "../../../event/kernel/simulated/mod.ts";
import { ClockIndex } from "../../../event/time.ts";
import { openPoller, read, write } from "./_world.ts";

const { IN, PRI } = IoEvent;

/** A pressure file of the system's own that tells of this. */
function openPressure(kernel: SimulatedKernel, path: string, configuration: string): Handle {
  const opened = kernel.openPressure(path, true);
  assert(typeof opened === "object");
  assertEquals(write(kernel, opened.handle, `${configuration}\0`), configuration.length + 1);
  return opened.handle;
}

Deno.test("SimulatedKernel.press() reaches the files of the resource that were to tell of so much, each time once", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const [group, system] = kernel.pressurePaths("memory") as string[];
  const handles = [
    openPressure(kernel, group, "some 1000 500000"),
    openPressure(kernel, system, "full 1000 10000000"),
    openPressure(kernel, "/proc/pressure/io", "some 1 2000000"),
  ];
  handles.forEach((handle, token) => assertEquals(poller.watch(handle, PRI, false, token), 0));
  const reports = () => Array.from({ length: poller.poll(0) }, (_, index) => [poller.readyTokens[index], poller.readyEvents[index]]);
  assertEquals(reports(), []);
  kernel.press("memory", { stallUsec: 999 });
  assertEquals(reports(), []);
  kernel.press("memory", { stallUsec: 1_000 });
  kernel.press("memory");
  assertEquals(reports(), [[0, PRI]]);
  assertEquals(reports(), []);
  kernel.press("memory", { level: "full" });
  assertEquals(reports(), [[0, PRI], [1, PRI]]);
  kernel.press("io", { stallUsec: 1 });
  assertEquals(reports(), [[2, PRI]]);
  poller.close();
  assertEquals(
    kernel.leaks(),
    [group, system, "/proc/pressure/io"].map((path, index) => `pressure file ${path}, handle ${handles[index]}`),
  );
  for (const handle of handles) kernel.close(handle);
  kernel.press("memory");
  assertEquals(kernel.leaks(), []);
});

Deno.test("SimulatedKernel.pressureFile() puts something at a path and takes it away", () => {
  const kernel = simulatedKernel();
  const kind = (path: string) => {
    const opened = kernel.openPressure(path, false);
    if (typeof opened === "number") return opened;
    kernel.close(opened.handle);
    return opened.kind;
  };
  assertEquals(kind("/x"), -Errno.ENOENT);
  kernel.pressureFile("/x", "fifo");
  assertEquals(kind("/x"), "other");
  kernel.pressureFile("/x", "cpu");
  assertEquals(kind("/x"), "system");
  kernel.pressureFile("/x", "block-device");
  assertEquals(kind("/x"), -Errno.EBADF);
  kernel.pressureFile("/x", undefined);
  assertEquals(kind("/x"), -Errno.ENOENT);
});

Deno.test("Kernel.pressurePaths() reports EOPNOTSUPP where the system does not tell of all three resources", () => {
  const kernel = simulatedKernel();
  kernel.pressureFile("/proc/pressure/io", undefined);
  assertEquals(kernel.pressurePaths("memory"), -Errno.EOPNOTSUPP);
});

Deno.test("A FIFO is empty again when nobody has it open any more", () => {
  const kernel = simulatedKernel();
  kernel.pressureFile("/fifo", "fifo");
  const open = () => kernel.openPressure("/fifo", true) as { handle: Handle };
  const one = open();
  write(kernel, one.handle, "x");
  kernel.close(one.handle);
  const other = open();
  assertEquals(read(kernel, other.handle), "EAGAIN");
  assertEquals(kernel.leaks(), [`FIFO /fifo, handle ${other.handle}`]);
  kernel.close(other.handle);
});

Deno.test("SimulatedKernel.datagrams() lists what a socket has received", () => {
  const kernel = simulatedKernel();
  const data = Uint8Array.of(1, 2);
  const received = kernel.datagrams("/run/notify");
  assertEquals(kernel.sendDatagram("/run/notify", data), 2);
  data.fill(0);
  assertEquals(kernel.sendDatagram("/run/notify", data), 2);
  assertEquals(received, [Uint8Array.of(1, 2), Uint8Array.of(0, 0)]);
  assertEquals(kernel.datagrams("/run/notify"), received);
});

Deno.test("SimulatedKernel.setRealtime() makes handles for changes of time readable, until they are read", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const handles = [kernel.openTimeChange(), kernel.openTimeChange()];
  handles.forEach((handle, token) => poller.watch(handle, IN, false, token));
  kernel.advance(1_000_000);
  assertEquals(poller.poll(0), 0);
  for (let round = 0; round < 2; round++) {
    kernel.setRealtime(kernel.now(ClockIndex.realtime) + 1);
    kernel.setRealtime(kernel.now(ClockIndex.realtime) - 1);
    assertEquals(poller.poll(0), 2);
    assertEquals(handles.map((handle) => read(kernel, handle)), ["ECANCELED", "ECANCELED"]);
    assertEquals(handles.map((handle) => read(kernel, handle)), ["EAGAIN", "EAGAIN"]);
    assertEquals(poller.poll(0), 0);
  }
  poller.close();
  assertEquals(kernel.leaks(), handles.map((handle) => `handle for changes of time, handle ${handle}`));
  for (const handle of handles) kernel.close(handle);
});

Deno.test("A poll that waits ends when somebody sets the clock, or when there is pressure", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const changes = kernel.openTimeChange();
  const pressure = openPressure(kernel, "/proc/pressure/cpu", "some 1 2000000");
  poller.watch(changes, IN, false, 1);
  poller.watch(pressure, PRI, false, 2);
  kernel.after(10, () => kernel.press("cpu"));
  kernel.after(20, () => kernel.setRealtime(5));
  assertEquals([poller.poll(Infinity), poller.readyTokens[0]], [1, 2]);
  assertEquals([poller.poll(Infinity), poller.readyTokens[0]], [1, 1]);
  poller.close();
  for (const handle of [changes, pressure]) kernel.close(handle);
});
