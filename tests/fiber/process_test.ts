/**
 * Processes on fibers.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  type CommandOptions,
  connect,
  EventLoop,
  msec,
  type Operation,
  output,
  Process,
  scope,
  type SimulatedProcess,
  sleep,
  spawn,
  spawnProcess,
  SystemError,
  TimeoutError,
  withTimeout,
} from "@sd/fibers";
import { assertSameBytes, fill } from "./_connections.ts";
import { bytesOf, codeOf, errorOf, ioTest, type IoWorld, linuxIoTest, simulatedIoTest, textOf } from "./_io_world.ts";

const ESRCH = -3;
const SIGTERM = 15;

/** A program that both worlds have: a line of shell, and what a simulated process does instead. */
interface Program {
  readonly shell: string;
  script(process: SimulatedProcess, world: IoWorld): void;
}

/** Writes, as much as fits: enough for short texts. */
function say(world: IoWorld, handle: number, text: string): void {
  world.kernel.tryWrite(handle, bytesOf(text));
}

/** Copies what it reads to what it writes, then ends. */
const copy: Program = {
  shell: "exec cat",
  script(process, { kernel }) {
    const buffer = new Uint8Array(65_536);
    process.onInput = () => {
      for (let count; (count = kernel.tryRead(process.stdin, buffer)) >= 0;) {
        if (count === 0) return process.exit(0);
        kernel.tryWrite(process.stdout, buffer.subarray(0, count));
      }
    };
  },
};

/** Lives until it is killed. */
const live: Program = { shell: "echo ready; exec sleep 1000", script: (process, world) => say(world, process.stdout, "ready\n") };

/** Says that it is ready, and never minds SIGTERM. */
const stubborn: Program = {
  shell: "trap '' TERM; echo ready; while :; do sleep 0.02; done",
  script(process, world) {
    process.onSignal = () => {};
    say(world, process.stdout, "ready\n");
  },
};

/** Ends with this code. */
function exit(code: number): Program {
  return { shell: `exit ${code}`, script: (process) => process.exit(code) };
}

/** The command and its options for a program. */
function prepare(world: IoWorld, { shell, script }: Program, options: CommandOptions = {}): [string, CommandOptions] {
  if (!world.isSimulated) return ["sh", { ...options, args: ["-c", shell] }];
  world.simulation.program("sh", (process) => script(process, world));
  return ["sh", options];
}

function start(world: IoWorld, program: Program, options?: CommandOptions): Process {
  return spawnProcess(...prepare(world, program, options));
}

/** Waits until it says that it is ready. */
function* ready(process: Process): Operation<void> {
  const buffer = new Uint8Array(100);
  assertEquals(textOf(buffer.subarray(0, (yield* process.stdout.read(buffer)) ?? 0)), "ready\n");
}

/** Whether nobody is left of this number, not even a zombie. */
function isReaped(world: IoWorld, pid: number): boolean {
  const handle = world.kernel.openProcess(pid);
  if (handle >= 0) world.kernel.close(handle);
  return handle === ESRCH;
}

ioTest("spawnProcess() connects the process's streams to this program", async (world) => {
  await world.run(function* () {
    using process = start(world, copy, { stdin: "piped", stdout: "piped", stderr: "piped" });
    yield* process.stdin.writeAll(bytesOf("round "));
    yield* process.stdin.writeAll(bytesOf("trip"));
    process.stdin.close();
    assertEquals(textOf(yield* process.stdout.readAll()), "round trip");
    assertEquals(yield* process.stderr.readAll(), new Uint8Array());
    const { pid, code, status } = yield* process.status;
    assertEquals([pid, code, status], [process.pid, "exited", 0]);
    assert(isReaped(world, pid));
  });
});

ioTest("spawnProcess() makes closeWrite() of the process's stdin its end", async (world) => {
  await world.run(function* () {
    using process = start(world, copy, { stdin: "piped", stdout: "piped" });
    process.stdin.closeWrite();
    assertEquals(process.stdin.fd, -1);
    assertEquals(yield* process.stdout.readAll(), new Uint8Array());
    assertEquals(assertThrows(() => process.stdout.closeWrite(), SystemError).code, "ENOTSOCK");
    yield* process.status;
  });
});

ioTest("Process.status tells the exit code", async (world) => {
  await world.run(function* () {
    for (const code of [0, 1, 42, 255]) {
      using process = start(world, exit(code));
      const info = yield* process.status;
      assertEquals([info.code, info.status], ["exited", code]);
    }
  });
});

ioTest("Process.kill() sends a signal, and ESRCH when the process has ended", async (world) => {
  await world.run(function* () {
    using process = start(world, live, { stdout: "piped" });
    yield* ready(process);
    process.kill();
    const info = yield* process.status;
    assertEquals([info.code, info.status], ["killed", SIGTERM]);
    const error = assertThrows(() => process.kill("SIGUSR1"), SystemError);
    assertEquals([error.code, error.message], ["ESRCH", `Cannot send SIGUSR1 to process ${process.pid}: it has ended`]);
  });
});

ioTest("Process.kill() refuses what is no signal", async (world) => {
  await world.run(function* () {
    using process = start(world, live, { stdout: "null" });
    assertEquals(assertThrows(() => process.kill("SIGNOT" as "SIGHUP"), SystemError).code, "EINVAL");
    yield* cancelWait(process.status);
  });
});

ioTest("Process.status that is cancelled ends the process, and waits for its end", async (world) => {
  await world.run(function* () {
    using process = start(world, live, { stdout: "piped" });
    yield* ready(process);
    process.status.cancel("enough");
    assertEquals(process.status.state, "pending");
    yield* cancelWait(process.status);
    assert(process.status.outcome?.status === "rejected" && process.status.outcome.reason instanceof CancelledError);
    assertEquals(isReaped(world, process.pid), true);
    const { code } = process.status.info();
    assertEquals(code, "killed");
  });
});

ioTest("Process.status kills a process that does not mind SIGTERM when killTimeout is over", async (world) => {
  await world.run(function* () {
    using process = start(world, stubborn, { stdin: "piped", stdout: "piped", killTimeout: msec(20) });
    yield* ready(process);
    const before = world.now();
    process.status.cancel();
    yield* errorOf(process.status);
    assert(world.now() - before >= msec(20), "It was killed too early");
    const { code, status } = process.status.info();
    assertEquals([code, status], ["killed", 9]);
    assert(isReaped(world, process.pid));
  });
});

ioTest("Process.status in a scope ends the process with the scope", async (world) => {
  await world.run(function* () {
    let process: Process | undefined;
    const failure = yield* errorOf(scope(function* (children) {
      process = start(world, live, { stdout: "piped" });
      children.add(process.status);
      yield* ready(process);
      throw new SystemError("EPROTO", "The body failed");
    }));
    assertEquals(failure.code, "EPROTO");
    assert(isReaped(world, process!.pid));
    process![Symbol.dispose]();
  });
});

ioTest("Process disposed of is killed at once, and reaped by the loop later on", async (world) => {
  await world.run(function* () {
    const process = start(world, stubborn, { stdin: "piped", stdout: "piped" });
    yield* ready(process);
    process[Symbol.dispose]();
    process[Symbol.dispose]();
    assertEquals(process.stdin.fd, -1);
    assertEquals(isReaped(world, process.pid), false);
    const { code, status } = yield* process.status;
    assertEquals([code, status], ["killed", 9]);
    assert(isReaped(world, process.pid));
  });
});

ioTest("Process that was disposed of is reaped although nobody waits, and keeps the loop from being idle until then", async (world) => {
  const other = new EventLoop({ kernel: world.kernel });
  other.exitOnIdle = true;
  let pid = 0;
  const fiber = spawn(function* () {
    using process = start(world, live, { stdout: "piped" });
    pid = process.pid;
    yield* ready(process);
  }, { loop: other });
  assertEquals(await world.finish(other), 0);
  fiber.result();
  assert(isReaped(world, pid));
  other[Symbol.dispose]();
});

ioTest("Process is killed and reaped with its loop", async (world) => {
  const other = new EventLoop({ kernel: world.kernel });
  let pid = 0;
  const fiber = spawn(function* () {
    const process = start(world, stubborn, { stdin: "piped", stdout: "piped" });
    pid = process.pid;
    yield* ready(process);
  }, { loop: other });
  while (fiber.state === "pending") await world.iterate(other);
  fiber.result();
  other[Symbol.dispose]();
  assert(isReaped(world, pid));
});

ioTest("Process throws EBADF for a stream that is not piped, and says what to do", async (world) => {
  await world.run(function* () {
    using process = start(world, exit(0), { stdin: "null" });
    for (const name of ["stdin", "stdout", "stderr"] as const) {
      const error = assertThrows(() => process[name], SystemError);
      assertEquals(error.code, "EBADF");
      assertStringIncludes(error.message, `start it with ${name}: "piped"`);
    }
    yield* process.status;
  });
});

ioTest("Process that has gone makes writing to its stdin EPIPE", async (world) => {
  await world.run(function* () {
    using process = start(world, exit(0), { stdin: "piped" });
    yield* process.status;
    const error = yield* errorOf(process.stdin.writeAll(bytesOf("anybody?")));
    assertEquals([error.code, error.message], ["EPIPE", `Cannot write to the stdin of process ${process.pid}: EPIPE`]);
  });
});

ioTest("spawnProcess() hands over descriptors, which stay the caller's", async (world) => {
  const [reader, writer] = world.pipe();
  await world.run(function* () {
    using process = start(world, live, { stdout: { fd: writer }, stderr: "null" });
    using heard = yield* connect({ fd: reader });
    const buffer = new Uint8Array(100);
    assertEquals(yield* heard.read(buffer), 6);
    process.kill("SIGKILL");
    yield* process.status;
  });
  world.closeAll(writer);
}, { lacks: "streams of a child that are the caller's own" });

ioTest("spawnProcess() of what is not there is ENOENT, and leaves nothing behind", async (world) => {
  await world.run(function* () {
    const before = world.open();
    const error = yield* errorOf(function* () {
      spawnProcess("no-such-command", { stdin: "piped", stdout: "piped", stderr: "piped" });
    }());
    assertEquals([error.code, error.message], ["ENOENT", "Cannot start 'no-such-command': there is no such command"]);
    assertEquals(world.open(), before);
  });
});

ioTest("spawnProcess() refuses wrong options, and starts nothing", async (world) => {
  await world.run(function* () {
    const wrong: [string | URL, object][] = [
      ["sh", { stdout: "pipe" }],
      ["sh", { stdout: null }],
      ["sh", { stdin: { fd: -1 } }],
      ["sh", { args: [1] }],
      ["sh", { env: { A: 1 } }],
      ["sh", { killTimeout: -1 }],
      ["sh", { arguments: [] }],
      [new URL("https://example.com/sh"), {}],
      [5 as unknown as string, {}],
    ];
    for (const [command, options] of wrong) {
      const { code } = assertThrows(() => spawnProcess(command, options as CommandOptions), SystemError);
      assert(["EINVAL", "EBADF"].includes(code), `${JSON.stringify(options)}: ${code}`);
    }
    yield* sleep(1);
  });
});

ioTest("spawnProcess() is refused when the loop is exiting", async (world) => {
  let code: string | undefined;
  world.spawn(function* () {
    world.loop.exit();
    code = assertThrows(() => spawnProcess("sh"), SystemError).code;
    yield* sleep(0);
  });
  await world.finish(world.loop);
  assertEquals(code, "ECANCELED");
});

simulatedIoTest("spawnProcess() is EBUSY where nobody can wait for children, and starts nothing", async (world) => {
  world.simulation.autoReap = true;
  await world.run(function* () {
    assertEquals(assertThrows(() => start(world, exit(0)), SystemError).code, "EBUSY");
    yield* sleep(1);
  });
});

ioTest("output() gives what the process wrote, and how it ended", async (world) => {
  const both: Program = {
    shell: "echo out; echo err >&2; exit 3",
    script(process) {
      say(world, process.stdout, "out\n");
      say(world, process.stderr, "err\n");
      process.exit(3);
    },
  };
  await world.run(function* () {
    const { code, status, stdout, stderr, pid } = yield* output(...prepare(world, both));
    assertEquals([code, status, textOf(stdout), textOf(stderr)], ["exited", 3, "out\n", "err\n"]);
    assert(isReaped(world, pid));
  });
});

ioTest("output() leaves a stream empty that is not piped", async (world) => {
  await world.run(function* () {
    const { stdout, stderr } = yield* output(...prepare(world, exit(0), { stdout: "null", stderr: "inherit" }));
    assertEquals([stdout.length, stderr.length], [0, 0]);
  });
});

ioTest("output() refuses a piped stdin, which nobody would write to", async (world) => {
  await world.run(function* () {
    assertEquals(yield* codeOf(output("sh", { stdin: "piped" })), "EINVAL");
  });
});

ioTest("output() that is interrupted throws when the process has ended", async (world) => {
  for (const program of [live, stubborn]) {
    await world.run(function* () {
      const before = world.open();
      let error: unknown;
      try {
        yield* withTimeout(msec(50), output(...prepare(world, program, { killTimeout: msec(20) })));
      } catch (caught) {
        error = caught;
      }
      assert(error instanceof TimeoutError, String(error));
      assertEquals(world.open().filter((what) => !what.startsWith("wake-up")), before.filter((what) => !what.startsWith("wake-up")));
    });
  }
});

ioTest("output() with an interruption queued starts nothing", async (world) => {
  await world.run(function* () {
    let started = false;
    const program: Program = { shell: "exit 0", script: () => void (started = true) };
    const fiber = spawn(() => output(...prepare(world, program)));
    fiber.cancel();
    yield* errorOf(fiber);
    yield* sleep(1000);
    assertEquals(started, false);
  });
});

linuxIoTest("output() of both streams by the megabyte does not get stuck", async (world) => {
  await world.run(function* () {
    const half = "head -c 3000000 /dev/zero";
    const args = ["-c", `${half}; ${half} >&2; ${half} >&2; ${half}`];
    const { stdout, stderr, status } = yield* output("sh", { args });
    assertEquals([stdout.length, stderr.length, status], [6_000_000, 6_000_000, 0]);
  });
});

linuxIoTest("spawnProcess() moves 8 MiB through a process", async (world) => {
  await world.run(function* () {
    using process = spawnProcess("cat", { stdin: "piped", stdout: "piped" });
    const data = fill(8 << 20);
    const writer = spawn(function* () {
      yield* process.stdin.writeAll(data);
      process.stdin.close();
    });
    assertSameBytes(yield* process.stdout.readAll(), data);
    yield* writer;
    assertEquals((yield* process.status).status, 0);
  });
});

linuxIoTest("spawnProcess() sets the directory and the environment", async (world) => {
  await world.run(function* () {
    const args = ["-c", 'printf "%s %s %s" "$PWD" "$MINE" "${HOME-none}"'];
    const env = { MINE: "mine" };
    const { stdout } = yield* output("/bin/sh", { args, cwd: "/usr", env, clearEnv: true });
    assertEquals(textOf(stdout), "/usr mine none");
    const other = yield* output(new URL("file:///bin/sh"), { args: ["-c", "pwd"], cwd: new URL("file:///usr") });
    assertEquals(textOf(other.stdout), "/usr\n");
    const error = yield* errorOf(output("sh", { cwd: "/no/such/directory" }));
    assertEquals(error.message, "Cannot start 'sh': there is no such command, or no directory '/no/such/directory'");
  });
});

linuxIoTest("spawnProcess() gives the process a group of its own", async (world) => {
  await world.run(function* () {
    const { stdout, pid } = yield* output("cut", { args: ["-d", " ", "-f", "5", "/proc/self/stat"], processGroup: true });
    assertEquals(Number(textOf(stdout)), pid);
    const inherited = yield* output("cut", { args: ["-d", " ", "-f", "5", "/proc/self/stat"] });
    assert(Number(textOf(inherited.stdout)) !== inherited.pid);
  });
});

linuxIoTest("spawnProcess() many at once leaves no zombie", async (world) => {
  await world.run(function* () {
    const processes = Array.from({ length: 30 }, (_, number) => spawnProcess("sh", { args: ["-c", `exit ${number}`] }));
    for (const [number, process] of processes.entries()) {
      assertEquals((yield* process.status).status, number);
      assert(isReaped(world, process.pid));
    }
  });
});

linuxIoTest("Process that a grandchild outlives still has its output", async (world) => {
  await world.run(function* () {
    const { stdout, code } = yield* output("sh", { args: ["-c", "(sleep 0.05; echo late) & echo early"] });
    assertEquals([textOf(stdout), code], ["early\nlate\n", "exited"]);
  });
});

ioTest("Process cannot be made by new", (world) => {
  const make = Process as unknown as new (parts: object) => Process;
  assertEquals(assertThrows(() => new make({}), SystemError).code, "EINVAL");
  world.settle();
});
