/**
 * What a group hands on to its children: cancels and priorities.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { CancelledError, Future, FutureGroup, suspend, SystemError } from "@sd/fibers";
import { codeOf, simulated } from "../_simulation.ts";
import { Children, endOf } from "./_children.ts";

Deno.test(
  "cancel() rejects a group with the reason and cancels its children, in order, for the same reason",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b] = children.several("ab");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, b.future);
    assertEquals(group.cancel("over"), true);
    assertEquals([children.log, children.reasons], [["cancel a", "cancel b"], ["over", "over"]]);
    const error = assertThrows(() => group.result(), CancelledError, "Cancelled: over");
    assertEquals(error.reason, "over");
    world.settle();
    assertEquals([group.cancel(), children.log.length], [false, 2]);
  }),
);

Deno.test(
  "A fiber in a group that is cancelled throws an error of its own, from the line that waits",
  simulated((world) => {
    const group = FutureGroup.all(world.loop);
    const fiber = world.spawn(suspend, { group });
    world.settle();
    group.cancel("over");
    world.settle();
    const ofGroup = assertThrows(() => group.result(), CancelledError);
    const ofFiber = assertThrows(() => fiber.result(), CancelledError, "Cancelled: over");
    assertEquals([ofFiber === ofGroup, ofFiber.reason], [false, "over"]);
  }),
);

Deno.test(
  "cancel() while a group drains goes on to those that have not ended, and leaves the outcome",
  simulated((world) => {
    const children = new Children(world.loop);
    const a = children.make("a", "goes on");
    let attempts = 0;
    const b = children.make("b", (child) => void (++attempts === 2 && child.succeed()));
    const c = children.make("c");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, b.future, c.future);
    c.fail();
    world.settle();
    group.cancel();
    group.cancel();
    assertEquals(children.log, ["cancel a", "cancel b", "cancel a", "cancel b", "cancel a"]);
    a.succeed();
    world.settle();
    assertEquals(endOf(group), "c failed");
  }),
);

Deno.test(
  "cancel() can end a group that drains on the spot, also when a child's cancel throws",
  simulated((world) => {
    const children = new Children(world.loop);
    let attempts = 0;
    const child = children.make("a", (self) => {
      if (++attempts === 1) return;
      self.succeed();
      throw new RangeError("but ended");
    });
    const group = FutureGroup.all(world.loop);
    group.add(child.future);
    group.cancel("first");
    assertEquals(group.state, "pending");
    assertThrows(() => group.cancel(), RangeError, "but ended");
    assertEquals(endOf(group), "Cancelled: first");
    world.settle();
  }),
);

Deno.test(
  "cancel() asks every child, then throws the first error; the group waits for the child all the same",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b] = children.several("ab", "throws");
    const c = children.make("c");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, b.future, c.future);
    assertThrows(() => group.cancel("over"), Error, "a cannot");
    assertEquals([children.log, group.state], [["cancel a", "cancel b", "cancel c"], "pending"]);
    a.succeed();
    b.fail();
    world.settle();
    assertEquals(endOf(group), "Cancelled: over");
  }),
);

Deno.test(
  "A child that cancels its group while that cancels it is asked once an attempt, and others once too",
  simulated((world) => {
    const children = new Children(world.loop);
    const group = FutureGroup.all(world.loop);
    const a = children.make("a", () => void group.cancel("again"));
    const b = children.make("b", "goes on");
    group.add(a.future, b.future);
    group.cancel("once");
    assertEquals(children.log, ["cancel a", "cancel b"]);
    group.cancel();
    assertEquals(children.log.length, 4);
    a.succeed();
    b.succeed();
    world.settle();
    assertEquals(endOf(group), "Cancelled: once");
  }),
);

Deno.test(
  "A child that ends and cancels its group, whose last it is, resolves it once",
  simulated((world) => {
    const children = new Children(world.loop);
    const group = FutureGroup.all(world.loop);
    const a = children.make("a", (child) => {
      child.succeed();
      group.cancel("again");
    });
    group.add(a.future);
    group.cancel("once");
    assertEquals(endOf(group), "Cancelled: once");
    world.settle();
  }),
);

Deno.test(
  "cancel() counts before failures that were not delivered yet",
  simulated((world) => {
    const [a, b] = new Children(world.loop).several("ab");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, b.future);
    a.fail();
    group.cancel("over");
    assertEquals(endOf(group), "Cancelled: over");
    world.settle();
  }),
);

Deno.test(
  "A group has no priority at first, and its children keep theirs",
  simulated((world) => {
    const children = new Children(world.loop);
    FutureGroup.all(world.loop).add(children.make("a").future);
    assertEquals(children.log, []);
  }),
);

Deno.test(
  "setPriority() is for all children, and for those to come; 0 is a priority",
  simulated((world) => {
    const children = new Children(world.loop);
    const [a, b, c, d] = children.several("abcd");
    const group = FutureGroup.all(world.loop);
    group.add(a.future, b.future);
    a.succeed();
    group.setPriority(5);
    group.add(c.future, a.future);
    group.setPriority(0);
    group.add(d.future);
    assertEquals(children.log, [
      "priority 5 of b",
      "priority 5 of c",
      "priority 0 of b",
      "priority 0 of c",
      "priority 0 of d",
    ]);
    const fiber = world.spawn(suspend, { group, priority: 9 });
    assertEquals(fiber.priority, 0);
    world.settle();
    group.cancel();
    world.settle();
    assertEquals([group.state, codeOf(() => group.setPriority(1))], ["resolved", "ESTALE"]);
  }),
);

Deno.test(
  "setPriority() passes over children that have none",
  simulated((world) => {
    const group = FutureGroup.all(world.loop);
    const plain = Future.withResolvers<void>(world.loop);
    group.add(plain.future);
    group.setPriority(1);
    const other = Future.withResolvers<void>(world.loop);
    group.add(other.future);
    assertEquals(group.size, 2);
    assertEquals(codeOf(() => group.setPriority(0.5)), "EINVAL");
  }),
);

Deno.test(
  "setPriority() that a child refuses tries the others, throws the first error, and is not for those to come",
  simulated((world) => {
    const children = new Children(world.loop);
    const refusing = (message: string) =>
      Future.withResolvers<string>(world.loop, {
        setPriority() {
          throw new RangeError(message);
        },
      }).future;
    const [a, late] = children.several("ab");
    const group = FutureGroup.all(world.loop);
    group.add(refusing("first"), refusing("second"), a.future);
    assertThrows(() => group.setPriority(2), RangeError, "first");
    group.add(late.future);
    assertEquals(children.log, ["priority 2 of a"]);
    const other = FutureGroup.all(world.loop);
    other.add(
      Future.withResolvers<string>(world.loop, {
        setPriority() {
          throw new SystemError("EPERM");
        },
      }).future,
    );
    // Only one that has no priority is passed over.
    assertEquals(codeOf(() => other.setPriority(2)), "EPERM");
  }),
);
