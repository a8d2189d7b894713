/**
 * Who takes the item of a receive.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Channel, FutureGroup, ReceiveFuture, settled, yieldNow } from "@sd/fibers";
import { codeOf, errorOf, simulated, type Simulation } from "../_simulation.ts";

function open(world: Simulation): { channel: Channel<string>; dropped: string[] } {
  const dropped: string[] = [];
  return { channel: new Channel<string>({ loop: world.loop, capacity: 1, onDrop: (item) => dropped.push(item) }), dropped };
}

Deno.test(
  "ReceiveFuture.take() is EBUSY while pending, gives the item once, then ESTALE",
  simulated((world) => {
    const { channel, dropped } = open(world);
    const receive = channel.receive();
    assertEquals(codeOf(() => receive.take()), "EBUSY");
    channel.tryPush("a");
    assertEquals([receive.take(), codeOf(() => receive.take()), dropped], ["a", "ESTALE", []]);
  }),
);

Deno.test(
  "ReceiveFuture.take() of a receive that failed throws its error, also the second time",
  simulated((world) => {
    const { channel } = open(world);
    const [closed, cancelled] = [channel.receive(), channel.receive()];
    cancelled.cancel();
    channel.close();
    assertEquals([closed, closed, cancelled].map((receive) => codeOf(() => receive.take())), ["EPIPE", "EPIPE", "ECANCELED"]);
  }),
);

const readers: [string, (world: Simulation, receive: ReceiveFuture<string>) => unknown][] = [
  ["take()", (_world, receive) => receive.take()],
  ["result()", (_world, receive) => receive.result()],
  ["outcome", (_world, receive) => (receive.outcome as PromiseFulfilledResult<string>).value],
  ["yield*", (world, receive) => world.run(() => receive)],
  ["settled()", (world, receive) => (world.run(() => settled(receive)) as PromiseFulfilledResult<string>).value],
];
for (const [name, read] of readers) {
  Deno.test(
    `A receive whose item was read by ${name} drops nothing when it is disposed`,
    simulated((world) => {
      const { channel, dropped } = open(world);
      const receive = channel.receive();
      channel.tryPush("a");
      assertEquals(read(world, receive), "a");
      receive[Symbol.dispose]();
      assertEquals([codeOf(() => receive.take()), dropped], ["ESTALE", []]);
    }),
  );
}

for (const read of ["then", "finally"] as const) {
  Deno.test(
    `A receive of which ${read}() made a promise belongs to that`,
    simulated(async (world) => {
      const { channel, dropped } = open(world);
      const receive = channel.receive();
      const promise = receive[read]();
      channel.tryPush("a");
      receive[Symbol.dispose]();
      assertEquals(codeOf(() => receive.take()), "ESTALE");
      world.settle();
      assertEquals([await promise, dropped], ["a", []]);
    }),
  );
}

Deno.test(
  "A receive that is disposed unread drops its item, once",
  simulated((world) => {
    const { channel, dropped } = open(world);
    const receive = channel.receive();
    channel.tryPush("a");
    receive[Symbol.dispose]();
    receive[Symbol.dispose]();
    assertEquals([dropped, codeOf(() => receive.take())], [["a"], "ESTALE"]);
  }),
);

Deno.test(
  "A receive that is disposed while it waits has left the queue",
  simulated((world) => {
    const { channel, dropped } = open(world);
    {
      using _receive = channel.receive();
      assertEquals(channel.statistics().pops, 1);
    }
    channel.tryPush("a");
    assertEquals([channel.statistics().pops, channel.size, dropped], [0, 1, []]);
  }),
);

Deno.test(
  "A receive that a fiber was waiting for when it was interrupted still drops its item when it is disposed",
  simulated((world) => {
    const { channel, dropped } = open(world);
    const receive = channel.receive();
    const fiber = world.spawn(() => settled(receive));
    world.settle();
    fiber.cancel();
    world.settle();
    channel.tryPush("a");
    receive[Symbol.dispose]();
    assertEquals([codeOf(() => fiber.result()), dropped], ["ECANCELED", ["a"]]);
  }),
);

Deno.test(
  "Of several receives in a group that have an item each, the group has taken the one that decided it, and the others can be taken",
  simulated((world) => {
    const channel = new Channel<string>({ loop: world.loop, capacity: 1 });
    const receives = [channel.receive(), channel.receive()];
    const group = FutureGroup.any<string>(world.loop);
    group.add(...receives);
    channel.tryPush("a");
    channel.tryPush("b");
    world.settle();
    assertEquals([group.result(), codeOf(() => receives[0].take()), receives[1].take()], ["a", "ESTALE", "b"]);
  }),
);

Deno.test("A ReceiveFuture made by new is EINVAL", () => {
  const Made = ReceiveFuture as unknown as new (core: object, reception: object) => unknown;
  const error = errorOf(() => new Made({}, {}));
  assertEquals([error.code, error.message], ["EINVAL", "Cannot make a ReceiveFuture by new: use receive()"]);
});

Deno.test(
  "A receive that failed and that nobody looked at is reported; one that was disposed, before it failed or after, is not",
  simulated((world) => {
    const fiber = world.spawn(function* maker() {
      const channel = new Channel<string>({ capacity: 1, name: "jobs" });
      const [, before, after] = [channel.receive(), channel.receive(), channel.receive()];
      before[Symbol.dispose]();
      channel.close();
      after[Symbol.dispose]();
      yield* yieldNow();
    });
    world.settle();
    assertEquals([fiber.state, world.takeMessages()], ["resolved", [
      "future 'receive of maker': Cannot pop from channel 'jobs': it is closed",
    ]]);
  }),
);
