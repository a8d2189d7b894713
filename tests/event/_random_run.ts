/**
 * A loop whose sources come, change and go at random, in a world where things go wrong, all by one seed. After each step all that
 * can be seen is compared with what is promised.
 *
 * @module
 */

import { type Enabled, EventLoop, type LimitedSource, type QueuedSource, simulatedKernel, type Source, SystemError } from "@sd/fibers";
import { assert, assertEquals } from "@std/assert";
import { Random } from "../../event/kernel/simulated/random.ts";
import type { SourceHandle } from "../../event/source_handle.ts";
import type { SourceNode } from "../../event/source_node.ts";

/** What callbacks throw now and then. */
export const failure = new Error("as the program says");

/** Steps of a program before its world comes to rest. */
const steps = 120;
/** Iterations that are more than enough for it to come to rest. */
const patience = 20_000;
/** A round of iterations after which nothing is left that was to come at some time. */
const longUsec = 20_000;

/** One source, what it waits for, and what is known about it without asking it. */
export abstract class Actor {
  readonly run: RandomRun;
  readonly title: string;
  source!: Source;
  gone = false;
  destroyed = 0;

  constructor(run: RandomRun, type: string) {
    this.run = run;
    this.title = `${type} ${run.actors.length}`;
  }

  /** The options for its source. */
  get options(): { priority: number; enabled: Enabled; onDestroy: () => void } {
    const { run } = this;
    return {
      priority: run.below(5) - 2,
      enabled: run.oneOf<Enabled>("on", "on", "oneshot", "off"),
      onDestroy: () => {
        run.note(`${this.title} is destroyed`);
        this.destroyed++;
      },
    };
  }

  get node(): SourceNode {
    return (this.source as SourceHandle).node;
  }

  /** In the exit phase it runs, and in no other. */
  get isExit(): boolean {
    return false;
  }

  /** As far as the kernel and the clocks tell it is ready, and has to be found. */
  get isReady(): boolean {
    return false;
  }

  /** The latest time for it has passed. */
  get isLate(): boolean {
    return false;
  }

  /** It takes a rate limit. */
  get limitable(): boolean {
    return false;
  }

  /** Lets happen what it waits for. */
  happen(): void {}

  /** Takes note that what it had to deliver is gone: it is being turned off or moved. */
  forget(): void {}

  /** Takes note that it has another priority. */
  moved(): void {}

  /** Consumes what it was called for: a text for the trace. */
  abstract consume(argument: unknown): string;

  /** The callback. */
  readonly called = (argument: unknown): void => this.run.called(this, argument);

  /** The world is coming to rest: what is due shall come, and nothing that never ends. */
  settle(): void {
    this.run.enable(this, "on");
  }

  /** The kernel has let it. */
  get isSettled(): boolean {
    return this.source.enabled === "on";
  }

  /** At rest: what should have been delivered and was not. */
  get lost(): string {
    return "";
  }

  /** Lets go of what is not the source's. */
  close(): void {}
}

/** See the head of this module. */
export class RandomRun {
  readonly seed: number;
  readonly random: Random;
  readonly kernel: ReturnType<typeof simulatedKernel>;
  readonly loop: EventLoop;
  readonly actors: Actor[] = [];
  /** All that happened, with results and times. */
  readonly trace: string[] = [];
  /** The world comes to rest: callbacks consume all that there is and do nothing else. */
  calm = false;
  readonly #makers: readonly ((run: RandomRun) => Actor)[];
  /** What may be dispatched now, while something is being dispatched: its priority, and since when it is pending. */
  #candidates: ReadonlyMap<Actor, readonly [priority: number, iteration: number]> = new Map();
  /** What has to go first or be equally important: what was ready before the iteration began. */
  #ready: readonly Actor[] = [];
  #calls = 0;
  /** What a callback found broken: the loop takes it for a failure of the source. */
  #broken: unknown = undefined;
  #prepared = new Set<Actor>();

  constructor(seed: number, makers: readonly ((run: RandomRun) => Actor)[]) {
    this.seed = seed;
    this.random = new Random(seed);
    this.#makers = makers;
    const chance = () => this.oneOf(0, 0, 0.05, 0.3);
    const faults = {
      EINTR: chance(),
      EAGAIN: chance(),
      "short-read": chance(),
      "short-write": chance(),
      ECONNRESET: chance() / 10,
      ENOSPC: chance() / 5,
    };
    this.kernel = simulatedKernel({ seed, faults });
    this.loop = new EventLoop({
      kernel: this.kernel,
      polling: seed % 2 === 0 ? "batch" : "every",
      onError: (error, origin) => {
        if (error !== failure) this.#broken ??= error;
        this.note(`${origin.kind} '${origin.name}' fails`);
      },
    });
  }

  /** Whole numbers from 0 up to, but not including, the limit. */
  below(limit: number): number {
    return this.random.upTo(limit) - 1;
  }

  oneOf<T>(...choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  note(text: string): void {
    this.trace.push(`${this.kernel.now(2)}: ${text}`);
  }

  /** Plays it to its end; what is broken is thrown. */
  play(): void {
    for (let step = 0; step < steps; step++) this.#step();
    this.#comeToRest();
    this.#exit();
  }

  #step(): void {
    const choice = this.below(100);
    if (choice < 45) this.#iterate(this.oneOf(0, 0, 0, this.below(300)));
    else if (choice < 57) this.#add();
    else if (choice < 65) this.#pass(this.below(400));
    else this.#change();
  }

  #pass(usec: number): void {
    this.kernel.advance(usec);
    this.note(`${usec} us pass`);
  }

  #add(): void {
    try {
      const actor = this.oneOf(...this.#makers)(this);
      this.actors.push(actor);
      this.note(`${actor.title} is ${actor.source.enabled} at ${actor.source.priority}`);
    } catch (error) {
      this.#allowRefusal(error);
    }
  }

  /** Watches cannot always be had, and there is one source for a signal. */
  #allowRefusal(error: unknown): void {
    if (!(error instanceof SystemError) || !["ENOSPC", "EBUSY", "EOPNOTSUPP"].includes(error.code)) throw error;
    this.note(`refused: ${error.code}`);
  }

  /** Changes one of the sources that are there. */
  #change(): void {
    const live = this.actors.filter((actor) => !actor.gone);
    if (live.length === 0) return;
    const actor = this.oneOf(...live);
    const choice = this.below(10);
    if (choice < 4) actor.happen();
    else if (choice < 6) this.enable(actor, this.oneOf<Enabled>("on", "oneshot", "off"));
    else if (choice < 7) this.#prioritise(actor, this.below(5) - 2);
    else if (choice < 8) this.#dispose(actor);
    else if (!actor.isExit && choice < 9) this.#togglePrepare(actor);
    else this.#limit(actor);
  }

  /** Turns it on or off; on takes a watch, which may be refused. */
  enable(actor: Actor, enabled: Enabled): void {
    const { source } = actor;
    if (enabled === "off" && source.enabled !== "off") actor.forget();
    try {
      source.enabled = enabled;
    } catch (error) {
      this.#allowRefusal(error);
    }
    this.note(`${actor.title} is ${source.enabled}`);
  }

  #prioritise(actor: Actor, priority: number): void {
    try {
      actor.source.priority = priority;
      actor.moved();
    } catch (error) {
      this.#allowRefusal(error);
    }
    this.note(`${actor.title} has priority ${actor.source.priority}`);
  }

  #dispose(actor: Actor): void {
    this.note(`${actor.title} is disposed`);
    actor.gone = true;
    actor.source[Symbol.dispose]();
  }

  #togglePrepare(actor: Actor): void {
    const source = actor.source as QueuedSource;
    source.prepare = source.prepare === undefined ? () => this.#prepare(actor) : undefined;
    this.note(`${actor.title} ${source.prepare === undefined ? "is not" : "is"} prepared`);
  }

  #prepare(actor: Actor): void {
    this.note(`${actor.title} prepares`);
    assertEquals(this.loop.state, "preparing");
    assert(!actor.gone && actor.node.online, `${actor.title} prepares though it is off or gone`);
    assert(!this.#prepared.has(actor), `${actor.title} prepares twice`);
    this.#prepared.add(actor);
    if (!this.calm && this.below(3) === 0) this.#change();
  }

  #limit(actor: Actor): void {
    if (!actor.limitable) return;
    const source = actor.source as LimitedSource;
    try {
      if (source.rateLimit !== undefined && this.below(2) === 0) this.note(`leaveRateLimit(): ${source.leaveRateLimit()}`);
      else {
        const limit = source.rateLimit === undefined ? { interval: 1 + this.below(500), burst: 1 + this.below(3) } : undefined;
        source.rateLimit = limit;
        source.onRateLimitExpired = this.oneOf(undefined, () => this.note(`${actor.title} may go on`));
        this.note(`${actor.title} has limit ${limit?.burst} in ${limit?.interval}`);
      }
    } catch (error) {
      this.#allowRefusal(error);
    }
  }

  /** One iteration; whether anything was dispatched. */
  #iterate(timeout: number): boolean {
    const { loop } = this;
    const { iteration } = loop;
    const ready = this.actors.filter((actor) => !actor.gone && !actor.isExit && actor.node.online && actor.isReady);
    this.#prepared.clear();
    try {
      if (!loop.prepare() && !this.#wait(timeout)) {
        this.note("nothing");
        return false;
      }
    } catch (error) {
      this.#allowRefusal(error);
      assertEquals(loop.state, "initial");
      return true;
    }
    this.#check();
    assertEquals([loop.state, loop.iteration], ["pending", iteration + 1]);
    this.#ready = ready;
    this.#dispatch();
    return true;
  }

  /** Waits, and not for too long. */
  #wait(timeout: number): boolean {
    const waiting = this.actors.filter((actor) => !actor.gone && actor.node.online && !actor.node.isPending && !actor.isLate);
    const answer = this.loop.waitSync(timeout);
    for (const actor of waiting) assert(!actor.isLate, `${actor.title} is late`);
    return answer;
  }

  /** One dispatch; `false`: the loop has finished. */
  #dispatch(): boolean {
    const { loop } = this;
    const isExit = loop.exitCode !== undefined;
    const candidates = this.actors.filter((actor) => !actor.gone && actor.isExit === isExit && actor.node.online && actor.node.isPending);
    this.#candidates = new Map(candidates.map((actor) => [actor, [actor.node.rank, actor.node.pendingIteration]]));
    this.#calls = 0;
    const answer = loop.dispatch();
    this.#candidates = new Map();
    this.#ready = [];
    this.#check();
    return answer;
  }

  #check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** A main callback runs. */
  called(actor: Actor, argument: unknown): void {
    this.note(`${actor.title} is called in ${this.loop.iteration}`);
    assertEquals(++this.#calls, 1, "Two callbacks in one dispatch");
    assert(!actor.gone, `${actor.title} is called after its disposal`);
    const own = this.#candidates.get(actor);
    assert(own !== undefined, `${actor.title} is called though it was not pending or not enabled`);
    for (const [other, [priority, iteration]] of this.#candidates) {
      const isBefore = priority < own[0] || (priority === own[0] && iteration < own[1]);
      assert(!isBefore || (actor.isExit && priority === own[0]), `${actor.title} is called before ${other.title}`);
    }
    for (const other of this.#ready) {
      const isBefore = !other.gone && other.node.online && other.isReady && other.node.rank < actor.node.rank;
      assert(!isBefore, `${actor.title} is called though ${other.title} is ready`);
    }
    this.#candidates = new Map();
    this.#ready = [];
    this.note(`${actor.title}: ${actor.consume(argument)}`);
    if (this.calm) return;
    for (let changes = this.below(3); changes > 0; changes--) this.oneOf(() => this.#change(), () => this.#add())();
    if (this.below(20) > 0) return;
    if (!actor.gone) actor.forget();
    throw failure;
  }

  /** Nothing new happens from now on: what is under way must arrive. */
  #comeToRest(): void {
    this.calm = true;
    const live = this.actors.filter((actor) => !actor.gone && !actor.isExit);
    for (const { source } of live) {
      (source as QueuedSource).prepare = undefined;
    }
    for (const actor of live) if (actor.limitable) this.#insist(() => (actor.source as LimitedSource).rateLimit = undefined);
    for (const actor of live) this.#insist(() => actor.settle(), () => actor.isSettled);
    for (let rounds = 0, count = 0; rounds < 3; count++) {
      assert(count < patience, "It does not come to rest");
      if (this.#iterate(0)) continue;
      this.#pass(longUsec);
      rounds++;
    }
    for (const actor of live) assertEquals(actor.lost, "", `${actor.title} has lost something`);
  }

  /** Tries until the kernel has a watch to give. */
  #insist(action: () => void, isDone: () => boolean = () => true): void {
    for (let tries = 0; tries < 100; tries++) {
      try {
        action();
        if (isDone()) return;
      } catch (error) {
        this.#allowRefusal(error);
      }
    }
    throw new Error("There is never a watch to be had");
  }

  #exit(): void {
    const { loop } = this;
    const wanted = this.actors.filter((actor) => actor.isExit && !actor.gone);
    for (const actor of wanted) this.enable(actor, "oneshot");
    loop.exit(this.seed);
    const order: number[] = [];
    for (let count = 0; loop.state !== "finished"; count++) {
      assert(count <= wanted.length, "The exit phase does not end");
      assertEquals(loop.prepare(), true);
      const [first] = this.actors.filter((actor) => actor.isExit && !actor.gone && actor.node.online).map((actor) => actor.node.rank)
        .sort((a, b) => a - b);
      if (this.#dispatch()) order.push(first);
    }
    assertEquals(order.length, wanted.length);
    assertEquals(loop.exitCode, this.seed);
    loop[Symbol.dispose]();
    for (const actor of this.actors) {
      assertEquals(actor.destroyed, 1, `onDestroy of ${actor.title}`);
      actor.close();
    }
    assertEquals(this.kernel.leaks(), []);
  }
}
