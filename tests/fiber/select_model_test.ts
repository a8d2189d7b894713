/**
 * Selects over channels and permits against a model made of arrays: nothing is lost, nothing is doubled, and the order is as promised.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Channel, type Fiber, Permits, select, type Selectable, Semaphore, type SystemError } from "@sd/fibers";
import { Simulation } from "../_simulation.ts";
import { runs } from "../event/_property.ts";

const CAPACITIES = [0, 1, 2];
const PERMITS = 3;

/** A case: of a channel by its number, or of the semaphore. */
type Wish =
  | { readonly kind: "pop" | "push"; readonly channel: number }
  | { readonly kind: "acquire"; readonly count: number };

type Answer = "waits" | { readonly chosen: number; readonly got: unknown } | { readonly code: string };

/** Who waits for what: a case of a select. */
interface Place {
  readonly id: number;
  readonly index: number;
  /** The item of a push, the number of permits. */
  readonly what: number;
}

class ModelChannel {
  readonly capacity: number;
  readonly buffer: number[] = [];
  pops: Place[] = [];
  pushes: Place[] = [];
  isClosed = false;

  constructor(capacity: number) {
    this.capacity = capacity;
  }
}

class Model {
  readonly channels: ModelChannel[] = CAPACITIES.map((capacity) => new ModelChannel(capacity));
  permits = PERMITS;
  acquires: Place[] = [];
  readonly answers: Answer[] = [];
  /** By the select that holds them. */
  readonly held: Map<number, number> = new Map();
  items = 0;

  /** One select has its answer, and leaves all queues. */
  answer(id: number, answer: Answer): void {
    this.answers[id] = answer;
    for (const channel of this.channels) {
      channel.pops = channel.pops.filter((place) => place.id !== id);
      channel.pushes = channel.pushes.filter((place) => place.id !== id);
    }
    this.acquires = this.acquires.filter((place) => place.id !== id);
    this.serve();
  }

  serve(): void {
    const [first] = this.acquires;
    if (first === undefined || first.what > this.permits) return;
    this.acquires.shift();
    this.take(first.id, first.what);
    this.answer(first.id, { chosen: first.index, got: first.what });
  }

  take(id: number, count: number): void {
    this.permits -= count;
    this.held.set(id, count);
  }

  offer(channel: ModelChannel, item: number): boolean {
    const [pop] = channel.pops;
    if (pop !== undefined) this.answer(pop.id, { chosen: pop.index, got: item });
    else if (channel.buffer.length < channel.capacity) channel.buffer.push(item);
    else return false;
    return true;
  }

  shift(channel: ModelChannel): number | undefined {
    const [push] = channel.pushes;
    if (push !== undefined) {
      channel.buffer.push(push.what);
      this.answer(push.id, { chosen: push.index, got: undefined });
    }
    return channel.buffer.shift();
  }

  select(wishes: readonly Wish[]): void {
    const id = this.answers.length;
    const items = wishes.map((wish) => wish.kind === "push" ? this.items++ : 0);
    const answer = wishes.map((wish, index) => this.#attempt(id, wish, index, items[index])).find((found) => found !== undefined);
    this.answers.push(answer ?? "waits");
    if (answer === undefined) wishes.forEach((wish, index) => this.#wait(id, wish, index, items[index]));
  }

  /** Once one case has been served, the others are not tried. */
  #served = -1;

  #attempt(id: number, wish: Wish, index: number, item: number): Answer | undefined {
    if (this.#served === id) return undefined;
    const answer = this.#serveAtOnce(id, wish, index, item);
    if (answer !== undefined) this.#served = id;
    return answer;
  }

  #serveAtOnce(id: number, wish: Wish, chosen: number, item: number): Answer | undefined {
    if (wish.kind === "acquire") {
      if (this.acquires.length > 0 || wish.count > this.permits) return undefined;
      this.take(id, wish.count);
      return { chosen, got: wish.count };
    }
    const channel = this.channels[wish.channel];
    if (wish.kind === "push") {
      if (channel.isClosed) return { code: "EPIPE" };
      return this.offer(channel, item) ? { chosen, got: undefined } : undefined;
    }
    const got = this.shift(channel);
    if (got !== undefined) return { chosen, got };
    return channel.isClosed ? { code: "EPIPE" } : undefined;
  }

  #wait(id: number, wish: Wish, index: number, item: number): void {
    if (wish.kind === "acquire") this.acquires.push({ id, index, what: wish.count });
    else if (wish.kind === "push") this.channels[wish.channel].pushes.push({ id, index, what: item });
    else this.channels[wish.channel].pops.push({ id, index, what: 0 });
  }

  close(channel: ModelChannel): void {
    channel.isClosed = true;
    for (const places of ["pushes", "pops"] as const) {
      while (channel[places].length > 0) this.answer(channel[places][0].id, { code: "EPIPE" });
    }
  }
}

class Real {
  readonly world: Simulation = new Simulation();
  readonly dropped: number[] = [];
  readonly channels: Channel<number>[];
  readonly semaphore: Semaphore;
  readonly fibers: Fiber<void>[] = [];
  readonly answers: Answer[] = [];
  readonly held: Map<number, Permits> = new Map();
  items = 0;

  constructor() {
    const { loop } = this.world;
    this.channels = CAPACITIES.map((capacity) => new Channel<number>({ loop, capacity, onDrop: (item) => this.dropped.push(item) }));
    this.semaphore = new Semaphore(PERMITS, { loop });
  }

  select(wishes: readonly Wish[]): void {
    const id = this.answers.length;
    const cases: Record<string, Selectable> = {};
    wishes.forEach((wish, index) => cases[`case ${index}`] = this.#caseOf(wish));
    this.answers.push("waits");
    this.fibers.push(this.world.spawn(() => this.#run(id, cases)));
    this.world.settle();
  }

  #caseOf(wish: Wish): Selectable {
    if (wish.kind === "acquire") return this.semaphore.acquire(wish.count);
    const channel = this.channels[wish.channel];
    return wish.kind === "pop" ? channel : channel.push(this.items++);
  }

  *#run(id: number, cases: Record<string, Selectable>) {
    try {
      const { key, value } = yield* select(cases);
      if (value instanceof Permits) this.held.set(id, value);
      this.answers[id] = { chosen: Number(key.slice(5)), got: value instanceof Permits ? value.count : value };
    } catch (error) {
      this.answers[id] = { code: (error as SystemError).code };
    }
  }

  compare(model: Model): void {
    assertEquals(
      {
        answers: this.answers,
        channels: this.channels.map((channel) => {
          const { size, pushes, pops } = channel.statistics();
          return { size, pushes, pops };
        }),
        available: this.semaphore.available,
        acquires: this.semaphore.statistics().waiters,
        dropped: this.dropped,
      },
      {
        answers: model.answers,
        channels: model.channels.map(({ buffer, pushes, pops }) => ({ size: buffer.length, pushes: pushes.length, pops: pops.length })),
        available: model.permits,
        acquires: model.acquires.length,
        dropped: [],
      },
    );
  }
}

/** What is done, to both. */
type Action = (model: Model, real: Real) => void;

class Command implements fc.Command<Model, Real> {
  readonly #name: string;
  readonly #action: Action;

  constructor(name: string, action: Action) {
    this.#name = name;
    this.#action = action;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    this.#action(model, real);
    real.world.settle();
    real.compare(model);
  }

  toString(): string {
    return this.#name;
  }
}

const channelNumber = fc.nat(CAPACITIES.length - 1);
const wish: fc.Arbitrary<Wish> = fc.oneof(
  fc.record({ kind: fc.constantFrom("pop", "push"), channel: channelNumber }) as fc.Arbitrary<Wish>,
  fc.record({ kind: fc.constant("acquire"), count: fc.integer({ min: 1, max: PERMITS }) }) as fc.Arbitrary<Wish>,
);

const selectSome = fc.array(wish, { minLength: 1, maxLength: 4 }).map((wishes) =>
  new Command(`select ${JSON.stringify(wishes)}`, (model, real) => {
    model.select(wishes);
    real.select(wishes);
  })
);

const tryPush = channelNumber.map((which) =>
  new Command(`tryPush to ${which}`, (model, real) => {
    const channel = model.channels[which];
    if (channel.isClosed) return;
    const item = model.items++;
    assertEquals(real.channels[which].tryPush(real.items++), model.offer(channel, item));
  })
);

const tryPop = channelNumber.map((which) =>
  new Command(`tryPop from ${which}`, (model, real) => {
    const channel = model.channels[which];
    if (channel.isClosed && channel.buffer.length === 0) return;
    assertEquals(real.channels[which].tryPop(), model.shift(channel));
  })
);

const giveBack = fc.nat(20).map((which) =>
  new Command(`give back ${which}`, (model, real) => {
    const ids = [...model.held.keys()].sort((a, b) => a - b);
    if (ids.length === 0) return;
    const id = ids[which % ids.length];
    model.permits += model.held.get(id)!;
    model.held.delete(id);
    real.held.get(id)![Symbol.dispose]();
    for (let before = NaN; before !== model.permits;) {
      before = model.permits;
      model.serve();
    }
  })
);

const cancel = fc.nat(40).map((which) =>
  new Command(`cancel ${which}`, (model, real) => {
    const id = model.answers.length === 0 ? -1 : which % model.answers.length;
    if (model.answers[id] !== "waits") return;
    real.fibers[id].cancel();
    model.answer(id, { code: "ECANCELED" });
  })
);

const close = channelNumber.map((which) =>
  new Command(`close ${which}`, (model, real) => {
    real.channels[which].close();
    model.close(model.channels[which]);
  })
);

Deno.test("select() does what the model does: no item and no permit is lost, doubled or given out of turn", () => {
  const command = fc.oneof(
    { weight: 8, arbitrary: selectSome },
    { weight: 3, arbitrary: tryPush },
    { weight: 3, arbitrary: tryPop },
    { weight: 4, arbitrary: giveBack },
    { weight: 2, arbitrary: cancel },
    { weight: 1, arbitrary: close },
  );
  fc.assert(
    fc.property(fc.commands([command], { maxCommands: 60 }), (run) => {
      const real = new Real();
      fc.modelRun(() => ({ model: new Model(), real }), run);
      for (const permits of real.held.values()) permits[Symbol.dispose]();
      for (const primitive of [...real.channels, real.semaphore]) primitive[Symbol.dispose]();
      real.world.settle();
      assertEquals(real.answers.filter((answer) => answer === "waits"), []);
      assertEquals(real.world.end(), { reported: [], left: [] });
    }),
    runs(400),
  );
});
