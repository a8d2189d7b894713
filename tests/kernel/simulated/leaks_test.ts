/**
 * The leak report, and what a simulation is told about its surroundings.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../event/errno.ts";
import { IoEvent } from "../../../event/flags.ts";
import { simulatedKernel } from "../../../event/kernel/simulated/mod.ts";
import { opened, openPoller } from "./_world.ts";

Deno.test("SimulatedKernel.leaks() is empty for a new kernel", () => {
  assertEquals(simulatedKernel().leaks(), []);
});

Deno.test("SimulatedKernel.leaks() names what is still there", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const { reader } = kernel.pipe();
  opened(kernel.openListener({ hostname: "::1", port: 80 }));
  opened(kernel.openStream({ path: opened(kernel.openListener({ path: "/x" })) > 0 ? "/x" : "" }));
  kernel.program("p", () => {});
  const streams = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const process = kernel.spawn({ command: "p", args: [], cwd: undefined, env: {}, clearEnv: false, processGroup: false, ...streams });
  assert(typeof process === "object");
  poller.watch(reader, IoEvent.IN, false, 1);
  poller.setWakeup(2, 2_000_000_000);
  poller.claimSignal(15);
  poller.start({ kind: "resolve", hostname: "localhost" }, 5);
  assertEquals(kernel.leaks(), [
    "poller, handle 3",
    "pipe reader, handle 4",
    "pipe writer, handle 5",
    "listener on [::1]:80, handle 6",
    "listener on /x, handle 7",
    "stream to /x, handle 8",
    `handle of process ${process.pid}, handle ${process.handle}`,
    "watch of pipe reader, handle 4, by poller 3",
    "wake-up at 2000000000 on the monotonic clock, by poller 3",
    "claim of SIGTERM, by poller 3",
    "operation with token 5, by poller 3",
    `process ${process.pid} 'p', running`,
  ]);
});

Deno.test("SimulatedKernel.pipe() refuses a capacity that cannot be", () => {
  const kernel = simulatedKernel();
  for (const capacityBytes of [0, -1, 1.5, NaN]) {
    const error = assertThrows(() => kernel.pipe({ capacityBytes }), SystemError);
    const message = `Cannot open a pipe of '${capacityBytes}' bytes: its capacity is a whole number from 1 on`;
    assertEquals([error.code, error.message], ["EINVAL", message]);
  }
  assertEquals(kernel.leaks(), []);
});

Deno.test("Handles count from 3 on, the lowest free one first", () => {
  const kernel = simulatedKernel();
  const { reader, writer } = kernel.pipe();
  const [one, other] = kernel.socketPair();
  assertEquals([reader, writer, one, other], [3, 4, 5, 6]);
  kernel.close(one);
  kernel.close(writer);
  assertEquals([opened(kernel.duplicate(reader)), opened(kernel.duplicate(reader)), opened(kernel.duplicate(reader))], [4, 5, 7]);
});

Deno.test("A handle that is closed while it is watched is not reported any more", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const { writer } = kernel.pipe();
  poller.watch(writer, IoEvent.OUT, false, 1);
  kernel.close(writer);
  assertEquals(poller.poll(0), 0);
  kernel.close(4);
  poller.close();
  assertEquals(kernel.leaks(), []);
});

Deno.test("A simulation has the environment, the boot and the names it was given", () => {
  const bootId = Uint8Array.from({ length: 16 }, (_, index) => index);
  const kernel = simulatedKernel({ seed: 9, environment: { NOTIFY_SOCKET: "@x" }, bootId });
  assertEquals([kernel.seed, kernel.environment("NOTIFY_SOCKET"), kernel.environment("toString")], [9, "@x", undefined]);
  assertEquals(kernel.bootId(), bootId);
  assertEquals(simulatedKernel().bootId(), undefined);
});

Deno.test("SimulatedKernel.hostname() gives a name addresses, and takes it away", () => {
  const kernel = simulatedKernel();
  const poller = openPoller(kernel);
  const resolve = (hostname: string) => {
    poller.start({ kind: "resolve", hostname }, 1);
    poller.poll(0);
    return poller.takeCompletion(1);
  };
  kernel.hostname("db.example", ["10.0.0.1", "10.0.0.2"]);
  assertEquals(resolve("DB.example"), ["10.0.0.1", "10.0.0.2"]);
  kernel.hostname("db.example", []);
  assertEquals(resolve("db.example"), -2);
  poller.close();
});
