/**
 * Loops on a host that is slow, fails or keeps silent: nothing of that may wedge them.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  all,
  connect,
  EventLoop,
  IoEvent,
  listen,
  type Operation,
  poll,
  promiseFuture,
  run,
  sec,
  settled,
  spawn,
  spawnProcess,
  SystemError,
  TimeoutError,
  until,
  withTimeout,
} from "@sd/fibers";
import { portableKernel } from "../../../event/kernel/portable/mod.ts";
import { Steps } from "../../_steps.ts";
import { fakeKernel } from "./fake_host.ts";

/** A loop on a host that the test moves, and an end of its drive. */
function drivenLoop(): { host: ReturnType<typeof fakeKernel>["host"]; loop: EventLoop; ended: () => Promise<number> } {
  const { host, kernel } = fakeKernel();
  const loop = new EventLoop({ kernel });
  const ended = async () => {
    let code: number | undefined;
    loop.loop().then((result) => code = result);
    await host.run(() => code !== undefined);
    loop[Symbol.dispose]();
    return code!;
  };
  return { host, loop, ended };
}

Deno.test("A loop goes on after a timer of the host that came late, and what is due is dispatched in its order", async () => {
  const { host, loop, ended } = drivenLoop();
  const steps = new Steps();
  loop.addTimeRelative("monotonic", 10_000, () => {
    steps.expect(1);
    host.lateness = 50;
  }, { accuracy: 1 });
  loop.addTimeRelative("monotonic", 70_000, () => loop.exit(steps.expect(4) ?? 0), { accuracy: 1 });
  loop.addTimeRelative("monotonic", 30_000, () => steps.expect(3), { accuracy: 1 });
  loop.addTimeRelative("monotonic", 40_000, () => steps.expect(2), { accuracy: 1, priority: -1 });
  assertEquals(await ended(), 0);
  steps.finish(5);
});

Deno.test("A loop goes on while a promise of the host never settles", async () => {
  const { loop, ended } = drivenLoop();
  const steps = new Steps();
  const silent = promiseFuture(loop, new Promise<never>(() => {}));
  loop.addTimeRelative("monotonic", 5_000, () => steps.expect(1));
  loop.addTimeRelative("monotonic", sec(60), () => {
    steps.expect(2);
    silent.cancel();
    loop.exit(7);
  });
  assertEquals(await ended(), 7);
  steps.finish(3);
});

Deno.test("A loop that only waits for a promise that never settles can still be asked for exit", async () => {
  const { host, loop, ended } = drivenLoop();
  promiseFuture(loop, new Promise<never>(() => {}));
  const code = ended();
  await undefined;
  loop.exit(3);
  assertEquals(await code, 3);
  assert(host.isIdle);
});

Deno.test("A fiber's deadline interrupts the wait for a promise that never settles", async () => {
  const loop = new EventLoop({ kernel: portableKernel() });
  const error = await run(function* () {
    try {
      yield* withTimeout(2_000, () => until(new Promise<never>(() => {})));
      return undefined;
    } catch (error) {
      return error;
    }
  }, { loop });
  assert(error instanceof TimeoutError);
  loop[Symbol.dispose]();
});

Deno.test("EventLoop.loopSync() runs timers, defers and pipes of its own on the portable kernel", () => {
  const kernel = portableKernel();
  using loop = new EventLoop({ kernel });
  const steps = new Steps();
  const [reader, writer] = kernel.openPipe() as [number, number];
  loop.addDefer(() => steps.expect(1));
  loop.addTimeRelative("monotonic", 1_000, () => {
    steps.expect(2);
    kernel.tryWrite(writer, new Uint8Array(1));
  });
  loop.addIo(reader, IoEvent.IN, () => {
    steps.expect(3);
    loop.exit(9);
  });
  assertEquals(loop.loopSync(), 9);
  steps.finish(4);
  for (const handle of [reader, writer]) kernel.close(handle);
});

Deno.test("EventLoop.runSync() on the portable kernel refuses to wait for what only the host brings, and the loop can be driven on", async () => {
  const loop = new EventLoop({ kernel: portableKernel() });
  const signals = loop.addSignal("SIGUSR2", () => loop.exit(1));
  const error = assertThrows(() => loop.runSync(sec(1)), SystemError);
  assertEquals([error.code, loop.state, loop.driven], ["EOPNOTSUPP", "initial", false]);
  assertEquals(loop.runSync(0), false);
  loop.addDefer(() => {});
  assertEquals(loop.runSync(sec(1)), true); // there is something to do: nobody has to wait
  signals[Symbol.dispose]();
  assertEquals(loop.runSync(1_000), false);
  loop.addTimeRelative("monotonic", 0, () => loop.exit(2));
  assertEquals(await loop.loop(), 2);
  loop[Symbol.dispose]();
});

Deno.test("A stream that fails in the middle fails its reader, and nobody else", async () => {
  const loop = new EventLoop({ kernel: portableKernel() });
  const told = await run(function* () {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const open = () => all([() => connect(listener.address), () => listener.accept()]);
    const [broken, breaking] = yield* open();
    const [client, server] = yield* open();
    const reading = spawn(() => broken.readAll());
    const others = spawn(() => server.readAll());
    yield* breaking.writeAll(new Uint8Array(1_000));
    // Whoever closes a connection with something unread resets it.
    yield* broken.writeAll(new Uint8Array(10));
    yield* poll([{ fd: breaking.fd, events: IoEvent.IN }]);
    breaking.close();
    const outcome = yield* settled(reading);
    const error = outcome.status === "rejected" ? (outcome.reason as SystemError).code : undefined;
    yield* client.writeAll(new Uint8Array([1, 2, 3]));
    client.close();
    const received = yield* others;
    broken.close();
    server.close();
    return [error, received.length];
  }, { loop });
  assertEquals(told, ["ECONNRESET", 3]);
  loop[Symbol.dispose]();
  for (let turns = 0; turns < 5; turns++) await portableKernel().turn("io");
});

Deno.test("A process that stops reading and writing wedges nobody", async () => {
  const loop = new EventLoop({ kernel: portableKernel() });
  const outcome = await run(function* () {
    using process = spawnProcess("sleep", { args: ["1000"], stdin: "piped", stdout: "piped" });
    const results: string[] = [];
    const waits: (() => Operation<unknown>)[] = [() => process.stdin.writeAll(new Uint8Array(1_000_000)), () => process.stdout.readAll()];
    for (const wait of waits) {
      try {
        yield* withTimeout(20_000, wait);
      } catch (error) {
        results.push((error as SystemError).code);
      }
    }
    process.kill("SIGKILL");
    return [...results, (yield* process.status).code];
  }, { loop });
  assertEquals(outcome, ["ETIME", "ETIME", "killed"]);
  loop[Symbol.dispose]();
});
