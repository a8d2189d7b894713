/**
 * Semaphores and locks for readers and writers against a model, under whatever is done to them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { RwLock, Semaphore } from "@sd/fibers";
import { Simulation } from "../_simulation.ts";
import { runs } from "../event/_property.ts";
import { ask, type Asked, type Way, ways } from "./_asked.ts";

/** A lock for readers and writers is a semaphore in which a writer takes all. */
const ALL = 4;

/** How the thing under test is asked for so many. */
type Ask = (world: Simulation, count: number) => Asked;

interface Model {
  permits: number;
  /** By their numbers; those that wait are in order. */
  readonly requests: { readonly count: number; state: "waits" | "held" | "ended" | "failed" | "cancelled" }[];
}

interface Real {
  readonly world: Simulation;
  readonly ask: Ask;
  readonly resize?: (permits: number) => void;
  readonly asked: Asked[];
}

function taken({ requests }: Model): number {
  return requests.reduce((sum, { count, state }) => state === "held" ? sum + count : sum, 0);
}

/** In order, and no further than the first that has to wait. */
function serve(model: Model): void {
  for (const request of model.requests) {
    if (request.state !== "waits") continue;
    if (request.count > model.permits - taken(model)) return;
    request.state = "held";
  }
}

function compare(model: Model, { asked }: Real): void {
  const states = asked.map((each) => {
    const answer = each.answer();
    if (answer === "waits") return "waits";
    return "got" in answer ? "got" : answer.code;
  });
  const names = { waits: "waits", held: "got", ended: "got", failed: "EINVAL", cancelled: "ECANCELED" };
  assertEquals(states, model.requests.map(({ state }) => names[state]));
}

/** What is done, to both. */
type Action = (model: Model, real: Real) => void;

class Command implements fc.Command<Model, Real> {
  readonly #name: string;
  readonly #act: Action;

  constructor(name: string, act: Action) {
    this.#name = name;
    this.#act = act;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    this.#act(model, real);
    real.world.settle();
    compare(model, real);
  }

  toString(): string {
    return this.#name;
  }
}

function asking(count: number): Command {
  return new Command(`ask(${count})`, (model, real) => {
    real.asked.push(real.ask(real.world, count));
    model.requests.push({ count, state: count > model.permits ? "failed" : "waits" });
    serve(model);
  });
}

/** Ends one that is held or waits. */
function ending(which: number): Command {
  return new Command(`end(${which})`, (model, real) => {
    const index = which % Math.max(model.requests.length, 1);
    const request = model.requests[index];
    if (request?.state === "held") {
      const answer = real.asked[index].answer() as { got: Disposable };
      answer.got[Symbol.dispose]();
      answer.got[Symbol.dispose]();
      request.state = "ended";
    } else if (request?.state === "waits") {
      real.asked[index].cancel();
      request.state = "cancelled";
    }
    serve(model);
  });
}

function resizing(permits: number): Command {
  return new Command(`resize(${permits})`, (model, real) => {
    real.resize!(permits);
    model.permits = permits;
    for (const request of model.requests) {
      if (request.state === "waits" && request.count > permits) request.state = "failed";
    }
    serve(model);
  });
}

function check(make: (world: Simulation) => Omit<Real, "world" | "asked">, commands: fc.Arbitrary<Command>[]): void {
  fc.assert(
    fc.property(fc.commands(commands, { maxCommands: 60 }), (run) => {
      const world = new Simulation();
      fc.modelRun(() => ({ model: { permits: ALL, requests: [] }, real: { ...make(world), world, asked: [] } }), run);
    }),
    runs(150),
  );
}

/** Fibers in this test hold on to what they got, and end: that is no mistake with permits, but it is with locks, which are asked by futures. */
for (const way of ways) {
  Deno.test(`Semaphore, asked by ${way}, does what the model does`, () => {
    check((world) => {
      const semaphore = new Semaphore(ALL, { loop: world.loop });
      const refuse = (count: number) => ({ answer: () => ({ code: count > 0 ? "EINVAL" : "" }), cancel: () => {} });
      return {
        ask(_world, count) {
          if (count > semaphore.statistics().permits) return refuse(count);
          return ask(world, way, () => semaphore.acquireFuture(count), () => semaphore.acquire(count));
        },
        resize: (permits) => semaphore.resize(permits),
      };
    }, [
      fc.integer({ min: 1, max: 5 }).map(asking),
      fc.nat(30).map(ending),
      fc.nat(30).map(ending),
      fc.integer({ min: 1, max: 6 }).map(resizing),
    ]);
  });
}

Deno.test("RwLock does what a semaphore does in which a writer takes all", () => {
  check((world) => {
    const lock = new RwLock({ loop: world.loop });
    const way: Way = "future";
    return {
      ask: (_world, count) => ask(world, way, () => count === ALL ? lock.writeFuture() : lock.readFuture(), () => lock.read()),
    };
  }, [fc.constant(asking(1)), fc.constant(asking(ALL)), fc.nat(30).map(ending), fc.nat(30).map(ending)]);
});
