// deno-lint-ignore-file require-yield
/**
 * Children that end before the code that spawned them goes on.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import {
  CancelledError,
  EventLoop,
  Fiber,
  Future,
  FutureGroup,
  type Operation,
  relativeTimeFuture,
  type Scope,
  scope,
  sleep,
  suspend,
  type SystemError,
  TimeoutError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { codeOf, errorOf, simulated, type Simulation } from "../_simulation.ts";
import { Steps } from "../_steps.ts";

/** What an operation comes to: its value, or the name and message of its error. */
function* told(operation: Operation<unknown>): Operation<string> {
  try {
    return `${yield* operation}`;
  } catch (error) {
    if (error instanceof CancelledError) return `cancelled by ${error.reason instanceof Error ? error.reason.message : error.reason}`;
    return error instanceof TimeoutError ? "deadline" : (error as Error).message;
  }
}

/** A body that suspends, and notes its end. */
function noting(log: string[], name: string, operation: () => Operation<unknown> = suspend): () => Operation<string> {
  return function* () {
    try {
      yield* operation();
      return name;
    } finally {
      log.push(`${name} ended`);
    }
  };
}

/** A body that fails after a while. */
function failing(message: string, usec: number = 0): () => Operation<never> {
  return function* () {
    yield* sleep(usec);
    throw new RangeError(message);
  };
}

Deno.test(
  "scope() returns what the body returns, when the children have ended",
  simulated((world) => {
    const log: string[] = [];
    const value = world.run(function* () {
      const value = yield* scope(function* (children) {
        children.spawn(noting(log, "child", () => sleep(10)));
        log.push("body ended");
        return "value";
      });
      log.push("scope ended");
      return value;
    });
    assertEquals([value, log], ["value", ["body ended", "child ended", "scope ended"]]);
  }),
);

Deno.test(
  "scope() runs its body on a fiber of its own, a child of the one that opens it",
  simulated((world) => {
    world.run(function* () {
      const outer = Fiber.current!;
      yield* scope(function* named() {
        assertNotStrictEquals(Fiber.current, outer);
        assertEquals([Fiber.current!.name, outer.awaiting === undefined, outer.status], ["named", false, "suspended"]);
      });
    });
  }),
);

Deno.test(
  "Scope.spawn() gives a fiber, with options",
  simulated((world) => {
    const value = world.run(() =>
      scope(function* (children) {
        const child = children.spawn(function* () {
          yield* yieldNow();
          return 20;
        }, { name: "worker", priority: 3 });
        assertEquals([child.name, child.priority, child.floating], ["worker", 3, false]);
        return 1 + (yield* child);
      })
    );
    assertEquals(value, 21);
  }),
);

Deno.test(
  "Scope.spawn() refuses options that a child has not, and starts nobody",
  simulated((world) => {
    const options = { loop: world.loop, floating: true, group: FutureGroup.all(world.loop), prio: 1 };
    const messages: string[] = [];
    let began = false;
    function* child(): Operation<void> {
      began = true;
    }
    world.run(() =>
      scope(function* (children) {
        for (const [name, value] of Object.entries(options)) {
          const error = errorOf(() => children.spawn(child, { [name]: value }));
          messages.push(`${error.code}: ${error.message}`);
        }
      })
    );
    const there = "there are name, priority, signal, onDestroy";
    assertEquals(messages, Object.keys(options).map((name) => `EINVAL: Cannot spawn a child with option '${name}': ${there}`));
    assertEquals([options.group.size, began], [0, false]);
  }),
);

Deno.test(
  "A child that fails cancels body and siblings, and its very error is thrown when all have ended",
  simulated((world) => {
    const log: string[] = [];
    const error = new RangeError("of the child");
    const fiber = world.spawn(() =>
      scope(function* (children) {
        children.spawn(noting(log, "sibling"));
        children.spawn(function* () {
          yield* yieldNow();
          throw error;
        });
        yield* noting(log, "body")();
      })
    );
    fiber.addCallback(() => log.push("scope ended"));
    world.settle();
    assert(fiber.outcome?.status === "rejected");
    assertStrictEquals(fiber.outcome.reason, error);
    assertEquals(log.sort(), ["body ended", "scope ended", "sibling ended"]);
  }),
);

Deno.test(
  "A body that fails cancels the children, and its very error is thrown when they have ended",
  simulated((world) => {
    const log: string[] = [];
    const told_ = world.run(function* () {
      const result = yield* told(scope(function* (children) {
        children.spawn(noting(log, "child", () => sleep(1_000)));
        yield* failing("of the body")();
      }));
      log.push("scope ended");
      return result;
    });
    assertEquals([told_, log], ["of the body", ["child ended", "scope ended"]]);
  }),
);

Deno.test(
  "The reason of a cancellation by a failure is the failure",
  simulated((world) => {
    const reasons: string[] = [];
    world.run(() =>
      told(scope(function* (children) {
        children.spawn(function* () {
          reasons.push(yield* told(suspend()));
        });
        yield* failing("the failure")();
      }))
    );
    assertEquals(reasons, ["cancelled by the failure"]);
  }),
);

Deno.test(
  "Of several failures the first in order of spawning is thrown, and the later ones are reported",
  simulated((world) => {
    const result = world.run(() =>
      told(scope(function* (children) {
        ["first", "second", "third"].forEach((name, index) => {
          children.spawn(function* () {
            throw new RangeError(name);
          }, { name, priority: -1 - index });
        });
        yield* suspend();
      })), { name: "main" });
    assertEquals(result, "first");
    assertEquals(world.takeMessages(), ["fiber 'main > second': second", "fiber 'main > third': third"]);
  }),
);

Deno.test(
  "A failure during the unwinding after another one is reported",
  simulated((world) => {
    const result = world.run(() =>
      told(scope(function* (children) {
        children.spawn(function* () {
          try {
            yield* suspend();
          } finally {
            yield* failing("while unwinding")();
          }
        }, { name: "child" });
        yield* failing("first")();
      })), { name: "main" });
    assertEquals(result, "first");
    assertEquals(world.takeMessages(), ["fiber 'main > child': while unwinding"]);
  }),
);

Deno.test(
  "A child that ends with CancelledError because it was cancelled has not failed",
  simulated((world) => {
    const result = world.run(() =>
      scope(function* (children) {
        const child = children.spawn(suspend);
        yield* yieldNow();
        yield* yieldNow();
        child.cancel();
        yield* sleep(5);
        return "goes on";
      })
    );
    assertEquals(result, "goes on");
  }),
);

Deno.test(
  "A child that throws CancelledError though nobody cancelled it has failed",
  simulated((world) => {
    const result = world.run(() =>
      told(scope(function* (children) {
        children.spawn(function* (): Operation<void> {
          yield* yieldNow();
          throw new CancelledError("of its own");
        });
        yield* suspend();
      }))
    );
    assertEquals(result, "cancelled by of its own");
  }),
);

Deno.test(
  "A child that swallows its cancellation keeps the scope open until it ends",
  simulated((world) => {
    const log: string[] = [];
    const result = world.run(() =>
      told(scope(function* (children) {
        children.spawn(function* () {
          log.push(yield* told(suspend()));
          yield* sleep(50);
          log.push("child ended");
        });
        yield* sleep(1);
        throw new RangeError("of the body");
      }))
    );
    assertEquals([result, log], ["of the body", ["cancelled by of the body", "child ended"]]);
  }),
);

Deno.test(
  "scope() that is cancelled cancels body and children with the reason, waits for them, then throws",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(() =>
      told(scope(function* (children) {
        children.spawn(function* () {
          log.push(`child ${yield* told(suspend())}`);
          yield* sleep(10);
          log.push("child ended");
        });
        log.push(`body ${yield* told(suspend())}`);
      }))
    );
    world.settle();
    fiber.cancel("why");
    world.settle();
    assertEquals([log, fiber.state], [["body cancelled by why", "child cancelled by why"], "pending"]);
    world.pass(10);
    assertEquals([log.at(-1), fiber.result()], ["child ended", "cancelled by why"]);
  }),
);

Deno.test(
  "scope() under a deadline is interrupted by it in the same way",
  simulated((world) => {
    const log: string[] = [];
    const result = world.run(() =>
      told(withTimeout(5, () =>
        scope((children) => {
          children.spawn(noting(log, "child"));
          return noting(log, "body")();
        })))
    );
    assertEquals([result, log], ["deadline", ["body ended", "child ended"]]);
  }),
);

Deno.test(
  "scope() interrupted again while it waits cancels once more",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(() =>
      told(scope(function* () {
        for (let i = 0; i < 3; i++) log.push(yield* told(suspend()));
      }))
    );
    world.settle();
    for (const reason of ["one", "two", "three"]) {
      fiber.cancel(reason);
      world.settle();
    }
    assertEquals([log.length, fiber.result()], [3, "cancelled by one"]);
  }),
);

Deno.test(
  "scope() whose child fails as it is cancelled throws the failure, and the cancellation comes at the next suspension",
  simulated((world) => {
    const fiber = world.spawn(function* () {
      const result = yield* told(scope(function* (children) {
        children.spawn(function* () {
          try {
            yield* suspend();
          } catch {
            throw new RangeError("of the child");
          }
        });
        yield* suspend();
      }));
      return [result, yield* told(yieldNow()), yield* told(yieldNow())];
    });
    world.settle();
    fiber.cancel("from outside");
    world.settle();
    assertEquals(fiber.result(), ["of the child", "cancelled by from outside", "undefined"]);
  }),
);

Deno.test(
  "scope() that has ended when the cancellation comes returns its value, and the cancellation comes at the next suspension",
  simulated((world) => {
    let body: Fiber<unknown> | undefined;
    const fiber = world.spawn(function* () {
      const result = yield* told(scope(function* () {
        body = Fiber.current;
        yield* suspend();
        return "value";
      }));
      return [result, yield* told(yieldNow())];
    });
    world.settle();
    body!.resume();
    world.tick(2);
    assertEquals([body!.state, fiber.status], ["resolved", "suspended"]);
    fiber.cancel("late");
    world.settle();
    assertEquals(fiber.result(), ["value", "cancelled by late"]);
  }),
);

Deno.test(
  "scope() does not start when a cancellation is queued",
  simulated((world) => {
    let started = false;
    const fiber: Fiber<string> = world.spawn(function* (): Operation<string> {
      fiber.resumeWithError(new CancelledError("queued"));
      return yield* told(scope(function* () {
        started = true;
      }));
    });
    world.settle();
    assertEquals([fiber.result(), started], ["cancelled by queued", false]);
  }),
);

for (const how of ["resume", "resumeWithError"] as const) {
  Deno.test(
    `scope() whose fiber is woken by a stray ${how}() ends its children before it throws`,
    simulated((world) => {
      const log: string[] = [];
      const fiber = world.spawn(function* () {
        const result = yield* told(scope((children) => {
          children.spawn(noting(log, "child"));
          return noting(log, "body")();
        }));
        log.push("scope ended");
        return result;
      });
      world.settle();
      if (how === "resume") fiber.resume(5);
      else fiber.resumeWithError(new RangeError("stray"));
      world.settle();
      assertEquals(log, ["body ended", "child ended", "scope ended"]);
      assertEquals(fiber.result(), how === "resume" ? "The fiber was woken by somebody's resume() while it waited for a future" : "stray");
    }),
  );
}

Deno.test(
  "scope() on a fiber that was resumed before ends its children before it throws",
  simulated((world) => {
    const log: string[] = [];
    const fiber: Fiber<string> = world.spawn(function* () {
      fiber.resume(5);
      const result = yield* told(scope(noting(log, "body")));
      log.push("scope ended");
      return result;
    });
    world.settle();
    assertEquals(log, ["scope ended"]);
    assertEquals(fiber.result(), "The fiber was woken by somebody's resume() while it waited for a future");
  }),
);

Deno.test(
  "Scope.add() takes a future in: it is cancelled and waited for with the rest",
  simulated((world) => {
    const log: string[] = [];
    const slow = Future.withResolvers<void>(world.loop, {
      cancel() {
        log.push("asked");
        world.loop.addTimeRelative("monotonic", 10, () => slow.reject(new CancelledError()), { accuracy: 1 });
      },
    });
    const result = world.run(() =>
      told(scope(function* (children) {
        assertStrictEquals(children.add(slow.future), slow.future);
        yield* sleep(1);
        throw new RangeError("of the body");
      }))
    );
    assertEquals([result, log, slow.future.state], ["of the body", ["asked"], "resolved"]);
  }),
);

Deno.test(
  "Scope.add() of a future that fails: its failure is the scope's; of one that ended well, or was cancelled, it is not",
  simulated((world) => {
    const error = new RangeError("of the future");
    const add = (future: Future<unknown>) =>
      told(scope(function* (children) {
        children.add(future);
        yield* sleep(10);
        return "body";
      }));
    const { loop } = world;
    assertEquals(world.run(() => add(relativeTimeFuture(loop, 1, { outcome: { status: "rejected", reason: error } }))), "of the future");
    assertEquals(world.run(() => add(relativeTimeFuture(loop, 1))), "body");
    const done = relativeTimeFuture(loop, 1);
    world.pass(1);
    assertEquals(world.run(() => add(done)), "body");
  }),
);

Deno.test(
  "Scope.add() of a future of another loop is EINVAL, and leaves that alone",
  simulated((world) => {
    const other = new EventLoop({ kernel: world.kernel, name: "other" });
    const { future } = Future.withResolvers<void>(other);
    const message = world.run(() =>
      told(scope(function* (children) {
        children.add(future);
      }))
    );
    assertEquals([message, future.state], [
      "Cannot add a future of loop 'other' to a scope of loop 'loop': bridge it by promiseFuture()",
      "pending",
    ]);
    other[Symbol.dispose]();
  }),
);

Deno.test(
  "Scope.add() waits for a future that the body does not wait for",
  simulated((world) => {
    const timer = relativeTimeFuture(world.loop, 100);
    const start = world.loop.now();
    world.run(() =>
      scope(function* (children) {
        children.add(timer);
      })
    );
    assertEquals([timer.state, world.loop.now() - start], ["resolved", 100]);
  }),
);

Deno.test(
  "Scope.cancelChildren() cancels the children with the reason, not the body; later ones live",
  simulated((world) => {
    const log: string[] = [];
    const result = world.run(() =>
      scope(function* (children) {
        for (const name of ["a", "b"]) {
          children.spawn(function* () {
            log.push(`${name} ${yield* told(suspend())}`);
          });
        }
        yield* sleep(1);
        children.cancelChildren("enough");
        const later = children.spawn(function* () {
          return yield* told(sleep(5));
        });
        yield* sleep(1);
        return yield* later;
      })
    );
    assertEquals([result, log], ["undefined", ["a cancelled by enough", "b cancelled by enough"]]);
  }),
);

Deno.test(
  "Scope.defer() runs after the children, last in first out, one at a time, and may suspend",
  simulated((world) => {
    const steps = new Steps();
    world.run(function* () {
      yield* scope(function* (children) {
        const cleanup = (step: number) =>
          function* () {
            steps.expect(step);
            yield* sleep(5);
            steps.expect(step + 1);
          };
        children.defer(cleanup(5));
        children.defer(cleanup(3));
        children.spawn(function* () {
          yield* sleep(10);
          steps.expect(2);
        });
        steps.expect(1);
      });
      steps.finish(7);
    });
  }),
);

Deno.test(
  "Scope.defer() takes an operation; it runs after a failure, and its own failure is reported then",
  simulated((world) => {
    const result = world.run(() =>
      told(scope(function* (children) {
        children.defer(sleep(1));
        children.defer(failing("second clean-up"));
        children.defer(failing("first clean-up"));
        yield* failing("of the body")();
      })), { name: "main" });
    assertEquals(result, "of the body");
    assertEquals(world.takeMessages(), ["fiber 'main': first clean-up", "fiber 'main': second clean-up"]);
  }),
);

Deno.test(
  "Scope.defer() that fails where nothing else did is the scope's failure; later ones are reported",
  simulated((world) => {
    const result = world.run(() =>
      told(scope(function* (children) {
        children.defer(failing("second clean-up"));
        children.defer(failing("first clean-up"));
      })), { name: "main" });
    assertEquals([result, world.takeMessages()], ["first clean-up", ["fiber 'main': second clean-up"]]);
  }),
);

Deno.test(
  "Scope.defer() is shielded: a cancellation does not cut it short, and is thrown afterwards",
  simulated((world) => {
    const log: string[] = [];
    const fiber = world.spawn(() =>
      told(scope(function* (children) {
        children.defer(function* () {
          yield* sleep(10);
          log.push("cleaned up");
        });
        yield* suspend();
      }))
    );
    world.settle();
    fiber.cancel("why");
    world.settle();
    fiber.cancel("again");
    world.pass(10);
    assertEquals([log, fiber.result()], [["cleaned up"], "cancelled by why"]);
  }),
);

Deno.test(
  "A scope that has ended is ESTALE to whoever kept it",
  simulated((world) => {
    const kept: Scope[] = [];
    world.run(() =>
      scope(function* (children) {
        kept.push(children);
      })
    );
    const codes = [
      () => kept[0].spawn(suspend),
      () => kept[0].add(Future.withResolvers<void>(world.loop).future),
      () => kept[0].defer(suspend),
    ].map(codeOf);
    assertEquals(codes, ["ESTALE", "ESTALE", "ESTALE"]);
    kept[0].cancelChildren();
  }),
);

Deno.test(
  "A child may spawn into its scope, also while the body has ended",
  simulated((world) => {
    const log: string[] = [];
    world.run(() =>
      scope(function* (children) {
        children.spawn(function* () {
          yield* sleep(5);
          children.spawn(noting(log, "grandchild", () => sleep(5)));
          log.push("child ended");
        });
        log.push("body ended");
      })
    );
    assertEquals(log, ["body ended", "child ended", "grandchild ended"]);
  }),
);

Deno.test(
  "A child that is spawned after a failure is cancelled at once, and does not begin",
  simulated((world) => {
    let began = false;
    const result = world.run(() =>
      told(scope(function* (children) {
        children.spawn(function* () {
          try {
            yield* suspend();
          } finally {
            children.spawn(function* () {
              began = true;
            });
          }
        });
        yield* failing("first")();
      }))
    );
    assertEquals([result, began], ["first", false]);
  }),
);

Deno.test(
  "Scopes nest: the inner one's failure goes through the outer one, and all has ended on the way",
  simulated((world) => {
    const log: string[] = [];
    const result = world.run(() =>
      told(scope(function* (outer) {
        outer.spawn(noting(log, "outer child"));
        yield* scope(function* (inner) {
          inner.spawn(noting(log, "inner child"));
          yield* failing("inner")();
        });
      }))
    );
    assertEquals([result, log], ["inner", ["inner child ended", "outer child ended"]]);
  }),
);

Deno.test(
  "scope() in the exit phase is refused; one that is open is unwound with its clean-up",
  simulated((world) => {
    const log: string[] = [];
    world.spawn(() =>
      scope((children) => {
        children.defer(function* () {
          log.push(yield* told(scope(suspend)));
        });
        children.spawn(noting(log, "child"));
        return noting(log, "body")();
      })
    );
    world.settle();
    world.exit();
    assertEquals(log, ["body ended", "child ended", "cancelled by Loop 'loop' is exiting"]);
  }),
);

/** The fibers that a scope with so many children spawns, all of which end by themselves. */
function manyChildren(world: Simulation, count: number): number {
  let ended = 0;
  world.run(() =>
    scope(function* (children) {
      for (let i = 0; i < count; i++) {
        children.spawn(function* () {
          yield* yieldNow();
          ended++;
        });
      }
    })
  );
  return ended;
}

Deno.test("A scope waits for ten thousand children", simulated((world) => assertEquals(manyChildren(world, 10_000), 10_000)));

Deno.test(
  "scope() throws TimeoutError of the deadline around it, not of its own making",
  simulated((world) => {
    const fiber = world.spawn(() => withTimeout(5, () => scope(suspend)));
    fiber.addCallback(() => {});
    world.settle();
    world.pass(5);
    assert(fiber.outcome?.status === "rejected");
    assertInstanceOf(fiber.outcome.reason, TimeoutError);
    assertEquals((fiber.outcome.reason as SystemError).code, "ETIME");
  }),
);
