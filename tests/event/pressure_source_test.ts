/**
 * Sources that wait for pressure (sd-event, section 9.9).
 *
 * @module
 */

import {
  EventLoop,
  type LimitedOptions,
  type PressureResource,
  type PressureSource,
  type SimulatedKernel,
  type SimulationOptions,
  SystemError,
} from "@sd/fibers";
import { assert, assertEquals, assertGreaterOrEqual, assertStringIncludes, assertThrows } from "@std/assert";
import { codeOf, errorOf } from "../_simulation.ts";
import { loopTest, type Trial } from "./_trial.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

const resources: readonly PressureResource[] = ["memory", "cpu", "io"];
const fifo = "/run/pressure";
const watchFifo = { MEMORY_PRESSURE_WATCH: fifo };

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** What is on the other side of a pressure source; its handles are closed at the end. */
class Outside {
  readonly #trial: Trial;
  readonly #handles = new Set<number>();

  constructor(trial: Trial) {
    this.#trial = trial;
  }

  own(handle: number): number {
    assertGreaterOrEqual(handle, 0);
    this.#handles.add(handle);
    return handle;
  }

  close(handle: number): void {
    assert(this.#handles.delete(handle));
    this.#trial.kernel.close(handle);
  }

  end(): void {
    for (const handle of this.#handles) this.close(handle);
  }

  /** Makes a FIFO and opens it to read and write. */
  makeFifo(): number {
    const { kernel } = this.#trial;
    kernel.pressureFile(fifo, "fifo");
    const opened = kernel.openPressure(fifo, true);
    assert(typeof opened === "object");
    return this.own(opened.handle);
  }

  /** A source at a FIFO that the service manager named, and the other opening of that. */
  addAtFifo(callback?: () => void, options?: LimitedOptions): { source: PressureSource; writer: number } {
    const writer = this.makeFifo();
    return { source: this.#trial.loop.addPressure("memory", callback, options), writer };
  }

  /** A source at a socket, and the other end of the connection. */
  addAtSocket(callback?: () => void): { source: PressureSource; server: number } {
    const { kernel, loop } = this.#trial;
    const listener = this.own(kernel.openListener({ path: fifo }));
    const source = loop.addPressure("memory", callback);
    return { source, server: this.own(kernel.tryAccept(listener)) };
  }
}

/** A test under both polling rules, with a world outside. */
function pressureTest(name: string, body: (trial: Trial, outside: Outside) => void | Promise<void>, options: SimulationOptions = {}): void {
  loopTest(name, async (trial) => {
    const outside = new Outside(trial);
    await body(trial, outside);
    outside.end();
  }, options);
}

/** Adds a source in a world with these variables: the error's code. It must leave nothing behind. */
function refusal(
  environment: Record<string, string>,
  { resource = "memory", prepare }: { resource?: PressureResource; prepare?: (kernel: SimulatedKernel) => void } = {},
): string | undefined {
  const kernel = virtualKernel({ environment });
  prepare?.(kernel);
  using loop = new EventLoop({ kernel });
  const before = kernel.leaks();
  const code = codeOf(() => loop.addPressure(resource)[Symbol.dispose]());
  assertEquals(kernel.leaks(), before);
  return code;
}

// Where it watches

pressureTest(
  "EventLoop.addPressure() checks the resource, the callback, the options and the loop before it looks for a place",
  ({ loop }) => {
    const add = (...args: unknown[]) => codeOf(() => loop.addPressure(...args as Parameters<EventLoop["addPressure"]>));
    assertEquals(add("swap", "no function"), "EINVAL");
    assertEquals(add("memory", "no function"), "EINVAL");
    assertEquals(add("memory", () => {}, { ownsFd: true }), "EINVAL");
    assertEquals(add("memory", () => {}), "EHOSTDOWN");
    loop.exit();
    loop.loopSync();
    assertEquals(add("swap", () => {}), "EINVAL");
    assertEquals(add("memory", "no function"), "EINVAL");
    assertEquals(add("memory", () => {}), "ESTALE");
  },
  { environment: { MEMORY_PRESSURE_WATCH: "" } },
);

Deno.test("EventLoop.addPressure() reports EHOSTDOWN where the service manager turned it off", () => {
  for (const path of ["", "/dev/null"]) {
    assertEquals(refusal({ MEMORY_PRESSURE_WATCH: path, MEMORY_PRESSURE_WRITE: "%" }), "EHOSTDOWN");
    assertEquals(refusal({ CPU_PRESSURE_WATCH: path }, { resource: "cpu" }), "EHOSTDOWN");
    assertEquals(refusal({ IO_PRESSURE_WATCH: path }, { resource: "io" }), "EHOSTDOWN");
    assertEquals(refusal({ CPU_PRESSURE_WATCH: path }, { resource: "memory" }), undefined);
  }
});

Deno.test("EventLoop.addPressure() reports EBADMSG for a path that is relative or goes back", () => {
  for (const path of ["run/x", "./x", "/run/../x", "/run/./x", "/run//x", "//x", "/..", "/x/.", "/x/.."]) {
    assertEquals(refusal({ MEMORY_PRESSURE_WATCH: path, MEMORY_PRESSURE_WRITE: "%" }), "EBADMSG", path);
  }
  for (const path of ["/..x", "/.x/x..", "/x/...", "/x", "/x/"]) {
    assertEquals(refusal({ MEMORY_PRESSURE_WATCH: path }), "ENOENT", path);
  }
});

Deno.test("EventLoop.addPressure() reports EINVAL for what to write that is no Base64", () => {
  for (const text of ["%", "YQ", "YQ=", "YR==", "YWJj=", "YWJ-"]) {
    assertEquals(refusal({ MEMORY_PRESSURE_WATCH: "/nothing", MEMORY_PRESSURE_WRITE: text }), "EINVAL", text);
  }
  assertEquals(refusal({ MEMORY_PRESSURE_WATCH: "/nothing", MEMORY_PRESSURE_WRITE: "YQ==" }), "ENOENT");
  assertEquals(refusal({ MEMORY_PRESSURE_WRITE: "%" }), undefined);
});

Deno.test("EventLoop.addPressure() reports ENOENT, EISDIR, EBADF and ENOTTY for what is at the path, and what the kernel says", () => {
  const prepare = (kernel: SimulatedKernel) => {
    kernel.files.mkdir("/directory");
    kernel.files.write("/file");
    kernel.pressureFile("/disk", "block-device");
    kernel.close(kernel.openListener({ path: "/deaf" }));
  };
  const codes = {
    "/nothing": "ENOENT",
    "/directory": "EISDIR",
    "/": "EISDIR",
    "/disk": "EBADF",
    "/file": "ENOTTY",
    "/file/x": "ENOTDIR",
    "/deaf": "ECONNREFUSED",
  };
  for (const [path, code] of Object.entries(codes)) {
    assertEquals(refusal({ MEMORY_PRESSURE_WATCH: path }, { prepare }), code);
    assertEquals(refusal({ MEMORY_PRESSURE_WATCH: path, MEMORY_PRESSURE_WRITE: "YQ==" }, { prepare }), code);
  }
});

pressureTest("The errors of a place name it and say who chose it", ({ loop }) => {
  const message = (resource: PressureResource) => assertThrows(() => loop.addPressure(resource), SystemError).message;
  assertEquals(message("io"), "Cannot watch io pressure at '/nothing', which IO_PRESSURE_WATCH names: nothing is there");
  assertEquals(message("cpu"), "Cannot watch cpu pressure: CPU_PRESSURE_WATCH is '', the service manager turned that off");
  assertEquals(
    message("memory"),
    "Cannot watch memory pressure at 'x', which MEMORY_PRESSURE_WATCH names: it takes an absolute path without '.' and '..'",
  );
}, { environment: { IO_PRESSURE_WATCH: "/nothing", CPU_PRESSURE_WATCH: "", MEMORY_PRESSURE_WATCH: "x" } });

pressureTest("EventLoop.addPressure() watches the control group's file, or the whole system's where there is none", ({ kernel, loop }) => {
  const watched = () => kernel.leaks().find((line) => line.startsWith("pressure file"));
  for (const resource of resources) {
    const paths = kernel.pressurePaths(resource) as string[];
    for (const path of paths) {
      using _source = loop.addPressure(resource);
      assertStringIncludes(watched()!, `${path},`);
      kernel.pressureFile(paths[0], undefined);
    }
  }
});

pressureTest("EventLoop.addPressure() reports EOPNOTSUPP where the system does not tell of pressure", (trial) => {
  const { kernel, loop } = trial;
  const paths = kernel.pressurePaths("memory") as string[];
  kernel.pressureFile("/proc/pressure/io", undefined);
  assertEquals(codeOf(() => loop.addPressure("memory")), "EOPNOTSUPP");
  kernel.pressureFile("/proc/pressure/io", "io");
  kernel.pressurePaths = () => paths;
  for (const path of paths) kernel.pressureFile(path, undefined);
  assertEquals(codeOf(() => loop.addPressure("memory")), "EOPNOTSUPP");
});

pressureTest("EventLoop.addPressure() reports what the kernel says of the system's file", ({ kernel, loop }) => {
  kernel.pressurePaths = () => ["/directory", "/proc/pressure/cpu"];
  kernel.files.mkdir("/directory");
  assertEquals(codeOf(() => loop.addPressure("cpu")), "EISDIR");
});

pressureTest("EventLoop.addPressure() leaves nothing behind when an option is out of range", (trial) => {
  const before = trial.kernel.leaks();
  assertEquals(codeOf(() => trial.loop.addPressure("memory", () => {}, { priority: 0.5 })), "EINVAL");
  assertEquals(codeOf(() => trial.loop.addPressure("memory", () => {}, { enabled: "maybe" as "on" })), "EINVAL");
  assertEquals(trial.kernel.leaks(), before);
  assertEquals(trial.loop.runSync(0), false);
});

pressureTest("EventLoop.addPressure() leaves nothing behind when the kernel does not watch it", (trial) => {
  trial.kernel.pressureFile(fifo, "fifo");
  const before = trial.kernel.leaks();
  assertEquals(codeOf(() => trial.loop.addPressure("memory")), "ENOSPC");
  assertEquals(trial.kernel.leaks(), before);
}, { environment: watchFifo, faults: { ENOSPC: 1 } });

// What it tells and is told

pressureTest("A pressure source says what it is", ({ loop }) => {
  for (const resource of resources) {
    using source = loop.addPressure(resource);
    assertEquals([source.type, source.resource, source.level, source.enabled], [`${resource}-pressure`, resource, "some", "on"]);
    assertEquals([source.priority, source.pending, source.loop === loop], [0, false, true]);
  }
});

pressureTest("A pressure source calls back each time that there was pressure on its resource", (trial) => {
  const { loop, kernel, steps, at } = trial;
  loop.addPressure("memory", at(1, 4));
  loop.addPressure("cpu", at(2));
  loop.addPressure("io", at(3));
  trial.settle();
  for (const resource of [...resources, "memory"] as const) {
    kernel.press(resource);
    assertEquals(trial.settle(), 1);
  }
  steps.finish(5);
});

pressureTest("A callback of a pressure source gets the source", (trial) => {
  const got: unknown[] = [];
  const source = trial.loop.addPressure("io", (source) => got.push(source));
  trial.settle();
  trial.kernel.press("io");
  trial.settle();
  assertEquals(got.length, 1);
  assert(got[0] === source);
});

pressureTest("A pressure source without a callback does nothing", (trial) => {
  for (const resource of resources) trial.loop.addPressure(resource);
  trial.settle();
  for (const resource of resources) trial.kernel.press(resource);
  assertEquals([trial.settle(), trial.loop.exitCode], [3, undefined]);
});

pressureTest("A pressure source tells the system what it wants in the first prepare", (trial) => {
  const { loop, kernel, steps, at } = trial;
  loop.addPressure("memory", at(1));
  kernel.press("memory");
  assertEquals(loop.prepare(), false);
  kernel.press("memory");
  assertEquals(loop.waitSync(0), true);
  loop.dispatch();
  steps.finish(2);
});

pressureTest("What a pressure source wants is 200 ms in 2 s by some, if nothing else is said", (trial, outside) => {
  const { kernel, steps, at } = trial;
  const reader = outside.makeFifo();
  kernel.pressurePaths = () => [fifo];
  trial.loop.addPressure("cpu", at());
  trial.loop.prepare();
  assertEquals(trial.read(reader), "some 200000 2000000\0");
  steps.finish(1);
});

pressureTest("A pressure source tells of no less than it was asked for", (trial) => {
  const { loop, kernel, steps, at } = trial;
  loop.addPressure("memory", at(1));
  const full = loop.addPressure("memory", at(2));
  full.level = "full";
  full.setPeriod(1_000, 500_000);
  trial.settle();
  kernel.press("memory", { stallUsec: 199_999 });
  assertEquals(trial.settle(), 0);
  kernel.press("memory", { stallUsec: 200_000 });
  assertEquals(trial.settle(), 1);
  kernel.press("memory", { stallUsec: 1_000, level: "full" });
  assertEquals(trial.settle(), 1);
  steps.finish(3);
});

pressureTest("PressureSource.setPeriod() says whether it changed something", ({ loop }) => {
  const source = loop.addPressure("io");
  assertEquals(source.setPeriod(200_000, 2_000_000), false);
  assertEquals(source.setPeriod(2_000_000, 2_000_000), true);
  assertEquals(source.setPeriod(2_000_000, 2_000_000), false);
  assertEquals(source.setPeriod(2_000_000, 4_000_000), true);
  source.level = "full";
  assertEquals(source.level, "full");
  assertEquals(source.setPeriod(2_000_000, 4_000_000), false);
});

pressureTest("PressureSource.setPeriod() checks the spans, then one against the other, then whether it may be changed", (trial) => {
  const source = trial.loop.addPressure("io");
  const code = (threshold: number, window: number) => codeOf(() => source.setPeriod(threshold, window));
  function checkSpans(): void {
    for (const span of [0, Infinity]) assertEquals([code(span, 1), code(1, span)], ["ERANGE", "ERANGE"]);
    for (const span of [-1, 0.5, NaN, 2 ** 53]) assertEquals([code(span, 1), code(1, span)], ["EINVAL", "EINVAL"]);
    assertEquals(code(2, 1), "EINVAL");
  }
  checkSpans();
  assertEquals(code(1, 1), undefined);
  trial.settle();
  checkSpans();
  assertEquals([code(1, 1), code(1, 2)], ["EBUSY", "EBUSY"]);
  source[Symbol.dispose]();
  checkSpans();
  assertEquals(code(1, 1), "ESTALE");
});

pressureTest("PressureSource.level takes some and full, until it is written", (trial) => {
  const source = trial.loop.addPressure("io");
  const set = (level: string) => codeOf(() => source.level = level as "some");
  assertEquals([set("full"), set("full"), set("most"), source.level], [undefined, undefined, "EINVAL", "full"]);
  trial.settle();
  assertEquals([set("full"), set("some"), set("most"), source.level], ["EBUSY", "EBUSY", "EINVAL", "full"]);
  source[Symbol.dispose]();
  assertEquals([set("some"), set("most"), source.level], ["ESTALE", "EINVAL", "full"]);
});

pressureTest("A pressure source that the service manager has placed is fixed from the start", (_trial, outside) => {
  const { source } = outside.addAtFifo();
  assertEquals([codeOf(() => source.level = "full"), codeOf(() => source.setPeriod(1, 2))], ["EBUSY", "EBUSY"]);
}, { environment: watchFifo });

pressureTest("Level and period may be set in a prepare callback of the same iteration", (trial) => {
  const { loop, kernel, steps, at } = trial;
  loop.addPressure("memory", at(1), {
    prepare: (source) => {
      if (loop.iteration === 1) (source as unknown as PressureSource).level = "full";
    },
  });
  trial.settle();
  kernel.press("memory");
  assertEquals(trial.settle(), 0);
  kernel.press("memory", { level: "full" });
  assertEquals(trial.settle(), 1);
  steps.finish(2);
});

pressureTest("After an exit was asked for nothing is written any more", (trial, outside) => {
  const { loop, kernel } = trial;
  const reader = outside.makeFifo();
  kernel.pressurePaths = () => [fifo];
  const source = loop.addPressure("io");
  loop.exit();
  loop.loopSync();
  assertEquals(trial.read(reader), "");
  source.level = "full";
  assertEquals(source.level, "full");
});

pressureTest("A pressure source whose wish the system refuses is turned off, and no error is told", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const source = loop.addPressure("memory", at(), { exitOnFailure: true });
  source.setPeriod(1_000, 499_999);
  assertEquals(loop.runSync(0), false);
  assertEquals([source.enabled, loop.exitCode], ["off", undefined]);
  source.enabled = "on";
  assertEquals(loop.runSync(0), false);
  assertEquals(source.enabled, "off");
  kernel.press("memory");
  assertEquals(loop.runSync(0), false);
  steps.finish(1);
});

pressureTest("A pressure source that is off when it has to write does write, and is watched when it is on again", (trial) => {
  const { loop, kernel, steps, at } = trial;
  const off = loop.addPressure("memory", at(1), { enabled: "off" });
  const turnedOff = loop.addPressure("cpu", at(2));
  turnedOff.enabled = "off";
  trial.settle();
  assertEquals(codeOf(() => off.level = "full"), "EBUSY");
  assertEquals(kernel.leaks().filter((line) => line.startsWith("watch of pressure file")), []);
  for (const resource of resources) kernel.press(resource);
  assertEquals(trial.settle(), 0);
  // What there was meanwhile is told now.
  for (const source of [off, turnedOff]) {
    source.enabled = "on";
    assertEquals(trial.settle(), 1);
  }
  steps.finish(3);
});

pressureTest("A pressure source that goes before it has written leaves nothing to write", (trial, outside) => {
  const { loop, kernel } = trial;
  const reader = outside.makeFifo();
  kernel.pressurePaths = () => [fifo];
  loop.addPressure("memory")[Symbol.dispose]();
  trial.settle();
  assertEquals(trial.read(reader), "");
});

pressureTest("A pressure source that the kernel does not watch when it has written ends prepare with that error", (trial) => {
  const { loop } = trial;
  const source = loop.addPressure("memory");
  assertEquals(codeOf(() => loop.prepare()), "ENOSPC");
  assertEquals([loop.state, source.enabled], ["initial", "on"]);
  assertEquals(loop.runSync(0), false);
}, { faults: { ENOSPC: 1 } });

// Dispatching

pressureTest("A FIFO is watched at once, and what comes from it is thrown away, 4096 bytes a dispatch", (trial, outside) => {
  const { steps, at } = trial;
  const { writer } = outside.addAtFifo(at(1, 2, 3));
  trial.kernel.tryWrite(writer, new Uint8Array(2 * 4_096 + 1));
  assertEquals(trial.settle(), 3);
  assertEquals(trial.read(writer), "");
  steps.finish(4);
}, { environment: watchFifo });

pressureTest("A oneshot pressure source calls back once and is off in its callback", (trial, outside) => {
  const { steps } = trial;
  const { source, writer } = outside.addAtFifo(() => {
    steps.expect(1);
    assertEquals([source.enabled, source.pending], ["off", false]);
  });
  source.enabled = "oneshot";
  trial.write(writer, "x");
  assertEquals(trial.settle(), 1);
  trial.write(writer, "x");
  assertEquals(trial.settle(), 0);
  steps.finish(2);
}, { environment: watchFifo });

pressureTest("What the service manager wants is written in the first prepare", (trial, outside) => {
  const { steps, at } = trial;
  const { server } = outside.addAtSocket(at(1));
  assertEquals(trial.read(server), "");
  assertEquals(trial.settle(), 0);
  assertEquals(trial.read(server), "some 5 7");
  trial.write(server, "x");
  assertEquals(trial.settle(), 1);
  steps.finish(2);
}, { environment: { ...watchFifo, MEMORY_PRESSURE_WRITE: base64("some 5 7") } });

pressureTest("Where nothing is to be written a FIFO is only read", (trial, outside) => {
  const { steps, at } = trial;
  const writer = outside.makeFifo();
  const source = trial.loop.addPressure("memory", at());
  trial.settle();
  outside.close(writer);
  assertEquals(trial.settle(), 1);
  assertEquals(source.enabled, "off");
  assertEquals(trial.takeMessages(), [
    "source 'memory-pressure': Cannot go on with the memory-pressure source: what tells of pressure has an error or is gone",
  ]);
  steps.finish(1);
}, { environment: { ...watchFifo, MEMORY_PRESSURE_WRITE: "" } });

pressureTest("A pressure source whose FIFO nobody writes to any more has failed with EIO", (trial, outside) => {
  const { loop } = trial;
  const writer = outside.makeFifo();
  loop.addPressure("memory", () => {}, { exitOnFailure: true });
  loop.addPost(trial.at(1));
  outside.close(writer);
  assertEquals(loop.runSync(0), true);
  assertEquals(loop.exitCode, -5);
  assertEquals(trial.takeReports().map(({ error }) => (error as SystemError).code), ["EIO"]);
}, { environment: watchFifo });

pressureTest("A pressure source that has called back fails with EIO when nobody writes to its FIFO any more", (trial, outside) => {
  const { source, writer } = outside.addAtFifo(trial.at(1));
  trial.write(writer, "x");
  assertEquals(trial.settle(), 1);
  outside.close(writer);
  assertEquals(trial.settle(), 1);
  assertEquals(source.enabled, "off");
  assertEquals(trial.takeReports().map(({ error }) => (error as SystemError).code), ["EIO"]);
  trial.steps.finish(2);
}, { environment: watchFifo });

pressureTest("A pressure source whose place has an error fails with EIO", (trial, outside) => {
  const { kernel, loop } = trial;
  const { reader, writer } = kernel.pipe();
  outside.own(reader);
  kernel.openPressure = () => ({ kind: "other", handle: writer });
  const source = loop.addPressure("memory", trial.at());
  // The end to write of a pipe that nobody reads reports ERR alone.
  outside.close(reader);
  assertEquals([trial.settle(), source.enabled], [1, "off"]);
  assertEquals(trial.takeReports().map(({ error }) => (error as SystemError).code), ["EIO"]);
}, { environment: watchFifo });

pressureTest("A pressure source calls back though somebody else has read what came", (trial, outside) => {
  const { steps, at } = trial;
  const { writer } = outside.addAtFifo(at(2));
  trial.write(writer, "x");
  trial.loop.addDefer(() => {
    steps.expect(1);
    assertEquals(trial.read(writer), "x");
  }, { priority: -1 });
  trial.tick(2);
  assertEquals(trial.settle(), 0);
  steps.finish(3);
}, { environment: watchFifo });

pressureTest("A pressure source tells the system what it wants where more important sources keep the loop busy, too", (trial) => {
  const { loop } = trial;
  for (let i = 0; i < 10; i++) loop.addDefer(() => {}, { enabled: "on", priority: -1 });
  // By the rule of batches one poll in ten iterations is made for this, and the next one is not.
  loop.addTime("monotonic", Infinity);
  trial.tick(4);
  const source = loop.addPressure("memory");
  trial.tick();
  assertEquals(codeOf(() => source.level = "full"), "EBUSY");
});

pressureTest("The errors of a pressure source name it, and say what to do", (trial) => {
  const { loop } = trial;
  const message = (action: () => unknown) => errorOf(action).message;
  const add = (resource: string) => message(() => loop.addPressure(resource as "cpu"));
  assertEquals(add("swap"), "Cannot watch the pressure on 'swap': it takes memory, cpu, io");
  const source = loop.addPressure("io", null, { description: "disks" });
  const title = "io-pressure source 'disks'";
  assertEquals(message(() => source.level = "most" as "full"), `Cannot set the level of ${title} to 'most': it takes "some" or "full"`);
  assertEquals(
    message(() => source.setPeriod(0, 1)),
    `Cannot set the period of ${title} with a span of '0': it takes from 1 us up to less than Infinity`,
  );
  assertEquals(
    message(() => source.setPeriod(0.5, 1)),
    "Cannot use threshold '0.5': it takes whole microseconds from 0 to 2^53, or Infinity",
  );
  assertEquals(message(() => source.setPeriod(2, 1)), `Cannot set the threshold of ${title} to '2': the window has only 1 us`);
  trial.settle();
  const fixed = "it is fixed already, set it before the loop first prepares";
  assertEquals(message(() => source.level = "full"), `Cannot set the level of ${title}: ${fixed}`);
  assertEquals(message(() => source.setPeriod(1, 2)), `Cannot set the period of ${title}: ${fixed}`);
  source[Symbol.dispose]();
  assertEquals(message(() => source.level = "full"), `Cannot set the level of ${title}: it is disposed`);
});

pressureTest("A pressure source whose socket is closed by the other side calls back", (trial, outside) => {
  const { loop, steps, at } = trial;
  const { source, server } = outside.addAtSocket(at(1, 2));
  outside.close(server);
  trial.tick(2);
  source[Symbol.dispose]();
  assertEquals(loop.runSync(0), false);
  steps.finish(3);
}, { environment: watchFifo });

const capacity = 212_992;
const long = "x".repeat(capacity + 1_000);

pressureTest("A pressure source that cannot write all goes on when there is room, and calls back for pressure alone", (trial, outside) => {
  const { loop, steps, at } = trial;
  const { source, server } = outside.addAtSocket(at(2));
  loop.addPost(at(1));
  source.enabled = "oneshot";
  assertEquals(loop.runSync(0), false);
  const received = new Uint8Array(capacity + 1_000);
  assertEquals(trial.kernel.tryRead(server, received), capacity);
  assertEquals([loop.runSync(0), source.enabled], [true, "oneshot"]);
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  assertEquals(trial.kernel.tryRead(server, received), 1_000);
  trial.write(server, "x");
  assertEquals([loop.runSync(0), source.enabled], [true, "off"]);
  steps.finish(3);
}, { environment: { ...watchFifo, MEMORY_PRESSURE_WRITE: base64(long) } });

pressureTest("A pressure source that is still writing calls back when there is pressure and no room", (trial, outside) => {
  const { loop, steps, at } = trial;
  const { server } = outside.addAtSocket(at(1, 2));
  assertEquals(loop.runSync(0), false);
  trial.write(server, "x");
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  const received = new Uint8Array(2 * capacity);
  assertEquals(trial.kernel.tryRead(server, received), capacity);
  trial.write(server, "x");
  // All is written now, and there is pressure.
  assertEquals([loop.runSync(0), loop.runSync(0)], [true, false]);
  assertEquals(trial.kernel.tryRead(server, received), 1_000);
  steps.finish(3);
}, { environment: { ...watchFifo, MEMORY_PRESSURE_WRITE: base64(long) } });

pressureTest("A pressure source that wrote some and has some left does not call back yet", (trial, outside) => {
  const { loop, steps, at } = trial;
  const { server } = outside.addAtSocket(at(2));
  assertEquals(loop.runSync(0), false);
  const received = new Uint8Array(capacity);
  assertEquals(trial.kernel.tryRead(server, received), capacity);
  trial.write(server, "x");
  assertEquals(loop.runSync(0), true);
  steps.expect(1);
  assertEquals(trial.kernel.tryRead(server, received), capacity);
  assertEquals(loop.runSync(0), true);
  steps.finish(3);
}, { environment: { ...watchFifo, MEMORY_PRESSURE_WRITE: base64(long + long) } });

pressureTest("A oneshot pressure source that finds no room after all waits for room again", (trial, outside) => {
  const { loop } = trial;
  const { source } = outside.addAtFifo(trial.at());
  source.enabled = "oneshot";
  trial.tick(3);
  assertEquals([source.enabled, loop.exitCode], ["oneshot", undefined]);
}, { environment: { ...watchFifo, MEMORY_PRESSURE_WRITE: base64("some") }, faults: { EAGAIN: 1 } });

pressureTest("A pressure source that was off in between goes on writing", (trial, outside) => {
  const { loop, steps, at } = trial;
  const { source, server } = outside.addAtSocket(at(1));
  assertEquals(loop.runSync(0), false);
  source.enabled = "off";
  const received = new Uint8Array(2 * capacity);
  assertEquals(trial.kernel.tryRead(server, received), capacity);
  assertEquals(loop.runSync(0), false);
  source.enabled = "on";
  assertEquals(loop.runSync(0), false);
  assertEquals(trial.kernel.tryRead(server, received), 1_000);
  trial.write(server, "x");
  assertEquals(loop.runSync(0), true);
  steps.finish(2);
}, { environment: { ...watchFifo, MEMORY_PRESSURE_WRITE: base64(long) } });

pressureTest("A pressure source that can never write the rest is turned off, and no error is told", (trial, outside) => {
  const { loop, steps, at } = trial;
  const { source, server } = outside.addAtSocket(at());
  assertEquals(loop.runSync(0), false);
  trial.kernel.tryRead(server, new Uint8Array(capacity));
  outside.close(server);
  assertEquals([loop.runSync(0), source.enabled], [true, "off"]);
  assertEquals(loop.runSync(0), false);
  steps.finish(1);
}, { environment: { ...watchFifo, MEMORY_PRESSURE_WRITE: base64(long) } });

pressureTest("What a pressure source cannot read ends dispatch with that error, and the loop goes on", (trial, outside) => {
  const { loop, steps, at } = trial;
  const { source, server } = outside.addAtSocket(at(1));
  assertEquals(loop.runSync(0), false);
  trial.kernel.tryRead(server, new Uint8Array(1));
  outside.close(server);
  assertEquals(codeOf(() => loop.runSync(0)), "ECONNRESET");
  assertEquals([loop.state, source.enabled, source.pending], ["initial", "on", false]);
  assertEquals(loop.runSync(0), true);
  steps.finish(2);
}, { environment: { ...watchFifo, MEMORY_PRESSURE_WRITE: base64("some more") } });

pressureTest("What is reported while a pressure source is pending adds up", (trial, outside) => {
  const { loop, steps, at } = trial;
  const writer = outside.makeFifo();
  const source = loop.addPressure("memory", at(3), { priority: 1 });
  trial.write(writer, "x");
  loop.addDefer(() => {
    steps.expect(1);
    // It was seen to be readable. Now it is empty and nobody writes any more.
    trial.read(writer);
    outside.close(writer);
  });
  loop.addDefer(at(2));
  trial.tick(2);
  assertEquals(source.pending, true);
  trial.tick();
  steps.finish(4);
  source[Symbol.dispose]();
}, { environment: watchFifo });

pressureTest("A pressure source may have a rate limit", (trial) => {
  const { steps, at, kernel } = trial;
  const source = trial.loop.addPressure("cpu", at(1, 2), { rateLimit: { interval: 1_000, burst: 1 } });
  trial.settle();
  for (let round = 0; round < 2; round++) {
    kernel.press("cpu");
    trial.settle();
  }
  assertEquals([source.rateLimited, source.pending], [true, true]);
  trial.pass(1_001);
  steps.finish(3);
});

pressureTest("Pressure wakes a loop that is parked", async (trial) => {
  const { loop, kernel } = trial;
  loop.addPressure("memory", () => loop.exit(7));
  kernel.after(1_000_000, () => kernel.press("memory"));
  assertEquals(await loop.loop(), 7);
});

pressureTest("A pressure source that is disposed of in its callback is gone", (trial, outside) => {
  const { steps } = trial;
  const { source, writer } = outside.addAtFifo(() => {
    steps.expect(1);
    source[Symbol.dispose]();
  });
  trial.kernel.tryWrite(writer, new Uint8Array(5_000));
  assertEquals(trial.settle(), 1);
  assertEquals(trial.kernel.leaks().filter((line) => line.startsWith("FIFO")).length, 1);
  steps.finish(2);
}, { environment: watchFifo });
