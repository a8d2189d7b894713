// deno-lint-ignore-file require-yield
/**
 * What primitives say, word by word: the code, what was asked for, why it cannot be, and what to do where anything can be done.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  any,
  Barrier,
  Broadcast,
  Channel,
  Condition,
  FiberLocal,
  Gate,
  Mutex,
  Once,
  type Operation,
  Permits,
  PriorityChannel,
  race,
  RwLock,
  select,
  Semaphore,
  Subscription,
  suspend,
  timeoutScope,
  WaitGroup,
  Watch,
  WatchSubscription,
} from "@sd/fibers";
import { errorOf, simulated, type Simulation } from "../_simulation.ts";

/** Something that fails at once, or when it runs on a fiber. */
type Wrong = (world: Simulation) => unknown;

/** What is done to a primitive of this name, and what is said. */
const rows: Record<string, readonly [wrong: Wrong, message: string][]> = {
  "made wrongly": [
    [({ loop }) => new Mutex({ loop, nmae: "m" } as never), "EINVAL: Cannot make a mutex with option 'nmae': there are loop, name, fair"],
    [
      ({ loop }) => new Mutex({ loop, name: "m", fair: "lifo" as never }),
      `EINVAL: Cannot make mutex 'm' with fair 'lifo': it takes "fifo" or "priority"`,
    ],
    [
      ({ loop }) => new Condition(new Mutex({ loop }), { loop } as never),
      "EINVAL: Cannot make a condition with option 'loop': there are name, fair",
    ],
    [
      ({ loop }) => new RwLock({ loop, x: 1 } as never),
      "EINVAL: Cannot make a read-write lock with option 'x': there are loop, name, fair",
    ],
    [
      ({ loop }) => new Semaphore(0, { loop, name: "s" }),
      "EINVAL: Cannot make semaphore 's' with permits '0': it takes a whole number from 1 up",
    ],
    [
      ({ loop }) => new Barrier(1.5, { loop }),
      "EINVAL: Cannot make barrier for parties in number '1.5': it takes a whole number from 1 up",
    ],
    [({ loop }) => new Gate({ loop, opne: true } as never), "EINVAL: Cannot make a gate with option 'opne': there are loop, name, open"],
    [({ loop }) => new WaitGroup({ loop, x: 1 } as never), "EINVAL: Cannot make a wait group with option 'x': there are loop, name"],
    [({ loop }) => new Once(suspend, { loop, x: 1 } as never), "EINVAL: Cannot make a once with option 'x': there are loop, name"],
    [({ loop }) => new Watch(1, { loop, x: 1 } as never), "EINVAL: Cannot make a watch with option 'x': there are loop, name"],
    [
      ({ loop }) => new Channel({ loop, capacity: 1, overflow: "drop" as never }),
      `EINVAL: Cannot make channel with overflow 'drop': it takes "wait", "drop-oldest" or "drop-latest"`,
    ],
    [
      ({ loop }) => new PriorityChannel({ loop, capacity: -1, priorityOf: () => 0, name: "p" }),
      "EINVAL: Cannot make priority channel 'p' with capacity '-1': it takes a whole number from 0 up, or Infinity",
    ],
    [
      ({ loop }) => new PriorityChannel({ loop, capacity: 1 } as never),
      "EINVAL: Cannot make priority channel without priorityOf: it takes a function",
    ],
    [
      ({ loop }) => new Broadcast({ loop, capacity: Infinity, name: "b" }),
      "EINVAL: Cannot make broadcast 'b' with capacity 'Infinity': it takes a whole number from 1 up",
    ],
    [
      ({ loop }) => new Broadcast({ loop, capacity: 1, overflow: "wait" as never }),
      `EINVAL: Cannot make broadcast with overflow 'wait': it takes "drop-oldest" or "drop-latest"`,
    ],
    [() => new Permits({}, 1), "EINVAL: Cannot make permits by new: acquire them of a semaphore"],
    [() => new Subscription({}, () => {}), "EINVAL: Cannot make a subscription by new: use subscribe()"],
    [() => new WatchSubscription({}, () => {}), "EINVAL: Cannot make a subscription by new: use subscribe()"],
  ],
  "asked for what cannot be": [
    [
      ({ loop }) => new Semaphore(2, { loop, name: "s" }).acquire(3),
      "EINVAL: Cannot acquire 3 permits of semaphore 's': there are 2",
    ],
    [
      ({ loop }) => new Semaphore(2, { loop }).tryAcquire(NaN),
      "EINVAL: Cannot acquire permits of semaphore in number 'NaN': it takes a whole number from 1 up",
    ],
    [
      ({ loop }) => new Semaphore(2, { loop }).resize(0),
      "EINVAL: Cannot resize semaphore to '0': it takes a whole number from 1 up",
    ],
    [
      ({ loop }) => {
        const semaphore = new Semaphore(2, { loop });
        semaphore.tryAcquire(2);
        const waiting = semaphore.acquireFuture(2);
        semaphore.resize(1);
        waiting.result();
      },
      "EINVAL: Cannot acquire 2 permits of semaphore: there are 1",
    ],
    [
      ({ loop }) => new Semaphore(2, { loop, name: "s" }).tryAcquire()!.release(2),
      "EPERM: Cannot release 2 permits of semaphore 's': 1 of them are held",
    ],
    [
      ({ loop }) => new Semaphore(2, { loop }).tryAcquire()!.release(0.5),
      "EINVAL: Cannot release permits of semaphore in number '0.5': it takes a whole number from 1 up",
    ],
    [
      ({ loop }) => new WaitGroup({ loop, name: "w" }).done(),
      "EPERM: Cannot be done in wait group 'w': nothing is under way, add() it first",
    ],
    [
      ({ loop }) => new WaitGroup({ loop }).add(0),
      "EINVAL: Cannot add things to wait group in number '0': it takes a whole number from 1 up",
    ],
    [
      ({ loop }) => new Condition(new Mutex({ loop }), { name: "c" }).notify(-1),
      "EINVAL: Cannot notify waiters of condition 'c' in number '-1': it takes a whole number from 1 up",
    ],
    [
      ({ loop }) => new Condition(new Mutex({ loop, name: "m" })).waitFuture({} as never),
      "EPERM: Cannot wait without mutex 'm': that is not what lockFuture() gave, or does not lock it any more",
    ],
    [
      (world) => {
        const mutex = new Mutex({ loop: world.loop, name: "m" });
        return world.run(() => new Condition(mutex).wait());
      },
      "EPERM: Cannot wait without mutex 'm': it is not locked",
    ],
    [
      ({ loop }) => new Broadcast<string>({ loop, capacity: 1 }).publish(null as never),
      "EINVAL: Cannot publish 'null' to broadcast: it tells that there is no item",
    ],
    [
      ({ loop }) => (new Watch(1, { loop, name: "w" }).value = null as never),
      "EINVAL: Cannot assign 'null' to watch 'w': it tells that there is no item",
    ],
    [({ loop }) => new Watch(undefined as never, { loop }), "EINVAL: Cannot assign 'undefined' to watch: it tells that there is no item"],
    [
      ({ loop }) => new Channel<number>({ loop, capacity: 1, name: "jobs" }).attach({} as never),
      "EINVAL: Cannot attach '[object Object]' to channel 'jobs': it takes something disposable",
    ],
    [
      ({ loop }) => {
        const receive = new Channel<number>({ loop, capacity: 1 }).receive();
        receive.take();
      },
      "EBUSY: Cannot read the result of a future: it is pending, wait for it first",
    ],
    [
      ({ loop }) => {
        const channel = new Channel<number>({ loop, capacity: 1 });
        const receive = channel.receive();
        channel.tryPush(1);
        receive.take();
        receive.take();
      },
      "ESTALE: Cannot take the item of a receive: somebody has taken it",
    ],
    [
      (world) => {
        const once: Once<number> = new Once(() => once.get(), { loop: world.loop, name: "o" });
        return world.run(() => once.get(), { name: "maker" });
      },
      "EDEADLK: Cannot wait for once 'o': fiber 'maker' is making it",
    ],
    [
      () => new FiberLocal().get(),
      "ENODATA: Cannot get the value of a FiberLocal: the fiber that runs has none, set it or make it with a default",
    ],
  ],
  "disposed or closed": [
    [({ loop }) => disposed(new Mutex({ loop, name: "m" })).tryLock(), "EPIPE: Cannot use mutex 'm': it was disposed"],
    [({ loop }) => disposed(new RwLock({ loop })).readFuture(), "EPIPE: Cannot use read-write lock: it was disposed"],
    [({ loop }) => disposed(new Semaphore(1, { loop })).tryAcquire(), "EPIPE: Cannot use semaphore: it was disposed"],
    [({ loop }) => disposed(new Gate({ loop })).open(), "EPIPE: Cannot use gate: it was disposed"],
    [({ loop }) => disposed(new Barrier(1, { loop })).waitFuture(), "EPIPE: Cannot use barrier: it was disposed"],
    [({ loop }) => disposed(new WaitGroup({ loop })).add(), "EPIPE: Cannot use wait group: it was disposed"],
    [({ loop }) => disposed(new Once(suspend, { loop })).getFuture(), "EPIPE: Cannot use once: it was disposed"],
    [({ loop }) => disposed(new Condition(new Mutex({ loop }))).notifyAll(), "EPIPE: Cannot use condition: it was disposed"],
    [({ loop }) => closedChannel(loop).tryPush(1), "EPIPE: Cannot push to channel 'jobs': it is closed"],
    [({ loop }) => closedChannel(loop).tryPop(), "EPIPE: Cannot pop from channel 'jobs': it is closed"],
    [({ loop }) => closedChannel(loop).receive(), "EPIPE: Cannot pop from channel 'jobs': it is closed"],
    [({ loop }) => closedChannel(loop).attach({ [Symbol.dispose]() {} }), "EPIPE: Cannot attach to channel 'jobs': it is closed"],
    [({ loop }) => disposed(new Broadcast({ loop, capacity: 1 })).publish(1), "EPIPE: Cannot publish to broadcast: it is closed"],
    [({ loop }) => disposed(new Broadcast({ loop, capacity: 1 })).subscribe(), "EPIPE: Cannot subscribe to broadcast: it is closed"],
    [
      ({ loop }) => disposed(new Broadcast({ loop, capacity: 1, name: "b" }).subscribe()).tryPop(),
      "EPIPE: Cannot pop from subscription to broadcast 'b': it is closed",
    ],
    [({ loop }) => (disposed(new Watch(1, { loop })).value = 2), "EPIPE: Cannot set watch: it is closed"],
    [({ loop }) => disposed(new Watch(1, { loop })).subscribe(), "EPIPE: Cannot subscribe to watch: it is closed"],
    [
      ({ loop }) => disposed(new Watch(1, { loop, name: "w" }).subscribe()).tryPop(),
      "EPIPE: Cannot receive from subscription to watch 'w': it is closed",
    ],
  ],
  "left by a fiber that ended": [
    [
      (world) => {
        const mutex = new Mutex({ loop: world.loop, name: "m" });
        leave(world, () => mutex.lock());
        mutex.tryLock();
      },
      "EOWNERDEAD: Cannot lock mutex 'm': fiber 'careless' ended while it held it; put right what it guards, then recover() it",
    ],
    [
      (world) => {
        const table = new RwLock({ loop: world.loop, name: "t" });
        leave(world, () => table.write());
        table.tryRead();
      },
      "EOWNERDEAD: Cannot lock read-write lock 't': fiber 'careless' ended while it wrote; put right what it guards, then recover() it",
    ],
  ],
  "woken by somebody else": [
    [
      (world) => {
        const fiber = world.spawn(() => new Gate().pass());
        fiber.addCallback(() => {});
        world.settle();
        fiber.resume();
        world.settle();
        fiber.result();
      },
      "EBUSY: The fiber was woken by somebody's resume() while it waited in a queue",
    ],
  ],
  "chosen from": [
    [() => select({}), "EINVAL: Cannot select from no cases: nothing would ever be ready"],
    [() => select({ a: 1 }, { fare: true } as never), "EINVAL: Cannot select with option 'fare': there are fair"],
    [
      () => select({ job: "text" as never }),
      "EINVAL: Cannot select case 'job' of 'text': it takes a channel, an operation of a primitive that can be one of several, a future, " +
      "{ fd, events }, or a timeout",
    ],
    [
      () => select({ late: -1 }),
      "EINVAL: Cannot use timeout of case 'late' '-1': it takes whole microseconds from 0 to 2^53, or Infinity",
    ],
    [(world) => world.run(() => race([])), "EINVAL: Cannot run race() without bodies: nothing would ever end"],
    [(world) => world.run(() => any([])), "EINVAL: Cannot run any() without bodies: nothing would ever end"],
  ],
  "closed out of order": [
    [
      (world) =>
        world.run(function* (): Operation<void> {
          const outer = timeoutScope(10);
          using _inner = timeoutScope(10);
          outer[Symbol.dispose]();
        }, { name: "f" }),
      "EINVAL: Cannot close a timeout scope of fiber 'f': one that was opened in it is open still",
    ],
  ],
};

function disposed<D extends Disposable>(primitive: D): D {
  primitive[Symbol.dispose]();
  return primitive;
}

function closedChannel(loop: Simulation["loop"]): Channel<number> {
  const channel = new Channel<number>({ loop, capacity: 1, name: "jobs" });
  channel.close();
  return channel;
}

/** A fiber takes it and ends. */
function leave(world: Simulation, take: () => Operation<unknown>): void {
  world.spawn(() => take(), { name: "careless" });
  world.settle();
  assertEquals(world.takeReports().length, 1);
}

for (const [what, wrongs] of Object.entries(rows)) {
  Deno.test(
    `What primitives say when they are ${what}`,
    simulated((world) => {
      for (const [wrong, message] of wrongs) {
        const error = errorOf(() => wrong(world));
        assertEquals(`${error.code}: ${error.message}`, message);
      }
    }),
  );
}
