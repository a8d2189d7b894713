/**
 * Channels against a model made of arrays, under whatever is done to them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Channel, type Overflow } from "@sd/fibers";
import { codeOf, Simulation } from "../_simulation.ts";
import { runs } from "../event/_property.ts";
import { type Answer, ask, type Asked, type Way, ways } from "./_asked.ts";

/** A request that was made, as the model has it. */
interface Request {
  readonly id: number;
  readonly item: number;
}

class Model {
  readonly capacity: number;
  readonly overflow: Overflow;
  buffer: number[] = [];
  sends: Request[] = [];
  receives: Request[] = [];
  closed = false;
  readonly dropped: number[] = [];
  readonly answers: Answer[] = [];
  items = 0;

  constructor(capacity: number, overflow: Overflow) {
    this.capacity = capacity;
    this.overflow = overflow;
  }

  /** `false`: it has to wait. */
  offer(item: number): boolean {
    const receive = this.receives.shift();
    if (receive !== undefined) this.answers[receive.id] = { got: item };
    else if (this.buffer.length < this.capacity) this.buffer.push(item);
    else if (this.overflow === "wait") return false;
    else if (this.overflow === "drop-latest") this.dropped.push(item);
    else {
      this.dropped.push(this.buffer.shift()!);
      this.buffer.push(item);
    }
    return true;
  }

  take(): number | undefined {
    const send = this.sends.shift();
    if (send !== undefined) {
      this.buffer.push(send.item);
      this.answers[send.id] = { got: undefined };
    }
    return this.buffer.shift();
  }

  close(): void {
    this.closed = true;
    for (const { id, item } of this.sends.splice(0)) {
      this.answers[id] = { code: "EPIPE" };
      this.dropped.push(item);
    }
    for (const { id } of this.receives.splice(0)) this.answers[id] = { code: "EPIPE" };
  }
}

class Real {
  readonly world: Simulation = new Simulation();
  readonly way: Way;
  readonly dropped: number[] = [];
  readonly channel: Channel<number>;
  readonly asked: Asked[] = [];

  constructor(way: Way, capacity: number, overflow: Overflow) {
    this.way = way;
    this.channel = new Channel<number>({ loop: this.world.loop, capacity, overflow, onDrop: (item) => this.dropped.push(item) });
  }

  compare(model: Model): void {
    const { size, pushes, pops } = this.channel.statistics();
    assertEquals(
      { size, pushes, pops, dropped: this.dropped, answers: this.asked.map((asked) => asked.answer()) },
      {
        size: model.buffer.length,
        pushes: model.sends.length,
        pops: model.receives.length,
        dropped: model.dropped,
        answers: model.answers,
      },
    );
  }
}

abstract class Command implements fc.Command<Model, Real> {
  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    this.act(model, real);
    real.compare(model);
  }

  protected abstract act(model: Model, real: Real): void;

  toString(): string {
    return this.constructor.name;
  }
}

class TryPush extends Command {
  protected override act(model: Model, { channel, world }: Real): void {
    const item = model.items++;
    if (model.closed) assertEquals(codeOf(() => channel.tryPush(item)), "EPIPE");
    else assertEquals(channel.tryPush(item), model.offer(item));
    world.settle();
  }
}

class TryPop extends Command {
  protected override act(model: Model, { channel, world }: Real): void {
    if (model.closed && model.buffer.length === 0) assertEquals(codeOf(() => channel.tryPop()), "EPIPE");
    else assertEquals(channel.tryPop(), model.take());
    world.settle();
  }
}

class Send extends Command {
  protected override act(model: Model, { channel, world, way, asked }: Real): void {
    const item = model.items++;
    const id = model.answers.length;
    asked.push(ask(world, way, () => channel.send(item), () => channel.push(item)));
    if (model.closed) {
      model.answers.push({ code: "EPIPE" });
      model.dropped.push(item);
      return;
    }
    const done = model.offer(item);
    model.answers.push(done ? { got: undefined } : "waits");
    if (!done) model.sends.push({ id, item });
  }
}

class Receive extends Command {
  protected override act(model: Model, { channel, world, way, asked }: Real): void {
    const id = model.answers.length;
    asked.push(ask(world, way, () => channel.receive(), () => channel.pop()));
    if (model.closed && model.buffer.length === 0) {
      model.answers.push({ code: "EPIPE" });
      return;
    }
    const item = model.take();
    model.answers.push(item === undefined ? "waits" : { got: item });
    if (item === undefined) model.receives.push({ id, item: -1 });
  }
}

class Cancel extends Command {
  readonly #which: number;

  constructor(which: number) {
    super();
    this.#which = which;
  }

  protected override act(model: Model, { asked }: Real): void {
    const id = model.answers.length === 0 ? -1 : this.#which % model.answers.length;
    if (model.answers[id] !== "waits") return;
    asked[id].cancel();
    model.answers[id] = { code: "ECANCELED" };
    for (const { item } of model.sends.filter((send) => send.id === id)) model.dropped.push(item);
    model.sends = model.sends.filter((send) => send.id !== id);
    model.receives = model.receives.filter((receive) => receive.id !== id);
  }

  override toString(): string {
    return `Cancel(${this.#which})`;
  }
}

class Close extends Command {
  protected override act(model: Model, { channel, world }: Real): void {
    channel.close();
    model.close();
    world.settle();
  }
}

class Dispose extends Command {
  protected override act(model: Model, { channel, world }: Real): void {
    channel[Symbol.dispose]();
    model.close();
    model.dropped.push(...model.buffer.splice(0));
    world.settle();
  }
}

const commands = [
  fc.constant(new TryPush()),
  fc.constant(new TryPop()),
  fc.constant(new Send()),
  fc.constant(new Send()),
  fc.constant(new Receive()),
  fc.constant(new Receive()),
  fc.nat(40).map((which) => new Cancel(which)),
];
const endings = [fc.constant(new Close()), fc.constant(new Dispose())];

function check(way: Way, capacity: number, overflow: Overflow): void {
  fc.assert(
    fc.property(fc.commands([...commands, ...commands, ...commands, ...endings], { maxCommands: 60 }), (run) => {
      const real = new Real(way, capacity, overflow);
      fc.modelRun(() => ({ model: new Model(capacity, overflow), real }), run);
      const waiting = real.channel.statistics();
      real.channel[Symbol.dispose]();
      real.world.settle();
      assertEquals(real.asked.filter((asked) => asked.answer() === "waits").length, 0, `${waiting.pushes + waiting.pops} waited`);
      assertEquals(real.world.end(), { reported: [], left: [] });
    }),
    runs(100),
  );
}

for (const way of ways) {
  for (const capacity of [0, 1, 3, Infinity]) {
    Deno.test(`Channel of capacity ${capacity}, asked by ${way}, does what the model does`, () => check(way, capacity, "wait"));
  }
  for (const overflow of ["drop-oldest", "drop-latest"] as const) {
    Deno.test(`Channel that does ${overflow}, asked by ${way}, does what the model does`, () => check(way, 2, overflow));
  }
}
