/**
 * Faults: the seed decides them, and no program that keeps to the contract loses anything by them.
 *
 * @module
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Errno } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import type { Handle } from "../../../event/kernel/kernel.ts";
import { type SimulatedKernel, simulatedKernel, type SimulationOptions } from "../../../event/kernel/simulated/mod.ts";
import { opened, openPoller, read, write } from "./_world.ts";

const { IN, OUT, ET } = IoEvent;

Deno.test("Without faults none happens", () => {
  const log = transfer(simulatedKernel({ seed: 1 }), ({ reader, writer }) => [writer, reader], 0);
  assert(log.every((result) => result >= 0 || result === -Errno.EAGAIN));
});

Deno.test("Faults of EAGAIN come after readiness, which comes again", () => {
  const kernel = simulatedKernel({ faults: { EAGAIN: 1 } });
  const poller = openPoller(kernel);
  const { reader, writer } = kernel.pipe();
  poller.watch(writer, OUT | ET, false, 1);
  for (let round = 0; round < 3; round++) {
    assertEquals(poller.poll(0), 1);
    assertEquals(write(kernel, writer, "x"), -Errno.EAGAIN);
  }
  assertEquals(read(kernel, reader), "EAGAIN");
  poller.close();
});

Deno.test("Faults of EAGAIN come to listeners too, and the connection waits", () => {
  const kernel = simulatedKernel({ seed: 1, faults: { EAGAIN: 0.9 } });
  const poller = openPoller(kernel);
  const listener = opened(kernel.openListener({ path: "/run/x" }));
  poller.watch(listener, IN | ET, false, 1);
  opened(kernel.openStream({ path: "/run/x" }));
  let result = -Errno.EAGAIN;
  let tries = 0;
  for (; result === -Errno.EAGAIN; tries++) {
    assertEquals(poller.poll(0), 1);
    result = kernel.tryAccept(listener);
  }
  opened(result);
  assert(tries > 1);
  poller.close();
});

Deno.test("Faults of EINTR interrupt a poll that would wait, and no other", () => {
  const kernel = simulatedKernel({ faults: { EINTR: 1 } });
  const poller = openPoller(kernel);
  const before = kernel.now(2);
  assertEquals(poller.poll(10), -Errno.EINTR);
  assertEquals(kernel.now(2), before);
  assertEquals(poller.poll(0), 0);
  poller.setWakeup(2, 0);
  assertEquals(poller.poll(10), 0);
  assertEquals(poller.clocksFired, 1 << 2);
  poller.close();
});

Deno.test("Faults of ENOSPC refuse a watch, and leave nothing", () => {
  const kernel = simulatedKernel({ faults: { ENOSPC: 1 } });
  const poller = openPoller(kernel);
  const { writer } = kernel.pipe();
  assertEquals(poller.watch(writer, OUT, false, 1), -Errno.ENOSPC);
  assertEquals(poller.poll(0), 0);
  assertEquals(poller.unwatch(writer), -Errno.ENOENT);
  poller.close();
});

Deno.test("Faults of ECONNRESET break a stream for both ends", () => {
  const kernel = simulatedKernel({ faults: { ECONNRESET: 1 } });
  const [one, other] = kernel.socketPair();
  assertEquals(write(kernel, one, "x"), -Errno.EPIPE);
  assertEquals([read(kernel, one), read(kernel, one)], ["ECONNRESET", ""]);
  assertEquals([read(kernel, other), read(kernel, other)], ["ECONNRESET", ""]);
  opened(kernel.openListener({ port: 80 }));
  const client = opened(kernel.openStream({ port: 80 }));
  kernel.advance(0);
  assertEquals([1, 2].map(() => write(kernel, client, "x")), [-Errno.ECONNRESET, -Errno.EPIPE]);
  const { reader, writer } = kernel.pipe();
  assertEquals(write(kernel, writer, "pipes do not break"), 18);
  assertEquals(read(kernel, reader), "pipes do not break");
});

Deno.test("Faults leave a short write to a pipe whole", () => {
  const kernel = simulatedKernel({ faults: { "short-write": 1 } });
  const { writer } = kernel.pipe();
  assertEquals(kernel.tryWrite(writer, new Uint8Array(4_096)), 4_096);
  const count = kernel.tryWrite(writer, new Uint8Array(5_000));
  assert(count > 0 && count < 5_000);
});

Deno.test("Faults leave a call alone that moves nothing, or finds nothing ready", () => {
  const kernel = simulatedKernel({ faults: { EAGAIN: 1, ECONNRESET: 1 } });
  const [one, other] = kernel.socketPair();
  assertEquals([write(kernel, one, ""), read(kernel, other, 0), read(kernel, other)], [0, "", "EAGAIN"]);
  assertEquals([kernel.socketError(one), kernel.socketError(other)], [0, 0]);
});

Deno.test("Faults leave the other side's handles alone", () => {
  const kernel = simulatedKernel({ faults: { EAGAIN: 1, "short-read": 1 } });
  kernel.program("hello", (process) => {
    assertEquals(write(kernel, process.stdout, "hello"), 5);
    process.exit(0);
  });
  const streams = { stdin: "null", stdout: "piped", stderr: "null" } as const;
  const process = kernel.spawn({ command: "hello", args: [], cwd: undefined, env: {}, clearEnv: false, processGroup: false, ...streams });
  assert(typeof process === "object");
  assertEquals(kernel.reapKilledProcess(process.handle), 0);
});

const everything: SimulationOptions["faults"] = { EAGAIN: 0.3, EINTR: 0.3, "short-read": 0.5, "short-write": 0.5 };

Deno.test("One seed gives one run, another one gives another", () => {
  const run = (seed: number) => transfer(simulatedKernel({ seed, faults: everything }), socketEnds, ET);
  assertEquals(run(7), run(7));
  assertNotEquals(run(7), run(8));
});

for (const [trigger, edge] of [["level", 0], ["edge", ET]] as const) {
  Deno.test(`Faults lose no bytes and no readiness by ${trigger}`, () => {
    for (let seed = 0; seed < 100; seed++) {
      const options = { seed, faults: everything };
      transfer(simulatedKernel(options), socketEnds, edge);
      transfer(simulatedKernel(options), ({ reader, writer }) => [writer, reader], edge);
    }
  });
}

function socketEnds(_pipe: unknown, kernel: SimulatedKernel): [writer: Handle, reader: Handle] {
  return kernel.socketPair();
}

type Ends = (pipe: { reader: Handle; writer: Handle }, kernel: SimulatedKernel) => [writer: Handle, reader: Handle];

/** Sends bytes from one end to the other, waiting for readiness as a program would; checks them, and answers with all results. */
function transfer(kernel: SimulatedKernel, chooseEnds: Ends, edge: number): number[] {
  const poller = openPoller(kernel);
  const [writer, reader] = chooseEnds(kernel.pipe({ capacityBytes: 1_000 }), kernel);
  const log: number[] = [];
  const note = (result: number) => {
    log.push(result);
    return result;
  };
  const data = Uint8Array.from({ length: 5_000 }, (_, index) => index % 251);
  const received: number[] = [];
  const buffer = new Uint8Array(700);
  let sent = 0;
  assertEquals(poller.watch(writer, OUT | edge, false, 1), 0);
  assertEquals(poller.watch(reader, IN | edge, false, 2), 0);
  while (received.length < data.length) {
    const count = note(poller.poll(sent < data.length ? Infinity : 0));
    assert(count !== -Errno.EDEADLK, "An edge was lost");
    assert(log.length < 100_000, "It goes on forever");
    for (let index = 0; index < count; index++) {
      if (poller.readyTokens[index] === 2) {
        for (let read = 0; (read = note(kernel.tryRead(reader, buffer))) > 0;) received.push(...buffer.subarray(0, read));
      } else {
        for (let wrote = 0; sent < data.length && (wrote = note(kernel.tryWrite(writer, data.subarray(sent, sent + 1_500)))) > 0;) {
          sent += wrote;
        }
      }
    }
  }
  assertEquals(received.join(), data.join());
  poller.close();
  return log;
}
