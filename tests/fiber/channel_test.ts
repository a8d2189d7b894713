/**
 * Channels, row by row of their specification (sd-future, section 16).
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  CancelledError,
  Channel,
  type ChannelOptions,
  EventLoop,
  type Fiber,
  type Operation,
  run,
  spawn,
  SystemError,
  until,
  yieldNow,
} from "@sd/fibers";
import { codeOf, errorOf, simulated, Simulation } from "../_simulation.ts";
import { Steps } from "../_steps.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

type Options = Omit<ChannelOptions<string>, "loop">;

/** A channel of strings, and what it drops. */
function open(world: Simulation, options: Partial<Options> = {}): { channel: Channel<string>; dropped: string[] } {
  const dropped: string[] = [];
  const channel = new Channel<string>({ loop: world.loop, capacity: 1, onDrop: (item) => dropped.push(item), ...options });
  return { channel, dropped };
}

/** What the operation came to: "ok", its value, or the code of its error. */
function* told(operation: Operation<unknown>): Operation<unknown> {
  try {
    return (yield* operation) ?? "ok";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

function spawnTold(world: Simulation, operation: () => Operation<unknown>): Fiber<unknown> {
  return world.spawn(() => told(operation()));
}

const bad: [string, object][] = [
  ["NaN", { capacity: NaN }],
  ["a negative number", { capacity: -1 }],
  ["a fraction", { capacity: 1.5 }],
  ["nothing", { capacity: undefined }],
  ["text", { capacity: "3" }],
];
for (const [name, options] of bad) {
  Deno.test(`Channel() of capacity ${name} is EINVAL`, simulated((world) => assertEquals(codeOf(() => open(world, options)), "EINVAL")));
}

Deno.test(
  "Channel() with an unknown overflow or option, or with nothing to drop from, is EINVAL",
  simulated((world) => {
    assertEquals(codeOf(() => open(world, { overflow: "drop" as never })), "EINVAL");
    assertEquals(codeOf(() => open(world, { capcity: 1 } as never)), "EINVAL");
    assertEquals(codeOf(() => open(world, { onDrop: 1 as never })), "EINVAL");
    const error = errorOf(() => open(world, { capacity: 0, overflow: "drop-oldest", name: "jobs" }));
    assertEquals(
      [error.code, error.message],
      ["EINVAL", `Cannot make channel 'jobs' with overflow 'drop-oldest': of capacity 0 it takes "wait"`],
    );
  }),
);

Deno.test(
  "Channel.tryPush() hands over, buffers, or says that it is full",
  simulated((world) => {
    const { channel, dropped } = open(world);
    const pop = spawnTold(world, () => channel.pop());
    world.settle();
    assertEquals([channel.tryPush("a"), channel.size], [true, 0]);
    assertEquals([channel.tryPush("b"), channel.size], [true, 1]);
    assertEquals([channel.tryPush("c"), channel.size], [false, 1]);
    world.settle();
    assertEquals([pop.result(), channel.tryPop(), channel.tryPop(), dropped], ["a", "b", undefined, []]);
    channel.close();
    assertEquals([codeOf(() => channel.tryPush("d")), dropped], ["EPIPE", []]);
  }),
);

Deno.test(
  "Channel.tryPush() of a full channel that drops the oldest makes room",
  simulated((world) => {
    const { channel, dropped } = open(world, { capacity: 2, overflow: "drop-oldest" });
    assertEquals([..."abcd"].map((item) => channel.tryPush(item)), [true, true, true, true]);
    assertEquals([dropped, channel.tryPop(), channel.tryPop()], [["a", "b"], "c", "d"]);
  }),
);

Deno.test(
  "Channel.tryPush() of a full channel that drops the latest drops the item",
  simulated((world) => {
    const { channel, dropped } = open(world, { capacity: 2, overflow: "drop-latest" });
    assertEquals([..."abcd"].map((item) => channel.tryPush(item)), [true, true, true, true]);
    assertEquals([dropped, channel.tryPop(), channel.tryPop()], [["c", "d"], "a", "b"]);
  }),
);

for (const overflow of ["drop-oldest", "drop-latest"] as const) {
  Deno.test(
    `Channel.send() and push() never wait in a channel that does ${overflow}`,
    simulated((world) => {
      const { channel, dropped } = open(world, { overflow });
      assertEquals(channel.send("a").state, "resolved");
      assertEquals(channel.send("b").state, "resolved");
      assertEquals(world.run(() => told(channel.push("c"))), "ok");
      assertEquals([dropped, channel.tryPop()], overflow === "drop-oldest" ? [["a", "b"], "c"] : [["b", "c"], "a"]);
    }),
  );
}

Deno.test(
  "Channel.send() is resolved when there is room and pending when there is none",
  simulated((world) => {
    const { channel } = open(world);
    const [first, second, third] = [..."abc"].map((item) => channel.send(item));
    assertEquals([first.state, second.state, third.state], ["resolved", "pending", "pending"]);
    assertEquals([channel.tryPop(), second.state, third.state, channel.size], ["a", "resolved", "pending", 1]);
    assertEquals([channel.tryPop(), channel.tryPop(), third.state], ["b", "c", "resolved"]);
  }),
);

Deno.test(
  "Channel.receive() is resolved when an item lies ready and pending when none does",
  simulated((world) => {
    const { channel } = open(world, { capacity: 2 });
    channel.tryPush("a");
    const [first, second, third] = [channel.receive(), channel.receive(), channel.receive()];
    assertEquals([first.state, second.state, third.state], ["resolved", "pending", "pending"]);
    channel.tryPush("b");
    channel.tryPush("c");
    assertEquals([first.take(), second.take(), third.take(), channel.size], ["a", "b", "c", 0]);
  }),
);

Deno.test(
  "A closed channel refuses: the item of tryPush stays the caller's, that of send and push is dropped",
  simulated((world) => {
    const { channel, dropped } = open(world);
    channel.close();
    assertEquals(codeOf(() => channel.tryPush("a")), "EPIPE");
    assertEquals(dropped, []);
    assertEquals(codeOf(() => channel.send("b")), "EPIPE");
    assertEquals(world.run(() => told(channel.push("c"))), "EPIPE");
    assertEquals(dropped, ["b", "c"]);
    assertEquals(codeOf(() => channel.tryPop()), "EPIPE");
    assertEquals(codeOf(() => channel.receive()), "EPIPE");
    assertEquals(world.run(() => told(channel.pop())), "EPIPE");
  }),
);

Deno.test(
  "A closed channel gives out what lies in it, then says EPIPE",
  simulated((world) => {
    const { channel } = open(world, { capacity: 3 });
    for (const item of "abc") channel.tryPush(item);
    channel.close();
    channel.close();
    assertEquals([channel.closed, channel.tryPop(), channel.receive().take()], [true, "a", "b"]);
    assertEquals(world.run(() => told(channel.pop())), "c");
    assertEquals(codeOf(() => channel.tryPop()), "EPIPE");
  }),
);

Deno.test(
  "Items that tell that there is none are EINVAL and stay the caller's",
  simulated((world) => {
    const { channel, dropped } = open(world);
    for (const item of [undefined, null] as unknown as string[]) {
      assertEquals(codeOf(() => channel.tryPush(item)), "EINVAL");
      assertEquals(codeOf(() => channel.send(item)), "EINVAL");
      assertEquals(codeOf(() => channel.push(item)), "EINVAL");
    }
    for (const item of [0, "", false, NaN] as unknown as string[]) {
      channel.tryPush(item);
      assertEquals(channel.tryPop(), item);
    }
    assertEquals([dropped, channel.size], [[], 0]);
  }),
);

Deno.test(
  "A queued interruption comes before an item that lies ready, and before room",
  simulated((world) => {
    const { channel, dropped } = open(world, { capacity: 2 });
    channel.tryPush("a");
    const fiber: Fiber<unknown> = world.spawn(function* () {
      const outcomes: unknown[] = [];
      fiber.resumeWithError(new CancelledError());
      outcomes.push(yield* told(channel.pop()));
      fiber.resumeWithError(new CancelledError());
      outcomes.push(yield* told(channel.push("b")));
      outcomes.push(yield* told(channel.push("c")));
      return outcomes;
    });
    world.settle();
    assertEquals([fiber.result(), dropped], [["ECANCELED", "ECANCELED", "ok"], ["b"]]);
    assertEquals([channel.tryPop(), channel.tryPop()], ["a", "c"]);
  }),
);

Deno.test(
  "A cancelled send has left the queue and its item is dropped at once; a cancelled receive is given none",
  simulated((world) => {
    const { channel, dropped } = open(world);
    channel.tryPush("a");
    const [first, second] = [channel.send("b"), channel.send("c")];
    first.cancel();
    assertEquals([first.state, dropped], ["resolved", ["b"]]);
    assertEquals([channel.tryPop(), second.state, channel.tryPop()], ["a", "resolved", "c"]);
    const [third, fourth] = [channel.receive(), channel.receive()];
    third.cancel();
    channel.tryPush("d");
    assertEquals([codeOf(() => third.take()), fourth.take()], ["ECANCELED", "d"]);
  }),
);

Deno.test(
  "onDrop finds everything in order: the send is resolved, has left the queue, and the channel can be used",
  simulated((world) => {
    const told: unknown[] = [];
    const channel = new Channel<string>({
      loop: world.loop,
      capacity: 1,
      onDrop: (item) => told.push(item, sends.map((send) => send.cancel()), channel.statistics().pushes, channel.tryPush("d")),
    });
    channel.tryPush("a");
    const sends = [channel.send("b"), channel.send("c")];
    sends[1].cancel();
    assertEquals(told, ["b", [false, false], 0, false, "c", [true, false], 0, false]);
    assertEquals(sends.map((send) => codeOf(() => send.result())), ["ECANCELED", "ECANCELED"]);
  }),
);

Deno.test(
  "Channel.close() disposes what is attached, then rejects the sends, then the receives, in order",
  simulated((world) => {
    const steps = new Steps();
    const { channel } = open(world, { onDrop: (item) => steps.expect(Number(item)) });
    channel.attach({ [Symbol.dispose]: () => steps.expect(1) });
    channel.tryPush("0");
    const sends = [channel.send("2"), channel.send("3")];
    channel.close();
    assertEquals(sends.map((send) => codeOf(() => send.result())), ["EPIPE", "EPIPE"]);
    const { channel: empty } = open(world);
    const receives = [empty.receive(), empty.receive()];
    receives.forEach((receive, index) => receive.addCallback(() => steps.expect(4 + index)));
    empty.close();
    world.settle();
    assertEquals(receives.map((receive) => codeOf(() => receive.take())), ["EPIPE", "EPIPE"]);
    steps.finish(6);
  }),
);

Deno.test(
  "Channel.attach() disposes what was attached before, once, and refuses when closed",
  simulated((world) => {
    const { channel } = open(world);
    const gone: string[] = [];
    const resource = (name: string) => ({ [Symbol.dispose]: () => void gone.push(name) });
    channel.attach(resource("a"));
    channel.attach(resource("b"));
    assertEquals(gone, ["a"]);
    channel.attach(undefined);
    channel.attach(undefined);
    assertEquals(gone, ["a", "b"]);
    assertEquals(codeOf(() => channel.attach(null as never)), "EINVAL");
    assertEquals(codeOf(() => channel.attach({} as never)), "EINVAL");
    channel.attach(resource("c"));
    // What is refused stays the caller's, and what is attached stays that.
    assertEquals([codeOf(() => channel.attach({} as never)), gone], ["EINVAL", ["a", "b"]]);
    channel.close();
    assertEquals(codeOf(() => channel.attach(resource("d"))), "EPIPE");
    channel[Symbol.dispose]();
    assertEquals(gone, ["a", "b", "c"]);
  }),
);

Deno.test(
  "An attached resource that uses the channel while it goes finds it closed",
  simulated((world) => {
    const { channel, dropped } = open(world);
    const codes: unknown[] = [];
    channel.attach({
      [Symbol.dispose]() {
        codes.push(codeOf(() => channel.tryPush("a")), codeOf(() => channel.send("b")), codeOf(() => channel.attach(this)));
        channel.close();
      },
    });
    channel.close();
    assertEquals([codes, dropped], [["EPIPE", "EPIPE", "EPIPE"], ["b"]]);
    const { channel: other } = open(world);
    other.attach({ [Symbol.dispose]: () => other.close() });
    let kept = true;
    assertEquals(codeOf(() => other.attach({ [Symbol.dispose]: () => void (kept = false) })), "EPIPE");
    assert(kept);
  }),
);

Deno.test("What onDrop and an attached resource throw is reported, and nothing else is held up", () => {
  const world = new Simulation();
  const { channel } = open(world, {
    name: "jobs",
    onDrop(item) {
      throw new Error(`dropped ${item}`);
    },
  });
  channel.attach({
    [Symbol.dispose]() {
      throw new Error("attached");
    },
  });
  channel.tryPush("a");
  const sends = [channel.send("b"), channel.send("c")];
  channel[Symbol.dispose]();
  assertEquals(sends.map((send) => codeOf(() => send.result())), ["EPIPE", "EPIPE"]);
  assertEquals(world.end(), {
    reported: ["attached", "dropped b", "dropped c", "dropped a"].map((message) => `future 'channel 'jobs'': ${message}`),
    left: [],
  });
});

Deno.test(
  "A channel that is disposed drops what lies in it",
  simulated((world) => {
    const { channel, dropped } = open(world, { capacity: 3 });
    for (const item of "abc") channel.tryPush(item);
    channel.tryPop();
    channel[Symbol.dispose]();
    channel[Symbol.dispose]();
    assertEquals([dropped, codeOf(() => channel.tryPop()), codeOf(() => channel.tryPush("d"))], [["b", "c"], "EPIPE", "EPIPE"]);
  }),
);

Deno.test(
  "Channel.conflated() holds only the newest item",
  simulated((world) => {
    const dropped: number[] = [];
    const channel = Channel.conflated<number>({ loop: world.loop, onDrop: (item) => dropped.push(item) });
    for (const item of [1, 2, 3]) channel.tryPush(item);
    assertEquals([dropped, channel.tryPop(), channel.tryPop()], [[1, 2], 3, undefined]);
    const error = errorOf(() => Channel.conflated({ loop: world.loop, capacity: 2 } as never));
    assertEquals([error.code, error.message], [
      "EINVAL",
      "Cannot make a conflated channel with option 'capacity': there are loop, name, onDrop",
    ]);
    assertEquals(codeOf(() => Channel.conflated({ loop: world.loop, overflow: "wait" } as never)), "EINVAL");
  }),
);

Deno.test(
  "A channel of capacity 0 gives an item only to a pop that waits, or from a push that waits",
  simulated((world) => {
    const { channel } = open(world, { capacity: 0 });
    assertEquals([channel.tryPush("a"), channel.tryPop()], [false, undefined]);
    const push = spawnTold(world, () => channel.push("b"));
    world.settle();
    assertEquals([push.status, channel.tryPop(), channel.size], ["suspended", "b", 0]);
    const pop = spawnTold(world, () => channel.pop());
    world.settle();
    assertEquals([push.result(), channel.tryPush("c"), channel.tryPush("d")], ["ok", true, false]);
    world.settle();
    assertEquals(pop.result(), "c");
  }),
);

Deno.test(
  "A channel without bounds never lets a push wait",
  simulated((world) => {
    const channel = new Channel<number>({ loop: world.loop, capacity: Infinity });
    for (let i = 0; i < 10_000; i++) assert(channel.tryPush(i));
    assertEquals([channel.size, channel.statistics().mostItems], [10_000, 10_000]);
    for (let i = 0; i < 10_000; i++) assertEquals(channel.tryPop(), i);
  }),
);

Deno.test(
  "A push and a pop that need not wait take no turn of the loop",
  simulated((world) => {
    const { channel } = open(world);
    const before = world.loop.iteration;
    const iterations = world.run(function* () {
      for (let i = 0; i < 500; i++) {
        yield* channel.push("a");
        yield* channel.pop();
      }
      return world.loop.iteration;
    });
    assertEquals(iterations, before + 1);
  }),
);

Deno.test(
  "A pop that makes room lets the oldest push's item in before anybody can overtake it",
  simulated((world) => {
    const { channel } = open(world);
    channel.tryPush("a");
    const pushes = [..."bc"].map((item) => spawnTold(world, () => channel.push(item)));
    world.settle();
    const order = world.run(function* () {
      const got = [yield* channel.pop()];
      assertEquals(channel.tryPush("overtaker"), false);
      for (let i = 0; i < 2; i++) got.push(yield* channel.pop());
      return got;
    });
    world.settle();
    assertEquals([order, pushes.map((push) => push.result())], [["a", "b", "c"], ["ok", "ok"]]);
  }),
);

Deno.test(
  "Pops and pushes that wait are served first come, first served, whatever the priorities of their fibers",
  simulated((world) => {
    const { channel } = open(world, { capacity: 0 });
    const priorities = [5, -5, 0];
    const pops = priorities.map((priority) => {
      const pop = world.spawn(() => channel.pop(), { priority });
      world.settle();
      return pop;
    });
    pops[0].setPriority(9);
    for (const item of "abc") channel.tryPush(item);
    world.settle();
    assertEquals(pops.map((pop) => pop.result()), ["a", "b", "c"]);
    const pushes = [..."abc"].map((item, index) => {
      const push = world.spawn(() => channel.push(item), { priority: priorities[index] });
      world.settle();
      return push;
    });
    pushes[2].setPriority(-9);
    assertEquals([channel.tryPop(), channel.tryPop(), channel.tryPop()], ["a", "b", "c"]);
    world.settle();
    assertEquals(pushes.map(({ state }) => state), ["resolved", "resolved", "resolved"]);
  }),
);

Deno.test(
  "Channel.next() tells the end by undefined, also to one who waits",
  simulated((world) => {
    const { channel } = open(world);
    const consumer = world.spawn(function* () {
      const got: string[] = [];
      for (let item; (item = yield* channel.next()) !== undefined;) got.push(item);
      return [...got, yield* channel.next()];
    });
    world.settle();
    channel.tryPush("a");
    world.settle();
    channel.tryPush("b");
    channel.close();
    world.settle();
    assertEquals(consumer.result(), ["a", "b", undefined]);
  }),
);

Deno.test("for await gives the items until the channel is closed, and leaves the rest when it is left", async () => {
  using loop = new EventLoop({ kernel: virtualKernel() });
  const channel = new Channel<number>({ loop, capacity: 2 });
  const got: number[] = [];
  const consumed = (async () => {
    for await (const item of channel) got.push(item);
  })();
  await run(function* () {
    for (let i = 0; i < 5; i++) yield* channel.push(i);
    channel.close();
  }, { loop });
  await consumed;
  assertEquals(got, [0, 1, 2, 3, 4]);
  const other = new Channel<number>({ loop, capacity: 3 });
  for (let i = 0; i < 3; i++) other.tryPush(i);
  for await (const item of other) if (item === 1) break;
  assertEquals([other.size, other.statistics().pops, other.tryPop()], [1, 0, 2]);
});

Deno.test("for await that waits ends when the channel is closed, and throws what else ends its wait", async () => {
  const loop = new EventLoop({ kernel: virtualKernel() });
  const [closed, left] = [1, 2].map(() => new Channel<number>({ loop, capacity: 1 }));
  const got: unknown[] = [];
  const consume = async (channel: Channel<number>) => {
    for await (const item of channel) got.push(item);
    return "ended";
  };
  const ends = [consume(closed), consume(left)];
  const driving = loop.loop();
  await spawn(function* () {
    yield* closed.push(1);
    while (closed.statistics().pops === 0) yield* until(Promise.resolve());
    closed.close();
  }, { loop });
  assertEquals([await ends[0], got, left.statistics().pops], ["ended", [1], 1]);
  const rejected = assertRejects(() => ends[1], SystemError, "loop 'loop' has finished");
  loop.exit();
  await driving;
  assertEquals([(await rejected).code, got], ["ECANCELED", [1]]);
  loop[Symbol.dispose]();
});

Deno.test(
  "An item that was handed to a pop whose fiber does not take it up goes to onDrop",
  simulated((world) => {
    const { channel, dropped } = open(world);
    const fiber = world.spawn(function* () {
      // Begun by hand, waited for, and forgotten: the next suspension says so.
      const { value } = channel.pop()[Symbol.iterator]().next();
      yield value as never;
      return yield* told(yieldNow());
    });
    world.settle();
    channel.tryPush("a");
    world.settle();
    assertEquals([fiber.result(), dropped, channel.size], ["EINVAL", ["a"], 0]);
    const other = world.spawn(function* () {
      const { value } = channel.pop()[Symbol.iterator]().next();
      yield value as never;
      return yield* told(yieldNow());
    });
    world.settle();
    // It had no item: nothing is dropped.
    channel.close();
    world.settle();
    assertEquals([other.result(), dropped], ["EINVAL", ["a"]]);
  }),
);

Deno.test(
  "Channel.statistics() tells what lies in it, what was dropped and who waits",
  simulated((world) => {
    const { channel } = open(world, { capacity: 2 });
    for (const item of "ab") channel.tryPush(item);
    const send = channel.send("c");
    const rest = { capacity: 2, mostItems: 2, mostPushes: 1 };
    assertEquals(channel.statistics(), { ...rest, size: 2, dropped: 0, pushes: 1, pops: 0, mostPops: 0 });
    send.cancel();
    channel.tryPop();
    channel.tryPop();
    using _receive = channel.receive();
    assertEquals(channel.statistics(), { ...rest, size: 0, dropped: 1, pushes: 0, pops: 1, mostPops: 1 });
  }),
);

Deno.test(
  "A channel is on the current fiber's loop when none is named",
  simulated((world) => {
    const loop = world.run(function* () {
      const channel = new Channel<number>({ capacity: 1 });
      yield* channel.push(1);
      return channel.receive().loop;
    });
    assertStrictEquals(loop, world.loop);
  }),
);
