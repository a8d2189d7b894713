/**
 * What primitives say to wrong use: each time an error with its code, in a sentence that names what was asked for.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  Barrier,
  Broadcast,
  Channel,
  Condition,
  Gate,
  Mutex,
  Once,
  type Operation,
  Permits,
  PriorityChannel,
  ReceiveFuture,
  RwLock,
  select,
  type Selectable,
  Semaphore,
  Subscription,
  suspend,
  WaitGroup,
  Watch,
  WatchSubscription,
  yieldNow,
} from "@sd/fibers";
import { errorOf, simulated, Simulation } from "../_simulation.ts";

type Wrong = readonly [code: string, ...actions: (() => unknown)[]];

/** An action, a verb, and no full stop. */
const SENTENCE = /^Cannot [a-z].* .*[^.]$/s;

function check(wrongs: Record<string, Wrong>): void {
  for (const [name, [code, ...actions]] of Object.entries(wrongs)) {
    assert(actions.length > 0);
    for (const action of actions) {
      const error = errorOf(action);
      assertEquals(error.code, code, `${name}: ${error.message}`);
      assertMatch(error.message, SENTENCE);
    }
  }
}

const noCounts = [0, -1, 1.5, NaN, Infinity, "2" as never, null as never];
const noCapacities = [-1, 1.5, NaN, -Infinity, "2" as never, null as never, undefined as never];
const noItems = [undefined as never, null as never];

Deno.test(
  "A number that is none, negative, broken or of another type is EINVAL for each primitive that takes one",
  simulated(({ loop }) => {
    const semaphore = new Semaphore(2, { loop });
    const group = new WaitGroup({ loop });
    const condition = new Condition(new Mutex({ loop }));
    using permits = semaphore.tryAcquire()!;
    const priorityOf = () => 0;
    check({
      "Semaphore": ["EINVAL", ...noCounts.map((count) => () => new Semaphore(count, { loop }))],
      "Semaphore.acquire": ["EINVAL", ...noCounts.map((count) => () => semaphore.acquire(count))],
      "Semaphore.acquireFuture": ["EINVAL", ...noCounts.map((count) => () => semaphore.acquireFuture(count))],
      "Semaphore.tryAcquire": ["EINVAL", ...noCounts.map((count) => () => semaphore.tryAcquire(count)), () => semaphore.tryAcquire(3)],
      "Semaphore.resize": ["EINVAL", ...noCounts.map((count) => () => semaphore.resize(count))],
      "Permits.release": ["EINVAL", ...noCounts.map((count) => () => permits.release(count))],
      "Barrier": ["EINVAL", ...noCounts.map((count) => () => new Barrier(count, { loop }))],
      "WaitGroup.add": ["EINVAL", ...noCounts.map((count) => () => group.add(count))],
      "Condition.notify": ["EINVAL", ...noCounts.map((count) => () => condition.notify(count))],
      "Channel": ["EINVAL", ...noCapacities.map((capacity) => () => new Channel({ loop, capacity }))],
      "PriorityChannel": ["EINVAL", ...noCapacities.map((capacity) => () => new PriorityChannel({ loop, capacity, priorityOf }))],
      "Broadcast": ["EINVAL", ...noCounts.map((capacity) => () => new Broadcast({ loop, capacity }))],
    });
  }),
);

Deno.test(
  "What tells that there is no item is EINVAL wherever an item is expected, and nothing is dropped",
  simulated(({ loop }) => {
    const dropped: unknown[] = [];
    const onDrop = (item: unknown) => dropped.push(item);
    const channel = new Channel<string>({ loop, capacity: 1, onDrop });
    const priority = new PriorityChannel<string>({ loop, capacity: 1, priorityOf: () => 0, onDrop });
    const broadcast = new Broadcast<string>({ loop, capacity: 1 });
    const watch = new Watch("value", { loop });
    for (const item of noItems) {
      check({
        "push": ["EINVAL", () => channel.push(item), () => priority.push(item)],
        "tryPush": ["EINVAL", () => channel.tryPush(item), () => priority.tryPush(item)],
        "send": ["EINVAL", () => channel.send(item), () => priority.send(item)],
        "publish": ["EINVAL", () => broadcast.publish(item)],
        "Watch": ["EINVAL", () => new Watch(item, { loop }), () => watch.value = item],
      });
    }
    assertEquals([dropped, watch.value], [[], "value"]);
  }),
);

Deno.test(
  "An option that is unknown or wrong is EINVAL for each primitive",
  simulated(({ loop }) => {
    const bad = { loop, nmae: "misspelt" } as never;
    const mutex = new Mutex({ loop });
    const capacity = 1;
    check({
      "unknown": [
        "EINVAL",
        () => new Mutex(bad),
        () => new RwLock(bad),
        () => new Semaphore(1, bad),
        () => new Condition(mutex, bad),
        () => new Gate(bad),
        () => new Barrier(1, bad),
        () => new WaitGroup(bad),
        () => new Once(() => suspend(), bad),
        () => new Watch(1, bad),
        () => new Channel({ capacity, ...(bad as object) }),
        () => Channel.conflated(bad),
        () => new PriorityChannel({ capacity, priorityOf: () => 0, ...(bad as object) }),
        () => new Broadcast({ capacity, ...(bad as object) }),
        () => select({ late: 1 }, bad),
      ],
      "not its own": [
        "EINVAL",
        () => new Condition(mutex, { loop } as never),
        () => Channel.conflated({ loop, capacity } as never),
        () => Channel.conflated({ loop, overflow: "drop-latest" } as never),
      ],
      "fair": ["EINVAL", () => new Mutex({ loop, fair: "lifo" as never }), () => new RwLock({ loop, fair: "lifo" as never })],
      "fair, of others": ["EINVAL", () => new Semaphore(1, { loop, fair: "" as never }), () => new Condition(mutex, { fair: "" as never })],
      "overflow": [
        "EINVAL",
        () => new Channel({ loop, capacity, overflow: "drop" as never }),
        () => new Channel({ loop, capacity: 0, overflow: "drop-oldest" }),
        () => new Broadcast({ loop, capacity, overflow: "wait" as never }),
      ],
      "callbacks": [
        "EINVAL",
        () => new Channel({ loop, capacity, onDrop: 1 as never }),
        () => new PriorityChannel({ loop, capacity, priorityOf: 1 as never }),
        () => new PriorityChannel({ loop, capacity, priorityOf: () => 0, onDrop: 1 as never }),
        () => new PriorityChannel({ loop, capacity, priorityOf: () => NaN }).tryPush(1),
      ],
      "by new": ["EINVAL", () => new Permits({}, 1), () => new Subscription({}, () => {}), () => new WatchSubscription({}, () => {})],
      "by new, of a receive": ["EINVAL", () => Reflect.construct(ReceiveFuture, [{}, {}])],
    });
  }),
);

Deno.test(
  "To give back more than was taken, or what one does not hold, is EPERM; to dispose twice does nothing",
  simulated((world) => {
    const { loop } = world;
    const semaphore = new Semaphore(4, { loop });
    const permits = semaphore.tryAcquire(2)!;
    const mutex = new Mutex({ loop });
    const group = new WaitGroup({ loop });
    const condition = new Condition(mutex);
    const foreign = new Mutex({ loop }).tryLock()!;
    check({
      "Permits.release": ["EPERM", () => permits.release(3)],
      "Mutex.unlock": ["EPERM", () => mutex.unlock(), () => world.run(() => unlock(mutex))],
      "WaitGroup.done": ["EPERM", () => group.done()],
      "Condition.wait": ["EPERM", () => world.run(() => condition.wait())],
      "Condition.waitFuture": ["EPERM", () => condition.waitFuture(foreign), () => condition.waitFuture({} as never)],
    });
    const table = new RwLock({ loop });
    for (const hold of [permits, mutex.tryLock()!, table.tryRead()!, table.tryRead()!]) {
      hold[Symbol.dispose]();
      hold[Symbol.dispose]();
    }
    assertEquals([semaphore.available, mutex.locked, table.statistics().readers], [4, false, 0]);
    check({ "Permits.release, after all": ["EPERM", () => permits.release(), () => permits.release(1)] });
    foreign[Symbol.dispose]();
  }),
);

function* unlock(mutex: Mutex): Operation<void> {
  yield* yieldNow();
  mutex.unlock();
}

Deno.test(
  "Whatever is disposed or closed is EPIPE to all who come later, and may be disposed twice",
  simulated((world) => {
    const { loop } = world;
    const mutex = new Mutex({ loop });
    const condition = new Condition(mutex);
    const table = new RwLock({ loop });
    const semaphore = new Semaphore(1, { loop });
    const gate = new Gate({ loop, open: true });
    const barrier = new Barrier(1, { loop });
    const group = new WaitGroup({ loop });
    const once = new Once(() => suspend(), { loop });
    const channel = new Channel<number>({ loop, capacity: 1 });
    const priority = new PriorityChannel<number>({ loop, capacity: 1, priorityOf: () => 0 });
    const broadcast = new Broadcast<number>({ loop, capacity: 1 });
    const subscription = broadcast.subscribe();
    const left = broadcast.subscribe();
    const watch = new Watch(1, { loop });
    const change = watch.subscribe();
    change.tryPop();
    const on = (operation: () => Operation<unknown>) => () => world.run(operation);
    const selecting = (make: () => Selectable) => on(() => select({ it: make(), late: 1_000 }));
    const all = [left, condition, mutex, table, semaphore, gate, barrier, group, once, channel, priority, broadcast, watch];
    for (const primitive of [...all, ...all]) primitive[Symbol.dispose]();
    check({
      "Mutex": [
        "EPIPE",
        on(() => mutex.lock()),
        () => mutex.tryLock(),
        () => mutex.lockFuture(),
        () => mutex.recover(),
        selecting(() => mutex.lock()),
      ],
      "Condition": [
        "EPIPE",
        on(() => condition.wait()),
        () => condition.waitFuture({} as never),
        () => condition.notify(),
        () => condition.notifyAll(),
      ],
      "RwLock": [
        "EPIPE",
        on(() => table.read()),
        on(() => table.write()),
        () => table.tryRead(),
        () => table.tryWrite(),
        () => table.recover(),
      ],
      "RwLock's futures": ["EPIPE", () => table.readFuture(), () => table.writeFuture(), selecting(() => table.read())],
      "Semaphore": [
        "EPIPE",
        on(() => semaphore.acquire()),
        () => semaphore.tryAcquire(),
        () => semaphore.acquireFuture(),
        () => semaphore.resize(2),
      ],
      "Gate": [
        "EPIPE",
        on(() => gate.pass()),
        () => gate.passFuture(),
        () => gate.open(),
        () => gate.close(),
        selecting(() => gate.pass()),
      ],
      "Barrier": ["EPIPE", on(() => barrier.wait()), () => barrier.waitFuture()],
      "WaitGroup": ["EPIPE", on(() => group.wait()), () => group.waitFuture(), () => group.add(), selecting(() => group.wait())],
      "Once": ["EPIPE", on(() => once.get()), () => once.getFuture()],
      "Channel": [
        "EPIPE",
        on(() => channel.push(1)),
        () => channel.tryPush(1),
        () => channel.send(1),
        on(() => channel.pop()),
        () => channel.tryPop(),
      ],
      "Channel's futures": [
        "EPIPE",
        () => channel.receive(),
        () => channel.attach(left),
        selecting(() => channel),
        selecting(() => channel.push(1)),
      ],
      "PriorityChannel": ["EPIPE", on(() => priority.push(1)), () => priority.tryPush(1), () => priority.send(1), on(() => priority.pop())],
      "Broadcast": ["EPIPE", () => broadcast.publish(1), () => broadcast.subscribe(), on(() => subscription.pop()), on(() => left.pop())],
      "Watch": ["EPIPE", () => watch.value = 2, () => watch.subscribe(), on(() => change.pop()), () => change.tryPop()],
    });
  }),
);

Deno.test(
  "A primitive is used by the fibers of its own loop; of another one's fiber it is EINVAL, also as a case of a select",
  simulated((world) => {
    const other = new Simulation();
    const { loop } = other;
    const mutex = new Mutex({ loop });
    const table = new RwLock({ loop });
    const semaphore = new Semaphore(1, { loop });
    const gate = new Gate({ loop, open: true });
    const group = new WaitGroup({ loop });
    const dropped: number[] = [];
    const channel = new Channel<number>({ loop, capacity: 1, onDrop: (item) => dropped.push(item) });
    const subscription = new Broadcast<number>({ loop, capacity: 1 }).subscribe();
    const change = new Watch(1, { loop }).subscribe();
    const cases: (() => Selectable & Operation<unknown>)[] = [
      () => mutex.lock(),
      () => table.read(),
      () => table.write(),
      () => semaphore.acquire(),
      () => gate.pass(),
      () => group.wait(),
      () => channel.push(1),
      () => channel.pop(),
      () => channel.next(),
      () => subscription.pop(),
      () => change.next(),
    ];
    const others: (() => Operation<unknown>)[] = [
      () => new Barrier(1, { loop }).wait(),
      () => new Once(() => suspend(), { loop }).get(),
      () => new Condition(mutex).wait(),
    ];
    check({
      "alone": ["EINVAL", ...[...cases, ...others].map((make) => () => world.run(make))],
      "selected": ["EINVAL", ...cases.map((make) => () => world.run(() => select({ it: make() })))],
    });
    assertEquals([dropped, mutex.locked, table.statistics().readers, semaphore.available, channel.size], [[], false, 0, 1, 0]);
    assertEquals(other.end(), { reported: [], left: [] });
  }),
);

Deno.test(
  "Off a fiber an operation of a primitive is ESRCH",
  simulated(({ loop }) => {
    const mutex = new Mutex({ loop });
    const channel = new Channel<number>({ loop, capacity: 1 });
    const step = (operation: Operation<unknown>) => () => operation[Symbol.iterator]().next();
    check({
      "operations": ["ESRCH", step(mutex.lock()), step(channel.push(1)), step(channel.next()), step(select({ channel }))],
    });
    assert(!mutex.locked && channel.size === 0);
  }),
);
