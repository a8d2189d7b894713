// deno-lint-ignore-file require-yield
/**
 * Whose child a fiber is: who waits for whom, and who tells of a failure that nobody looked at.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { CancelledError, cancelWait, type Operation, settled, sleep, spawn, suspend, yieldNow } from "@sd/fibers";
import { simulated } from "../_simulation.ts";

/** A body that fails after a while. */
function failing(message: string, usec: number = 0): () => Operation<never> {
  return function* () {
    yield* sleep(usec);
    throw new RangeError(message);
  };
}

Deno.test(
  "A fiber that returns with children running is reported; they are cancelled, and it ends after them with its value",
  simulated((world) => {
    const log: string[] = [];
    const parent = world.spawn(function* parent() {
      for (const name of ["first", "second"]) {
        spawn(function* () {
          try {
            yield* suspend();
          } finally {
            yield* sleep(5);
            log.push(`${name} ended`);
          }
        }, { name });
      }
      yield* yieldNow();
      log.push("parent returns");
      return "value";
    });
    parent.addCallback(() => log.push("parent ended"));
    world.settle();
    assertEquals(parent.state, "pending");
    world.pass(5);
    assertEquals([parent.result(), log.at(0), log.at(-1), log.length], ["value", "parent returns", "parent ended", 4]);
    assertEquals(world.takeMessages(), [
      "fiber 'parent': Fiber 'parent' returned with children running: 'second', 'first'; wait for them, or spawn them in a scope",
    ]);
  }),
);

Deno.test(
  "A fiber that fails with children running is not reported for them: it ends after them, with its error",
  simulated((world) => {
    const log: string[] = [];
    const error = new RangeError("of the parent");
    const parent = world.spawn(function* () {
      spawn(function* () {
        try {
          yield* suspend();
        } finally {
          log.push("child ended");
        }
      });
      yield* yieldNow();
      yield* yieldNow();
      throw error;
    });
    parent.addCallback(({ outcome }) => {
      log.push("parent ended");
      assertStrictEquals(outcome?.status === "rejected" && outcome.reason, error);
    });
    world.settle();
    assertEquals(log, ["child ended", "parent ended"]);
  }),
);

Deno.test(
  "A fiber that is cancelled while it ends after its children cancels them once more, and keeps its value",
  simulated((world) => {
    let cancels = 0;
    const parent = world.spawn(function* parent() {
      spawn(function* () {
        while (cancels < 3) {
          try {
            yield* suspend();
          } catch {
            cancels++;
          }
        }
      });
      yield* yieldNow();
      return "value";
    });
    world.settle();
    assertEquals([parent.state, cancels], ["pending", 1]);
    parent.cancel();
    world.settle();
    parent.cancel();
    world.settle();
    assertEquals([parent.result(), cancels], ["value", 3]);
    assertEquals(world.takeMessages().length, 1);
  }),
);

Deno.test(
  "A failed fiber of the loop's own that nobody looked at is reported at once, with its name",
  simulated((world) => {
    const fiber = world.spawn(failing("unseen", 5), { name: "careless" });
    world.settle();
    world.pass(5);
    const [{ error, origin }] = world.takeReports();
    assertEquals([fiber.outcome?.status === "rejected" && fiber.outcome.reason === error, origin.kind, origin.name], [
      true,
      "fiber",
      "careless",
    ]);
  }),
);

Deno.test(
  "A failed fiber that somebody waits for, has a callback on, or looks at in time is not reported",
  simulated((world) => {
    const failed = () => world.spawn(failing("seen", 5));
    const waiting = [
      world.spawn(function* () {
        yield* settled(failed());
      }),
      world.spawn(function* () {
        try {
          yield* failed();
        } catch {
          return;
        }
      }),
    ];
    failed().addCallback(() => {});
    const rejected = failed().catch(() => {});
    world.settle();
    world.pass(5);
    assertEquals(waiting.map(({ outcome }) => outcome?.status), ["fulfilled", "fulfilled"]);
    void rejected;
  }),
);

Deno.test(
  "A failed child is reported when its parent ends without having looked, by the names down to it",
  simulated((world) => {
    world.spawn(function* outer() {
      yield* spawn(function* inner() {
        spawn(failing("unseen"), { name: "child" });
        const seen = spawn(failing("seen"));
        yield* sleep(5);
        assertEquals(world.takeMessages(), []);
        return seen.outcome;
      });
    });
    world.settle();
    world.pass(5);
    assertEquals(world.takeMessages(), ["fiber 'outer > inner > child': unseen"]);
  }),
);

Deno.test(
  "A failed child whose parent looks at it in the end is not reported",
  simulated((world) => {
    const parent = world.spawn(function* () {
      const child = spawn(failing("seen"));
      yield* sleep(5);
      try {
        return child.result();
      } catch (error) {
        return (error as Error).message;
      }
    });
    world.settle();
    world.pass(5);
    assertEquals(parent.result(), "seen");
  }),
);

Deno.test(
  "A fiber that ends by its cancellation has not failed; one that throws another error then has",
  simulated((world) => {
    const quiet = world.spawn(suspend);
    const loud = world.spawn(function* loud() {
      try {
        yield* suspend();
      } catch {
        throw new RangeError("while unwinding");
      }
    });
    world.settle();
    quiet.cancel();
    loud.cancel();
    world.settle();
    assertEquals(world.takeMessages(), ["fiber 'loud': while unwinding"]);
  }),
);

Deno.test(
  "A fiber that throws CancelledError though nobody cancelled it has failed",
  simulated((world) => {
    world.spawn(function* lying() {
      throw new CancelledError("of its own");
    });
    world.settle();
    assertEquals(world.takeMessages(), ["fiber 'lying': Cancelled: of its own"]);
  }),
);

Deno.test(
  "A fiber that throws what is no Error is told of as it is",
  simulated((world) => {
    for (const thrown of [undefined, null, "text", 0]) {
      world.spawn(function* () {
        throw thrown;
      });
      world.settle();
      assertEquals(world.takeReports().map(({ error }) => error), [thrown]);
    }
  }),
);

Deno.test(
  "A child that ends does not wake its parent out of an unrelated wait",
  simulated((world) => {
    const start = world.loop.now();
    const parent = world.spawn(function* () {
      const children = [spawn(failing("ignored", 5)), spawn(() => sleep(6))];
      for (const child of children) child.addCallback(() => {});
      yield* sleep(100);
      return world.loop.now() - start;
    });
    world.runUntil(() => parent.state === "resolved");
    assertEquals(parent.result(), 100);
  }),
);

Deno.test(
  "A fiber that ends its children itself is not reported",
  simulated((world) => {
    const value = world.run(function* () {
      const children = [spawn(suspend), spawn(suspend)];
      yield* yieldNow();
      yield* yieldNow();
      yield* cancelWait(...children);
      return children.map(({ state }) => state);
    });
    assertEquals(value, ["resolved", "resolved"]);
  }),
);

Deno.test(
  "Fibers that end in any order leave the others in the family",
  simulated((world) => {
    const parent = world.spawn(function* parent() {
      const children = [0, 1, 2, 3, 4].map((index) => spawn(suspend, { name: `${index}` }));
      yield* yieldNow();
      for (const index of [2, 0, 4]) yield* cancelWait(children[index]);
      return "value";
    });
    world.settle();
    assertEquals(parent.result(), "value");
    assertEquals(world.takeMessages(), [
      "fiber 'parent': Fiber 'parent' returned with children running: '3', '1'; wait for them, or spawn them in a scope",
    ]);
  }),
);
