/**
 * How children come into a group, until it is sealed.
 *
 * @module
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { deferFuture, type Fiber, Future, FutureGroup, type Operation, promiseFuture, sleep, suspend } from "@sd/fibers";
import { codeOf, errorOf, simulated, Simulation } from "../_simulation.ts";
import { Children, endOf } from "./_children.ts";

Deno.test(
  "add() refuses what is no future, the group itself and futures of another loop, resolved ones too: EINVAL",
  simulated((world) => {
    const other = new Simulation({ kernel: world.kernel });
    const resolved = deferFuture(other.loop, { status: "fulfilled", value: 1 });
    other.settle();
    const group = FutureGroup.all(world.loop);
    for (const wrong of [Promise.resolve(1), undefined, {}]) assertEquals(codeOf(() => group.add(wrong as Future<number>)), "EINVAL");
    assertEquals(errorOf(() => group.add(group)).message, "Cannot add a group to itself: it would wait for itself");
    const foreign = Future.withResolvers<void>(other.loop).future;
    for (const future of [foreign, resolved]) {
      const error = errorOf(() => group.add(future));
      assertEquals(error.code, "EINVAL");
      assertStringIncludes(error.message, `future of loop '${other.loop.name}'`);
    }
    assertEquals(group.size, 0);
    assertEquals(other.end().reported, []);
  }),
);

Deno.test(
  "add() refuses what does not fit before it says that the outcome is decided",
  simulated((world) => {
    const group = FutureGroup.all(world.loop);
    group.cancel();
    assertEquals(codeOf(() => group.add(group)), "EINVAL");
    assertEquals(codeOf(() => group.add(new Children(world.loop).make("a").future)), "ESTALE");
  }),
);

Deno.test(
  "add() refuses children while the group drains, and when it has resolved: ESTALE",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b, late] = children.several("abc", "goes on");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, b.future);
    a.fail();
    world.settle();
    assertEquals([group.state, codeOf(() => group.add(late.future))], ["pending", "ESTALE"]);
    b.succeed();
    world.settle();
    assertEquals([group.state, codeOf(() => group.add(late.future))], ["resolved", "ESTALE"]);
    late.succeed();
    world.settle();
    assertEquals([group.size, children.log], [2, ["cancel b"]]);
  }),
);

Deno.test(
  "add() of a resolved future leaves the group pending until the next tick",
  simulated((world) => {
    const child = new Children(world.loop).make("a");
    child.succeed();
    const group = FutureGroup.any<string>(world.loop);
    group.add(child.future);
    assertEquals(group.state, "pending");
    world.tick();
    assertEquals(group.result(), "a");
  }),
);

Deno.test(
  "add() of several is all or nothing: earlier members stay, and no other reaches the group",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b, c] = children.several("abc");
    const group = FutureGroup.all(world.loop);
    group.add(a.future);
    assertEquals(codeOf(() => group.add(b.future, c.future, group)), "EINVAL");
    assertEquals(group.size, 1);
    b.fail();
    world.settle();
    assertEquals(group.state, "pending");
    a.succeed();
    world.settle();
    assertEquals([endOf(group), children.log], ["undefined", []]);
  }),
);

Deno.test(
  "add() with a priority that a child refuses leaves nothing behind",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b] = children.several("ab");
    const stubborn = Future.withResolvers<string>(world.loop, {
      setPriority() {
        throw new RangeError("not this one");
      },
    });
    const group = FutureGroup.all(world.loop);
    group.setPriority(4);
    group.add(a.future);
    assertThrows(() => group.add(b.future, stubborn.future), RangeError, "not this one");
    assertEquals([group.size, children.log], [1, ["priority 4 of a", "priority 4 of b"]]);
    b.fail();
    stubborn.resolve("x");
    world.settle();
    assertEquals(group.state, "pending");
    a.succeed();
    world.settle();
    assertEquals(group.state, "resolved");
  }),
);

Deno.test(
  "A fiber that was not added still has its failure reported",
  simulated((world) => {
    const group = FutureGroup.all(world.loop);
    // deno-lint-ignore require-yield
    const fiber: Fiber<void> = world.spawn(function* fails() {
      throw new RangeError("nobody looked");
    });
    assertEquals(codeOf(() => group.add(fiber, group)), "EINVAL");
    world.settle();
    assertEquals(world.takeMessages(), ["fiber 'fails': nobody looked"]);
  }),
);

Deno.test(
  "A group that is cancelled by the priority of a child on its way in does not take it",
  simulated((world) => {
    const group = FutureGroup.all(world.loop);
    const child = Future.withResolvers<void>(world.loop, { setPriority: () => void group.cancel() });
    group.setPriority(1);
    assertEquals([codeOf(() => group.add(child.future)), group.size, group.state], ["ESTALE", 0, "resolved"]);
  }),
);

Deno.test(
  "add() of nothing changes nothing, also where the outcome is decided",
  simulated((world) => {
    const group = FutureGroup.all(world.loop);
    group.add();
    assertEquals([group.size, group.state, world.settle()], [0, "pending", 0]);
    group.cancel();
    group.add();
    assertEquals([group.size, group.state], [0, "resolved"]);
  }),
);

Deno.test(
  "add() counts a member once however often it comes",
  simulated((world) => {
    const [a, b] = new Children(world.loop).several("ab");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, a.future);
    group.add(b.future, a.future);
    assertEquals(group.size, 2);
    a.succeed();
    b.succeed();
    world.tick(2);
    assertEquals([group.state, group.size, world.settle()], ["resolved", 2, 0]);
  }),
);

Deno.test(
  "A future may be in several groups",
  simulated((world) => {
    const [a, b] = new Children(world.loop).several("ab");
    const all = FutureGroup.all(world.loop);
    const any = FutureGroup.any<string>(world.loop);
    all.add(a.future, b.future);
    any.add(a.future);
    a.succeed();
    world.settle();
    assertEquals([endOf(any), all.state], ["a", "pending"]);
    b.succeed();
    world.settle();
    assertEquals(all.state, "resolved");
  }),
);

Deno.test(
  "A group may be in a group, and is drained before that resolves",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b] = children.several("ab", "goes on");
    const inner = FutureGroup.all(world.loop);
    inner.add(a.future);
    const outer = FutureGroup.all(world.loop);
    outer.add(inner, b.future);
    b.fail();
    world.settle();
    assertEquals([children.log, outer.state], [["cancel a"], "pending"]);
    a.succeed();
    world.settle();
    assertEquals([endOf(inner), endOf(outer)], ["Cancelled by future 'future': b failed", "b failed"]);
  }),
);

Deno.test(
  "An open group is decided by a failure or a choice at once, but by the end of all only when it is sealed",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b, c, d] = children.several("abcd");
    const [all, failing, any, ignoring] = [
      FutureGroup.all(world.loop, { open: true }),
      FutureGroup.all(world.loop, { open: true }),
      FutureGroup.any<string>(world.loop, { open: true }),
      FutureGroup.any<string>(world.loop, { open: true, ignoreErrors: true }),
    ];
    all.add(a.future);
    failing.add(b.future);
    any.add(c.future);
    ignoring.add(d.future);
    a.succeed();
    b.fail();
    c.succeed();
    d.fail();
    world.settle();
    assertEquals([all, failing, any, ignoring].map(endOf), ["pending", "b failed", "c", "pending"]);
    all.seal();
    ignoring.seal();
    assertEquals([endOf(all), endOf(ignoring)], ["undefined", "d failed"]);
  }),
);

Deno.test(
  "seal() of a group whose children run lets their end decide, and refuses others: ESTALE",
  simulated((world) => {
    const [a, late] = new Children(world.loop).several("ab");
    const group = FutureGroup.all(world.loop, { open: true });
    group.add(a.future);
    group.seal();
    group.seal();
    assertEquals(codeOf(() => group.add(late.future)), "ESTALE");
    assertEquals(group.state, "pending");
    a.succeed();
    world.settle();
    assertEquals([group.state, group.size], ["resolved", 1]);
  }),
);

Deno.test(
  "seal() of a group without children fulfils one that waits for all, and rejects one that has none to choose: ENODATA",
  simulated((world) => {
    for (const open of [true, false]) {
      const all = FutureGroup.all(world.loop, { open });
      all.seal();
      assertEquals(endOf(all), "undefined");
      const any = FutureGroup.any<string>(world.loop, { open });
      any.seal();
      assertEquals(codeOf(() => any.result()), "ENODATA");
    }
  }),
);

Deno.test(
  "seal() changes nothing when the outcome is decided",
  simulated((world) => {
    const [a, b] = new Children(world.loop).several("ab", "goes on");
    const group = FutureGroup.all(world.loop, { open: true });
    group.add(a.future, b.future);
    b.fail();
    world.settle();
    // One that stands before it has failed too by now, and that was not delivered yet.
    a.fail();
    group.seal();
    world.settle();
    assertEquals(endOf(group), "b failed");
    group.seal();
    assertEquals(endOf(group), "b failed");
  }),
);

Deno.test(
  "A loop over an empty list that seals its group and waits does not hang",
  simulated((world) => {
    world.run(function* (): Operation<void> {
      const group = FutureGroup.all(world.loop, { open: true });
      for (const usec of [] as number[]) world.spawn(() => sleep(usec), { group });
      group.seal();
      yield* group;
    });
  }),
);

Deno.test(
  "spawn() with a group makes the fiber on the group's loop and adds it",
  simulated((world) => {
    const group = FutureGroup.any<string>(world.loop);
    // deno-lint-ignore require-yield
    const fiber = world.spawn(function* () {
      return "value";
    }, { group, loop: undefined });
    assertEquals([group.size, fiber.loop], [1, world.loop]);
    world.settle();
    assertEquals(group.result(), "value");
  }),
);

Deno.test(
  "spawn() with a group that takes nobody leaves no fiber behind",
  simulated((world) => {
    const group = FutureGroup.all(world.loop);
    group.seal();
    let ran = false;
    // deno-lint-ignore require-yield
    const body = function* () {
      ran = true;
    };
    assertEquals(codeOf(() => world.spawn(body, { group })), "ESTALE");
    world.settle();
    assertEquals(ran, false);
  }),
);

Deno.test(
  "An accept loop's group survives a connection that fails",
  simulated((world) => {
    const log: string[] = [];
    const ended = world.run(function* (): Operation<string> {
      const group = FutureGroup.all(world.loop, { open: true, ignoreErrors: true });
      for (let number = 0; number < 4; number++) {
        world.spawn(function* () {
          yield* sleep(10);
          if (number === 1) throw new RangeError("reset by peer");
          log.push(`served ${number}`);
        }, { group });
        yield* sleep(3);
      }
      group.seal();
      try {
        yield* group;
        return "well";
      } catch (error) {
        return (error as Error).message;
      }
    });
    assertEquals([ended, log], ["reset by peer", ["served 0", "served 2", "served 3"]]);
  }),
);

Deno.test(
  "A child of any kind is cancelled by its own rules",
  simulated(async (world) => {
    const group = FutureGroup.all(world.loop);
    let aborted = false;
    const { promise, reject } = Promise.withResolvers<void>();
    const future = promiseFuture(world.loop, (signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
        reject(new Error("aborted"));
      });
      return promise;
    });
    const fiber = world.spawn(suspend);
    group.add(future, fiber);
    world.settle();
    group.cancel("over");
    assertEquals([aborted, group.state], [true, "pending"]);
    await world.loop.run(1);
    while (group.state === "pending") await world.loop.run(1);
    assertEquals([endOf(group), endOf(fiber)], ["Cancelled: over", "Cancelled: over"]);
  }),
);
