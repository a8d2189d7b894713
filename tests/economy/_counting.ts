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

/** Those that can be called. */
type Methods<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T];

const kernelCalls = {
  ...{ now: true, bootId: true, environment: true, turn: true, tryRead: true, tryWrite: true, tryReadVector: true, tryWriteVector: true },
  ...{ tryReceive: true, trySend: true, tryAccept: true, duplicate: true, close: true, setBlocking: true, openPipe: true },
  ...{ openListener: true, openStream: true, alpnProtocol: true, openDatagram: true, openSocketPair: true, connectSocket: true },
  ...{ socketError: true, localAddress: true, remoteAddress: true, closeWrite: true, removeSocketFile: true, sendDatagram: true },
  ...{ pressurePaths: true, openPressure: true, openTimeChange: true, spawn: true, openProcess: true, processId: true, peekProcess: true },
  ...{ reapProcess: true, reapKilledProcess: true, signalProcess: true, reapsAutomatically: true, openFileWatcher: true, openPath: true },
  ...{ inodeOf: true, pathOf: true, addFileWatch: true, removeFileWatch: true },
} satisfies Record<Exclude<Methods<Kernel>, "openPoller">, true>;

const pollerCalls = {
  ...{ watch: true, rewatch: true, unwatch: true, poll: true, openClock: true, setWakeup: true, claimSignal: true, releaseSignal: true },
  ...{ takeSignal: true, hasSignal: true, start: true, takeCompletion: true, stop: true, abandon: true, park: true, wake: true },
  ...{ limitPark: true, close: true },
} satisfies Record<Methods<Poller>, true>;

/** See the head of this module. */
export class Counted implements Disposable {
  readonly kernel: SimulatedKernel = simulatedKernel({ seed: 1 });
  readonly loop: EventLoop;
  readonly #calls = new Map<string, number>();

  constructor() {
    const openPoller = this.kernel.openPoller.bind(this.kernel);
    this.kernel.openPoller = () => {
      const poller = openPoller();
      if (typeof poller !== "number") this.#count(poller, keysOf(pollerCalls));
      return poller;
    };
    this.#count(this.kernel, keysOf(kernelCalls));
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

function keysOf<K extends string>(record: Record<K, true>): K[] {
  return Object.keys(record) as K[];
}
