/**
 * A value, and who wants to know when it changes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Watch, WatchSubscription } from "@sd/fibers";
import { codeOf, simulated } from "../_simulation.ts";

Deno.test(
  "A subscriber sees the present value, then each change, the latest only when it is slow",
  simulated((world) => {
    const level = new Watch(1, { loop: world.loop });
    const changes = level.subscribe();
    const seen: number[] = [];
    const fiber = world.spawn(function* () {
      for (let value; (value = yield* changes.next()) !== undefined;) seen.push(value);
    });
    world.settle();
    assertEquals(seen, [1]);
    level.value = 2;
    level.value = 3;
    world.settle();
    assertEquals(seen, [1, 2, 3]);
    level.value = 4;
    level.value = 5;
    level.value = 6;
    level.close();
    world.settle();
    assertEquals([seen, fiber.state, level.value], [[1, 2, 3, 4, 6], "resolved", 6]);
  }),
);

Deno.test(
  "Setting a watch to what it is already tells nobody",
  simulated((world) => {
    const level = new Watch<number>(NaN, { loop: world.loop });
    using changes = level.subscribe();
    changes.tryPop();
    level.value = NaN;
    assertEquals(changes.tryPop(), undefined);
    level.value = 1;
    assertEquals([changes.tryPop(), changes.tryPop()], [1, undefined]);
  }),
);

Deno.test(
  "Of several who wait at one subscription one is told, at several each",
  simulated((world) => {
    const level = new Watch(1, { loop: world.loop });
    const [a, b] = [level.subscribe(), level.subscribe()];
    for (const changes of [a, b]) changes.tryPop();
    const receives = [a.receive(), a.receive(), b.receive()];
    level.value = 2;
    assertEquals(receives.map(({ state }) => state), ["resolved", "pending", "resolved"]);
    level.value = 3;
    assertEquals([receives.map((receive) => receive.take()), b.tryPop(), a.tryPop()], [[2, 3, 2], 3, undefined]);
  }),
);

Deno.test(
  "A closed watch gives out what was not seen, then EPIPE; a subscription that is disposed only EPIPE",
  simulated((world) => {
    const level = new Watch(1, { loop: world.loop });
    const [unseen, seen, left] = [level.subscribe(), level.subscribe(), level.subscribe()];
    seen.tryPop();
    const waiting = seen.receive();
    left.tryPop();
    const leaving = left.receive();
    assertEquals(level.statistics(), { subscribers: 3, mostSubscribers: 3, changes: 0 });
    left[Symbol.dispose]();
    assertEquals([codeOf(() => leaving.take()), codeOf(() => left.tryPop()), level.statistics().subscribers], ["EPIPE", "EPIPE", 2]);
    level.close();
    assertEquals([level.closed, level.statistics().subscribers], [true, 0]);
    assertEquals([codeOf(() => waiting.take()), unseen.tryPop(), codeOf(() => unseen.tryPop())], ["EPIPE", 1, "EPIPE"]);
    assertEquals([codeOf(() => level.value = 2), codeOf(() => level.subscribe())], ["EPIPE", "EPIPE"]);
    assertEquals(codeOf(() => new Watch(undefined as never, { loop: world.loop })), "EINVAL");
    assertEquals(codeOf(() => new WatchSubscription({}, () => {})), "EINVAL");
  }),
);
