/**
 * Many of a kind: made, put to work and ended.
 *
 * @module
 */

import { type DeferSource, EventLoop, type Fiber, Mutex, type Operation, spawn, suspend, type TimeSource } from "@sd/fibers";
import { equal, randoms, range } from "./checks.ts";

/** So many of them, on a loop of their own. */
export interface Crowd extends Disposable {
  make(): void;
  /** Each has its turn once. */
  work(): void;
  end(): void;
}

const HOUR_USEC = 3_600_000_000;
const SPAN_USEC = 1_000_000_000;

/** What belongs to a loop and goes with it. */
abstract class OnLoop {
  protected readonly loop = new EventLoop();

  constructor(protected readonly n: number) {}

  /** Until there is nothing to do. */
  protected settle(): void {
    while (this.loop.runSync(0));
  }

  [Symbol.dispose](): void {
    this.loop[Symbol.dispose]();
  }
}

class Sources extends OnLoop implements Crowd {
  #sources: DeferSource[] = [];
  #count = 0;

  make(): void {
    const onDispatch = () => {
      this.#count++;
    };
    this.#sources = range(this.n).map(() => this.loop.addDefer(onDispatch, { enabled: "on" }));
  }

  work(): void {
    for (let i = 0; i < this.n; i++) this.loop.runSync(0);
    equal(this.#count, this.n, "dispatches");
  }

  end(): void {
    for (const source of this.#sources) source[Symbol.dispose]();
  }
}

class Timers extends OnLoop implements Crowd {
  readonly #times = randoms(this.n, 0, SPAN_USEC);
  readonly #later = this.loop.now() + HOUR_USEC;
  #timers: TimeSource[] = [];
  #fired = 0;

  make(): void {
    const onTime = () => {
      this.#fired++;
    };
    this.#timers = this.#times.map((usec) => this.loop.addTime("monotonic", this.#later + usec, onTime, { accuracy: 1, enabled: "on" }));
  }

  /** Each is set to another time. */
  work(): void {
    const last = this.n - 1;
    for (let i = 0; i <= last; i++) this.#timers[i].usec = this.#later + this.#times[last - i];
  }

  end(): void {
    equal(this.#fired, 0, "timers that fired");
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }
}

class Fibers extends OnLoop implements Crowd {
  #fibers: Fiber<void>[] = [];
  #woken = 0;

  make(): void {
    const wait = () => this.#wait();
    this.#fibers = range(this.n).map(() => spawn(wait, { loop: this.loop }));
    this.settle();
  }

  *#wait(): Operation<void> {
    for (;;) {
      yield* suspend();
      this.#woken++;
    }
  }

  work(): void {
    for (const fiber of this.#fibers) fiber.resume();
    this.settle();
    equal(this.#woken, this.n, "fibers woken");
  }

  end(): void {
    for (const fiber of this.#fibers) fiber.cancel();
    this.settle();
  }
}

class Waiters extends OnLoop implements Crowd {
  readonly #mutex = new Mutex({ loop: this.loop });
  #fibers: Fiber<void>[] = [];
  #held = 0;

  make(): void {
    const wait = () => this.#wait();
    this.#fibers = range(this.n).map(() => spawn(wait, { loop: this.loop }));
    this.settle();
  }

  /** The first holds it until it is woken. */
  *#wait(): Operation<void> {
    using _lock = yield* this.#mutex.lock();
    if (this.#held++ === 0) yield* suspend();
  }

  /** It is handed through the whole line. */
  work(): void {
    this.#fibers[0].resume();
    this.settle();
    equal(this.#held, this.n, "fibers that held the mutex");
  }

  end(): void {
    equal(this.#fibers.filter(({ status }) => status === "completed").length, this.n, "fibers that ended");
  }
}

/** By name; what their work is stands beside. */
export const crowds: Readonly<Record<string, { readonly work: string; readonly make: (n: number) => Crowd }>> = {
  sources: { work: "dispatched", make: (n) => new Sources(n) },
  timers: { work: "moved", make: (n) => new Timers(n) },
  fibers: { work: "woken", make: (n) => new Fibers(n) },
  waiters: { work: "handed the mutex", make: (n) => new Waiters(n) },
};
