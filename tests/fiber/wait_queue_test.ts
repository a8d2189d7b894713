/**
 * The queue under all primitives: its orders, and that many are released at once in linear time.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Barrier, Channel, Condition, Gate, Mutex, type Operation, PriorityChannel, RwLock, Semaphore, WaitGroup } from "@sd/fibers";
import { coreOf } from "../../event/event_loop.ts";
import { SystemError } from "../../event/errno.ts";
import { GRANTED, WAIT, Waiter, WAITING, WaitQueue } from "../../fiber/wait_queue.ts";
import { simulated, Simulation } from "../_simulation.ts";

/** Notes how its wait ended. */
class NotedWaiter extends Waiter {
  readonly #log: unknown[];

  constructor(queue: WaitQueue, log: unknown[], request: unknown = undefined) {
    super(queue, request, undefined);
    this.#log = log;
  }

  override ended(): void {
    this.#log.push(this.state === GRANTED ? this.content : (this.content as () => SystemError)().code);
  }
}

function queueOf(world: Simulation, byPriority: boolean = false, priorityOf?: (request: unknown) => number): WaitQueue {
  const rule = { attempt: (): typeof WAIT => WAIT, priorityOf };
  return new WaitQueue(coreOf(world.loop), rule, { title: "queue", byPriority });
}

Deno.test(
  "WaitQueue serves first in first out, and cancel takes out of the middle",
  simulated((world) => {
    const queue = queueOf(world);
    const logs: unknown[][] = [[], [], [], []];
    const waiters = logs.map((log) => new NotedWaiter(queue, log));
    for (const waiter of waiters) queue.park(waiter);
    queue.cancel(waiters[1]);
    queue.unpark("a");
    queue.unpark("b");
    assertEquals([logs, queue.size, queue.mostWaiters, waiters[1].state], [[["a"], [], ["b"], []], 1, 4, WAITING]);
    queue.unparkAll("c");
    assertEquals([logs[3], queue.unpark("d"), queue.size], [["c"], false, 0]);
  }),
);

Deno.test(
  "WaitQueue by priority serves the smallest number first, and equals in order",
  simulated((world) => {
    const queue = queueOf(world, true, (request) => request as number);
    const order: unknown[] = [];
    for (const priority of [3, 1, 2, 1, 3, -7, 2]) queue.park(new NotedWaiter(queue, order, priority));
    assertEquals([...queue].map((waiter) => waiter.priority), [-7, 1, 1, 2, 2, 3, 3]);
    const third = [...queue][2];
    queue.cancel(third);
    for (let i = 0; queue.unpark(i); i++);
    assertEquals(order, [0, 1, 2, 3, 4, 5]);
  }),
);

Deno.test(
  "WaitQueue.requeue() moves a waiter to the end of another queue without waking it",
  simulated((world) => {
    const [from, to] = [queueOf(world), queueOf(world)];
    const log: unknown[] = [];
    const [first, moved] = [new NotedWaiter(to, log), new NotedWaiter(from, log)];
    to.park(first);
    from.park(moved);
    from.requeue(moved, to);
    assertEquals([from.size, to.size, log, moved.queue === to], [0, 2, [], true]);
    to.unpark("a");
    to.unpark("b");
    assertEquals([log, moved.content], [["a", "b"], "b"]);
  }),
);

Deno.test(
  "WaitQueue.close() fails all who wait in order and all who come, until it is opened again",
  simulated((world) => {
    const queue = queueOf(world);
    const log: unknown[] = [];
    for (let i = 0; i < 3; i++) queue.park(new NotedWaiter(queue, log));
    queue.close(() => new SystemError("EPIPE"));
    assertEquals(log, ["EPIPE", "EPIPE", "EPIPE"]);
    let code: unknown;
    try {
      queue.attempt(undefined, undefined);
    } catch (error) {
      code = (error as SystemError).code;
    }
    assertEquals(code, "EPIPE");
    queue.reopen();
    assertEquals(queue.attempt(undefined, undefined), WAIT);
  }),
);

const MANY = 100_000;

/** So many fibers wait for one thing, and are released at once. */
const crowds: [string, (world: Simulation) => { wait: () => Operation<unknown>; release: () => void }][] = [
  ["Gate", ({ loop }) => {
    const gate = new Gate({ loop });
    return { wait: () => gate.pass(), release: () => gate.open() };
  }],
  ["WaitGroup", ({ loop }) => {
    const group = new WaitGroup({ loop });
    group.add();
    return { wait: () => group.wait(), release: () => group.done() };
  }],
  ["Barrier", ({ loop }) => {
    const barrier = new Barrier(MANY + 1, { loop });
    return { wait: () => barrier.wait(), release: () => void barrier.waitFuture() };
  }],
  ["Semaphore", ({ loop }) => {
    const semaphore = new Semaphore(MANY, { loop });
    const all = semaphore.tryAcquire(MANY)!;
    return { wait: () => semaphore.acquire(), release: () => all.release() };
  }],
  ["Mutex", ({ loop }) => {
    const mutex = new Mutex({ loop });
    const lock = mutex.tryLock()!;
    return { wait: () => locked(mutex), release: () => lock[Symbol.dispose]() };
  }],
  ["RwLock, readers", ({ loop }) => {
    const lock = new RwLock({ loop });
    const write = lock.tryWrite()!;
    return { wait: () => used(lock.read()), release: () => write[Symbol.dispose]() };
  }],
  ["Condition", ({ loop }) => {
    const mutex = new Mutex({ loop });
    const condition = new Condition(mutex);
    return { wait: () => notified(mutex, condition), release: () => condition.notifyAll() };
  }],
  ["Channel.close(), pops", ({ loop }) => {
    const channel = new Channel<number>({ loop, capacity: 1 });
    return { wait: () => channel.next(), release: () => channel.close() };
  }],
  ["Channel.close(), pushes", ({ loop }) => {
    const channel = new Channel<number>({ loop, capacity: 0 });
    return { wait: () => refused(channel.push(1)), release: () => channel.close() };
  }],
  ["PriorityChannel, pops", ({ loop }) => {
    const channel = new PriorityChannel<number>({ loop, capacity: 1, priorityOf: () => 0 });
    return {
      wait: () => channel.pop(),
      release: () => {
        for (let i = 0; i < MANY; i++) channel.tryPush(i);
      },
    };
  }],
];

function* used(operation: Operation<Disposable>): Operation<void> {
  using _lock = yield* operation;
}

function locked(mutex: Mutex): Operation<void> {
  return used(mutex.lock());
}

function* notified(mutex: Mutex, condition: Condition): Operation<void> {
  using _lock = yield* mutex.lock();
  yield* condition.wait();
}

function* refused(operation: Operation<unknown>): Operation<void> {
  try {
    yield* operation;
  } catch (error) {
    assert(error instanceof SystemError && error.code === "EPIPE");
  }
}

for (const [name, make] of crowds) {
  Deno.test(`${name}: ${MANY} fibers that are released at once all go on, without recursion`, () => {
    const world = new Simulation();
    const { wait, release } = make(world);
    let released = 0;
    function* one(): Operation<void> {
      yield* wait();
      released++;
    }
    for (let i = 0; i < MANY; i++) world.spawn(one);
    while (world.loop.runSync(0));
    assertEquals(released, 0);
    release();
    while (world.loop.runSync(0));
    assertEquals(released, MANY);
    assertEquals(world.end(), { reported: [], left: [] });
  });
}
