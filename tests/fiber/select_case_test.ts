/**
 * What can be selected from: pushes, locks, descriptors and the default, besides pops, futures and timeouts.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  Barrier,
  Channel,
  Condition,
  type Fiber,
  Gate,
  IoEvent,
  Mutex,
  type Operation,
  RwLock,
  select,
  Semaphore,
  sleep,
  suspend,
  type SystemError,
  WaitGroup,
  yieldNow,
} from "@sd/fibers";
import { codeOf, simulated, type Simulation } from "../_simulation.ts";

const { IN, OUT, HUP } = IoEvent;

function open(world: Simulation, capacity: number): { channel: Channel<string>; dropped: string[] } {
  const dropped: string[] = [];
  return { channel: new Channel<string>({ loop: world.loop, capacity, onDrop: (item) => dropped.push(item) }), dropped };
}

/** The key of the case that was chosen, or the code of the error. */
function* keyOf(operation: Operation<{ readonly key: string }>): Operation<string> {
  try {
    return (yield* operation).key;
  } catch (error) {
    return (error as SystemError).code;
  }
}

function pipe(world: Simulation): readonly [number, number] {
  const made = world.kernel.openPipe();
  assert(typeof made === "object");
  return made;
}

// Pushes

Deno.test(
  "A push that is chosen has pushed its item; one that is not leaves it to whoever made it",
  simulated((world) => {
    const { channel, dropped } = open(world, 1);
    const { channel: other } = open(world, 1);
    other.tryPush("other");
    assertEquals(world.run(() => keyOf(select({ got: other, sent: channel.push("a") }))), "got");
    assertEquals(world.run(() => keyOf(select({ got: other, sent: channel.push("b") }))), "sent");
    const waiting = world.spawn(() => keyOf(select({ got: other, sent: channel.push("c") })));
    world.settle();
    assertEquals(channel.statistics().pushes, 1);
    other.tryPush("other");
    assertEquals(channel.statistics().pushes, 0);
    world.settle();
    const chosen = world.spawn(() => keyOf(select({ got: other, sent: channel.push("d") })));
    world.settle();
    assertEquals([channel.tryPop(), channel.tryPop()], ["b", "d"]);
    world.settle();
    assertEquals([waiting.result(), chosen.result(), dropped], ["got", "sent", []]);
  }),
);

Deno.test(
  "A push to a channel that is closed is a ready case that throws EPIPE, and its item is not dropped",
  simulated((world) => {
    const { channel, dropped } = open(world, 0);
    const { channel: other } = open(world, 1);
    const waiting = world.spawn(() => keyOf(select({ other, sent: channel.push("a") })));
    world.settle();
    channel.close();
    world.settle();
    assertEquals([waiting.result(), world.run(() => keyOf(select({ other, sent: channel.push("b") })))], ["EPIPE", "EPIPE"]);
    assertEquals([dropped, other.statistics().pops], [[], 0]);
  }),
);

Deno.test(
  "A select that is interrupted keeps the item that it would have pushed",
  simulated((world) => {
    const { channel, dropped } = open(world, 0);
    const fiber = world.spawn(() => keyOf(select({ sent: channel.push("a"), late: 1_000 })));
    world.settle();
    fiber.cancel();
    world.settle();
    assertEquals([fiber.result(), dropped, channel.statistics().pushes], ["ECANCELED", [], 0]);
  }),
);

Deno.test(
  "Two pushes to one channel in one select push one item",
  simulated((world) => {
    const { channel, dropped } = open(world, 0);
    const fiber = world.spawn(() => keyOf(select({ first: channel.push("1"), second: channel.push("2") })));
    world.settle();
    assertEquals([channel.statistics().pushes, channel.tryPop(), channel.tryPop()], [2, "1", undefined]);
    world.settle();
    assertEquals([fiber.result(), dropped], ["first", []]);
  }),
);

for (const capacity of [0, 1]) {
  Deno.test(
    `A select that pushes to a channel of capacity ${capacity} and pops from it does not meet itself where it would have to wait`,
    simulated((world) => {
      const { channel, dropped } = open(world, capacity);
      function* both(item: string): Operation<string> {
        const { key, value } = yield* select({ got: channel, sent: channel.push(item) });
        return `${key} ${value}`;
      }
      const first = world.spawn(() => both("1"));
      world.settle();
      const { pushes, pops } = channel.statistics();
      assertEquals([pushes, pops, first.state], capacity === 0 ? [1, 1, "pending"] : [0, 0, "resolved"]);
      const second = world.spawn(() => both("2"));
      world.settle();
      assertEquals([first.result(), second.result()], ["sent undefined", "got 1"]);
      assertEquals([channel.size, channel.statistics().pushes, channel.statistics().pops, dropped], [0, 0, 0, []]);
    }),
  );
}

Deno.test(
  "A select that pushes and pops in both directions meets a push, and a pop",
  simulated((world) => {
    const { channel } = open(world, 0);
    const both = () => select({ got: channel, sent: channel.push("mine") });
    const popped = world.spawn(both);
    world.settle();
    assertEquals(channel.tryPush("yours"), true);
    const pushed = world.spawn(both);
    world.settle();
    assertEquals([popped.result(), channel.tryPop(), channel.tryPop()], [{ key: "got", value: "yours" }, "mine", undefined]);
    world.settle();
    assertEquals(pushed.result(), { key: "sent", value: undefined });
  }),
);

Deno.test(
  "next() as a case gives undefined where a pop would throw that the channel is closed",
  simulated((world) => {
    const { channel } = open(world, 1);
    const { channel: other } = open(world, 1);
    const select_ = () => select({ other, job: channel.next() });
    channel.tryPush("last");
    channel.close();
    assertEquals([world.run(select_), world.run(select_)], [{ key: "job", value: "last" }, { key: "job", value: undefined }]);
    const { channel: late } = open(world, 1);
    const fiber = world.spawn(() => select({ other, job: late.next() }));
    world.settle();
    late.close();
    world.settle();
    assertEquals(fiber.result(), { key: "job", value: undefined });
  }),
);

// Locks

Deno.test(
  "A lock that is chosen is held by the fiber, and its value gives it back",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const semaphore = new Semaphore(3, { loop: world.loop });
    const table = new RwLock({ loop: world.loop });
    const { channel } = open(world, 1);
    world.run(function* () {
      {
        const got = yield* select({ channel, lock: mutex.lock() });
        assert(got.key === "lock");
        using _lock = got.value;
        assertEquals(mutex.statistics().holder, "holder");
        const next = yield* select({ channel, permits: semaphore.acquire(2) });
        assert(next.key === "permits");
        using permits = next.value;
        assertEquals([permits.count, semaphore.available], [2, 1]);
        const last = yield* select({ channel, reading: table.read() });
        assert(last.key === "reading");
        using _reading = last.value;
        assertEquals([codeOf(() => mutex.tryLock()), table.statistics().readers], [undefined, 1]);
      }
      assertEquals([mutex.locked, semaphore.available, table.statistics().readers], [false, 3, 0]);
    }, { name: "holder" });
  }),
);

Deno.test(
  "A select that waits for locks has its place in each queue, and leaves all of them when one is granted",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const table = new RwLock({ loop: world.loop });
    const gate = new Gate({ loop: world.loop });
    const group = new WaitGroup({ loop: world.loop });
    group.add();
    const [held, written] = [mutex.tryLock()!, table.tryWrite()!];
    const cases = () => ({ lock: mutex.lock(), read: table.read(), write: table.write(), passed: gate.pass(), done: group.wait() });
    const keys: string[] = [];
    const fibers = [0, 1, 2, 3].map(() =>
      world.spawn(function* () {
        const { key, value } = yield* select(cases());
        keys.push(key);
        using _lock = value ?? undefined;
        yield* suspend();
      })
    );
    world.settle();
    const waiters = () => [mutex, table, gate, group].map((primitive) => primitive.statistics().waiters);
    assertEquals(waiters(), [4, 8, 4, 4]);
    held[Symbol.dispose]();
    assertEquals(waiters(), [3, 6, 3, 3]);
    written[Symbol.dispose]();
    // With those who read, their places for writing have gone: nothing keeps the next reader out.
    assertEquals([waiters(), table.statistics().readers], [[0, 0, 0, 0], 3]);
    world.settle();
    assertEquals(keys, ["lock", "read", "read", "read"]);
    for (const fiber of fibers) fiber.resume();
    world.settle();
    assertEquals([mutex.locked, table.statistics().readers, table.statistics().isWritten], [false, 0, false]);
  }),
);

Deno.test(
  "A select that wants many permits or few is not granted both when a third case wins",
  simulated((world) => {
    const semaphore = new Semaphore(3, { loop: world.loop });
    const held = [0, 1].map(() => semaphore.tryAcquire()!);
    const { channel } = open(world, 1);
    // Behind the big request the small one waits too, though there would be enough for it.
    const fiber = world.spawn(() => select({ channel, many: semaphore.acquire(3), few: semaphore.acquire(2) }));
    world.settle();
    held[0][Symbol.dispose]();
    assertEquals([semaphore.statistics().waiters, semaphore.available], [2, 2]);
    channel.tryPush("item");
    world.settle();
    assertEquals(fiber.result(), { key: "channel", value: "item" });
    assertEquals([semaphore.statistics().waiters, semaphore.available], [0, 2]);
    held[1][Symbol.dispose]();
  }),
);

Deno.test(
  "A select that leaves the head of a queue lets those behind it go on, however many do so one because of another",
  simulated((world) => {
    const COUNT = 10_000;
    const semaphores = Array.from({ length: COUNT + 1 }, () => new Semaphore(2, { loop: world.loop }));
    const held = semaphores.map((semaphore) => semaphore.tryAcquire()!);
    const fibers: Fiber<string>[] = [];
    // Each stands in front of the one before it, who wants little.
    for (let i = 0; i < COUNT; i++) {
      fibers.push(world.spawn(() => keyOf(select({ many: semaphores[i + 1].acquire(2), few: semaphores[i].acquire() }))));
    }
    const big = world.spawn(() => keyOf(semaphores[0].acquire(2) as never), { priority: -1 });
    world.settle();
    assertEquals(fibers[0].state, "pending");
    big.cancel();
    world.settle();
    assertEquals(fibers.map((fiber) => fiber.result()), Array(COUNT).fill("few"));
    assertEquals(semaphores.map((semaphore) => semaphore.statistics().waiters), Array(COUNT + 1).fill(0));
    for (const permit of held) permit[Symbol.dispose]();
  }),
);

Deno.test(
  "A broken mutex is a ready case that throws, and one's own is EDEADLK",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const { channel } = open(world, 1);
    world.spawn(() => mutex.lock());
    const waiting = world.spawn(function* () {
      yield* yieldNow();
      return yield* keyOf(select({ channel, lock: mutex.lock() }));
    });
    world.settle();
    assertEquals([waiting.result(), world.takeReports().length], ["EOWNERDEAD", 1]);
    assertEquals(world.run(() => keyOf(select({ channel, lock: mutex.lock() }))), "EOWNERDEAD");
    mutex.recover();
    world.run(function* () {
      using _lock = yield* mutex.lock();
      assertEquals(yield* keyOf(select({ channel, lock: mutex.lock() })), "EDEADLK");
    });
    mutex[Symbol.dispose]();
    assertEquals(world.run(() => keyOf(select({ channel, lock: mutex.lock() }))), "EPIPE");
  }),
);

Deno.test(
  "A select that waits for a mutex lends its priority to the holder until it has left the queue",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const { channel } = open(world, 1);
    const holder = world.spawn(function* () {
      using _lock = yield* mutex.lock();
      yield* suspend();
    }, { priority: 5 });
    world.settle();
    const urgent = world.spawn(() => keyOf(select({ channel, lock: mutex.lock() })), { priority: -5 });
    world.settle();
    assertEquals(holder.priority, -5);
    urgent.setPriority(-7);
    assertEquals(holder.priority, -7);
    channel.tryPush("item");
    assertEquals(holder.priority, 5);
    holder.resume();
    world.settle();
    assertEquals(urgent.result(), "channel");
  }),
);

Deno.test(
  "What does something by its wait alone is no case: a barrier and a condition are EINVAL",
  simulated((world) => {
    const barrier = new Barrier(2, { loop: world.loop });
    const condition = new Condition(new Mutex({ loop: world.loop }));
    for (const operation of [barrier.wait(), condition.wait(), sleep(1), yieldNow()]) {
      assertEquals(codeOf(() => select({ operation } as never)), "EINVAL");
    }
  }),
);

// Descriptors

Deno.test(
  "A descriptor is a case that tells what it is ready for, and takes nothing from it",
  simulated((world) => {
    const [reader, writer] = pipe(world);
    const { channel } = open(world, 1);
    const both = () => select({ channel, readable: { fd: reader, events: IN }, writable: { fd: writer, events: OUT } });
    assertEquals(world.run(both), { key: "writable", value: OUT });
    world.kernel.tryWrite(writer, new Uint8Array(3));
    assertEquals([world.run(both), world.run(both)], [{ key: "readable", value: IN }, { key: "readable", value: IN }]);
    assertEquals(world.kernel.tryRead(reader, new Uint8Array(8)), 3);
    world.kernel.close(writer);
    assertEquals(world.run(() => select({ channel, readable: { fd: reader, events: IN } })), { key: "readable", value: HUP });
    world.kernel.close(reader);
  }),
);

Deno.test(
  "A select that waits for a descriptor goes on when it is ready, and watches it no more when something else wins",
  simulated((world) => {
    const [reader, writer] = pipe(world);
    const { channel } = open(world, 1);
    const make = () => world.spawn(() => select({ channel, readable: { fd: reader, events: IN }, late: 1_000 }));
    const before = world.kernel.leaks();
    const [first, second] = [make(), make()];
    world.settle();
    assertEquals(world.kernel.leaks().length > before.length, true);
    channel.tryPush("item");
    world.settle();
    assertEquals([first.result(), second.state], [{ key: "channel", value: "item" }, "pending"]);
    world.kernel.tryWrite(writer, new Uint8Array(1));
    world.settle();
    assertEquals([second.result(), world.kernel.leaks()], [{ key: "readable", value: IN }, before]);
    const third = world.spawn(() => keyOf(select({ channel, writable: { fd: reader, events: 0 } })));
    world.settle();
    third.cancel();
    world.settle();
    assertEquals(third.result(), "ECANCELED");
    for (const fd of [reader, writer]) world.kernel.close(fd);
  }),
);

Deno.test(
  "A select that waits for a descriptor is woken at the priority that its fiber has then",
  simulated((world) => {
    const [reader, writer] = pipe(world);
    const fiber = world.spawn(() => select({ readable: { fd: reader, events: IN } }), { priority: 5 });
    world.settle();
    using _busy = world.loop.addDefer(() => {}, { enabled: "on" });
    world.kernel.tryWrite(writer, new Uint8Array(1));
    world.tick(10);
    assertEquals(fiber.state, "pending");
    fiber.setPriority(-1);
    world.tick(10);
    assertEquals(fiber.result(), { key: "readable", value: IN });
    for (const fd of [reader, writer]) world.kernel.close(fd);
  }),
);

Deno.test(
  "A descriptor that is none is EBADF, and leaves nothing in the queues; wrong events are EINVAL",
  simulated((world) => {
    const { channel } = open(world, 1);
    assertEquals(world.run(() => keyOf(select({ channel, readable: { fd: 9_999, events: IN } }))), "EBADF");
    assertEquals(channel.statistics().pops, 0);
    for (const fd of [-1, 1.5, NaN]) assertEquals(codeOf(() => select({ bad: { fd, events: IN } })), "EBADF");
    for (const events of [NaN, 1.5, IoEvent.ET]) assertEquals(codeOf(() => select({ bad: { fd: 3, events } })), "EINVAL");
    assertEquals(codeOf(() => select({ bad: { fd: 3 } } as never)), "EINVAL");
  }),
);

// The default

Deno.test(
  "A timeout of 0 is the default, wherever it stands: what happens when nothing else is ready",
  simulated((world) => {
    const mutex = new Mutex({ loop: world.loop });
    const { channel } = open(world, 1);
    const [reader, writer] = pipe(world);
    const keys = world.run(function* () {
      const before = world.loop.iteration;
      const poll = () => select({ default: 0, channel, readable: { fd: reader, events: IN }, lock: mutex.lock() });
      const keys: string[] = [];
      const first = yield* poll();
      assert(first.key === "lock");
      {
        using _lock = first.value;
        const { key } = yield* select({ default: 0, channel, full: channel.push("item") });
        keys.push(first.key, key);
        channel.tryPop();
        keys.push(yield* keyOf(select({ default: 0, channel, readable: { fd: reader, events: IN } })));
      }
      assertEquals(world.loop.iteration, before);
      return keys;
    });
    assertEquals(keys, ["lock", "full", "default"]);
    assertEquals([mutex.locked, channel.statistics().pops], [false, 0]);
    for (const fd of [reader, writer]) world.kernel.close(fd);
  }),
);

Deno.test(
  "select() with fair takes locks, pushes and descriptors in turn with all else",
  simulated((world) => {
    const { channel } = open(world, Infinity);
    const { channel: other } = open(world, Infinity);
    for (let i = 0; i < 9; i++) channel.tryPush(String(i));
    const mutex = new Mutex({ loop: world.loop });
    const [reader, writer] = pipe(world);
    const keys = world.run(function* () {
      let keys = "";
      for (let i = 0; i < 9; i++) {
        const cases = { a: channel, b: other.push("x"), c: mutex.lock(), d: { fd: writer, events: OUT }, default: 0 };
        const { key, value } = yield* select(cases, { fair: true });
        if (typeof value === "object") value[Symbol.dispose]();
        keys += key;
      }
      return keys;
    });
    assertEquals(keys, "abcdabcda");
    for (const fd of [reader, writer]) world.kernel.close(fd);
  }),
);

Deno.test(
  "select() that always finds something gives way to others now and then",
  simulated((world) => {
    const gate = new Gate({ loop: world.loop, open: true });
    let stopped = false;
    let turns = 0;
    const busy = world.spawn(function* () {
      for (; !stopped; turns++) yield* select({ passed: gate.pass() });
    });
    world.spawn(function* () {
      yield* yieldNow();
      stopped = true;
    });
    world.settle();
    assertEquals([busy.state, turns > 1_000, turns < 10_000], ["resolved", true, true]);
  }),
);
