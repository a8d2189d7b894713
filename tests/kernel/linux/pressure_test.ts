import { assert, assertEquals } from "@std/assert";
import { IoEvent } from "../../../event/flags.ts";
import { linuxKernel } from "../../../event/kernel/linux/mod.ts";
import { openDescriptors } from "./descriptors.ts";
import { nextWake, openPolledPipe } from "./pollers.ts";

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
    await nextWake(poller);
    assertEquals([poller.poll(0), poller.readyTokens[0], poller.readyEvents[0]], [1, 1, IoEvent.PRI]);
    assertEquals(poller.poll(0), 0);
    assertEquals(poller.unwatch(handle), 0);
    kernel.close(handle);
  },
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
