/**
 * Who is told of a failed future that nobody looked at, and when.
 *
 * @module
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  allSettled,
  deferFuture,
  Future,
  FutureGroup,
  type Operation,
  promiseFuture,
  relativeTimeFuture,
  type Resolver,
  run,
  sleep,
  spawn,
  until,
  yieldNow,
} from "@sd/fibers";
import { simulated, Simulation } from "../_simulation.ts";

function rejection(message: string): PromiseRejectedResult {
  return { status: "rejected", reason: new Error(message) };
}

/** A turn of the host with all that came before it. */
function hostTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test(
  "A failed future that its fiber does not look at is reported when the fiber ends, once, with both names",
  simulated((world) => {
    const fiber = world.spawn(function* outer(): Operation<void> {
      const child = spawn(function* inner() {
        deferFuture(world.loop, rejection("unseen"));
        yield* sleep(5);
      });
      yield* sleep(1);
      assertEquals(world.takeMessages(), []);
      yield* child;
      assertEquals(world.takeMessages(), ["future 'event of outer > inner': unseen"]);
    });
    world.pass(1);
    world.pass(5);
    assertEquals([fiber.status, world.takeMessages()], ["completed", []]);
  }),
);

const looks: Record<string, (future: Future<unknown>) => unknown> = {
  "outcome": (future) => future.outcome,
  "result()": (future) => {
    try {
      future.result();
    } catch {
      // Looked at.
    }
  },
  "addCallback()": (future) => future.addCallback(() => {}),
  "then()": (future) => future.then(undefined, () => {}),
};

for (const [name, look] of Object.entries(looks)) {
  Deno.test(
    `A failed future that was looked at by ${name} is not reported, however late that was`,
    simulated((world) => {
      const fiber = world.spawn(function* (): Operation<void> {
        const future = deferFuture(world.loop, rejection("seen"));
        yield* sleep(100);
        look(future);
      });
      world.settle();
      world.pass(100);
      assertEquals(fiber.outcome?.status, "fulfilled");
    }),
  );
}

Deno.test(
  "A failed future that somebody awaited is not reported, though the wait was interrupted",
  simulated((world) => {
    const fiber = world.spawn(function* (): Operation<void> {
      yield* relativeTimeFuture(world.loop, 10, { outcome: rejection("late") });
    });
    world.settle();
    fiber.cancel();
    world.pass(10);
    assertEquals(fiber.outcome?.status, "rejected");
  }),
);

Deno.test(
  "A future that was cancelled has not failed; one that failed after it was asked to end has",
  simulated((world) => {
    world.spawn(function* (): Operation<void> {
      relativeTimeFuture(world.loop, 10).cancel();
      const stubborn = Future.withResolvers<void>(world.loop, { name: "stubborn", cancel: () => stubborn.reject(new Error("cannot end")) });
      stubborn.future.cancel();
      yield* yieldNow();
    }, { name: "maker" });
    world.settle();
    assertEquals(world.takeMessages(), ["future 'stubborn of maker': cannot end"]);
  }),
);

Deno.test(
  "What our own operations wait for is nobody's to look at",
  simulated(async ({ loop }) => {
    const statuses = await run(function* (): Operation<string[]> {
      const outcomes = yield* allSettled([() => until(Promise.reject(new Error("thrown"))), sleep(1)]);
      return outcomes.map(({ status }) => status);
    }, { loop });
    assertEquals(statuses, ["rejected", "fulfilled"]);
  }),
);

Deno.test(
  "A group's children count as looked at; the group itself does not",
  simulated((world) => {
    world.spawn(function* (): Operation<void> {
      const group = FutureGroup.all(world.loop, { ignoreErrors: true });
      group.add(deferFuture(world.loop, rejection("first")), deferFuture(world.loop, rejection("second")));
      yield* sleep(1);
    }, { name: "maker" });
    world.settle();
    world.pass(1);
    assertEquals(world.takeMessages(), ["future 'group of maker': first"]);
  }),
);

Deno.test("Code off a fiber may look until the loop is over and the host has had a turn", async () => {
  const world = new Simulation();
  deferFuture(world.loop, rejection("unseen"));
  const seen = deferFuture(world.loop, rejection("seen"));
  world.settle();
  await hostTurn();
  assertEquals(world.takeMessages(), []);
  world.exit();
  await Promise.resolve();
  assertEquals([seen.outcome?.status, world.takeMessages()], ["rejected", []]);
  await hostTurn();
  assertEquals(world.takeMessages(), ["future 'event': unseen"]);
  assertEquals(world.end(), { reported: [], left: [] });
});

Deno.test("A future that fails when the loop is over already, or its fiber has ended, is the host's to look at", async () => {
  const world = new Simulation();
  const late = Future.withResolvers<void>(world.loop, { name: "late" });
  let orphan!: Resolver<void>;
  world.spawn(function* (): Operation<void> {
    orphan = Future.withResolvers<void>(world.loop, { name: "orphan" });
    yield* yieldNow();
  }, { name: "maker" });
  world.settle();
  orphan.reject(new Error("orphan failed"));
  world.exit();
  late.reject(new Error("late failed"));
  assertEquals(world.end(), { reported: [], left: [] });
  await hostTurn();
  assertEquals(world.takeMessages(), ["future 'orphan of maker': orphan failed", "future 'late': late failed"]);
});

Deno.test("A future that fails when the loop is over, and is awaited then, was looked at", async () => {
  const world = new Simulation();
  const late = Future.withResolvers<void>(world.loop, { name: "late" });
  world.exit();
  late.reject(new Error("late failed"));
  await assertRejects(async () => await late.future, Error, "late failed");
  await hostTurn();
  assertEquals(world.end(), { reported: [], left: [] });
});

Deno.test(
  "A fiber off a fiber is reported in a later iteration where the loop blocks the thread, unless somebody looks before that",
  simulated((world) => {
    const fail = function* failing(): Operation<void> {
      yield* yieldNow();
      throw new Error("broken");
    };
    world.spawn(fail);
    const seen = world.spawn(fail);
    world.tick(4);
    assertEquals([seen.outcome?.status, world.takeMessages()], ["rejected", []]);
    world.settle();
    assertEquals(world.takeMessages(), ["fiber 'failing': broken"]);
  }),
);

Deno.test("A rejected promise whose future nobody looks at is no unhandled rejection of the host's", async () => {
  const world = new Simulation();
  await run(function* maker() {
    promiseFuture(world.loop, Promise.reject(new RangeError("unseen")));
    yield* until(hostTurn());
  }, { loop: world.loop });
  assertEquals(world.end(), { reported: ["future 'promise of maker': unseen"], left: [] });
});

Deno.test("While a fiber goes on, what it let go of is reported when it was collected; what it holds is not", async () => {
  const program = new URL("fixtures/forgotten.ts", import.meta.url).href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--allow-ffi", "--v8-flags=--expose-gc", program],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assertStringIncludes(
    new TextDecoder().decode(stdout),
    [
      "fiber 'daemon > forgotten': forgotten failed",
      "future 'promise of daemon': forgotten promise",
      "held promise",
      "held failed",
      "0 more",
    ].join("\n"),
  );
  assertEquals(code, 0);
});
