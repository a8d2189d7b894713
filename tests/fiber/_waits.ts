/**
 * Each way to wait in a primitive, in one form, so that the rules of waiting can be tested on all of them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  Broadcast,
  Channel,
  Condition,
  type EventLoop,
  type Future,
  Gate,
  type ItemChannel,
  Mutex,
  type Operation,
  PriorityChannel,
  type Receiver,
  RwLock,
  select,
  type SelectableOperation,
  Semaphore,
  SystemError,
  WaitGroup,
  Watch,
} from "@sd/fibers";
import { receptionOf } from "../../fiber/receiver.ts";

/** One primitive that has nothing to give at first. */
export interface Place {
  /** Waits for one thing and answers it. */
  wait(): Operation<unknown>;
  /** The same by a future. */
  waitFuture(): Future<unknown>;
  /** Whoever got something is done with it. */
  done?(got: unknown): void;
  /** Lets one more through, or all who wait. */
  release(): void;
  /** Nobody may wait any more: all who do get EPIPE. */
  close(): void;
  /** How many wait. */
  waiting(): number;
  /** Whether nothing is lost or doubled, when `got` of the waits were served after `released` releases. */
  check(got: number, released: number): void;
}

export interface Kind {
  readonly name: string;
  make(loop: EventLoop): Place;
}

function mutex(fair: "fifo" | "priority"): Kind {
  return {
    name: `Mutex, ${fair}`,
    make(loop) {
      const mutex = new Mutex({ loop, fair });
      let first: Disposable | undefined = mutex.tryLock();
      return {
        wait: () => mutex.lock(),
        waitFuture: () => mutex.lockFuture(),
        done: (lock) => (lock as Disposable)[Symbol.dispose](),
        release() {
          first?.[Symbol.dispose]();
          first = undefined;
        },
        close: () => mutex[Symbol.dispose](),
        waiting: () => mutex.statistics().waiters,
        check: (_got, released) => assertEquals(mutex.locked, released === 0),
      };
    },
  };
}

/** Each release gives one permit back. */
function semaphore(weight: number): Kind {
  return {
    name: `Semaphore, ${weight} of 4`,
    make(loop) {
      const semaphore = new Semaphore(4, { loop });
      const held = [1, 1, 1, 1].map(() => semaphore.tryAcquire()!);
      return {
        wait: () => semaphore.acquire(weight),
        waitFuture: () => semaphore.acquireFuture(weight),
        done: (permits) => (permits as Disposable)[Symbol.dispose](),
        release: () => held.pop()?.[Symbol.dispose](),
        close: () => semaphore[Symbol.dispose](),
        waiting: () => semaphore.statistics().waiters,
        check: () => assertEquals(semaphore.available, 4 - held.length),
      };
    },
  };
}

const gate: Kind = {
  name: "Gate",
  make(loop) {
    const gate = new Gate({ loop });
    return {
      wait: () => gate.pass(),
      waitFuture: () => gate.passFuture(),
      release: () => gate.open(),
      close: () => gate[Symbol.dispose](),
      waiting: () => gate.statistics().waiters,
      check: (_got, released) => assertEquals(gate.isOpen, released > 0),
    };
  },
};

const waitGroup: Kind = {
  name: "WaitGroup",
  make(loop) {
    const group = new WaitGroup({ loop });
    group.add(1);
    return {
      wait: () => group.wait(),
      waitFuture: () => group.waitFuture(),
      release: () => group.count > 0 && group.done(),
      close: () => group[Symbol.dispose](),
      waiting: () => group.statistics().waiters,
      check: (_got, released) => assertEquals(group.count, released > 0 ? 0 : 1),
    };
  },
};

function rwLock(mode: "read" | "write"): Kind {
  return {
    name: `RwLock.${mode}()`,
    make(loop) {
      const lock = new RwLock({ loop });
      let first: Disposable | undefined = lock.tryWrite();
      return {
        wait: () => mode === "read" ? lock.read() : lock.write(),
        waitFuture: () => mode === "read" ? lock.readFuture() : lock.writeFuture(),
        done: (hold) => (hold as Disposable)[Symbol.dispose](),
        release() {
          first?.[Symbol.dispose]();
          first = undefined;
        },
        close: () => lock[Symbol.dispose](),
        waiting: () => lock.statistics().waiters,
        check(_got, released) {
          const { readers, isWritten } = lock.statistics();
          assertEquals([readers, isWritten], [0, released === 0]);
        },
      };
    },
  };
}

/** Who waits holds the mutex before and after; a notification that nobody waits for is forgotten. */
const condition: Kind = {
  name: "Condition",
  make(loop) {
    const mutex = new Mutex({ loop });
    const condition = new Condition(mutex);
    function* wait(): Operation<Disposable> {
      const lock = yield* mutex.lock();
      try {
        yield* condition.wait();
      } catch (error) {
        lock[Symbol.dispose]();
        throw error;
      }
      assertEquals(mutex.locked, true);
      return lock;
    }
    return {
      wait,
      waitFuture: () => condition.waitFuture(mutex.tryLock()!),
      done: (lock) => (lock as Disposable)[Symbol.dispose](),
      release: () => condition.notify(),
      close: () => condition[Symbol.dispose](),
      waiting: () => condition.statistics().waiters + mutex.statistics().waiters,
      check: () => assertEquals(mutex.locked, false),
    };
  },
};

/** What pushes items into a receiver, all of them or as far as there is room. */
interface Source {
  readonly receiver: Receiver<number>;
  readonly dropped?: number[];
  /** `false`: there was no room. */
  push(item: number): boolean;
  close(): void;
  waiting(): number;
}

/** Items that say when they were pushed: whoever waits gets them in that order. */
function pop(name: string, make: (loop: EventLoop) => Source, wait: (receiver: Receiver<number>) => Operation<unknown>): Kind {
  return {
    name,
    make(loop) {
      const source = make(loop);
      const { receiver, dropped = [] } = source;
      const got: number[] = [];
      let pushed = 0;
      let closed = false;
      return {
        wait: () => wait(receiver),
        waitFuture: () => receiver.receive(),
        done: (item) => void got.push(item as number),
        release() {
          if (source.push(pushed)) pushed++;
        },
        close() {
          closed = true;
          source.close();
        },
        waiting: () => source.waiting(),
        check(count) {
          if (!closed) source.close();
          const left: number[] = [];
          try {
            for (let item; (item = receiver.tryPop()) !== undefined;) left.push(item);
          } catch (error) {
            assertEquals((error as SystemError).code, "EPIPE");
          }
          assertEquals(got.length, count);
          assertEquals([...got, ...left], Array.from({ length: pushed }, (_, index) => index));
          assertEquals(dropped, []);
        },
      };
    },
  };
}

function channel(capacity: number): (loop: EventLoop) => Source {
  return (loop) => {
    const dropped: number[] = [];
    return sourceOf(new Channel<number>({ loop, capacity, onDrop: (item) => dropped.push(item) }), dropped);
  };
}

function priorityChannel(loop: EventLoop): Source {
  const dropped: number[] = [];
  return sourceOf(new PriorityChannel<number>({ loop, capacity: 2, priorityOf: () => 7, onDrop: (item) => dropped.push(item) }), dropped);
}

function sourceOf(channel: ItemChannel<number>, dropped: number[]): Source {
  return {
    receiver: channel,
    dropped,
    push: (item) => channel.tryPush(item),
    close: () => channel.close(),
    waiting: () => channel.statistics().pops,
  };
}

function broadcast(loop: EventLoop): Source {
  const broadcast = new Broadcast<number>({ loop, capacity: 8 });
  const subscription = broadcast.subscribe();
  return {
    receiver: subscription,
    push: (item) => broadcast.publish(item) === 1,
    close: () => broadcast.close(),
    waiting: () => receptionOf(subscription).queue.size,
  };
}

/** Only the latest counts, so it is changed no faster than somebody waits. */
function watch(loop: EventLoop): Source {
  const watch = new Watch<number>(-1, { loop });
  const subscription = watch.subscribe();
  subscription.tryPop();
  const waiting = () => receptionOf(subscription).queue.size;
  return {
    receiver: subscription,
    push(item) {
      if (waiting() === 0) return false;
      watch.value = item;
      return true;
    },
    close: () => watch.close(),
    waiting,
  };
}

/** For `next` the end is no error. */
function* popByNext(receiver: Receiver<number>): Operation<number> {
  const item = yield* receiver.next();
  if (item === undefined) throw new SystemError("EPIPE");
  return item;
}

function* popBySelect(receiver: Receiver<number>): Operation<number> {
  const other = new Channel<number>({ capacity: 1 });
  const got = yield* select({ other, number: receiver, never: Infinity });
  assertEquals([got.key, other.statistics().pops], ["number", 0]);
  return got.value as number;
}

/** The only thing that can be chosen: all others leave no trace. */
function* bySelect(operation: SelectableOperation<unknown>): Operation<unknown> {
  const other = new Channel<number>({ capacity: 1 });
  const lock = new Mutex();
  lock.lockFuture();
  const { key, value } = yield* select({ other, lock: lock.lock(), wanted: operation, never: Infinity });
  assertEquals([key, other.statistics().pops, lock.statistics().waiters], ["wanted", 0, 0]);
  return value;
}

function selected(kind: Kind): Kind {
  return {
    name: `select() of ${kind.name}`,
    make(loop) {
      const place = kind.make(loop);
      return { ...place, wait: () => bySelect(place.wait() as SelectableOperation<unknown>) };
    },
  };
}

type MakeChannel = (loop: EventLoop, onDrop: (item: number) => void) => ItemChannel<number>;

/** Each waits with an item of its own, which is received or dropped, once; one that a select has not pushed is kept. */
function push(name: string, make: MakeChannel, isSelected: boolean): Kind {
  return {
    name: isSelected ? `select() of ${name}` : name,
    make(loop) {
      const seen: number[] = [];
      const dropped: number[] = [];
      const kept = new Set<number>();
      const sent: number[] = [];
      const channel = make(loop, (item) => dropped.push(item));
      for (let i = 0; i < channel.statistics().capacity; i++) channel.tryPush(-1 - i);
      let made = 0;
      const take = () => {
        const item = channel.closed && channel.size === 0 ? undefined : channel.tryPop();
        if (item !== undefined && item >= 0) seen.push(item);
      };
      function* pushSelected(item: number): Operation<void> {
        kept.add(item);
        yield* bySelect(channel.push(item));
        kept.delete(item);
      }
      return {
        wait: () => isSelected ? pushSelected(made++) : channel.push(made++),
        waitFuture() {
          sent.push(made);
          return channel.send(made++);
        },
        release: take,
        close: () => channel.close(),
        waiting: () => channel.statistics().pushes,
        check(got) {
          while (channel.size > 0) take();
          assertEquals(seen.length, got);
          assertEquals(seen, seen.toSorted((a, b) => a - b));
          assertEquals([...seen, ...dropped, ...kept].sort((a, b) => a - b), Array.from({ length: made }, (_, index) => index));
          if (isSelected) assertEquals(dropped.filter((item) => !sent.includes(item)), []);
        },
      };
    },
  };
}

const pushes: readonly (readonly [name: string, make: MakeChannel])[] = [
  ["Channel.push(), capacity 0", (loop, onDrop) => new Channel<number>({ loop, capacity: 0, onDrop })],
  ["Channel.push(), capacity 1", (loop, onDrop) => new Channel<number>({ loop, capacity: 1, onDrop })],
  ["Channel.push(), capacity 2", (loop, onDrop) => new Channel<number>({ loop, capacity: 2, onDrop })],
  ["PriorityChannel.push()", (loop, onDrop) => new PriorityChannel<number>({ loop, capacity: 1, priorityOf: () => 0, onDrop })],
];

/** Those whose operations are cases of `select` too. */
const selectable: readonly Kind[] = [
  mutex("fifo"),
  mutex("priority"),
  semaphore(1),
  semaphore(3),
  gate,
  waitGroup,
  rwLock("read"),
  rwLock("write"),
  pop("Channel.pop(), capacity 0", channel(0), (receiver) => receiver.pop()),
  pop("Channel.pop(), capacity 1", channel(1), (receiver) => receiver.pop()),
  pop("PriorityChannel.pop()", priorityChannel, (receiver) => receiver.pop()),
  pop("Subscription.pop()", broadcast, (receiver) => receiver.pop()),
  pop("WatchSubscription.pop()", watch, (receiver) => receiver.pop()),
];

/** All of them. */
export const kinds: readonly Kind[] = [
  ...selectable,
  ...selectable.map(selected),
  condition,
  pop("Channel.next(), unbounded", channel(Infinity), popByNext),
  pop("select() of a channel", channel(1), popBySelect),
  ...pushes.map(([name, make]) => push(name, make, false)),
  ...pushes.map(([name, make]) => push(name, make, true)),
];
