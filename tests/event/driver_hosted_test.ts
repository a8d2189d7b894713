/**
 * A loop that lives in the host does what one does that blocks, asks for no turns that it does not need, and leaves nothing under way.
 *
 * @module
 */

import { ChildEvent, EventLoop, IoEvent, msec, type SimulatedKernel } from "@sd/fibers";
import { assert, assertEquals, assertGreater, assertNotEquals } from "@std/assert";
import { coreOf } from "../../event/event_loop.ts";
import { Random } from "../../event/kernel/simulated/random.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

const faults = { EINTR: 0.1, EAGAIN: 0.1, "short-read": 0.3 };

/** A world in which much happens for a tenth of a second, and the loop that is told of it; `trace` is what it was told. */
function makeWorld(seed: number, options: { faulty: boolean }): { loop: EventLoop; trace: string[]; end(): void } {
  const kernel = virtualKernel({ seed, faults: options.faulty ? faults : {} });
  const random = new Random(seed);
  const errors: unknown[] = [];
  const loop = new EventLoop({ kernel, polling: seed % 2 === 0 ? "batch" : "every", onError: (error) => errors.push(error) });
  const trace: string[] = [];
  const note = (text: string) => trace.push(`${kernel.now(2)} in ${loop.iteration}: ${text}`);
  const pipes = [1, 2, 3].map((number) => addReader(loop, kernel, random, (text) => note(`pipe ${number} ${text}`)));
  for (let i = 0; i < 5; i++) {
    loop.addTimeRelative("boottime", random.upTo(1_000), (usec, source) => {
      note(`timer ${i} of ${usec}`);
      source.setRelative(random.upTo(20_000));
    }, { enabled: "on", accuracy: random.upTo(500), priority: random.upTo(3) });
  }
  for (let value = 0; value < 20; value++) kernel.after(random.upTo(100_000), () => kernel.raise("SIGRTMIN+1", { value }));
  loop.addSignal("SIGRTMIN+1", ({ value }) => note(`signal ${value}`), { priority: random.upTo(3) });
  const busy = loop.addDefer(() => {
    note("busy");
    kernel.advance(random.upTo(300));
    if (random.upTo(30) === 1) busy.enabled = "off";
  }, { enabled: "on", priority: 9 });
  loop.addTimeRelative("monotonic", msec(50), () => busy.enabled = "on", { accuracy: 1 });
  const { pid, handle } = spawnOne(kernel);
  loop.addChild(pid, ChildEvent.EXITED | ChildEvent.STOPPED, ({ code }) => note(`child ${code}`), { enabled: "on" });
  loop.addTimeRelative("monotonic", msec(100), () => loop.exit(seed), { accuracy: 1, priority: -9 });
  return {
    loop,
    trace,
    end() {
      loop[Symbol.dispose]();
      for (const each of [handle, ...pipes.flat()]) kernel.close(each);
      assertEquals([errors, kernel.leaks()], [[], []]);
    },
  };
}

/** A pipe to which something is written now and then, and a source for it. */
function addReader(loop: EventLoop, kernel: SimulatedKernel, random: Random, note: (text: string) => void): number[] {
  const { reader, writer } = kernel.pipe();
  for (let i = 0; i < 20; i++) {
    const bytes = new Uint8Array(random.upTo(50));
    kernel.after(random.upTo(90_000), () => kernel.tryWrite(writer, bytes));
  }
  const buffer = new Uint8Array(40);
  loop.addIo(reader, IoEvent.IN, (revents) => note(`has ${revents}: ${kernel.tryRead(reader, buffer)}`), { priority: random.upTo(3) });
  return [reader, writer];
}

/** A child that stops, goes on and ends. */
function spawnOne(kernel: SimulatedKernel): { pid: number; handle: number } {
  let handle = -1;
  kernel.program("program", (process) => {
    kernel.after(20_000, () => process.stop());
    kernel.after(30_000, () => kernel.signalProcess(handle, 18, undefined));
    kernel.after(40_000, () => process.exit(0));
  });
  const nothing = "null" as const;
  const streams = { stdin: nothing, stdout: nothing, stderr: nothing };
  const spawned = kernel.spawn({ command: "program", args: [], cwd: undefined, env: {}, clearEnv: false, processGroup: false, ...streams });
  assert(typeof spawned === "object");
  handle = spawned.handle;
  return spawned;
}

/** Drives it to its end: what it was told. */
async function traceOf(flavour: "loop" | "loopSync", seed: number, options: { faulty: boolean }): Promise<string[]> {
  const { loop, trace, end } = makeWorld(seed, options);
  assertEquals(await loop[flavour](), seed);
  end();
  assertGreater(trace.length, 100);
  return trace;
}

Deno.test("A loop in the host is told the same, at the same virtual times, as one that blocks", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    assertEquals(await traceOf("loop", seed, { faulty: false }), await traceOf("loopSync", seed, { faulty: false }), `Seed ${seed}`);
  }
});

Deno.test("In the host too one seed is one run to the letter, with all its faults, and another seed another run", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const trace = await traceOf("loop", seed, { faulty: true });
    assertEquals(await traceOf("loop", seed, { faulty: true }), trace, `Seed ${seed}`);
    assertNotEquals(await traceOf("loop", seed + 1, { faulty: true }), trace);
  }
});

Deno.test("The host gets its turns while a loop is busy for which no time passes", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  let dispatches = 0;
  loop.addDefer(() => void (++dispatches === 100_000 && loop.exit()), { enabled: "on" });
  await loop.loop();
  assertGreater(kernel.turns.tasks + kernel.turns.io, 10);
  loop[Symbol.dispose]();
});

Deno.test("A loop that parks again and again asks for no turns: the host has them while it is parked", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  let fired = 0;
  loop.addTimeRelative("monotonic", 0, (_, source) => {
    source.setRelative(msec(20));
    if (++fired === 1_000) loop.exit();
  }, { enabled: "on", accuracy: 1 });
  await loop.loop();
  assertEquals(kernel.turns, { tasks: 0, io: 0 });
  loop[Symbol.dispose]();
});

/** What ends a drive whose kernel call is under way. */
const endings: Record<string, (loop: EventLoop) => Promise<unknown>> = {
  "an exit from outside": (loop) => ended(loop, loop.loop(), () => loop.exit()),
  "a source from outside": (loop) => ended(loop, loop.run(), () => void loop.addDefer(() => {})),
  "a timeout": (loop) => loop.run(msec(5)),
  "a wait that was given up": (loop) => {
    loop.prepare();
    return ended(loop, loop.wait(), () => void loop.addTime("monotonic", Infinity));
  },
};

/** Lets the loop park, then ends that. */
async function ended(loop: EventLoop, driven: Promise<unknown>, end: () => void): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await loop.kernel.turn("tasks");
  assert(coreOf(loop).poller.parked);
  end();
  await driven;
}

for (const [name, drive] of Object.entries(endings)) {
  Deno.test(`Nothing is under way in the kernel when a drive has ended by ${name}`, async () => {
    const kernel = virtualKernel();
    const loop = new EventLoop({ kernel });
    const { poller } = coreOf(loop);
    loop.addTime("monotonic", Infinity);
    const told: boolean[] = [];
    coreOf(loop).driver.released.push(() => told.push(loop.driven));
    await drive(loop);
    assertEquals([poller.parked, poller.onWake, loop.driven], [false, undefined, false]);
    if (loop.state !== "finished") await loop.run(0);
    assertEquals(told, [false], "Who waits for the end of a drive is told once, when another one may begin");
    loop[Symbol.dispose]();
    assertEquals(kernel.leaks(), []);
  });
}
