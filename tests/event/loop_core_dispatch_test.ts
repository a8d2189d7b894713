/**
 * What surrounds a callback (sd-event, section 8).
 *
 * @module
 */

import { EventLoop, IoEvent, type PlainCallback, SystemError } from "@sd/fibers";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { assertSpyCall, assertSpyCalls, spy } from "@std/testing/mock";
import { makers } from "./_sources.ts";
import { loopTest } from "./_trial.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

/** Fails as callbacks do. */
function failing(message: string = "a bad day"): () => never {
  return () => {
    throw new Error(message);
  };
}

for (const { name, make } of makers) {
  loopTest(`A callback of a source of type ${name} that fails is reported once, and turns its source off`, (trial) => {
    const { loop } = trial;
    const { source, happen } = make(trial, failing(), { enabled: "on", description: "the unlucky one" });
    happen();
    assertEquals(loop.runSync(0), true);
    const [report, ...rest] = trial.takeReports();
    assertEquals([(report.error as Error).message, report.origin, rest], [
      "a bad day",
      { kind: "source", name: "the unlucky one", source },
      [],
    ]);
    assertEquals([source.enabled, loop.exitCode], ["off", undefined]);
    assertEquals(loop.runSync(0), false);
  });
}

loopTest("A failed source without a description is reported by its type", (trial) => {
  trial.loop.addDefer(failing());
  trial.loop.runSync(0);
  assertEquals(trial.takeMessages(), ["source 'defer': a bad day"]);
});

loopTest("A failed callback is no error of run, loop or dispatch", async (trial) => {
  const { loop } = trial;
  for (let i = 0; i < 4; i++) loop.addDefer(failing(String(i)), { priority: i });
  loop.addDefer(() => loop.exit(8), { priority: 9 });
  loop.prepare();
  assertEquals(loop.dispatch(), true);
  assertEquals(loop.runSync(0), true);
  assertEquals(await loop.run(0), true);
  assertEquals(await loop.loop(), 8);
  assertEquals(trial.takeMessages(), ["source 'defer': 0", "source 'defer': 1", "source 'defer': 2", "source 'defer': 3"]);
});

loopTest("A oneshot source that enables itself again and then fails is off", (trial) => {
  const source = trial.loop.addDefer(() => {
    source.enabled = "on";
    failing()();
  });
  trial.loop.runSync(0);
  assertEquals(source.enabled, "off");
  assertEquals(trial.loop.runSync(0), false);
  assertEquals(trial.takeMessages(), ["source 'defer': a bad day"]);
});

loopTest("A source that fails after it disposed of itself is reported, and gone", (trial) => {
  const { loop, steps } = trial;
  const source = loop.addDefer(() => {
    source[Symbol.dispose]();
    steps.expect(1);
    failing()();
  }, { enabled: "on", onDestroy: trial.at(2) });
  loop.runSync(0);
  assertEquals(trial.takeMessages(), ["source 'defer': a bad day"]);
  assertEquals(loop.runSync(0), false);
  steps.finish(3);
});

loopTest("Under exitOnFailure the loop exits with the negative errno of the error, or with EIO's", (trial) => {
  for (
    const [error, code] of [
      [new SystemError("EBUSY"), -16],
      [new SystemError("ECANCELED", "not now"), -125],
      [new Error("a bad day"), -5],
      ["a string", -5],
      [undefined, -5],
      [new SystemError("EUNHEARDOF"), -5],
    ] as const
  ) {
    const loop = new EventLoop({ kernel: trial.kernel, polling: trial.polling, onError: () => {} });
    const source = loop.addDefer(() => {
      throw error;
    }, { exitOnFailure: true, enabled: "on" });
    assertEquals(source.exitOnFailure, true);
    loop.runSync(0);
    assertEquals([loop.exitCode, source.enabled], [code, "off"]);
    assertEquals(loop.loopSync(), code);
    loop[Symbol.dispose]();
  }
});

loopTest("exitOnFailure can be set and taken back", (trial) => {
  const { loop } = trial;
  const source = loop.addDefer(failing());
  assertEquals(source.exitOnFailure, false);
  source.exitOnFailure = true;
  source.exitOnFailure = false;
  loop.runSync(0);
  assertEquals(loop.exitCode, undefined);
  source.exitOnFailure = true;
  source.enabled = "oneshot";
  loop.runSync(0);
  assertEquals(loop.exitCode, -5);
  assertEquals(trial.takeMessages().length, 2);
});

loopTest("What a callback returns is ignored, unless it is a promise", ({ loop }) => {
  for (const value of [0, -5, false, null, "text", {}, [], { then: 1 }]) {
    const source = loop.addDefer((() => value) as PlainCallback, { enabled: "on" });
    loop.runSync(0);
    assertEquals(source.enabled, "on");
    source[Symbol.dispose]();
  }
});

for (const { name, make } of makers) {
  loopTest(`A callback of a source of type ${name} that returns a promise is reported, and turns its source off`, async (trial) => {
    const { loop } = trial;
    const promise = Promise.resolve();
    const { source, happen } = make(trial, (() => promise) as () => void, { enabled: "on", description: "an eager one" });
    happen();
    loop.runSync(0);
    const [{ error, origin }, ...rest] = trial.takeReports();
    assertInstanceOf(error, SystemError);
    assertEquals([error.code, origin.name, rest], ["EINVAL", "an eager one", []]);
    assertEquals(
      error.message,
      "Cannot wait for the promise that the callback of source 'an eager one' returned: callbacks are synchronous, spawn a fiber for the rest",
    );
    assertEquals(source.enabled, "off");
    await promise;
  });
}

loopTest("Post sources are pending before the callback and after it", ({ loop, steps, at }) => {
  const early = loop.addPost(at(3), { priority: 1 });
  loop.addDefer(() => {
    assertEquals(early.pending, true);
    steps.expect(1);
    const late = loop.addPost(at(2));
    assertEquals(late.pending, false);
  });
  for (let i = 0; i < 3; i++) loop.runSync(0);
  steps.finish(4);
});

loopTest("A post source that the callback turned off and on again is pending after it", ({ loop, steps, at }) => {
  const post = loop.addPost(at(2));
  loop.addDefer(() => {
    steps.expect(1);
    post.enabled = "off";
    post.enabled = "on";
    assertEquals(post.pending, false);
  });
  loop.runSync(0);
  assertEquals(post.pending, true);
  loop.runSync(0);
  steps.finish(3);
});

loopTest("Post sources are pending after a callback that failed too", (trial) => {
  const { loop } = trial;
  let post;
  loop.addDefer(() => {
    post = loop.addPost(() => {});
    failing()();
  });
  loop.runSync(0);
  assertEquals(post!.pending, true);
  trial.takeReports();
});

loopTest("A callback is not run for what was pending when another callback turned it off", (trial) => {
  const { loop, steps, at } = trial;
  const made = makers.map(({ make }) => make(trial, at(), { enabled: "on", priority: 5 }));
  for (const { happen } of made) happen();
  loop.addDefer(() => {
    steps.expect(1);
    assert(made.some(({ source }) => source.pending));
    for (const { source } of made) source.enabled = "off";
  }, { priority: -1 });
  while (loop.runSync(0));
  steps.finish(2);
});

Deno.test("Without onError a failure is one console.error that names the source", () => {
  const print = spy();
  const original = console.error;
  console.error = print;
  const error = new Error("a bad day");
  try {
    using loop = new EventLoop({ kernel: virtualKernel() });
    loop.addDefer(() => {
      throw error;
    }, { description: "housekeeping" });
    loop.runSync(0);
  } finally {
    console.error = original;
  }
  assertSpyCalls(print, 1);
  assertSpyCall(print, 0, { args: ["Error in source 'housekeeping':", error] });
});

Deno.test("What onError throws goes to reportError, and the loop goes on", () => {
  const seen: unknown[] = [];
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    seen.push(event.error);
  };
  globalThis.addEventListener("error", listener);
  const kernel = virtualKernel();
  const worse = new Error("worse");
  using loop = new EventLoop({
    kernel,
    onError: () => {
      throw worse;
    },
  });
  const source = loop.addDefer(failing());
  loop.addDefer(() => loop.exit(3));
  assertEquals(loop.loopSync(), 3);
  assertEquals(source.enabled, "off");
  globalThis.removeEventListener("error", listener);
  assertEquals(seen, [worse]);
});

loopTest("onError runs before the source is turned off, and may ask for exit", (trial) => {
  const seen: unknown[] = [];
  const loop = new EventLoop({
    kernel: trial.kernel,
    polling: trial.polling,
    onError: (_, { source }) => {
      seen.push(source!.enabled, loop.state);
      loop.exit(9);
    },
  });
  loop.addDefer(failing(), { enabled: "on" });
  assertEquals(loop.loopSync(), 9);
  assertEquals(seen, ["on", "running"]);
  loop[Symbol.dispose]();
});

loopTest("An io callback is told what was ready when it became pending", (trial) => {
  const { loop } = trial;
  const { reader, writer } = trial.pipe();
  const seen: unknown[] = [];
  const source = loop.addIo(reader, IoEvent.IN, (...told) => void seen.push(...told), { enabled: "oneshot" });
  trial.write(writer, "x");
  loop.runSync(0);
  assertEquals(seen, [IoEvent.IN, source]);
});
