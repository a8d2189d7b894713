/**
 * Each item to everybody who listens.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Broadcast, Subscription } from "@sd/fibers";
import { codeOf, simulated } from "../_simulation.ts";

Deno.test(
  "Broadcast.publish() gives each item to everybody who listens from then on",
  simulated((world) => {
    const news = new Broadcast<string>({ loop: world.loop, capacity: 4 });
    assertEquals(news.publish("nobody"), 0);
    const first = news.subscribe();
    assertEquals(news.publish("a"), 1);
    const second = news.subscribe();
    const waiting = world.spawn(() => second.pop());
    world.settle();
    assertEquals(news.publish("b"), 2);
    world.settle();
    assertEquals([first.tryPop(), first.tryPop(), first.tryPop(), waiting.result(), second.size], ["a", "b", undefined, "b", 0]);
    first[Symbol.dispose]();
    assertEquals([news.publish("c"), codeOf(() => first.tryPop())], [1, "EPIPE"]);
    assertEquals(news.statistics(), { capacity: 4, subscribers: 1, mostSubscribers: 2, published: 4, longest: 1 });
  }),
);

for (const [overflow, kept] of [["drop-oldest", ["c", "d"]], ["drop-latest", ["a", "b"]]] as const) {
  Deno.test(
    `A subscriber that is too slow misses items, by ${overflow}, and can tell how many`,
    simulated((world) => {
      const news = new Broadcast<string>({ loop: world.loop, capacity: 2, overflow });
      const [slow, quick] = [news.subscribe(), news.subscribe()];
      const got: unknown[] = [];
      for (const item of "abcd") {
        news.publish(item);
        got.push(quick.tryPop());
      }
      assertEquals([got.join(""), quick.missed, slow.missed, slow.tryPop(), slow.tryPop()], ["abcd", 0, 2, ...kept]);
    }),
  );
}

Deno.test(
  "A closed broadcast refuses, and its subscribers get what lies ready and then the end",
  simulated((world) => {
    const news = new Broadcast<string>({ loop: world.loop, capacity: 2 });
    const [early, late] = [news.subscribe(), news.subscribe()];
    news.publish("a");
    late.tryPop();
    const end = world.spawn(() => late.next());
    world.settle();
    news.close();
    world.settle();
    assertEquals([early.tryPop(), codeOf(() => early.tryPop()), end.result()], ["a", "EPIPE", undefined]);
    assertEquals(news.statistics(), { capacity: 2, subscribers: 0, mostSubscribers: 2, published: 1, longest: 0 });
    assertEquals([news.closed, codeOf(() => news.publish("b")), codeOf(() => news.subscribe())], [true, "EPIPE", "EPIPE"]);
  }),
);

Deno.test(
  "A subscription that is disposed ends the waits for an item, and what lay ready for it is gone",
  simulated((world) => {
    const news = new Broadcast<string>({ loop: world.loop, capacity: 2 });
    const [empty, full] = [news.subscribe(), news.subscribe()];
    const receive = empty.receive();
    news.publish("taken");
    assertEquals(receive.take(), "taken");
    const waits = [world.spawn(() => empty.next()), world.spawn(() => empty.next())];
    const last = empty.receive();
    world.settle();
    empty[Symbol.dispose]();
    full[Symbol.dispose]();
    world.settle();
    assertEquals([waits.map((fiber) => fiber.result()), codeOf(() => last.take())], [[undefined, undefined], "EPIPE"]);
    assertEquals([full.size, codeOf(() => full.tryPop()), news.publish("to nobody")], [0, "EPIPE", 0]);
  }),
);

Deno.test(
  "Broadcast() of a bad capacity or overflow is EINVAL, as is publishing nothing",
  simulated((world) => {
    const { loop } = world;
    for (const capacity of [0, -1, NaN, 1.5]) assertEquals(codeOf(() => new Broadcast({ loop, capacity })), "EINVAL");
    assertEquals(codeOf(() => new Broadcast({ loop, capacity: 1, overflow: "wait" as never })), "EINVAL");
    const news = new Broadcast<string>({ loop, capacity: 1 });
    assertEquals(codeOf(() => news.publish(null as never)), "EINVAL");
    assertEquals(codeOf(() => new Subscription({}, () => {})), "EINVAL");
  }),
);
