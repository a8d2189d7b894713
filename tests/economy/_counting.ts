/**
 * A loop on a simulated kernel that counts what it is asked for.
 *
 * @module
 */

import { EventLoop, type Kernel, type Operation, type SimulatedKernel, simulatedKernel, spawn } from "@sd/fibers";
import type { Poller } from "../../event/kernel/kernel.ts";
import { assertEquals } from "@std/assert";

/** How often each call was made; those that were not made are left out. */
export type Calls = Readonly<Record<string, number>>;

/** What a stretch of work took. */
export interface Economy {
  readonly iterations: number;
  readonly calls: Calls;
}

const kernelCalls = ["now", "tryRead", "tryWrite", "tryAccept", "setBlocking", "socketError"] as const satisfies readonly (keyof Kernel)[];

const pollerCalls = [
  ...["watch", "rewatch", "unwatch", "poll", "openClock", "setWakeup", "takeSignal", "hasSignal"] as const,
  ...["start", "takeCompletion", "park", "wake", "limitPark"] as const,
] satisfies readonly (keyof Poller)[];

/** See the head of this module. */
export class Counted implements Disposable {
  readonly kernel: SimulatedKernel = simulatedKernel({ seed: 1 });
  readonly loop: EventLoop;
  readonly #calls = new Map<string, number>();

  constructor() {
    const openPoller = this.kernel.openPoller.bind(this.kernel);
    this.kernel.openPoller = () => {
      const poller = openPoller();
      if (typeof poller !== "number") this.#count(poller, pollerCalls);
      return poller;
    };
    this.#count(this.kernel, kernelCalls);
    this.loop = new EventLoop({ kernel: this.kernel });
  }

  /** Puts a counter in front of each call. */
  #count<K extends string>(target: Record<K, (...args: never[]) => unknown>, names: readonly K[]): void {
    for (const name of names) {
      const call = target[name] as (...args: unknown[]) => unknown;
      target[name] = (...args: unknown[]) => {
        this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
        return call.apply(target, args);
      };
    }
  }

  /** Begins to count; what is given back ends it, and tells. */
  start(): () => Economy {
    const before = this.loop.iteration;
    this.#calls.clear();
    return () => ({ iterations: this.loop.iteration - before, calls: Object.fromEntries(this.#calls) });
  }

  /** So many iterations, each of which dispatches something. */
  iterate(count: number): void {
    for (let i = 0; i < count; i++) this.loop.runSync();
  }

  /** Runs a fiber to its end. */
  run<T>(body: () => Operation<T>): T {
    const fiber = spawn(body, { loop: this.loop });
    while (fiber.status !== "completed") this.loop.runSync();
    return fiber.result();
  }

  /** Nothing may be left. */
  [Symbol.dispose](): void {
    this.loop[Symbol.dispose]();
    assertEquals(this.kernel.leaks(), []);
  }
}
