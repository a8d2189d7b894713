/**
 * What decides a group, and when it resolves.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Future, FutureGroup, type GroupOptions, spawn, suspend, yieldNow } from "@sd/fibers";
import { codeOf, errorOf, simulated, Simulation } from "../_simulation.ts";
import { Steps } from "../_steps.ts";
import { type Child, Children, endOf } from "./_children.ts";

type Policy = "all" | "any";

function makeGroup(world: Simulation, policy: Policy, options?: GroupOptions): FutureGroup<unknown, unknown> {
  return policy === "all" ? FutureGroup.all(world.loop, options) : FutureGroup.any<unknown>(world.loop, options);
}

/** A group of a, b and c; "+b-a" has b succeed and then a fail, and a space lets what came so far be delivered. */
function play(world: Simulation, policy: Policy, options: GroupOptions, script: string): { group: Future<unknown>; log: string[] } {
  const children = new Children(world.loop);
  const byName = new Map(children.several("abc").map((child) => [child.name, child]));
  const group = makeGroup(world, policy, options);
  group.add(...[...byName.values()].map(({ future }) => future));
  for (const part of script.split(" ")) {
    for (const [, sign, name] of part.matchAll(/([+-])(\w)/g)) sign === "+" ? byName.get(name)!.succeed() : byName.get(name)!.fail();
    world.settle();
  }
  return { group, log: children.log };
}

/** The table of policies, row by row: what happens until it decides, what comes of it, who is cancelled. */
const table: [policy: Policy, ignoreErrors: boolean, script: string, end: string, cancelled: string][] = [
  ["all", false, "+a +b", "pending", ""],
  ["all", false, "+c +b +a", "undefined", ""],
  ["all", false, "+a -c", "c failed", "b"],
  ["all", false, "-c-b", "b failed", "a"],
  ["all", false, "-c", "c failed", "ab"],
  ["all", false, "+a+b-c", "c failed", ""],
  ["all", true, "-c -b", "pending", ""],
  ["all", true, "-c -b +a", "b failed", ""],
  ["all", true, "-c -a +b", "a failed", ""],
  ["all", true, "+c +a +b", "undefined", ""],
  ["any", false, "+c", "c", "ab"],
  ["any", false, "+c+b", "b", "a"],
  ["any", false, "-a+c", "c", "b"],
  ["any", false, "-c", "c failed", "ab"],
  ["any", false, "-c-b", "b failed", "a"],
  ["any", true, "-a -b", "pending", ""],
  ["any", true, "-a +c", "c", "b"],
  ["any", true, "-b -c -a", "a failed", ""],
  ["any", true, "-b -c +a", "a", ""],
];

for (const [policy, ignoreErrors, script, end, cancelled] of table) {
  Deno.test(
    `A group of policy ${policy}${ignoreErrors ? " that ignores errors" : ""} and "${script}": ${end}`,
    simulated((world) => {
      const { group, log } = play(world, policy, { ignoreErrors }, script);
      assertEquals([endOf(group), log], [end, [...cancelled].map((name) => `cancel ${name}`)]);
    }),
  );
}

/** What a group comes to by the letter: at each delivery it looks at all children, in order of insertion. */
class Model {
  decided: string | undefined = undefined;
  readonly #states: string[];
  readonly #policy: Policy;
  readonly #ignoreErrors: boolean;

  constructor(count: number, policy: Policy, ignoreErrors: boolean) {
    this.#states = Array(count).fill("");
    this.#policy = policy;
    this.#ignoreErrors = ignoreErrors;
  }

  resolve(index: number, sign: string): void {
    this.#states[index] = sign;
  }

  deliver(): void {
    const states = this.#states;
    const first = (sign: string) => states.includes(sign) ? `${sign}${states.indexOf(sign)}` : undefined;
    const isOver = !states.includes("");
    if (this.#policy === "any") this.decided ??= first("+");
    if (isOver || !this.#ignoreErrors) this.decided ??= first("-");
    if (isOver) this.decided ??= "all";
  }
}

function* permutations(items: readonly number[]): Generator<number[]> {
  if (items.length === 0) yield [];
  for (const item of items) {
    for (const rest of permutations(items.filter((other) => other !== item))) yield [item, ...rest];
  }
}

/** In each order and with each outcome, three children resolve; `gaps` says after which of them a tick passes. */
function checkAgainstModel(
  world: Simulation,
  policy: Policy,
  ignoreErrors: boolean,
  order: number[],
  failures: number,
  gaps: number,
): void {
  const what = `${policy} ${ignoreErrors} ${order} ${failures} ${gaps}`;
  const children = new Children(world.loop);
  const members: Child[] = children.several("012", "goes on");
  const group = makeGroup(world, policy, { ignoreErrors });
  group.add(...members.map(({ future }) => future));
  const model = new Model(3, policy, ignoreErrors);
  let resolved = 0;
  const tick = () => {
    const before = model.decided;
    world.tick();
    model.deliver();
    const isDecided = before === undefined && model.decided !== undefined;
    assertEquals(children.log.splice(0).length, isDecided ? 3 - resolved : 0, what);
  };
  let delivered = 0;
  order.forEach((index, turn) => {
    const sign = (failures >> index & 1) === 1 ? "-" : "+";
    sign === "+" ? members[index].succeed() : members[index].fail();
    model.resolve(index, sign);
    resolved++;
    if ((gaps >> turn & 1) === 0) return;
    tick();
    delivered++;
  });
  for (; delivered < 3; delivered++) tick();
  const { decided } = model;
  const end = decided === "all" ? "undefined" : decided!.startsWith("+") ? decided![1] : `${decided![1]} failed`;
  assertEquals(endOf(group), end, what);
}

Deno.test(
  "Groups decide as the table says and when it says, in any order of resolution and delivery",
  simulated((world) => {
    for (const policy of ["all", "any"] as const) {
      for (const ignoreErrors of [false, true]) {
        for (const order of permutations([0, 1, 2])) {
          for (let failures = 0; failures < 8; failures++) {
            for (let gaps = 0; gaps < 8; gaps++) checkAgainstModel(world, policy, ignoreErrors, order, failures, gaps);
          }
        }
      }
    }
  }),
);

Deno.test(
  "A failure counts when an earlier success is delivered, though its own delivery is still to come",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b, c] = children.several("abc", "goes on");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, b.future, c.future);
    c.succeed();
    b.fail();
    world.tick();
    assertEquals(children.log, ["cancel a"]);
    a.fail();
    world.settle();
    assertEquals(endOf(group), "b failed");
  }),
);

Deno.test(
  "A group that has decided resolves when its last child has ended, and its outcome stays",
  simulated((world) => {
    const steps = new Steps();
    const [a, b, c] = new Children(world.loop).several("abc", "goes on");
    const group = FutureGroup.any<string>(world.loop);
    group.add(a.future, b.future, c.future);
    group.addCallback(() => {
      steps.expect(4);
      assertEquals([a, b, c].map(({ future }) => future.state), ["resolved", "resolved", "resolved"]);
    });
    b.succeed();
    world.settle();
    steps.expect(1);
    assertEquals(group.state, "pending");
    a.succeed();
    world.settle();
    steps.expect(2);
    assertEquals(group.state, "pending");
    c.fail();
    steps.expect(3);
    world.settle();
    assertEquals(group.result(), "b");
    steps.finish(5);
  }),
);

Deno.test(
  "A group whose children end at once when they are cancelled resolves in the tick in which it decides",
  simulated((world) => {
    const [a, b, c] = new Children(world.loop).several("abc");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, b.future, c.future);
    b.fail();
    assertEquals(group.state, "pending");
    world.tick();
    assertEquals([a, b, c].map(({ future }) => endOf(future)), ["a ended", "b failed", "c ended"]);
    assertEquals(endOf(group), "b failed");
  }),
);

Deno.test(
  "A group tells children why it cancels them: the failure, or nothing when another one was chosen",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b] = children.several("ab");
    const all = FutureGroup.all(world.loop);
    all.add(a.future, b.future);
    a.fail();
    world.settle();
    assertStrictEquals(children.reasons[0], a.future.outcome?.status === "rejected" ? a.future.outcome.reason : "no failure");
    const [c, d] = children.several("cd");
    const any = FutureGroup.any<string>(world.loop);
    any.add(c.future, d.future);
    c.succeed();
    world.settle();
    assertEquals(children.reasons.slice(1), [undefined]);
  }),
);

Deno.test(
  "A cancel that throws is reported, does not spare the other children, and the group waits for that child",
  simulated((world) => {
    const children = new Children(world.loop);
    const a = children.make("a", "throws");
    const b = children.make("b");
    const c = children.make("c");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, b.future, c.future);
    c.fail();
    world.settle();
    assertEquals([children.log, group.state], [["cancel a", "cancel b"], "pending"]);
    assertEquals(world.takeMessages(), ["future 'cancel': a cannot"]);
    a.succeed();
    world.settle();
    assertEquals(endOf(group), "c failed");
  }),
);

Deno.test(
  "A group without children stays pending under every policy",
  simulated((world) => {
    const groups = [{}, { ignoreErrors: true }, { open: true }].flatMap((options) => [
      makeGroup(world, "all", options),
      makeGroup(world, "any", options),
    ]);
    world.settle();
    assertEquals(groups.map(({ state }) => state), Array(6).fill("pending"));
    for (const group of groups) {
      assertEquals(group.cancel("enough"), true);
      assertEquals(endOf(group), "Cancelled: enough");
    }
  }),
);

Deno.test(
  "A group that lives long keeps no child that has ended, and decides in a time that grows with their number alone",
  simulated((world) => {
    const children = new Children(world.loop);
    const group = FutureGroup.all(world.loop, { open: true, ignoreErrors: true });
    const slow = children.make("slow");
    group.add(slow.future);
    for (let round = 0; round < 20_000; round++) {
      const child = children.make("quick");
      group.add(child.future);
      round === 7_000 ? child.fail() : child.succeed();
      world.settle();
    }
    assertEquals([group.size, group.state], [20_001, "pending"]);
    group.setPriority(3);
    assertEquals(children.log, ["priority 3 of slow"]);
    slow.succeed();
    group.seal();
    assertEquals(endOf(group), "quick failed");
    world.settle();
  }),
);

Deno.test(
  "A group is made by FutureGroup.all() and any(), of options that exist",
  simulated((world) => {
    assertEquals(codeOf(() => FutureGroup.all(world.loop, { ignoreError: true } as GroupOptions)), "EINVAL");
    const error = errorOf(() => Reflect.construct(FutureGroup, [{}]));
    assertEquals([error.code, error.message], ["EINVAL", "Cannot make a group by new: use FutureGroup.all() or FutureGroup.any()"]);
    const group = FutureGroup.any<number>(world.loop, { ignoreErrors: true });
    assertEquals([group.policy, group.ignoreErrors, group.size], ["any", true, 0]);
    assertEquals([FutureGroup.all(world.loop).policy, FutureGroup.all(world.loop).ignoreErrors], ["all", false]);
  }),
);

Deno.test(
  "A wait for a group that is interrupted leaves the group and its children alone",
  simulated((world) => {
    const children = new Children(world.loop);
    const child = children.make("a");
    const group = FutureGroup.all(world.loop);
    group.add(child.future);
    const fiber = world.spawn(() => group);
    fiber.addCallback(() => {});
    world.settle();
    fiber.cancel();
    world.settle();
    assertEquals([endOf(fiber), group.state, children.log], ["Cancelled", "pending", []]);
    child.succeed();
    world.settle();
    assertEquals(group.state, "resolved");
  }),
);

Deno.test(
  "A group of fibers resolves after the clean-up of those that it cancels",
  simulated((world) => {
    const log: string[] = [];
    const result = world.run(function* () {
      const group = FutureGroup.any<string>(world.loop);
      group.add(
        spawn(function* () {
          try {
            yield* suspend();
          } finally {
            yield* yieldNow();
            log.push("cleaned up");
          }
          return "never";
        }),
        // deno-lint-ignore require-yield
        spawn(function* () {
          return "quick";
        }),
      );
      const value = yield* group;
      log.push("group");
      return value;
    });
    assertEquals([result, log], ["quick", ["cleaned up", "group"]]);
  }),
);

Deno.test("A group is decided and told of once, wherever an exit request comes between", () => {
  for (let when = 0; when < 4; when++) {
    const world = new Simulation();
    const { future, resolve } = Future.withResolvers<void>(world.loop);
    const group = FutureGroup.all(world.loop);
    group.add(future);
    let told = 0;
    group.addCallback(() => void told++);
    const steps = [resolve, () => world.tick(), () => world.tick()];
    steps.splice(when, 0, () => world.loop.exit());
    for (const step of steps) step();
    assertEquals([group.outcome?.status, told], ["fulfilled", 1], `${when}`);
    assertEquals(world.end(), { reported: [], left: [] });
  }
});
