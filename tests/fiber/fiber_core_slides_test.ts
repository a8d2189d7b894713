/**
 * The four pictures that fibers were proposed with: two callbacks that share a string, three ways in which that fails, and what a fiber makes of it.
 *
 * There the string is memory, and `_cleanup_free_` gives it back when its function returns. Here it is a resource that a `using` gives back, and that
 * can tell whether it was used afterwards.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { IoEvent, read, spawn, suspend } from "@sd/fibers";
import { simulated, type Simulation } from "../_simulation.ts";

/** A string that must be freed, once, and not be used afterwards. */
class Owned implements Disposable {
  static readonly allocated: Set<Owned> = new Set();
  readonly #text: string;
  readonly #log: string[];

  constructor(text: string, log: string[]) {
    this.#text = text;
    this.#log = log;
    Owned.allocated.add(this);
  }

  get text(): string {
    if (!Owned.allocated.has(this)) throw new Error("Segmentation fault");
    return this.#text;
  }

  [Symbol.dispose](): void {
    if (!Owned.allocated.delete(this)) throw new Error("Double free");
    this.#log.push(`free ${this.#text}`);
  }
}

/** A pipe with something to read in it. */
function filledPipe(world: Simulation): { reader: number; close: () => void } {
  const { kernel } = world;
  const { reader, writer } = kernel.pipe();
  kernel.tryWrite(writer, new TextEncoder().encode("quux"));
  return {
    reader,
    close() {
      kernel.close(reader);
      kernel.close(writer);
    },
  };
}

/** What all four pictures are about, as a fiber: the string lives as long as the code that uses it. */
function* handle(fd: number, log: string[]) {
  using s = new Owned("foobar", log);
  const buffer = new Uint8Array(16);
  const count = yield* read(fd, buffer);
  using q = new Owned(s.text + new TextDecoder().decode(buffer.subarray(0, count)), log);
  log.push(q.text);
}

Deno.test(
  "Picture 1: what callback 1 cleans up callback 2 must not use; a fiber's locals survive its suspension",
  simulated((world) => {
    const log: string[] = [];
    const pipe = filledPipe(world);
    function callback1(): void {
      using s = new Owned("foobar", log);
      world.loop.addIo(pipe.reader, IoEvent.IN, () => void log.push(assertThrows(() => s.text, Error, "Segmentation fault").message), {
        enabled: "oneshot",
      });
    }
    callback1();
    world.settle();
    assertEquals(log.splice(0), ["free foobar", "Segmentation fault"]);

    world.spawn(() => handle(pipe.reader, log));
    world.settle();
    assertEquals(log, ["foobarquux", "free foobarquux", "free foobar"]);
    pipe.close();
  }),
);

Deno.test(
  "Picture 2: what callback 1 does not clean up nobody does; a fiber's clean-up comes with the return",
  simulated((world) => {
    const log: string[] = [];
    const pipe = filledPipe(world);
    function callback1(): void {
      const s = new Owned("foobar", log);
      world.loop.addIo(pipe.reader, IoEvent.IN, () => void log.push(s.text), { enabled: "oneshot" });
    }
    callback1();
    world.settle();
    assertEquals([log.splice(0), Owned.allocated.size], [["foobar"], 1]);
    for (const leaked of Owned.allocated) leaked[Symbol.dispose]();
    log.length = 0;

    world.spawn(() => handle(pipe.reader, log));
    world.settle();
    assertEquals([log.slice(1), Owned.allocated.size], [["free foobarquux", "free foobar"], 0]);
    pipe.close();
  }),
);

Deno.test(
  "Picture 3: what callback 2 would clean up stays when the loop exits before it; a fiber is unwound",
  simulated((world) => {
    const log: string[] = [];
    const { reader, writer } = world.kernel.pipe();
    function callback1(): void {
      const s = new Owned("callback", log);
      world.loop.addIo(reader, IoEvent.IN, () => s[Symbol.dispose](), { enabled: "oneshot" });
    }
    callback1();
    world.spawn(() => handle(reader, log));
    world.settle();
    world.loop.addDefer(() => world.loop.exit(0));
    world.loop.loopSync();
    assertEquals([log, [...Owned.allocated].map((owned) => owned.text)], [["free foobar"], ["callback"]]);
    for (const leaked of Owned.allocated) leaked[Symbol.dispose]();
    world.kernel.close(reader);
    world.kernel.close(writer);
  }),
);

Deno.test(
  "Picture 4: the destroy callback of a source cleans up in either case; a fiber needs none, and has one all the same",
  simulated((world) => {
    const log: string[] = [];
    const pipe = filledPipe(world);
    function callback1(): void {
      const s = new Owned("foobar", log);
      const source = world.loop.addIo(pipe.reader, IoEvent.IN, () => {
        log.push(s.text);
        source[Symbol.dispose]();
      }, { onDestroy: () => s[Symbol.dispose]() });
    }
    callback1();
    world.settle();
    assertEquals(log.splice(0), ["foobar", "free foobar"]);

    const argument = new Owned("argument", log);
    world.spawn(function* () {
      using _local = new Owned("local", log);
      log.push(argument.text);
      yield* suspend();
    }, { onDestroy: () => argument[Symbol.dispose]() });
    world.settle();
    world.exit();
    assertEquals([log, Owned.allocated.size], [["argument", "free local", "free argument"], 0]);
    pipe.close();
  }),
);

for (const ending of ["by its return", "by a throw", "by a cancellation"]) {
  Deno.test(
    `A fiber's finally and using run once, in reverse order, when it ends ${ending}`,
    simulated((world) => {
      const log: string[] = [];
      const fiber = world.spawn(function* () {
        using _outer = new Owned("outer", log);
        try {
          using _inner = new Owned("inner", log);
          yield* suspend();
          if (ending === "by a throw") throw new Error("oops");
        } finally {
          log.push("finally");
        }
      });
      fiber.addCallback(() => {});
      world.settle();
      if (ending === "by a cancellation") fiber.cancel();
      else fiber.resume();
      world.settle();
      assertEquals([log, Owned.allocated.size], [["free inner", "finally", "free outer"], 0]);
    }),
  );
}

Deno.test(
  "Two fibers suspended in the same code keep their own locals, as two stacks would",
  simulated((world) => {
    const pipes = ["foo", "bar"].map((text) => {
      const pipe = world.kernel.pipe();
      return { ...pipe, write: () => world.kernel.tryWrite(pipe.writer, new TextEncoder().encode(text)) };
    });
    const got: string[] = [];
    const fibers = pipes.map(({ reader }, index) =>
      spawn(function* () {
        const mine = `fiber ${index}`;
        const buffer = new Uint8Array(8);
        const count = yield* read(reader, buffer);
        got.push(`${mine}: ${new TextDecoder().decode(buffer.subarray(0, count))}`);
      }, { loop: world.loop })
    );
    world.settle();
    pipes[1].write();
    world.settle();
    pipes[0].write();
    world.settle();
    assertEquals([got, fibers.map(({ state }) => state)], [["fiber 1: bar", "fiber 0: foo"], ["resolved", "resolved"]]);
    for (const { reader, writer } of pipes) {
      world.kernel.close(reader);
      world.kernel.close(writer);
    }
  }),
);
