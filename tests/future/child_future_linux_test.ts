/**
 * Futures of real processes.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { cancelWait, ChildEvent, type ChildFuture, childFuture, EventLoop, IoEvent, msec, run, sec } from "@sd/fibers";
import { codeOf } from "../_simulation.ts";
import { startCommand, type StartedProcess } from "./_programs.ts";

const SIGKILL = 9;
const SIGTERM = 15;

/** A process that ignores SIGTERM, once it says so. */
function startStubborn(loop: EventLoop): StartedProcess {
  const process = startCommand(loop.kernel, "/bin/sh", ["-c", "trap '' TERM; echo ready; exec sleep 1000"], "piped");
  const source = loop.addIo(process.stdout, IoEvent.IN, () => {}, { enabled: "oneshot" });
  loop.runSync();
  assertEquals(source.enabled, "off");
  source[Symbol.dispose]();
  return process;
}

function owning(loop: EventLoop, process: StartedProcess): ChildFuture {
  const future = childFuture(loop, process.pid);
  future.ownsProcess = true;
  return future;
}

Deno.test("childFuture() tells the exit of a real process, and reaps it (Linux)", async () => {
  await using loop = new EventLoop();
  using process = startCommand(loop.kernel, "/bin/sh", ["-c", "exit 42"]);
  const info = await run(() => childFuture(loop, process.pid), { loop });
  assertEquals([info.pid, info.code, info.status], [process.pid, "exited", 42]);
  assertEquals(process.isThere, false);
});

Deno.test("childFuture() tells that a real process stopped and went on (Linux)", async () => {
  await using loop = new EventLoop();
  using process = startCommand(loop.kernel, "/bin/sleep", ["1000"]);
  const codes = await run(function* () {
    const stopped = childFuture(loop, process.pid, ChildEvent.STOPPED);
    loop.kernel.signalProcess(process.pidfd, 19, undefined);
    const first = (yield* stopped).code;
    const continued = childFuture(loop, process.pid, ChildEvent.CONTINUED);
    loop.kernel.signalProcess(process.pidfd, 18, undefined);
    return [first, (yield* continued).code];
  }, { loop });
  assertEquals(codes, ["stopped", "continued"]);
});

Deno.test("A real process that is owned dies of SIGTERM when its future is cancelled (Linux)", async () => {
  await using loop = new EventLoop();
  using process = startCommand(loop.kernel, "/bin/sleep", ["1000"]);
  const future = owning(loop, process);
  await run(() => cancelWait(future), { loop });
  assertEquals([future.info().code, future.info().status, codeOf(() => future.result())], ["killed", SIGTERM, "ECANCELED"]);
  assertEquals(process.isThere, false);
});

Deno.test("A real process that ignores SIGTERM dies of SIGKILL after the grace (Linux)", async () => {
  await using loop = new EventLoop();
  using process = startStubborn(loop);
  const future = owning(loop, process);
  future.killTimeout = msec(20);
  await run(() => cancelWait(future), { loop });
  assertEquals([future.info().code, future.info().status], ["killed", SIGKILL]);
});

Deno.test("A real process that ignores SIGTERM dies of SIGKILL at the second cancel (Linux)", async () => {
  await using loop = new EventLoop();
  using process = startStubborn(loop);
  const future = owning(loop, process);
  future.killTimeout = sec(1000);
  future.cancel();
  assertEquals([future.state, process.isThere], ["pending", true]);
  await run(() => cancelWait(future), { loop });
  assertEquals([future.info().code, future.info().status], ["killed", SIGKILL]);
});

Deno.test("A real process that is not owned survives the cancel of its future (Linux)", async () => {
  await using loop = new EventLoop();
  using process = startCommand(loop.kernel, "/bin/sleep", ["1000"]);
  const future = childFuture(loop, process.pid);
  await run(() => cancelWait(future), { loop });
  assert(process.isThere);
});
