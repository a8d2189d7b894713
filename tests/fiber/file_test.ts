/**
 * Whole files on fibers.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  EventLoop,
  isInterruption,
  linuxKernel,
  msec,
  type Operation,
  readFile,
  readTextFile,
  run,
  sec,
  settled,
  type SimulatedKernel,
  simulatedKernel,
  sleep,
  spawn,
  type SystemError,
  TimeoutError,
  withTimeout,
  writeFile,
  type WriteFileOptions,
  yieldNow,
} from "@sd/fibers";
import { type FileHands, realFiles, virtualFiles } from "../_files.ts";
import { openDescriptors } from "../kernel/linux/descriptors.ts";
import { bytesOf, codeOf, errorOf, ioTest, type IoWorld, linuxIoTest, simulatedIoTest, textOf } from "./_io_world.ts";

const long = Uint8Array.from({ length: 700_001 }, (_, at) => at ^ (at >> 8) ^ (at >> 16));
const methods = ["in-place", "append", "replace"] as const;

interface Place extends Disposable {
  readonly files: FileHands;
  at(name: string): string;
}

/** A directory of the world's kernel. */
function placeIn(world: IoWorld): Place {
  const real = world.isSimulated ? undefined : realFiles();
  const files = real ?? virtualFiles(world.simulation);
  return { files, at: (name) => `${files.directory}/${name}`, [Symbol.dispose]: () => real?.[Symbol.dispose]() };
}

function makeFifo(world: IoWorld, path: string): void {
  if (world.isSimulated) world.simulation.pressureFile(path, "fifo");
  else assertEquals(new Deno.Command("mkfifo", { args: [path] }).outputSync().code, 0);
}

/** Opens a FIFO to write to it. */
function openFifo(world: IoWorld, path: string): number {
  const opened = world.kernel.openPressure(path, true);
  assert(typeof opened === "object");
  return opened.handle;
}

/** Quicker than an assertion on so many bytes. */
function isStartOf(start: Uint8Array, whole: Uint8Array): boolean {
  return start.length <= whole.length && start.every((byte, at) => byte === whole[at]);
}

function isSame(bytes: Uint8Array, others: Uint8Array): boolean {
  return bytes.length === others.length && isStartOf(bytes, others);
}

/** What the operation throws, or "returned". */
function* outcomeOf(operation: Operation<unknown>): Operation<string> {
  try {
    yield* operation;
    return "returned";
  } catch (error) {
    return (error as Error).name;
  }
}

ioTest("readFile(), readTextFile() and writeFile() take paths and URLs, bytes and text", async (world) => {
  using place = placeIn(world);
  await world.runHosted(function* () {
    yield* writeFile(place.at("a"), "grün");
    yield* writeFile(new URL(`file://${place.at("b")}`), long.subarray(0, 10));
    assertEquals(yield* readFile(new URL(`file://${place.at("b")}`)), long.subarray(0, 10));
    assertEquals(yield* readTextFile(place.at("a")), "grün");
    yield* writeFile(place.at("a"), " und blau", { method: "append" });
    yield* writeFile(place.at("b"), "new", { method: "replace" });
  });
  assertEquals([textOf(place.files.get("a")), textOf(place.files.get("b"))], ["grün und blau", "new"]);
  assertEquals(place.files.list(), ["a", "b"]);
});

ioTest("readFile() reads 64 MiB, and writeFile() writes them", async (world) => {
  using place = placeIn(world);
  const bytes = new Uint8Array(64 * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 4_093) bytes[at] = at >> 12;
  await world.runHosted(function* () {
    yield* writeFile(place.at("file"), bytes);
    const read = yield* readFile(place.at("file"));
    assert(isSame(read, bytes));
  });
});

linuxIoTest("readFile() reads the files in /proc, which say that they are empty", async (world) => {
  await world.runHosted(function* () {
    const text = yield* readTextFile("/proc/self/status");
    assert(text.startsWith("Name:") && text.includes("\nPid:"));
    assertEquals(yield* codeOf(readFile("/proc/self/status", { limitBytes: 10 })), "EFBIG");
  });
});

linuxIoTest("writeFile() makes files with its mode less the umask, and leaves that of those which are there", async (world) => {
  using place = placeIn(world);
  const modeOf = (name: string) => Deno.statSync(place.at(name)).mode! & 0o777;
  await world.runHosted(function* () {
    yield* writeFile(place.at("new"), "", { mode: 0o600 });
    yield* writeFile(place.at("new"), "", { mode: 0o644 });
    yield* writeFile(place.at("replaced"), "", { mode: 0o600 });
    yield* writeFile(place.at("replaced"), "", { mode: 0o640, method: "replace" });
    yield* writeFile(place.at("default"), "");
  });
  assertEquals([modeOf("new"), modeOf("replaced"), modeOf("default")], [0o600, 0o640, 0o666 & ~Deno.umask()]);
});

ioTest("readFile() and writeFile() say what is wrong with the file", async (world) => {
  using place = placeIn(world);
  place.files.mkdir("sub");
  place.files.put("file", bytesOf("hello"));
  const messageOf = function* (operation: Operation<unknown>) {
    const { code, message } = yield* errorOf(operation);
    return `${code} ${message}`;
  };
  await world.runHosted(function* () {
    const at = place.at("");
    assertEquals(yield* messageOf(readFile(place.at("no"))), `ENOENT Cannot read '${at}no': there is no such file`);
    assertEquals(yield* messageOf(readTextFile(place.at("sub"))), `EISDIR Cannot read '${at}sub': it is a directory`);
    assertEquals(yield* messageOf(readFile(place.at("file/x"))), `ENOTDIR Cannot read '${at}file/x': a part of the path is no directory`);
    assertEquals(
      yield* messageOf(readFile(place.at("file"), { limitBytes: 4 })),
      `EFBIG Cannot read '${at}file': it has more than 4 bytes, raise limitBytes if it may`,
    );
    for (const method of methods) {
      assertEquals(yield* messageOf(writeFile(place.at("sub"), "", { method })), `EISDIR Cannot write '${at}sub': it is a directory`);
    }
  });
});

ioTest("readFile() and writeFile() refuse arguments that make no sense", async (world) => {
  await world.runHosted(function* () {
    const codes = [
      yield* codeOf(readFile(5 as never)),
      yield* codeOf(readFile("a\0b")),
      yield* codeOf(readFile(new URL("https://host/file"))),
      yield* codeOf(readFile("file", { limitBytes: -1 })),
      yield* codeOf(readFile("file", { limitBytes: 1.5 })),
      yield* codeOf(readFile("file", { limit: 1 } as never)),
      yield* codeOf(writeFile("file", 5 as never)),
      yield* codeOf(writeFile("file", "", { mode: 0o10000 })),
      yield* codeOf(writeFile("file", "", { method: "sideways" as never })),
      yield* codeOf(writeFile("file", "", { append: true } as WriteFileOptions)),
    ];
    assertEquals(codes, codes.map(() => "EINVAL"));
  });
});

ioTest("readFile() of a FIFO waits for the end of its writers, and others go on meanwhile", async (world) => {
  using place = placeIn(world);
  makeFifo(world, place.at("fifo"));
  const log: string[] = [];
  await world.runHosted(function* () {
    const reader = spawn(function* () {
      log.push(yield* readTextFile(place.at("fifo")));
    });
    for (let tick = 1; tick <= 3; tick++) {
      yield* sleep(msec(1));
      log.push(`tick ${tick}`);
    }
    const writer = openFifo(world, place.at("fifo"));
    world.write(writer, "from the fifo");
    yield* sleep(msec(1));
    log.push("written");
    world.closeAll(writer);
    yield* reader;
  });
  assertEquals(log, ["tick 1", "tick 2", "tick 3", "written", "from the fifo"]);
}, { lacks: "FIFOs" });

ioTest("readFile() and writeFile() of a FIFO pass more than fits into it", async (world) => {
  using place = placeIn(world);
  makeFifo(world, place.at("fifo"));
  await world.runHosted(function* () {
    const reader = spawn(() => readFile(place.at("fifo")));
    // As long as the reader has not opened it nobody reads there.
    for (let code: string | undefined = "ENXIO"; code === "ENXIO";) {
      yield* sleep(msec(1));
      const outcome = yield* settled(spawn(() => writeFile(place.at("fifo"), long)));
      code = outcome.status === "rejected" ? (outcome.reason as SystemError).code : undefined;
      assert(code === undefined || code === "ENXIO", code);
    }
    assert(isSame(yield* reader, long));
  });
}, { lacks: "FIFOs" });

ioTest("readFile() of a FIFO that nobody writes to can be cancelled, and ends at its deadline", async (world) => {
  using place = placeIn(world);
  makeFifo(world, place.at("fifo"));
  await world.runHosted(function* () {
    yield* codeOf(readFile(place.at("missing")));
    const before = world.open();
    const fiber = spawn(() => readFile(place.at("fifo")));
    yield* sleep(msec(1));
    yield* cancelWait(fiber);
    const outcome = yield* settled(fiber);
    assert(outcome.status === "rejected");
    assertInstanceOf(outcome.reason, CancelledError);
    assertEquals(world.open(), before);
    assertEquals(yield* outcomeOf(withTimeout(msec(1), readFile(place.at("fifo")))), TimeoutError.name);
    assertEquals(world.open(), before);
  });
}, { lacks: "FIFOs" });

linuxIoTest("A file that is being read stops no timer", async (world) => {
  using place = placeIn(world);
  place.files.put("file", new Uint8Array(16 * 1024 * 1024));
  await world.runHosted(function* () {
    let isRead = false;
    let turns = 0;
    const reader = spawn(function* () {
      yield* readFile(place.at("file"));
      isRead = true;
    });
    while (!isRead) {
      yield* sleep(1);
      turns++;
    }
    assert(turns > 3, `There were ${turns}`);
    yield* reader;
  });
});

simulatedIoTest("The disk takes its time, and timers fire at theirs", async (world) => {
  using place = placeIn(world);
  // Opened, then ten pieces and the end: 100 microseconds each.
  place.files.put("file", new Uint8Array(10 * 64 * 1024));
  await world.runHosted(function* () {
    const start = world.now();
    const log: number[] = [];
    const reader = spawn(function* () {
      yield* readFile(place.at("file"));
      log.push(world.now() - start);
    });
    for (let tick = 0; tick < 3; tick++) {
      yield* sleep(500);
      log.push(world.now() - start);
    }
    yield* reader;
    assertEquals(log, [500, 1_000, 1_200, 1_500]);
  });
});

for (const method of methods) {
  ioTest(`writeFile() that is cancelled at any time leaves what "${method}" promises`, async (world) => {
    using place = placeIn(world);
    const old = bytesOf("before");
    const ends = new Set<string>();
    await world.runHosted(function* () {
      yield* writeFile(place.at("other"), "");
      const before = world.open();
      for (let delay = 0; ends.size < 2 || delay < 60; delay++) {
        assert(delay < 1_000, "It is never done, or never cancelled");
        place.files.put("file", old);
        const fiber = spawn(() => outcomeOf(writeFile(place.at("file"), long, { method })));
        if (delay % 2 === 0) yield* sleep(delay * 40);
        else for (let turn = 0; turn < delay; turn++) yield* yieldNow();
        yield* cancelWait(fiber);
        const end = yield* fiber;
        ends.add(end);
        const content = place.files.get("file");
        const kept = method === "append" ? old.length : 0;
        if (end === "returned") assert(isSame(content.subarray(kept), long));
        else if (method === "replace") assertEquals(textOf(content), "before");
        else assert(isStartOf(content, old) || (isStartOf(content.subarray(0, kept), old) && isStartOf(content.subarray(kept), long)));
        assertEquals([place.files.list(), world.open()], [["file", "other"], before]);
      }
    });
    assertEquals(ends, new Set(["returned", "CancelledError"]));
  });
}

ioTest("readFile() that is cancelled at any time leaves nothing open", async (world) => {
  using place = placeIn(world);
  place.files.put("file", long);
  await world.runHosted(function* () {
    yield* readFile(place.at("file"));
    const before = world.open();
    for (let delay = 0; delay < 60; delay++) {
      const fiber = spawn(function* () {
        try {
          assert(isSame(yield* readFile(place.at("file")), long));
        } catch (error) {
          if (!isInterruption(error)) throw error;
        }
      });
      yield* sleep(delay * 30);
      yield* cancelWait(fiber);
      yield* fiber;
      assertEquals(world.open(), before);
    }
  });
});

ioTest("What a cancelled writeFile() has begun does not land later", async (world) => {
  using place = placeIn(world);
  await world.runHosted(function* () {
    for (let delay = 0; delay < 20; delay++) {
      const first = spawn(() => outcomeOf(writeFile(place.at("file"), long)));
      yield* sleep(delay * 50);
      yield* cancelWait(first);
      yield* writeFile(place.at("file"), "mine");
      yield* sleep(msec(2));
      assertEquals(textOf(place.files.get("file")), "mine");
    }
  });
});

simulatedIoTest("A first interruption waits for the disk, a second one does not", async (world) => {
  using place = placeIn(world);
  world.simulation.files.latency = sec(1);
  place.files.put("file", long);
  await world.runHosted(function* () {
    for (const cancels of [1, 2]) {
      const fiber = spawn(() => outcomeOf(readFile(place.at("file"))));
      yield* sleep(msec(1_500));
      const start = world.now();
      for (let count = 0; count < cancels; count++) {
        fiber.cancel();
        yield* yieldNow();
      }
      assertEquals([yield* fiber, world.now() - start], [CancelledError.name, cancels === 1 ? msec(500) : 0]);
    }
  });
});

simulatedIoTest("What comes in spite of an interruption is returned, and the interruption comes next", async (world) => {
  using place = placeIn(world);
  place.files.put("file", bytesOf("hello"));
  await world.runHosted(function* () {
    const fiber = spawn(function* () {
      return [yield* readTextFile(place.at("file")), yield* outcomeOf(sleep(1))];
    });
    // Opened, read, and at the end: the fiber is woken at the same moment, after this one, which is more important.
    const canceller = spawn(function* () {
      yield* sleep(300);
      fiber.cancel();
    }, { priority: -1 });
    yield* canceller;
    assertEquals(yield* fiber, ["hello", CancelledError.name]);
  });
});

for (const fault of ["EIO", "ENOSPC"] as const) {
  Deno.test(`writeFile() with "replace" leaves all as it was when the disk says ${fault}`, async () => {
    const kernel = simulatedKernel({ faults: { [fault]: 0.2 }, seed: 1 });
    await onKernel(kernel, function* () {
      kernel.files.write("/file", "before");
      const ends = new Set<string>();
      for (let round = 0; round < 30; round++) {
        const before = kernel.files.read("/file").length;
        const failed = yield* settled(spawn(() => writeFile("/file", long.subarray(0, 200_000 + round), { method: "replace" })));
        ends.add(failed.status === "rejected" ? (failed.reason as { code: string }).code : failed.status);
        assertEquals(kernel.files.read("/file").length, failed.status === "rejected" ? before : 200_000 + round);
        assertEquals(kernel.files.list("/"), ["file"]);
      }
      assertEquals(ends, new Set([fault, "fulfilled"]));
    });
  });
}

Deno.test("readFile() and writeFile() go on after short reads and writes", async () => {
  const kernel = simulatedKernel({ faults: { "short-read": 0.7, "short-write": 0.7 }, seed: 3 });
  await onKernel(kernel, function* () {
    yield* writeFile("/file", long);
    assert(isSame(kernel.files.read("/file"), long));
    assert(isSame(yield* readFile("/file"), long));
  });
});

simulatedIoTest("readFile() of a file that is removed meanwhile reads it to its end", async (world) => {
  using place = placeIn(world);
  place.files.put("file", long);
  await world.runHosted(function* () {
    const reader = spawn(() => readFile(place.at("file")));
    yield* sleep(250);
    place.files.remove("file");
    assert(isSame(yield* reader, long));
    assertEquals(yield* codeOf(readFile(place.at("file"))), "ENOENT");
  });
});

ioTest("readFile() and writeFile() while the loop blocks the thread are EDEADLK", async (world) => {
  await world.run(function* () {
    assertEquals([yield* codeOf(readFile("/file")), yield* codeOf(writeFile("/nowhere/file", ""))], ["EDEADLK", "EDEADLK"]);
  });
}, { lacks: "loops that block the thread" });

for (const kernelName of ["simulated", "linux"] as const) {
  Deno.test(`An exit in the middle lets go of what is read and written, and refuses more (${kernelName})`, async () => {
    const kernel = kernelName === "linux" ? linuxKernel() : simulatedKernel();
    using real = kernelName === "linux" ? realFiles() : undefined;
    const files = real ?? virtualFiles(kernel as SimulatedKernel);
    const open = () => kernelName === "linux" ? openDescriptors().join() : (kernel as SimulatedKernel).leaks().join();
    const before = open();
    const reports: unknown[] = [];
    const loop = new EventLoop({ kernel, onError: (error) => reports.push(error) });
    files.put("file", long);
    const path = `${files.directory}/file`;
    const log: string[] = [];
    for (const operation of [() => readFile(path), () => writeFile(`${path}2`, long), () => writeFile(path, long, { method: "replace" })]) {
      spawn(function* () {
        log.push(yield* outcomeOf(operation()), yield* outcomeOf(readFile(path)));
      }, { loop });
    }
    // Its turn comes when the others have begun, and before any of them goes on: however long the host takes, none is done by then.
    // deno-lint-ignore require-yield
    spawn(function* () {
      loop.exit(7);
    }, { loop });
    assertEquals(await loop.loop(), 7);
    loop[Symbol.dispose]();
    assertEquals([log, reports], [Array(6).fill(CancelledError.name), []]);
    for (let turns = 0; open() !== before; turns++) {
      assert(turns < 1_000, "Something stays open");
      await kernel.turn("io");
    }
    assert(isSame(files.get("file"), long));
    // What was let go of has ended when its descriptors are closed; the new file goes right after that.
    for (let turns = 0; files.list().some((name) => name.startsWith(".sd-fibers")); turns++) {
      assert(turns < 1_000, "The new file stays");
      await kernel.turn("io");
    }
  });
}

Deno.test("readFile() rejects where it is awaited when nobody waits on a fiber", async () => {
  using loop = new EventLoop();
  await assertRejects(() => run(() => readFile("/nowhere/at/all"), { loop }), Error, "there is no such file");
});

async function onKernel(kernel: SimulatedKernel, body: () => Operation<void>): Promise<void> {
  const loop = new EventLoop({ kernel });
  await run(body, { loop });
  loop[Symbol.dispose]();
  assertEquals(kernel.leaks(), []);
}
