/**
 * Loops on the real kernel: what only it can show.
 *
 * @module
 */

import { ChildEvent, type Clock, EventLoop, IoEvent, linuxKernel, msec, sec, SystemError } from "@sd/fibers";
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { closeSync, openSync } from "node:fs";
import { clockNames } from "../../event/time.ts";
import { codeOf } from "../_simulation.ts";
import { Steps } from "../_steps.ts";

const { EXITED, STOPPED, CONTINUED, NOWAIT } = ChildEvent;
const kernel = linuxKernel();
const byte = new Uint8Array(1);

/** Registers a test with a loop that ends by itself, in a minute at the latest. */
function linuxTest(name: string, body: (loop: EventLoop, steps: Steps) => void | Promise<void>): void {
  Deno.test(`${name} (linux)`, async () => {
    const errors: unknown[] = [];
    using loop = new EventLoop({ onError: (error) => errors.push(error) });
    loop.addTimeRelative("monotonic", sec(60), () => loop.exit(-62), { description: "patience" });
    await body(loop, new Steps());
    assertEquals(errors, []);
  });
}

/** A pipe; disposing it closes both ends. */
function openPipe(): { readonly reader: number; readonly writer: number } & Disposable {
  const pipe = kernel.openPipe();
  assert(typeof pipe === "object");
  const [reader, writer] = pipe;
  return { reader, writer, [Symbol.dispose]: () => pipe.forEach((handle) => kernel.close(handle)) };
}

/** A child that is a shell with this script. Disposing it kills it if it lives, and reaps it if nobody did. */
function spawn(script: string): { readonly pid: number; readonly handle: number } & Disposable {
  const nothing = { cwd: undefined, env: {}, clearEnv: false, stdin: "null", stdout: "null", stderr: "null", processGroup: false } as const;
  const spawned = kernel.spawn({ command: "sh", args: ["-c", script], ...nothing });
  assert(typeof spawned === "object");
  const { pid, handle } = spawned;
  return {
    pid,
    handle,
    [Symbol.dispose]() {
      kernel.signalProcess(handle, 9, undefined);
      kernel.reapKilledProcess(handle);
      kernel.close(handle);
    },
  };
}

linuxTest("A regular file cannot be waited for, and neither can a directory", (loop) => {
  for (const path of [new URL(import.meta.url), new URL(".", import.meta.url)]) {
    const fd = openSync(path, "r");
    assertEquals(codeOf(() => loop.addIo(fd, IoEvent.IN)), "EPERM");
    closeSync(fd);
  }
});

linuxTest("What becomes ready is dispatched by priority", (loop, steps) => {
  using first = openPipe();
  using second = openPipe();
  loop.addIo(first.reader, IoEvent.IN, () => steps.expect(2), { enabled: "oneshot" });
  loop.addIo(second.reader, IoEvent.IN, () => steps.expect(1), { enabled: "oneshot", priority: -1 });
  for (const { writer } of [first, second]) kernel.tryWrite(writer, byte);
  while (loop.runSync(0));
  steps.finish(3);
});

linuxTest("Errors and hang-ups are reported unasked", (loop) => {
  const pipe = kernel.openPipe();
  assert(typeof pipe === "object");
  const [reader, writer] = pipe;
  const seen: number[] = [];
  loop.addIo(reader, 0, (revents) => void seen.push(revents), { enabled: "oneshot", ownsFd: true });
  kernel.close(writer);
  loop.runSync(0);
  assertEquals(seen, [IoEvent.HUP]);
});

linuxTest("With ET a source fires once for each edge, and again when it is asked for the same", (loop, steps) => {
  using pipe = openPipe();
  let step = 0;
  const source = loop.addIo(pipe.reader, IoEvent.IN | IoEvent.ET, () => steps.expect(++step));
  kernel.tryWrite(pipe.writer, byte);
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  source.events = IoEvent.IN | IoEvent.ET;
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  steps.finish(3);
});

linuxTest("A hundred descriptors all become pending in one wait", (loop) => {
  using stack = new DisposableStack();
  const pipes = Array.from({ length: 100 }, () => stack.use(openPipe()));
  const sources = pipes.map(({ reader }) => loop.addIo(reader, IoEvent.IN, () => {}, { enabled: "oneshot" }));
  for (const { writer } of pipes) kernel.tryWrite(writer, byte);
  loop.prepare();
  assertEquals(loop.waitSync(0), true);
  assertEquals(sources.filter(({ pending }) => pending).length, 100);
  loop.dispatch();
  let rest = 0;
  while (loop.runSync(0)) rest++;
  assertEquals(rest, 99);
});

for (const [index, clock] of clockNames.entries()) {
  linuxTest(`A timer on ${clock} fires and not before its time`, async (loop, steps) => {
    const add = (clock: Clock, usec: number) =>
      loop.addTimeRelative(clock, usec, (due) => {
        steps.expect(1);
        assertGreaterOrEqual(kernel.now(index as 0), due);
        loop.exit(1);
      }, { accuracy: 1 });
    try {
      add(clock, msec(5));
    } catch (error) {
      // The alarm clocks need a privilege and a real-time clock, and not every machine has these.
      assert(error instanceof SystemError && clock.endsWith("-alarm") && ["EPERM", "EOPNOTSUPP"].includes(error.code));
      loop.runSync(0); // from now on the loop's time stands still between two waits
      assertEquals(loop.now(clock), loop.now(clock.replace("-alarm", "") as Clock));
      return;
    }
    assertEquals(await loop.loop(), 1);
    steps.finish(2);
  });
}

for (const flavour of ["loop", "loopSync"] as const) {
  linuxTest(`EventLoop.${flavour}() is told of a child's end while it is a zombie, and reaps it`, async (loop, steps) => {
    using child = spawn("exit 7");
    const record = { pid: 0, uid: 0, code: 0, status: 0 };
    loop.addChild(child.pid, EXITED, ({ pid, code, status }) => {
      steps.expect(1);
      assertEquals([pid, code, status], [child.pid, "exited", 7]);
      assertEquals(kernel.peekProcess(child.handle, EXITED, record), 1);
      loop.exit(1);
    });
    assertEquals(await loop[flavour](), 1);
    assertEquals(kernel.peekProcess(child.handle, EXITED, record), -10);
    steps.finish(2);
  });
}

linuxTest("With NOWAIT a source that is on is told of the end again and again", async (loop, steps) => {
  using child = spawn("exit 0");
  let step = 0;
  loop.addChild({ pidfd: child.handle }, EXITED | NOWAIT, () => {
    steps.expect(++step);
    if (step === 3) loop.exit(1);
  }, { enabled: "on" });
  assertEquals(await loop.loop(), 1);
  steps.finish(4);
});

linuxTest("Stops, continues and the end of a child are told in their order", async (loop) => {
  using child = spawn("sleep 100");
  const seen: string[] = [];
  loop.addChild(child.pid, EXITED | STOPPED | CONTINUED, ({ code, status }, source) => {
    seen.push(`${code} ${status}`);
    if (code === "stopped") source.kill("SIGCONT");
    else if (code === "continued") source.kill("SIGKILL");
    else loop.exit(1);
  }, { enabled: "on" }).kill("SIGSTOP");
  assertEquals(await loop.loop(), 1);
  assertEquals(seen, ["stopped 19", "continued 18", "killed 9"]);
});

linuxTest("A child that stopped before somebody waits for it is found", async (loop, steps) => {
  using child = spawn("sleep 100");
  kernel.signalProcess(child.handle, 19, undefined);
  const record = { pid: 0, uid: 0, code: 0, status: 0 };
  while (kernel.peekProcess(child.handle, STOPPED, record) === 0) await kernel.turn("io");
  loop.addChild(child.pid, STOPPED, () => {
    steps.expect(1);
    loop.exit(1);
  });
  assertEquals(await loop.loop(), 1);
  steps.finish(2);
});

linuxTest("A child that is owned is killed and reaped with its source", (loop) => {
  using child = spawn("sleep 100");
  loop.addChild(child.pid, EXITED, null, { ownsProcess: true })[Symbol.dispose]();
  assertEquals(codeOf(() => loop.addChild(child.pid, EXITED)), "ESRCH");
});

linuxTest("A handle for no process, and a process that is gone, are refused", (loop) => {
  using pipe = openPipe();
  assertEquals(codeOf(() => loop.addChild({ pidfd: pipe.reader }, EXITED)), "ENOTTY");
  using child = spawn("exit 0");
  kernel.reapKilledProcess(child.handle);
  assertEquals(codeOf(() => loop.addChild(child.pid, EXITED)), "ESRCH");
  assertEquals(codeOf(() => loop.addChild({ pidfd: child.handle }, EXITED)), "ESRCH");
});

linuxTest("Real-time signals come each with its value, in their order, and before a signal that is less important", async (loop) => {
  const seen: string[] = [];
  using stack = new DisposableStack();
  const self = stack.adopt(kernel.openProcess(kernel.pid), (handle) => void kernel.close(handle));
  const note = ({ name, value, pid }: { name: string; value: number; pid: number }) => {
    seen.push(`${name} ${value} ${pid === kernel.pid}`);
    if (name === "SIGUSR2") loop.exit(1);
  };
  const sources = (["SIGRTMIN+1", "SIGUSR2"] as const).map((signal) =>
    loop.addSignal(signal, note, { enabled: "off", priority: signal === "SIGUSR2" ? 1 : 0 })
  );
  for (const value of [1, 2, 3]) kernel.signalProcess(self, 35, value);
  kernel.signalProcess(self, 12, undefined);
  for (const source of sources) source.enabled = "on";
  assertEquals(await loop.loop(), 1);
  assertEquals(seen, ["SIGRTMIN+1 1 true", "SIGRTMIN+1 2 true", "SIGRTMIN+1 3 true", "SIGUSR2 0 true"]);
});

linuxTest("A loop can wait for another one", async (outer, steps) => {
  using inner = new EventLoop();
  inner.addTimeRelative("monotonic", msec(2), () => steps.expect(1), { accuracy: 1 });
  outer.addIo(inner.fd, IoEvent.IN, () => {
    if (!inner.waitSync(0)) return void inner.prepare();
    inner.dispatch();
    steps.expect(2);
    outer.exit(1);
  });
  assertEquals(inner.prepare(), false);
  assertEquals(await outer.loop(), 1);
  steps.finish(3);
});

linuxTest("What a child wrote before it ended goes first if that is more important", async (loop, steps) => {
  const nothing = { cwd: undefined, env: {}, clearEnv: false, stdin: "null", stderr: "null", processGroup: false } as const;
  for (let round = 0; round < 20; round++) {
    const child = kernel.spawn({ command: "sh", args: ["-c", "echo last words"], stdout: "piped", ...nothing });
    assert(typeof child === "object");
    let read = 0;
    const buffer = new Uint8Array(100);
    const io = loop.addIo(child.stdout, IoEvent.IN, () => {
      read += Math.max(0, kernel.tryRead(child.stdout, buffer));
      if (read > 0) io.enabled = "off";
    }, { priority: -1, ownsFd: true });
    let ended = false;
    const source = loop.addChild(child.pid, EXITED | STOPPED, () => {
      ended = true;
      assertEquals(read, 11);
      steps.expect(round + 1);
    });
    while (!ended) await loop.run();
    for (const each of [io, source]) each[Symbol.dispose]();
    kernel.close(child.handle);
  }
  steps.finish(21);
});
