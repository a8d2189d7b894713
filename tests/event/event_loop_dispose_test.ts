/**
 * How loops go (sd-event, section 12.5), and the default loop.
 *
 * @module
 */

import { EventLoop, IoEvent, linuxKernel } from "@sd/fibers";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { coreOf } from "../../event/event_loop.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { addAll } from "./_sources.ts";
import { loopTest, rejectionOf, Trial } from "./_trial.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

loopTest("A disposed loop has given everything back and is stale", async (trial) => {
  const { loop, kernel } = trial;
  const sources = Object.values(addAll(trial)) as unknown as { loop: unknown }[];
  loop.exitOnSignal = true;
  loop.prepare();
  loop[Symbol.dispose]();
  assertEquals(kernel.leaks().filter((line) => !/^(pipe|handle of process|process)/.test(line)), []);
  assertEquals([loop.state, new Set(sources.map((source) => source.loop))], ["finished", new Set([undefined])]);
  assertEquals(codeOf(() => loop.prepare()), "ESTALE");
  assertEquals(await rejectionOf(loop.run(0)), "ESTALE");
  assertEquals(codeOf(() => loop.addDefer(() => {})), "ESTALE");
  assertEquals(codeOf(() => loop.exit()), "ESTALE");
  loop[Symbol.dispose]();
});

loopTest("A loop cannot be disposed of inside of its own callbacks", async (trial) => {
  const { loop, steps } = trial;
  const rejections: Promise<unknown>[] = [];
  const refuse = (step: number) => () => {
    steps.expect(step);
    const before = loop.exitCode;
    const { code, message } = errorOf(() => loop[Symbol.dispose]());
    assertEquals([code, message], ["EBUSY", "Cannot dispose loop 'loop' while it is driven: ask for exit instead"]);
    rejections.push(rejectionOf(loop[Symbol.asyncDispose]()));
    assertEquals(loop.exitCode, before);
  };
  loop.addDefer(refuse(2), { prepare: refuse(1) });
  loop.addExit(refuse(3));
  const byHand = () => {
    loop.prepare();
    loop.dispatch();
  };
  byHand();
  loop.exit();
  byHand();
  steps.finish(4);
  assertEquals(await Promise.all(rejections), ["EBUSY", "EBUSY", "EBUSY"]);
});

loopTest("A loop cannot be disposed of while it is driven", async (trial) => {
  const { loop } = trial;
  const { reader } = trial.pipe();
  loop.addIo(reader, IoEvent.IN, () => {});
  const driven = loop.loop();
  assertEquals(codeOf(() => loop[Symbol.dispose]()), "EBUSY");
  assertEquals(await rejectionOf(loop[Symbol.asyncDispose]()), "EBUSY");
  loop.exit(1);
  assertEquals(await driven, 1);
  loop[Symbol.dispose]();
  assertEquals(loop.state, "finished");
});

for (const state of ["initial", "armed", "pending"] as const) {
  loopTest(`A loop that is ${state} can be disposed of`, ({ loop, at, steps }) => {
    loop.addDefer(at(), { enabled: state === "pending" ? "on" : "off", onDestroy: at(1) });
    loop.addExit(at(), { onDestroy: at(2) });
    if (state !== "initial") loop.prepare();
    assertEquals(loop.state, state);
    loop[Symbol.dispose]();
    assertEquals(loop.state, "finished");
    steps.finish(3);
  });

  for (const exits of [0, 1, 2]) {
    loopTest(`A loop that is ${state} runs its ${exits} exit sources when it is disposed of by await using`, async (trial) => {
      const { loop, at, steps } = trial;
      loop.addDefer(at(), { enabled: state === "pending" ? "on" : "off" });
      for (let i = 1; i <= exits; i++) loop.addExit(at(i));
      if (state !== "initial") loop.prepare();
      assertEquals(loop.state, state);
      await loop[Symbol.asyncDispose]();
      assertEquals([loop.state, loop.exitCode], ["finished", 0]);
      assertEquals(loop.driven, false);
      steps.finish(exits + 1);
      await loop[Symbol.asyncDispose]();
    });
  }
}

loopTest("A loop that was asked for exit keeps its code when it is disposed of by await using", async ({ loop }) => {
  loop.exit(5);
  await loop[Symbol.asyncDispose]();
  assertEquals(loop.exitCode, 5);
});

loopTest("A finished loop can be disposed of by await using", async ({ loop }) => {
  loop.exit(5);
  loop.loopSync();
  await loop[Symbol.asyncDispose]();
  assertEquals(codeOf(() => loop.addDefer(() => {})), "ESTALE");
});

Deno.test("EventLoop.default() is one loop until it is disposed of", () => {
  assertEquals(EventLoop.hasDefault, false);
  const loop = EventLoop.default();
  assertEquals(EventLoop.hasDefault, true);
  assertStrictEquals(EventLoop.default(), loop);
  assertEquals([loop.name, loop.kernel], ["default", linuxKernel()]);
  new EventLoop({ kernel: virtualKernel() })[Symbol.dispose]();
  assertEquals(EventLoop.hasDefault, true);
  loop[Symbol.dispose]();
  assertEquals(EventLoop.hasDefault, false);
  const next = EventLoop.default();
  assertEquals(next === loop, false);
  next[Symbol.dispose]();
});

Deno.test("A loop takes its name, its kernel and its polling from its options, and refuses bad ones", () => {
  const kernel = virtualKernel();
  using loop = new EventLoop({ kernel, name: "the daemon's" });
  assertEquals([loop.name, loop.kernel], ["the daemon's", kernel]);
  const before = kernel.leaks();
  const message = (options: object) => errorOf(() => new EventLoop({ kernel, ...options })).message;
  assertEquals(message({ polling: "never" }), `Cannot make a loop with polling 'never': it takes "batch" or "every"`);
  assertEquals(message({ poling: "every" }), "Cannot make a loop with option 'poling': there are kernel, name, polling, onError, debug");
  assertEquals(kernel.leaks(), before);
});

Deno.test("A loop whose kernel has no poller to give says why", () => {
  const kernel = virtualKernel();
  for (const [errno, expected] of [[24, "EMFILE"], [12, "ENOMEM"]] as const) {
    kernel.openPoller = () => -errno;
    const { code, message } = errorOf(() => new EventLoop({ kernel }));
    assertEquals([code, message], [expected, `Cannot make a loop: ${expected}, the kernel refused a poller`]);
  }
});

Deno.test("EventLoop.fd is EOPNOTSUPP where the kernel has no descriptor for a loop", () => {
  using loop = new EventLoop({ kernel: virtualKernel(), name: "inner" });
  Object.defineProperty(coreOf(loop).poller, "handle", { value: -95 });
  const { code, message } = errorOf(() => loop.fd);
  assertEquals([code, message], ["EOPNOTSUPP", "Cannot embed loop 'inner': its kernel has no descriptor for it"]);
});

Deno.test("What is no loop is refused as one, and named", () => {
  for (const bad of [undefined, null, 7, "loop", {}, Object.create(EventLoop.prototype)]) {
    const { code, message } = errorOf(() => coreOf(bad as EventLoop));
    assertEquals([code, message], ["EINVAL", `Cannot use '${bad}' as a loop: it takes an EventLoop`]);
  }
});

Deno.test("EventLoop.fd lets another loop wait for this one", () => {
  const trial = new Trial();
  const { loop: outer, kernel, steps } = trial;
  const inner = new EventLoop({ kernel });
  inner.addTimeRelative("monotonic", 1_000, trial.at(2), { accuracy: 1 });
  outer.addIo(inner.fd, IoEvent.IN, () => {
    steps.expect(1);
    assertEquals(inner.waitSync(0), true);
    inner.dispatch();
    outer.exit();
  });
  assertEquals(inner.prepare(), false);
  outer.loopSync();
  steps.finish(3);
  inner[Symbol.dispose]();
  assertEquals(trial.end(), { reported: [], left: [] });
});
