/**
 * Which driving call is legal in which state (sd-event, section 4).
 *
 * @module
 */

import { type EventLoop, IoEvent, type LoopState } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { coreOf } from "../../event/event_loop.ts";
import { codeOf, errorOf } from "../_simulation.ts";
import { loopTest, rejectionOf, type Trial } from "./_trial.ts";

type Call = "prepare" | "wait" | "dispatch" | "run" | "loop";

const calls: Readonly<Record<Call, readonly ((loop: EventLoop) => unknown)[]>> = {
  prepare: [(loop) => loop.prepare()],
  wait: [(loop) => loop.wait(0), (loop) => loop.waitSync(0)],
  dispatch: [(loop) => loop.dispatch()],
  run: [(loop) => loop.run(0), (loop) => loop.runSync(0)],
  loop: [(loop) => loop.loop(), (loop) => loop.loopSync()],
};

/** Makes every one of these calls at once, in each of its flavours: the distinct codes that each answers with. */
async function codesOf(loop: EventLoop, names: readonly Call[]): Promise<Partial<Record<Call, unknown>>> {
  const answers = names.map((name) => calls[name].map((call) => answerOf(() => call(loop))));
  const codes = await Promise.all(answers.map(async (each) => [...new Set(await Promise.all(each))].join(" and ")));
  return Object.fromEntries(names.map((name, index) => [name, codes[index]]));
}

function answerOf(call: () => unknown): Promise<string | undefined> | string | undefined {
  let answer: unknown;
  const code = codeOf(() => answer = call());
  return answer instanceof Promise ? rejectionOf(answer) : code;
}

function busy(...names: Call[]): Partial<Record<Call, unknown>> {
  return Object.fromEntries(names.map((name) => [name, "EBUSY"]));
}

const all: readonly Call[] = ["prepare", "wait", "dispatch", "run", "loop"];

/** Brings the loop into the state by hand. */
function bringTo(state: LoopState, { loop }: Trial): void {
  if (state === "armed" || state === "pending") {
    loop.addDefer(() => {}, { enabled: state === "pending" ? "on" : "off" });
    assertEquals(loop.prepare(), state === "pending");
  } else if (state === "finished") {
    loop.exit(7);
    assertEquals(loop.loopSync(), 7);
  }
  assertEquals(loop.state, state);
}

for (
  const [state, legal] of [
    ["initial", ["prepare", "run", "loop"]],
    ["armed", ["wait"]],
    ["pending", ["dispatch"]],
  ] as const
) {
  loopTest(`A loop that is ${state} refuses all driving calls but ${legal.join(", ")}`, async (trial) => {
    bringTo(state, trial);
    const illegal = all.filter((call) => !legal.some((each) => each === call));
    assertEquals(await codesOf(trial.loop, illegal), busy(...illegal));
    assertEquals(trial.loop.state, state);
  });
}

loopTest("A loop that has finished is stale for all driving calls but loop, which is busy", async (trial) => {
  bringTo("finished", trial);
  assertEquals(await codesOf(trial.loop, all), { prepare: "ESTALE", wait: "ESTALE", dispatch: "ESTALE", run: "ESTALE", loop: "EBUSY" });
  assertEquals(trial.loop.state, "finished");
});

/** Runs `inside` in a callback of the loop that is in this state meanwhile. */
function enter(state: "preparing" | "running" | "exiting", { loop }: Trial, inside: () => void): void {
  const callback = () => {
    assertEquals(loop.state, state);
    inside();
  };
  if (state === "preparing") loop.addDefer(() => {}, { prepare: callback });
  else if (state === "running") loop.addDefer(callback);
  else {
    loop.addExit(callback);
    loop.exit();
  }
}

const drivers: Record<string, (loop: EventLoop) => unknown> = {
  "by hand": (loop) => {
    assertEquals(loop.prepare(), true);
    loop.dispatch();
  },
  "by run": (loop) => loop.run(0),
  "by runSync": (loop) => loop.runSync(0),
};

for (const state of ["preparing", "running", "exiting"] as const) {
  for (const [way, drive] of Object.entries(drivers)) {
    loopTest(`A loop that is ${state} refuses all driving calls when it is driven ${way}`, async (trial) => {
      let codes: Promise<unknown> = Promise.resolve("never inside");
      enter(state, trial, () => codes = codesOf(trial.loop, all));
      await drive(trial.loop);
      assertEquals(await codes, busy(...all));
      assertEquals(trial.loop.state, "initial");
    });
  }
}

loopTest("EventLoop.prepare() leads to armed without anything to do, and to pending with something", ({ loop }) => {
  assertEquals(loop.prepare(), false);
  assertEquals(loop.state, "armed");
  assertEquals(loop.waitSync(0), false);
  assertEquals(loop.state, "initial");
  loop.addDefer(() => {});
  assertEquals(loop.prepare(), true);
  assertEquals(loop.state, "pending");
});

for (const flavour of ["wait", "waitSync"] as const) {
  loopTest(`EventLoop.${flavour}() leads to pending with something to do, and back to initial without`, async ({ loop, kernel }) => {
    const source = loop.addTimeRelative("monotonic", 10, () => {}, { accuracy: 1, enabled: "on" });
    loop.prepare();
    assertEquals(await loop[flavour](9), false);
    assertEquals(loop.state, "initial");
    loop.prepare();
    kernel.advance(1);
    assertEquals(await loop[flavour](0), true);
    assertEquals(loop.state, "pending");
    assertEquals(source.pending, true);
  });
}

loopTest("EventLoop.dispatch() leads back to initial, and to finished when nothing is left to do for an exit", ({ loop, steps, at }) => {
  loop.addDefer(at(1));
  loop.addExit(at(2));
  loop.prepare();
  assertEquals([loop.dispatch(), loop.state], [true, "initial"]);
  loop.exit();
  loop.prepare();
  assertEquals([loop.dispatch(), loop.state], [true, "initial"]);
  loop.prepare();
  assertEquals([loop.dispatch(), loop.state], [false, "finished"]);
  steps.finish(3);
});

loopTest("A loop that was left armed goes on with wait", async ({ loop, steps, at }) => {
  loop.prepare();
  loop.addDefer(at(1));
  assertEquals(await rejectionOf(loop.run(0)), "EBUSY");
  assertEquals(await loop.wait(0), true);
  assertEquals(loop.dispatch(), true);
  steps.finish(2);
});

loopTest("A loop that is driven by a promise is busy for every other driver, whatever its state", async (trial) => {
  const { loop } = trial;
  const { reader, writer } = trial.pipe();
  loop.addIo(reader, IoEvent.IN, () => loop.exit(3));
  const driven = loop.loop();
  assertEquals(loop.driven, true);
  assertEquals(await codesOf(loop, all), busy(...all));
  trial.close(writer);
  assertEquals(await driven, 3);
  assertEquals(loop.driven, false);
});

loopTest("A loop that is driven by a promise is busy also while it gives the host a turn between two iterations", async (trial) => {
  const { loop, kernel } = trial;
  const busyOne = loop.addDefer(() => kernel.advance(10_000), { enabled: "on" });
  const driven = loop.loop();
  while (loop.iteration < 2) await kernel.turn("tasks");
  assertEquals([loop.state, loop.driven], ["initial", true]);
  assertEquals(await codesOf(loop, all), busy(...all));
  busyOne.enabled = "off";
  loop.exit(3);
  assertEquals(await driven, 3);
});

loopTest("A loop whose wait has ended is busy until the promise of the wait has settled", async (trial) => {
  const { loop, kernel, at, steps } = trial;
  loop.prepare();
  const waiting = loop.wait();
  for (let turns = 0; turns < 5; turns++) await kernel.turn("tasks");
  loop.addDefer(at(1));
  for (let looks = 0; loop.state !== "pending"; looks++) {
    assert(looks < 100, "The wait does not end");
    await undefined;
  }
  assertEquals(loop.driven, true);
  assertEquals(await codesOf(loop, all), busy(...all));
  assertEquals(await waiting, true);
  loop.dispatch();
  steps.finish(2);
});

loopTest("A loop is driven during its Sync calls and not by hand", ({ loop }) => {
  const seen: boolean[][] = [];
  const core = coreOf(loop);
  const look = () => void seen.push([loop.driven, core.blocking]);
  const source = loop.addDefer(look, { enabled: "on" });
  loop.prepare();
  loop.dispatch();
  loop.runSync(0);
  look();
  source.enabled = "off";
  loop.addTime("monotonic", Infinity);
  // Nothing can ever happen.
  assertEquals(codeOf(() => loop.runSync()), "EDEADLK");
  look();
  assertEquals(seen, [[false, false], [true, true], [false, false], [false, false]]);
});

loopTest("The driving calls refuse a timeout that is no time, before they look at the state", async (trial) => {
  bringTo("finished", trial);
  for (const timeout of [-1, 0.5, NaN]) {
    assertEquals(await rejectionOf(trial.loop.run(timeout)), "EINVAL");
    assertEquals(await rejectionOf(trial.loop.wait(timeout)), "EINVAL");
    assertEquals(codeOf(() => trial.loop.runSync(timeout)), "EINVAL");
    assertEquals(codeOf(() => trial.loop.waitSync(timeout)), "EINVAL");
  }
});

loopTest("The errors of the driving calls name the loop, and say what it is", async (trial) => {
  const { loop } = trial;
  const message = (action: () => unknown) => errorOf(action).message;
  loop.prepare();
  assertEquals(message(() => loop.prepare()), "Cannot prepare loop 'loop': it is armed, not initial");
  assertEquals(message(() => loop.dispatch()), "Cannot dispatch loop 'loop': it is armed, not pending");
  assertEquals(message(() => loop.runSync()), "Cannot run loop 'loop': it is armed, not initial");
  assertEquals(message(() => loop.loopSync()), "Cannot drive loop 'loop': it is armed, not initial");
  loop.waitSync(0);
  assertEquals(message(() => loop.waitSync()), "Cannot wait for loop 'loop': it is initial, not armed");
  const driven = loop.loop();
  const why = "it is driven already, by a promise that has not settled or from a callback of its own";
  assertEquals(message(() => loop.runSync()), `Cannot run loop 'loop': ${why}`);
  assertEquals(message(() => loop.loopSync()), `Cannot drive loop 'loop': ${why}`);
  loop.exit();
  await driven;
  assertEquals(message(() => loop.runSync()), "Cannot run loop 'loop': it has finished");
  assertEquals(message(() => loop.loopSync()), "Cannot drive loop 'loop': it has finished");
  assertEquals(message(() => loop.runSync(-1)), "Cannot use timeout '-1': it takes whole microseconds from 0 to 2^53, or Infinity");
});

loopTest("A loop that has finished is stale, not busy, also before its driving promise has settled", async ({ loop }) => {
  const driven = loop.loop();
  for (let turns = 0; turns < 5; turns++) await loop.kernel.turn("tasks");
  let code: string | undefined;
  // Told before the driving promise has settled.
  coreOf(loop).watchers.add({ ended: () => queueMicrotask(() => code = codeOf(() => loop.prepare())) });
  loop.exit();
  await driven;
  assertEquals(code, "ESTALE");
});
