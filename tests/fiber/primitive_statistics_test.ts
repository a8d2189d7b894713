/**
 * What primitives tell of themselves: all of them do, and each tells who waits, and the most that ever did.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  Barrier,
  Broadcast,
  Channel,
  Condition,
  type EventLoop,
  type Future,
  Gate,
  Mutex,
  Once,
  PriorityChannel,
  RwLock,
  Semaphore,
  suspend,
  WaitGroup,
  Watch,
} from "@sd/fibers";
import { exportedCalls } from "../_operations.ts";
import { simulated, type Simulation } from "../_simulation.ts";

interface Subject {
  statistics(): object;
  /** Makes one more wait. */
  wait?(world: Simulation): Future<unknown>;
}

function once(loop: EventLoop): Subject {
  const once = new Once(() => suspend(), { loop, name: "it" });
  return { statistics: () => once.statistics(), wait: (world) => world.spawn(() => once.get(), { name: "asking" }) };
}

/** One that somebody holds, or that is empty. */
const subjects: Record<string, (loop: EventLoop) => Subject> = {
  Barrier(loop) {
    const barrier = new Barrier(9, { loop });
    return { statistics: () => barrier.statistics(), wait: () => barrier.waitFuture() };
  },
  Broadcast(loop) {
    const broadcast = new Broadcast<number>({ loop, capacity: 2 });
    broadcast.subscribe()[Symbol.dispose]();
    broadcast.subscribe();
    for (let i = 0; i < 3; i++) broadcast.publish(i);
    return { statistics: () => broadcast.statistics() };
  },
  Channel(loop) {
    const channel = new Channel<number>({ loop, capacity: 2 });
    return { statistics: () => channel.statistics(), wait: () => channel.receive() };
  },
  Condition(loop) {
    const mutex = new Mutex({ loop });
    const condition = new Condition(mutex);
    return { statistics: () => condition.statistics(), wait: () => condition.waitFuture(mutex.tryLock()!) };
  },
  Gate(loop) {
    const gate = new Gate({ loop });
    return { statistics: () => gate.statistics(), wait: () => gate.passFuture() };
  },
  ItemChannel(loop) {
    const channel = new Channel<number>({ loop, capacity: 0 });
    return { statistics: () => channel.statistics(), wait: () => channel.send(1) };
  },
  Mutex(loop) {
    const mutex = new Mutex({ loop });
    mutex.lockFuture();
    return { statistics: () => mutex.statistics(), wait: () => mutex.lockFuture() };
  },
  Once: once,
  PriorityChannel(loop) {
    const channel = new PriorityChannel<number>({ loop, capacity: 1, priorityOf: () => 0 });
    channel.tryPush(1);
    return { statistics: () => channel.statistics(), wait: () => channel.send(1) };
  },
  RwLock(loop) {
    const lock = new RwLock({ loop });
    for (let i = 0; i < 2; i++) lock.readFuture();
    return { statistics: () => lock.statistics(), wait: () => lock.writeFuture() };
  },
  Semaphore(loop) {
    const semaphore = new Semaphore(3, { loop });
    semaphore.acquireFuture(2);
    return { statistics: () => semaphore.statistics(), wait: () => semaphore.acquireFuture(2) };
  },
  Subscription(loop) {
    const subscription = new Broadcast<number>({ loop, capacity: 2 }).subscribe();
    return { statistics: () => subscription.statistics(), wait: () => subscription.receive() };
  },
  WaitGroup(loop) {
    const group = new WaitGroup({ loop });
    group.add(4);
    return { statistics: () => group.statistics(), wait: () => group.waitFuture() };
  },
  Watch(loop) {
    const watch = new Watch(1, { loop });
    watch.subscribe()[Symbol.dispose]();
    watch.value = 2;
    return { statistics: () => watch.statistics() };
  },
  WatchSubscription(loop) {
    const subscription = new Watch(1, { loop }).subscribe();
    subscription.tryPop();
    return { statistics: () => subscription.statistics(), wait: () => subscription.receive() };
  },
};

/** When two wait, of three that did. */
const expected: Record<string, object> = {
  Barrier: { parties: 9, rounds: 0, waiters: 2, mostWaiters: 3 },
  Broadcast: { capacity: 2, subscribers: 1, mostSubscribers: 1, published: 3, longest: 2 },
  Channel: { capacity: 2, size: 0, mostItems: 0, dropped: 0, pushes: 0, mostPushes: 0, pops: 2, mostPops: 3 },
  Condition: { waiters: 2, mostWaiters: 3 },
  Gate: { isOpen: false, waiters: 2, mostWaiters: 3 },
  ItemChannel: { capacity: 0, size: 0, mostItems: 0, dropped: 1, pushes: 2, mostPushes: 3, pops: 0, mostPops: 0 },
  Mutex: { holder: undefined, locked: true, waiters: 2, mostWaiters: 3 },
  // The first of the three is the one that makes it; cancelled, it leaves that to the second.
  Once: { isMade: false, maker: "asking", waiters: 1, mostWaiters: 2 },
  PriorityChannel: { capacity: 1, size: 1, mostItems: 1, dropped: 1, pushes: 2, mostPushes: 3, pops: 0, mostPops: 0 },
  RwLock: { readers: 2, mostReaders: 2, isWritten: false, writer: undefined, waiters: 2, mostWaiters: 3 },
  Semaphore: { permits: 3, available: 1, mostTaken: 2, waiters: 2, mostWaiters: 3 },
  Subscription: { capacity: 2, size: 0, mostItems: 0, missed: 0, waiters: 2, mostWaiters: 3 },
  WaitGroup: { count: 4, waiters: 2, mostWaiters: 3 },
  Watch: { subscribers: 0, mostSubscribers: 1, changes: 1 },
  WatchSubscription: { hasNews: false, waiters: 2, mostWaiters: 3 },
};

for (const [name, make] of Object.entries(subjects)) {
  Deno.test(
    `${name}.statistics() tells who waits and how many ever did`,
    simulated((world) => {
      const { statistics, wait } = make(world.loop);
      if (wait !== undefined) {
        const waits = [0, 1, 2].map(() => wait(world));
        world.settle();
        waits[0].cancel();
        world.settle();
        for (const each of waits) each.addCallback(() => {});
      }
      assertEquals(statistics(), expected[name]);
    }),
  );
}

Deno.test("Each class that something waits in has statistics(), and is tested above", async () => {
  const calls = await exportedCalls();
  const owners = new Set(calls.filter(({ makesOperation, owner }) => makesOperation && owner !== undefined).map(({ owner }) => owner!));
  // These wait for the outside world; a receiver is one of those above.
  for (const other of ["Connection", "DatagramSocket", "Listener", "FiberLocal", "Receiver"]) assert(owners.delete(other), other);
  assertEquals([...owners, "Broadcast", "Watch"].sort(), Object.keys(subjects).sort());
  for (const owner of owners) assert(calls.some(({ name }) => name === `${owner}.statistics`), owner);
});
