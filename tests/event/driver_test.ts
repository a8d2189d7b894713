/**
 * Driving a loop while the host stays alive.
 *
 * @module
 */

import { type Clock, EventLoop, IoEvent, type Kernel, linuxKernel, msec, portableKernel, promiseFuture, sec } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { coreOf } from "../../event/event_loop.ts";
import { Steps } from "../_steps.ts";
import { rejectionOf } from "./_trial.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** A loop that is driven, on one of the kernels. */
interface World {
  readonly kernel: Kernel;
  readonly loop: EventLoop;
  readonly steps: Steps;
  readonly reader: number;
  readonly writer: number;
  /** Sends this process SIGUSR1. */
  raise(): void;
}

/** Registers a test that is run on all kernels. */
function hostedTest(name: string, body: (world: World) => Promise<void>): void {
  Deno.test(`${name} (simulated)`, async () => {
    const kernel = virtualKernel();
    await tryOut(kernel, () => kernel.raise("SIGUSR1"), body);
    assertEquals(kernel.leaks(), []);
  });
  for (const kernel of [linuxKernel(), portableKernel()]) {
    Deno.test(`${name} (${kernel.name})`, () => tryOut(kernel, () => Deno.kill(Deno.pid, "SIGUSR1"), body));
  }
}

async function tryOut(kernel: Kernel, raise: () => void, body: (world: World) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  const loop = new EventLoop({ kernel, onError: (error) => errors.push(error) });
  const pipe = kernel.openPipe();
  assert(typeof pipe === "object");
  const [reader, writer] = pipe;
  try {
    await body({ kernel, loop, steps: new Steps(), reader, writer, raise });
  } catch (error) {
    throw errors[0] ?? error;
  }
  loop[Symbol.dispose]();
  for (const handle of pipe) kernel.close(handle);
  assertEquals(errors, []);
}

/** Lets the loop park: by then it has nothing to do, and some turns of the host have passed. */
async function untilParked({ kernel, loop }: World): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await kernel.turn("tasks");
  assertEquals([loop.state, loop.driven], ["armed", true]);
}

const byte = new Uint8Array(1);

/** What host code or the world can do that ends a park. Each leads to step 2. */
const wakers: Record<string, (world: World) => () => unknown> = {
  "a byte in a pipe": ({ loop, steps, reader, writer, kernel }) => {
    loop.addIo(reader, IoEvent.IN, () => {
      steps.expect(2);
      loop.exit();
    });
    return () => kernel.tryWrite(writer, byte);
  },
  "a signal": ({ loop, steps, raise }) => {
    loop.addSignal("SIGUSR1", () => {
      steps.expect(2);
      loop.exit();
    });
    return raise;
  },
  "a source that is added": ({ loop, steps }) => () => {
    loop.addDefer(() => {
      steps.expect(2);
      loop.exit();
    });
  },
  "a timer that is moved": ({ loop, steps }) => {
    const source = loop.addTime("monotonic", Infinity, () => {
      steps.expect(2);
      loop.exit();
    }, { accuracy: 1 });
    return () => source.setRelative(0);
  },
  "a timer that is enabled": ({ loop, steps }) => {
    const source = loop.addTime("monotonic", 0, () => {
      steps.expect(2);
      loop.exit();
    }, { enabled: "off" });
    return () => source.enabled = "oneshot";
  },
  "a source that is enabled": ({ loop, steps }) => {
    const source = loop.addDefer(() => {
      steps.expect(2);
      loop.exit();
    }, { enabled: "off" });
    return () => source.enabled = "oneshot";
  },
  "an exit that is asked for": ({ loop, steps }) => {
    loop.addExit(() => steps.expect(2));
    return () => loop.exit();
  },
  "exitOnIdle": ({ loop, steps }) => {
    loop.addExit(() => steps.expect(2));
    return () => loop.exitOnIdle = true;
  },
  "the disposal of the last source, with exitOnIdle": ({ loop, steps, reader }) => {
    loop.exitOnIdle = true;
    const source = loop.addIo(reader, IoEvent.IN);
    loop.addExit(() => steps.expect(2));
    return () => source[Symbol.dispose]();
  },
  "a promise that settles": ({ loop, steps }) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    promiseFuture(loop, promise).addCallback(() => {
      steps.expect(2);
      loop.exit();
    });
    return resolve;
  },
  "a source whose descriptor is exchanged": ({ loop, steps, reader, writer }) => {
    const source = loop.addIo(reader, IoEvent.OUT, () => {
      steps.expect(2);
      loop.exit();
    });
    return () => source.fd = writer;
  },
  "a prepare callback that is set": ({ loop, steps }) => {
    const source = loop.addTime("monotonic", Infinity);
    return () =>
      source.prepare = () => {
        steps.expect(2);
        loop.exit();
      };
  },
  "a suspension that is ended": ({ loop, steps }) => {
    let runs = 0;
    const source = loop.addDefer(() => {
      if (++runs === 2) {
        steps.expect(2);
        loop.exit();
      }
    }, { enabled: "on", rateLimit: { interval: Infinity, burst: 1 } });
    return () => assertEquals(source.leaveRateLimit(), true);
  },
};

for (const [name, prepare] of Object.entries(wakers)) {
  hostedTest(`A parked loop is woken by ${name}`, async (world) => {
    const { loop, steps } = world;
    const change = prepare(world);
    const driven = loop.loop();
    await untilParked(world);
    steps.expect(1);
    change();
    assertEquals(await driven, 0);
    steps.finish(3);
  });
}

hostedTest("A parked loop waits for the time of a timer whose suspension is ended", async (world) => {
  const { loop, steps } = world;
  const run = [1, 3];
  const source = loop.addTime("monotonic", 0, () => {
    steps.expect(run.shift()!);
    if (run.length === 0) loop.exit();
  }, { enabled: "on", accuracy: 1, rateLimit: { interval: Infinity, burst: 1 } });
  const driven = loop.loop();
  await untilParked(world);
  // It has nothing to deliver any more, and nothing else would make the loop look.
  source.setRelative(msec(1));
  await untilParked(world);
  steps.expect(2);
  assertEquals(source.leaveRateLimit(), true);
  assertEquals(await driven, 0);
  steps.finish(4);
});

hostedTest("A change from outside ends a wait: with true if it can be dispatched, else with false", async (world) => {
  const { loop, steps } = world;
  const change = async (action: () => void) => {
    loop.prepare();
    const waiting = loop.wait();
    await untilParked(world);
    action();
    const answer = await waiting;
    assertEquals([loop.state, loop.driven], [answer ? "pending" : "initial", false]);
    return answer;
  };
  const source = loop.addTime("monotonic", Infinity, () => steps.expect(2));
  assertEquals(await change(() => source.setRelative(sec(3_600))), false);
  assertEquals(await change(() => loop.addDefer(() => steps.expect(1))), true);
  loop.dispatch();
  assertEquals(await change(() => source.usec = 0), true);
  loop.dispatch();
  steps.finish(3);
});

hostedTest("A parked loop can be woken many times", async (world) => {
  const { loop, steps, reader, writer, kernel } = world;
  const buffer = new Uint8Array(10);
  let bytes = 0;
  const source = loop.addIo(reader, IoEvent.IN, () => {
    bytes += kernel.tryRead(reader, buffer);
    if (bytes === 50) loop.exit(bytes);
  });
  const driven = loop.loop();
  for (let i = 0; i < 50; i++) {
    await untilParked(world);
    if (i % 2 === 0) source.priority = i;
    kernel.tryWrite(writer, byte);
    for (let turns = 0; bytes <= i; turns++) {
      assert(turns < 1_000_000, "The loop is deaf");
      await kernel.turn("io");
    }
  }
  assertEquals(await driven, 50);
  steps.finish(1);
});

hostedTest("A timed run leaves no limit to the parks after it", async (world) => {
  const { loop, kernel } = world;
  loop.addTime("monotonic", Infinity);
  assertEquals(await loop.run(100), false);
  const driven = loop.loop();
  await untilParked(world);
  const { iteration } = loop;
  for (let turns = 0; turns < 10; turns++) await kernel.turn("io");
  assertEquals(loop.iteration, iteration);
  loop.exit();
  await driven;
});

hostedTest("Only the loop that is concerned wakes", async (world) => {
  const { loop, kernel, reader, writer, steps } = world;
  const other = new EventLoop({ kernel });
  other.addTime("monotonic", Infinity);
  loop.addIo(reader, IoEvent.IN, () => {
    steps.expect(1);
    loop.exit();
  });
  const [first, second] = [loop.loop(), other.loop()];
  await untilParked(world);
  kernel.tryWrite(writer, byte);
  assertEquals(await first, 0);
  const { iteration } = other;
  await kernel.turn("io");
  assertEquals([other.iteration, other.state, other.driven], [iteration, "armed", true]);
  other.exit(1);
  assertEquals(await second, 1);
  other[Symbol.dispose]();
  steps.finish(2);
});

hostedTest("A second driver is refused, and the first one goes on", async (world) => {
  const { loop, reader } = world;
  loop.addIo(reader, IoEvent.IN);
  const driven = loop.loop();
  await untilParked(world);
  assertEquals(await rejectionOf(loop.loop()), "EBUSY");
  assertEquals(await rejectionOf(loop.run()), "EBUSY");
  assertEquals(await rejectionOf(loop.wait()), "EBUSY");
  assertEquals(loop.state, "armed");
  loop.exit(6);
  assertEquals(await driven, 6);
});

hostedTest("A loop can be driven by turns: by promises, by hand and blocking", async ({ loop, steps }) => {
  let step = 0;
  const source = loop.addDefer(() => steps.expect(++step), { enabled: "on" });
  for (let i = 0; i < 5; i++) {
    assertEquals(await loop.run(), true);
    assertEquals(loop.runSync(), true);
    assertEquals(loop.prepare(), true);
    assertEquals(loop.dispatch(), true);
  }
  source.enabled = "off";
  assertEquals(await loop.run(0), false);
  assertEquals(await loop.run(1), false);
  assertEquals(loop.runSync(0), false);
  steps.finish(16);
});

hostedTest("Host code that runs while the loop is parked sees the present", async (world) => {
  const { loop, kernel, reader } = world;
  loop.addIo(reader, IoEvent.IN);
  const clocks: Clock[] = ["monotonic", "realtime", "boottime"];
  await loop.run(0);
  const driven = loop.loop();
  await untilParked(world);
  const first = clocks.map((clock) => loop.now(clock));
  if ("advance" in kernel) (kernel as ReturnType<typeof virtualKernel>).advance(5_000);
  const goesOn = (clock: Clock, index: number) => loop.now(clock) > first[index];
  // The real clocks need not have gone on by a whole microsecond.
  for (let looks = 0; !clocks.every(goesOn); looks++) assert(looks < 1_000_000, "Time stands still");
  loop.exit();
  await driven;
});

Deno.test("A timer that is added after a long park counts from then", async () => {
  const kernel = virtualKernel({ autoAdvance: false });
  const loop = new EventLoop({ kernel });
  loop.addTime("monotonic", Infinity);
  const driven = loop.loop();
  for (let turns = 0; turns < 5; turns++) await kernel.turn("tasks");
  loop.now();
  kernel.advance(sec(3_600));
  const source = loop.addTimeRelative("monotonic", msec(5), () => loop.exit(), { accuracy: 1 });
  assertEquals(source.usec, kernel.now(2) + 5_000);
  for (let turns = 0; turns < 5; turns++) await kernel.turn("tasks");
  assertEquals(loop.exitCode, undefined);
  kernel.advance(msec(5));
  assertEquals(await driven, 0);
  loop[Symbol.dispose]();
});

Deno.test("Virtual time does not pass while a future waits for a promise of the host", async () => {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel });
  const { promise, resolve } = Promise.withResolvers<void>();
  loop.addTimeRelative("monotonic", msec(5), () => loop.exit(2), { accuracy: 1 });
  const before = kernel.now(2);
  promiseFuture(loop, promise).addCallback(() => assertEquals(kernel.now(2), before));
  const driven = loop.loop();
  for (let turns = 0; turns < 20; turns++) await kernel.turn("tasks");
  assertEquals(kernel.now(2), before);
  resolve();
  assertEquals(await driven, 2);
  assertEquals(kernel.now(2), before + 5_000);
  loop[Symbol.dispose]();
});

hostedTest("A driver that fails leaves the loop to the next one", async ({ loop, kernel, reader, writer }) => {
  loop.addIo(reader, IoEvent.IN, () => loop.exit(1));
  kernel.tryWrite(writer, byte);
  const { poller } = coreOf(loop);
  const { poll } = poller;
  poller.poll = () => -5;
  assertEquals(await rejectionOf(loop.loop()), "EIO");
  assertEquals([loop.state, loop.driven], ["initial", false]);
  poller.poll = poll;
  assertEquals(await loop.loop(), 1);
});
