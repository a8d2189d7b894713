/**
 * A loop on the simulated kernel, driven by hand: one tick is one dispatch, and time passes when the test says so.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  type ErrorOrigin,
  EventLoop,
  type Fiber,
  type FiberOptions,
  type Operation,
  type SimulatedKernel,
  type SimulationOptions,
  spawn,
  SystemError,
  type Usec,
} from "@sd/fibers";
import { virtualKernel } from "./_virtual_kernel.ts";

/** An error that reached `onError`. */
export interface Report {
  readonly error: unknown;
  readonly origin: ErrorOrigin;
}

/** More dispatches than any of these tests needs: what takes longer never ends. */
const patience = 100_000;

/** See the head of this module. */
export class Simulation {
  readonly kernel: SimulatedKernel;
  readonly loop: EventLoop;
  #reports: Report[] = [];

  constructor(options: SimulationOptions & { kernel?: SimulatedKernel; polling?: "batch" | "every"; debug?: boolean } = {}) {
    const { polling, debug } = options;
    this.kernel = options.kernel ?? virtualKernel(options);
    this.loop = new EventLoop({ kernel: this.kernel, polling, debug, onError: (error, origin) => this.#reports.push({ error, origin }) });
  }

  /** A fiber of this loop. */
  spawn<T>(body: () => Operation<T>, options: FiberOptions = {}): Fiber<T> {
    return spawn(body, { loop: this.loop, ...options });
  }

  /** So many dispatches, each of which must find something to dispatch. */
  tick(count: number = 1): void {
    for (let i = 0; i < count; i++) assert(this.loop.runSync(0), `There is nothing to dispatch in tick ${i + 1} of ${count}`);
  }

  /** Dispatches until nothing is left to do, without time passing: how often. */
  settle(): number {
    for (let count = 0; count < patience; count++) {
      if (this.loop.state === "finished" || !this.loop.runSync(0)) return count;
    }
    throw new Error("The loop does not come to rest");
  }

  /** Lets time pass, then dispatches until nothing is left to do. */
  pass(usec: Usec): void {
    this.kernel.advance(usec);
    this.settle();
  }

  /** Runs a fiber to its end; time jumps. */
  run<T>(body: () => Operation<T>, options?: FiberOptions): T {
    const fiber = this.spawn(body, options);
    fiber.addCallback(() => {});
    this.runUntil(() => fiber.state === "resolved");
    return fiber.result();
  }

  /** Dispatches until it is so; time jumps. */
  runUntil(isSo: () => boolean): void {
    for (let count = 0; !isSo(); count++) {
      assert(count < patience, "It never happens");
      this.loop.runSync();
    }
  }

  /** Asks for exit and runs it to its end. */
  exit(code: number = 0): number {
    this.loop.exit(code);
    return this.loop.loopSync();
  }

  /** What was reported since somebody last asked. */
  takeReports(): Report[] {
    return this.#reports.splice(0);
  }

  /** The same, as "origin: message". */
  takeMessages(): string[] {
    return this.takeReports().map(({ error, origin }) =>
      `${origin.kind} '${origin.name}': ${error instanceof Error ? error.message : error}`
    );
  }

  /** Exits and disposes the loop: what was reported and not looked at, and what was left behind. */
  end(): { reported: string[]; left: string[] } {
    if (this.loop.state === "initial") this.exit(this.loop.exitCode);
    this.loop[Symbol.dispose]();
    return { reported: this.takeMessages(), left: this.kernel.leaks() };
  }
}

/** The body of a test in a simulation of its own, in which nothing may be left at the end. */
export function simulated<R extends void | Promise<void>>(body: (world: Simulation) => R, options?: SimulationOptions): () => R {
  return () => {
    const world = new Simulation(options);
    const check = () => assertEquals(world.end(), { reported: [], left: [] });
    const result = body(world);
    return (result instanceof Promise ? result.then(check) : check()) as R;
  };
}

/** The code of the error that is thrown; `undefined` when none is. */
export function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    assert(error instanceof SystemError, `Not a SystemError: ${error}`);
    return error.code;
  }
}

/** The error that is thrown. */
export function errorOf(action: () => unknown): SystemError {
  try {
    action();
  } catch (error) {
    assert(error instanceof SystemError, `Not a SystemError: ${error}`);
    return error;
  }
  throw new Error("Nothing was thrown");
}
