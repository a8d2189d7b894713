/**
 * When a child's failure cancels the fiber that made the group.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  CancelledError,
  cancelWait,
  type Fiber,
  FutureGroup,
  type GroupOptions,
  type Operation,
  sleep,
  suspend,
  TimeoutError,
  withTimeout,
  yieldNow,
} from "@sd/fibers";
import { simulated, Simulation } from "../_simulation.ts";
import { type Child, Children, endOf } from "./_children.ts";

interface Family {
  readonly parent: Fiber<string>;
  readonly group: FutureGroup<unknown, unknown>;
  readonly children: Children;
  readonly a: Child;
  readonly b: Child;
}

/** A fiber that makes a group of two and goes on with what is given. */
function makeFamily(
  world: Simulation,
  then: (group: FutureGroup<unknown, unknown>, a: Child) => Operation<unknown>,
  options: GroupOptions = {},
): Family {
  const children = new Children(world.loop);
  const [a, b] = children.several("ab");
  let group!: FutureGroup<unknown, unknown>;
  const parent = world.spawn(function* parent(): Operation<string> {
    group = FutureGroup.all(world.loop, options);
    group.add(a.future, b.future);
    try {
      yield* then(group, a);
      return "went on";
    } catch (error) {
      if (error instanceof CancelledError) return `cancelled: ${(error.reason as Error).message}`;
      return error instanceof TimeoutError ? "deadline" : `error: ${(error as Error).message}`;
    }
  });
  world.settle();
  return { parent, group, children, a, b };
}

Deno.test(
  "A failure cancels the fiber that made the group, with the failure as its reason; the group's outcome stays",
  simulated((world) => {
    const { parent, group, a } = makeFamily(world, suspend);
    a.fail();
    world.settle();
    assertEquals(world.takeMessages(), ["future 'group of parent': a failed"]);
    assertEquals([endOf(parent), parent.cancelled, endOf(group)], ["cancelled: a failed", true, "a failed"]);
  }),
);

Deno.test(
  "The fiber is cancelled after the children have been, and before the group has drained",
  simulated((world) => {
    const { parent, group, a, children } = makeFamily(world, suspend);
    const stubborn = children.make("c", "goes on");
    group.add(stubborn.future);
    a.fail();
    world.tick();
    assertEquals([children.log, parent.status, parent.cancelled, group.state], [["cancel b", "cancel c"], "ready", true, "pending"]);
    stubborn.succeed();
    world.settle();
    assertEquals(endOf(parent), "cancelled: a failed");
    assertEquals(world.takeMessages(), ["future 'group of parent': a failed"]);
  }),
);

Deno.test(
  "A failure does not cancel the fiber if the group ignores errors",
  simulated((world) => {
    const { parent, group, a, b } = makeFamily(world, () => sleep(10), { ignoreErrors: true });
    a.fail();
    b.fail();
    world.settle();
    assertEquals([endOf(group), parent.cancelled], ["a failed", false]);
    world.pass(10);
    assertEquals(endOf(parent), "went on");
  }),
);

Deno.test(
  "Success cancels nobody",
  simulated((world) => {
    const { parent, group, a, b } = makeFamily(world, () => sleep(10));
    a.succeed();
    b.succeed();
    world.settle();
    assertEquals([group.state, parent.cancelled], ["resolved", false]);
    world.pass(10);
  }),
);

Deno.test(
  "A fiber that waits for the group gets the error through it and is not cancelled",
  simulated((world) => {
    const { parent, a } = makeFamily(world, (group) => group);
    a.fail();
    world.settle();
    assertEquals([endOf(parent), parent.cancelled], ["error: a failed", false]);
  }),
);

Deno.test(
  "A fiber that waits for the group by cancelWait() is not cancelled by a failure meanwhile",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b] = children.several("ab", "goes on");
    const parent = world.spawn(function* (): Operation<string> {
      const group = FutureGroup.any<string>(world.loop);
      group.add(a.future, b.future);
      b.succeed();
      yield* cancelWait(group);
      return endOf(group);
    });
    world.settle();
    assertEquals([children.log, parent.status], [["cancel a"], "suspended"]);
    a.fail();
    world.settle();
    assertEquals([endOf(parent), parent.cancelled], ["Cancelled", false]);
  }),
);

Deno.test(
  "Another fiber that waits for the group does not keep the one that made it from being cancelled",
  simulated((world) => {
    const { parent, group, a } = makeFamily(world, suspend);
    const other = world.spawn(() => group);
    other.addCallback(() => {});
    world.settle();
    assertStrictEquals(other.awaiting, group);
    a.fail();
    world.settle();
    assertEquals([endOf(parent), endOf(other)], ["cancelled: a failed", "a failed"]);
  }),
);

Deno.test(
  "A wait for the group that was interrupted does not count any more",
  simulated((world) => {
    const { parent, a } = makeFamily(world, function* (group) {
      try {
        yield* withTimeout(5, group);
      } catch {
        yield* suspend();
      }
    });
    world.pass(5);
    assertEquals([parent.status, parent.awaiting], ["suspended", undefined]);
    a.fail();
    world.settle();
    assertEquals(endOf(parent), "cancelled: a failed");
  }),
);

Deno.test(
  "A fiber that runs when the group decides is not cancelled: it made that happen",
  simulated((world) => {
    const { parent, group } = makeFamily(world, function* (group, a) {
      a.fail();
      group.seal();
      yield* yieldNow();
    });
    assertEquals([endOf(parent), parent.cancelled, endOf(group)], ["went on", false, "a failed"]);
    assertEquals(world.takeMessages(), ["future 'group of parent': a failed"]);
  }),
);

Deno.test(
  "A group that anybody cancels does not cancel the fiber that made it",
  simulated((world) => {
    const { parent, group } = makeFamily(world, () => sleep(10));
    group.cancel("over");
    world.settle();
    assertEquals([endOf(group), parent.cancelled], ["Cancelled: over", false]);
    world.pass(10);
    assertEquals(endOf(parent), "went on");
  }),
);

Deno.test(
  "A child that was cancelled by itself has failed: the fiber is cancelled",
  simulated((world) => {
    const { parent, group, a } = makeFamily(world, suspend);
    a.future.cancel();
    world.settle();
    assertEquals([endOf(group), endOf(parent)], ["a ended", "cancelled: a ended"]);
    assertEquals(world.takeMessages(), ["future 'group of parent': a ended"]);
  }),
);

Deno.test(
  "A group outlives the fiber that made it",
  simulated((world) => {
    const { parent, group, a } = makeFamily(world, yieldNow);
    assertEquals(parent.status, "completed");
    a.fail();
    world.settle();
    assertEquals([endOf(group), parent.cancelled], ["a failed", false]);
  }),
);

Deno.test(
  "A group that was made off a fiber cancels nobody",
  simulated((world) => {
    const [a] = new Children(world.loop).several("a");
    const group = FutureGroup.all(world.loop);
    group.add(a.future);
    const bystander = world.spawn(() => sleep(10));
    world.settle();
    a.fail();
    world.settle();
    assertEquals([endOf(group), bystander.cancelled], ["a failed", false]);
    world.pass(10);
  }),
);

Deno.test(
  "A group of another loop does not cancel the fiber that made it",
  simulated((world) => {
    const other = new Simulation({ kernel: world.kernel });
    const [a] = new Children(other.loop).several("a");
    const parent = world.spawn(function* (): Operation<void> {
      FutureGroup.all(other.loop).add(a.future);
      yield* sleep(10);
    });
    world.settle();
    a.fail();
    other.settle();
    world.pass(10);
    assertEquals([endOf(parent), parent.cancelled], ["undefined", false]);
    assertEquals(other.end().reported, ["future 'group of fiber': a failed"]);
  }),
);
