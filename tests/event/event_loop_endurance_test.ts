/**
 * Very many sources: one after the other, of which nothing stays, and at once.
 *
 * @module
 */

import { EventLoop, IoEvent, type Kernel, linuxKernel } from "@sd/fibers";
import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { Random } from "../../event/kernel/simulated/random.ts";
import { freshPlace, makeFifo } from "./_program.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** What `fixtures/endurance.ts` prints. */
interface Report {
  readonly report: readonly { name: string; grownBytes: number; before: string[]; after: string[] }[];
  readonly hasChildren: boolean;
}

async function endure(kernel: "linux" | "simulated"): Promise<Report> {
  using place = freshPlace();
  makeFifo(place.path);
  const program = new URL("fixtures/endurance.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--allow-all", "--v8-flags=--expose-gc", program, kernel],
    env: { MEMORY_PRESSURE_WATCH: kernel === "linux" ? place.path : "" },
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return JSON.parse(new TextDecoder().decode(stdout));
}

for (const [kernel, types] of [["linux", 13], ["simulated", 6]] as const) {
  Deno.test(`Nothing stays of very many sources of each type (${kernel})`, async () => {
    const { report, hasChildren } = await endure(kernel);
    assertEquals([report.length, hasChildren], [types, false]);
    for (const { name, grownBytes, before, after } of report) {
      assertEquals(after, before, name);
      // Three bytes for each of a hundred thousand, fifteen for each of those that are dear: no object is as small as that.
      assertLess(grownBytes, 300_000, name);
    }
  });
}

/** Two kernels, and how to tell their tests apart. */
const kernels: readonly [name: string, open: () => Kernel][] = [["simulated", virtualKernel], ["linux", linuxKernel]];

/** The numbers from 0 on, mixed. */
function shuffled(count: number): number[] {
  const random = new Random(1);
  const numbers = Array.from({ length: count }, (_, index) => index);
  for (let i = count - 1; i > 0; i--) {
    const other = random.upTo(i + 1) - 1;
    [numbers[i], numbers[other]] = [numbers[other], numbers[i]];
  }
  return numbers;
}

for (const [name, open] of kernels) {
  Deno.test(`Ten thousand io sources that are ready at once are served once each, the most important first (${name})`, () => {
    const kernel = open();
    const loop = new EventLoop({ kernel });
    const [reader, writer] = kernel.openPipe() as [number, number];
    const served: number[] = [];
    for (const priority of shuffled(10_000)) {
      const fd = kernel.duplicate(reader);
      assertGreaterOrEqual(fd, 0, "The limit of open files is too low");
      loop.addIo(fd, IoEvent.IN, () => served.push(priority), { priority, enabled: "oneshot", ownsFd: true });
    }
    assertEquals(loop.runSync(0), false);
    kernel.tryWrite(writer, new Uint8Array(1));
    while (loop.runSync(0));
    assertEquals(served, Array.from({ length: 10_000 }, (_, index) => index));
    loop[Symbol.dispose]();
    for (const handle of [reader, writer]) kernel.close(handle);
  });

  Deno.test(`A hundred thousand timers fire in the order of their times (${name})`, () => {
    const kernel = open();
    const loop = new EventLoop({ kernel });
    const begin = kernel.now(2);
    const fired: number[] = [];
    for (const number of shuffled(100_000)) {
      loop.addTime("monotonic", begin + number, (usec) => {
        fired.push(usec - begin);
        assert(kernel.now(2) >= usec);
      }, { accuracy: 1 });
    }
    while (fired.length < 100_000) loop.runSync();
    assertEquals(fired, Array.from({ length: 100_000 }, (_, index) => index));
    assertEquals(loop.runSync(0), false);
    loop[Symbol.dispose]();
  });
}

Deno.test("A hundred thousand timers that are due at once fire by priority, then in the order of their times", () => {
  const loop = new EventLoop({ kernel: virtualKernel() });
  const fired: [priority: number, usec: number][] = [];
  for (const number of shuffled(100_000)) {
    const priority = number % 7;
    loop.addTime("boottime", number, (usec) => fired.push([priority, usec]), { priority });
  }
  while (loop.runSync(0));
  const sorted = [...fired].sort(([p, t], [q, u]) => p - q || t - u);
  assertEquals(fired.length, 100_000);
  assert(fired.every(([priority, usec], index) => priority === sorted[index][0] && usec === sorted[index][1]));
  loop[Symbol.dispose]();
});
