import { assert, assertEquals } from "@std/assert";
import { IoEvent } from "../../../event/flags.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { PressureWatch } from "../../../event/kernel/linux/pressure_watch.ts";
import { openDescriptors } from "./descriptors.ts";
import { openPolledPipe, parkEnd } from "./pollers.ts";

const kernel = linuxKernel();
const path = "/proc/pressure/cpu";

/** Opens the system's file and has it tell of next to nothing; `undefined` where that is not to be had. */
function openPressureFile(): number | undefined {
  const opened = kernel.openPressure(path, true);
  if (typeof opened === "number") return undefined;
  if (kernel.tryWrite(opened.handle, new TextEncoder().encode("some 1 2000000\0")) > 0) return opened.handle;
  kernel.close(opened.handle);
  return undefined;
}

function isUsable(): boolean {
  const handle = openPressureFile();
  if (handle !== undefined) kernel.close(handle);
  return handle !== undefined;
}

/** Two processes that want the same processor, for a moment. */
async function causePressure(): Promise<void> {
  const burn = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
  const run = () => new Deno.Command("taskset", { args: ["-c", "0", "sh", "-c", burn] }).output();
  const outputs = await Promise.all([run(), run()]);
  assertEquals(outputs.map(({ code }) => code), [0, 0]);
}

Deno.test({
  name: "A park, which asks whether the poller is readable, does not take the news of a pressure file away",
  ignore: !isUsable(),
  async fn() {
    await using pipe = openPolledPipe();
    const { poller } = pipe;
    const handle = openPressureFile()!;
    assertEquals(poller.watch(handle, IoEvent.PRI, false, 1), 0);
    await causePressure();
    poller.park();
    await parkEnd(poller);
    assertEquals([poller.poll(0), poller.readyTokens[0], poller.readyEvents[0]], [1, 1, IoEvent.PRI]);
    assertEquals(poller.poll(0), 0);
    assertEquals(poller.unwatch(handle), 0);
    kernel.close(handle);
  },
});

/** One that does not know what to tell of, which is an error each time. */
function openUnconfigured(): number | undefined {
  const opened = kernel.openPressure(path, false);
  return typeof opened === "number" ? undefined : opened.handle;
}

Deno.test("A pressure file tells again and again, however often, or once where it was asked to", async () => {
  await using pipe = openPolledPipe();
  const { poller } = pipe;
  const handle = openUnconfigured();
  if (handle === undefined) return; // not every system has one
  assertEquals(poller.watch(handle, IoEvent.PRI, false, 1), 0);
  for (let round = 0; round < 300; round++) assertEquals([poller.poll(Infinity), poller.readyTokens[0]], [1, 1]);
  assertEquals(poller.rewatch(handle, IoEvent.PRI, true, 2), 0);
  assertEquals([poller.poll(Infinity), poller.readyTokens[0], poller.poll(0)], [1, 2, 0]);
  assertEquals(poller.rewatch(handle, IoEvent.PRI, true, 3), 0);
  assertEquals([poller.poll(Infinity), poller.readyTokens[0], poller.poll(0)], [1, 3, 0]);
  kernel.close(handle);
});

Deno.test("A pressure file that is watched for something else tells of that alone", async () => {
  await using pipe = openPolledPipe();
  const { poller } = pipe;
  const handle = openUnconfigured();
  if (handle === undefined) return;
  assertEquals(poller.watch(handle, IoEvent.PRI, false, 1), 0);
  assertEquals(poller.rewatch(handle, IoEvent.IN, true, 2), 0);
  assertEquals([poller.poll(Infinity), poller.readyTokens[0], poller.readyEvents[0]], [1, 2, IoEvent.IN | IoEvent.ERR]);
  assertEquals(poller.poll(0), 0);
  assertEquals(poller.rewatch(handle, IoEvent.PRI, true, 3), 0);
  kernel.close(handle);
});

Deno.test({
  name: "PressureWatch.close() takes back what it asks for, so that others can ask",
  ignore: !isUsable(),
  fn() {
    const handle = openPressureFile()!;
    for (let round = 0; round < 300; round++) {
      const watch = PressureWatch.open(handle, true, 1);
      assert(typeof watch === "object", `${watch} in round ${round}`);
      watch.close();
    }
    kernel.close(handle);
  },
});

Deno.test("Kernel.pressurePaths() and openPressure() leave nothing open", () => {
  const before = openDescriptors();
  kernel.pressurePaths("cpu");
  for (const path of ["/", "/dev/fd/no-such", "/etc/passwd"]) assert(typeof kernel.openPressure(path, false) === "number", path);
  assertEquals(openDescriptors(), before);
});

Deno.test("Watching a pressure file leaves nothing open", async () => {
  const before = openDescriptors();
  {
    await using pipe = openPolledPipe();
    for (let round = 0; round < 300; round++) {
      const opened = kernel.openPressure(path, false);
      if (typeof opened === "number") break; // not every system has one
      assertEquals(pipe.poller.watch(opened.handle, IoEvent.PRI, round % 2 === 0, 1), 0);
      if (round % 3 === 0) assert(pipe.poller.poll(Infinity) > 0); // it does not know what to tell of, which is an error
      if (round % 5 !== 0) pipe.poller.unwatch(opened.handle);
      kernel.close(opened.handle);
    }
  }
  assertEquals(openDescriptors(), before);
});
