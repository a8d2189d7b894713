/**
 * Random programs of fibers, and what must hold after each step of them.
 *
 * A program is data: scripts of fibers, and what happens to them from outside. While it runs everything that can be seen from outside is compared with
 * what the invariants of the specification (section 23) say.
 *
 * @module
 */

import fc from "fast-check";
import {
  all,
  CancelledError,
  cancelWait,
  Fiber,
  Future,
  FutureGroup,
  type FutureSlot,
  isInterruption,
  type Operation,
  type Outcome,
  race,
  type Resolver,
  scope,
  settled,
  shield,
  sleep,
  spawn,
  suspend,
  SystemError,
  TimeoutError,
  type TimeoutScope,
  timeoutScope,
  yieldNow,
} from "@sd/fibers";
import { coreOf } from "../../event/event_loop.ts";
import { futureCoreOf } from "../../future/future.ts";
import { Simulation } from "../_simulation.ts";

/**
 * What a fiber does, one thing after the other. `swallow`: an error of it does not end the script. `late`: the fiber runs after all
 * others from then on, so that much can be queued for it before.
 */
export type Step = { readonly swallow: boolean } & Action;

type Action =
  | { readonly kind: "yield" | "suspend" | "throw" | "return" | "exit" }
  | { readonly kind: "sleep"; readonly usec: number }
  | {
    readonly kind: "await" | "settled" | "resolve" | "reject" | "cancel future" | "cancelWait future" | "callback" | "remove callback";
    readonly future: number;
  }
  | { readonly kind: "cancel" | "resume" | "fail" | "await fiber" | "cancelWait fiber"; readonly fiber: number }
  | { readonly kind: "priority"; readonly priority: number }
  | { readonly kind: "spawn"; readonly script: readonly Step[]; readonly floating: boolean; readonly priority: number }
  | { readonly kind: "deadline"; readonly usec: number; readonly late: boolean; readonly script: readonly Step[] }
  | { readonly kind: "shield"; readonly grace: number; readonly script: readonly Step[] }
  | { readonly kind: "scope" | "all" | "race"; readonly scripts: readonly (readonly Step[])[] }
  | { readonly kind: "group"; readonly futures: readonly number[]; readonly any: boolean; readonly ignoreErrors: boolean };

/** What happens from outside. */
export type Event =
  | { readonly kind: "tick"; readonly count: number }
  | { readonly kind: "advance"; readonly count: number }
  | Extract<
    Action,
    { readonly kind: "resolve" | "reject" | "cancel" | "resume" | "fail" | "cancel future" | "callback" | "remove callback" | "exit" }
  >;

/** A whole program. */
export interface Program {
  readonly scripts: readonly (readonly Step[])[];
  readonly events: readonly Event[];
}

const futureCount = 4;

/** Any program. */
export function programs(): fc.Arbitrary<Program> {
  const future = fc.nat(futureCount - 1);
  const fiber = fc.nat(7);
  const usec = fc.nat(20);
  const priority = fc.integer({ min: -2, max: 2 });
  const simple = fc.oneof(
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("exit" as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constantFrom("yield" as const, "suspend" as const, "throw" as const, "return" as const) }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("sleep" as const), usec }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("await" as const, "settled" as const), future }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("resolve" as const, "reject" as const, "callback" as const, "remove callback" as const),
        future,
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("cancel future" as const, "cancelWait future" as const), future }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("cancel" as const, "resume" as const, "fail" as const), fiber }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("await fiber" as const, "cancelWait fiber" as const), fiber }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("priority" as const), priority }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("group" as const),
        futures: fc.array(future, { minLength: 1, maxLength: 3 }),
        any: fc.boolean(),
        ignoreErrors: fc.boolean(),
      }),
    },
  );
  const { script } = fc.letrec<{ script: Step[]; step: Step; nested: Action }>((tie) => ({
    script: fc.array(tie("step"), { maxLength: 5, depthIdentifier: "script" }),
    step: fc.tuple(fc.boolean(), fc.oneof({ depthSize: "small", depthIdentifier: "script" }, simple, tie("nested"))).map((
      [swallow, action],
    ) => ({ swallow, ...action }) as Step),
    nested: fc.oneof(
      fc.record({ kind: fc.constant("spawn" as const), script: tie("script"), floating: fc.boolean(), priority }),
      fc.record({ kind: fc.constant("deadline" as const), usec, late: fc.boolean(), script: tie("script") }),
      fc.record({ kind: fc.constant("shield" as const), grace: fc.oneof(usec, fc.constant(Infinity)), script: tie("script") }),
      fc.record({ kind: fc.constantFrom("scope" as const, "all" as const), scripts: fc.array(tie("script"), { maxLength: 3 }) }),
      fc.record({ kind: fc.constant("race" as const), scripts: fc.array(tie("script"), { minLength: 1, maxLength: 3 }) }),
    ) as fc.Arbitrary<Action>,
  }));
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("tick" as const), count: fc.integer({ min: 1, max: 6 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("advance" as const), count: usec }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom("resolve" as const, "reject" as const, "cancel future" as const), future }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("callback" as const, "remove callback" as const), future }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("cancel" as const, "resume" as const, "fail" as const), fiber }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("exit" as const) }) },
  ) as fc.Arbitrary<Event>;
  return fc.record({ scripts: fc.array(script, { minLength: 1, maxLength: 4 }), events: fc.array(event, { maxLength: 25 }) });
}

/** A fiber of the program, and what is known of it. */
interface Actor {
  readonly fiber: Fiber<unknown>;
  ended: boolean;
  /** Somebody resumed it by hand. */
  resumed: boolean;
  /** A cancellation that `cancel` said is new, and that it was not told of yet. */
  cancelPending: boolean;
  shields: number;
  /** Its deadlines that are open. */
  readonly deadlines: Map<TimeoutScope, Deadline>;
}

/** A deadline of a fiber. */
interface Deadline {
  /** The priority that it was opened with. */
  readonly priority: number;
  told: boolean;
  /** It had expired when the fiber was told of something else that goes before it. */
  excused: boolean;
}

/** A callback of the program. */
interface Callback {
  readonly future: Future<unknown>;
  readonly slot: FutureSlot;
  removed: boolean;
  calls: number;
}

/** Runs one program; throws when something does not hold. */
export class ProgramRun {
  readonly #world = new Simulation();
  readonly #pool: readonly Resolver<number>[];
  readonly #actors: Actor[] = [];
  readonly #callbacks: Callback[] = [];
  readonly #groups: { readonly group: Future<unknown>; readonly children: readonly Future<unknown>[] }[] = [];
  readonly #outcomes = new Map<Future<unknown>, Outcome<unknown>>();
  readonly #seen = new Set<unknown>();
  readonly #violations: string[] = [];
  /** Something is being done that must not call back. */
  #busy = false;
  #exiting = false;

  constructor() {
    this.#pool = Array.from({ length: futureCount }, () => Future.withResolvers<number>(this.#world.loop));
  }

  run(program: Program): void {
    const { loop } = this.#world;
    for (const script of program.scripts) this.#spawn(script, { priority: 0, floating: false });
    for (const event of program.events) {
      if (loop.state === "finished") break;
      this.#happen(event);
      this.#check();
    }
    this.#runToRest();
    if (loop.state !== "finished") {
      this.#exit();
      while (this.#tick());
    }
    this.#checkEnd();
  }

  #runToRest(): void {
    const { loop, kernel } = this.#world;
    for (let rounds = 0; rounds < 50 && loop.state !== "finished"; rounds++) {
      while (this.#tick());
      kernel.advance(10);
    }
  }

  /** One tick, unless there is nothing to do. */
  #tick(): boolean {
    const { loop } = this.#world;
    if (loop.state === "finished" || !loop.runSync(0)) return false;
    this.#check();
    return true;
  }

  #happen(event: Event): void {
    if (event.kind === "tick") { for (let i = 0; i < event.count && this.#tick(); i++); }
    else if (event.kind === "advance") this.#world.kernel.advance(event.count);
    else this.#act(event, undefined);
  }

  #exit(): void {
    this.#exiting = true;
    this.#world.loop.exit(0);
  }

  /** What needs no wait. `false`: it is something else. */
  #act(action: Action, self: Actor | undefined): boolean {
    this.#busy = true;
    try {
      return this.#actQuietly(action, self);
    } finally {
      this.#busy = false;
    }
  }

  #actQuietly(action: Action, self: Actor | undefined): boolean {
    switch (action.kind) {
      case "resolve":
      case "reject":
      case "cancel future":
        this.#settle(action.kind, this.#pool[action.future]);
        return true;
      case "callback":
        this.#addCallback(this.#pool[action.future].future);
        return true;
      case "remove callback":
        this.#removeCallback(action.future);
        return true;
      case "cancel":
      case "resume":
      case "fail":
        this.#wake(action.kind, this.#actors[action.fiber], self);
        return true;
      case "priority":
        self?.fiber.setPriority(action.priority);
        return true;
      case "exit":
        this.#exit();
        return true;
      default:
        return false;
    }
  }

  #settle(kind: "resolve" | "reject" | "cancel future", { future, resolve, reject }: Resolver<number>): void {
    const before = future.state;
    let code: string | undefined;
    let newly: boolean | undefined;
    try {
      if (kind === "resolve") resolve(1);
      else if (kind === "reject") reject(new RangeError("rejected"));
      else newly = future.cancel();
    } catch (error) {
      code = (error as SystemError).code;
    }
    this.#expect(
      code === (before === "resolved" && kind !== "cancel future" ? "ESTALE" : undefined),
      `${kind} of a ${before} future: ${code}`,
    );
    if (newly !== undefined) this.#expect(newly === (before === "pending"), `cancel of a ${before} future says ${newly}`);
    this.#expect(future.state === "resolved", `${kind} left its future pending`);
  }

  #addCallback(future: Future<unknown>): void {
    const slot = future.addCallback(() => {
      callback.calls++;
      this.#expect(!this.#busy, "a callback was called inline");
      this.#expect(!callback.removed, "a callback was called after it had been removed");
      this.#expect(callback.calls === 1, "a callback was called twice");
      this.#expect(future.state === "resolved", "a callback was called for a pending future");
    });
    const callback: Callback = { future, slot, removed: false, calls: 0 };
    this.#callbacks.push(callback);
  }

  #removeCallback(index: number): void {
    const callback = this.#callbacks[index];
    if (callback === undefined) return;
    callback.slot[Symbol.dispose]();
    callback.removed ||= callback.calls === 0;
  }

  #wake(kind: "cancel" | "resume" | "fail", actor: Actor | undefined, self: Actor | undefined): void {
    if (actor === undefined) return;
    const { fiber } = actor;
    const { status } = fiber;
    if (kind === "resume") fiber.resume("by hand");
    else if (kind === "fail") fiber.resumeWithError(new RangeError("by hand"));
    else if (actor !== self) {
      const newly = fiber.cancel("by hand");
      this.#expect(!(status === "completed" && newly), "cancel of a completed fiber says that it is new");
      this.#expect(fiber.cancelled || status === "completed", "a cancelled fiber does not say so");
      if (newly && fiber.state === "pending") actor.cancelPending = true;
    }
    if (kind !== "cancel" && status !== "completed") actor.resumed = true;
    if (status === "suspended") this.#expect(fiber.status === "suspended" || fiber.status === "ready", `a woken fiber is ${fiber.status}`);
  }

  #spawn(script: readonly Step[], options: { priority: number; floating: boolean }): Fiber<unknown> {
    const actor = { fiber: undefined as unknown as Fiber<unknown> };
    const fiber: Fiber<unknown> = spawn(() => this.#play(this.#actors.find(({ fiber }) => fiber === actor.fiber)!, script), {
      loop: this.#world.loop,
      ...options,
    });
    actor.fiber = fiber;
    this.#enroll(fiber);
    return fiber;
  }

  #enroll(fiber: Fiber<unknown>): Actor {
    const actor: Actor = { fiber, ended: false, resumed: false, cancelPending: false, shields: 0, deadlines: new Map() };
    this.#actors.push(actor);
    return actor;
  }

  /** A body that runs on a fiber of somebody else's making. */
  #body(script: readonly Step[]): () => Operation<unknown> {
    return () => this.#play(this.#enroll(Fiber.current!), script);
  }

  *#play(actor: Actor, script: readonly Step[]): Operation<unknown> {
    this.#checkEntered(actor);
    try {
      return yield* this.#steps(actor, script);
    } finally {
      actor.ended = true;
    }
  }

  *#steps(actor: Actor, script: readonly Step[]): Operation<unknown> {
    for (const step of script) {
      try {
        if (step.kind === "return") return "early";
        yield* this.#step(actor, step);
      } catch (error) {
        this.#checkEntered(actor);
        // Who goes on in the exit phase need not come to an end.
        if (!step.swallow || this.#exiting) throw error;
      }
      this.#checkEntered(actor);
    }
    return "done";
  }

  *#step(actor: Actor, step: Step): Operation<void> {
    if (this.#act(step, actor)) return;
    switch (step.kind) {
      case "throw":
        throw new RangeError("thrown");
      case "yield":
        yield* this.#wait(actor, yieldNow());
        return this.#checkDeadlines(actor);
      case "suspend":
        yield* this.#wait(actor, suspend());
        this.#checkDeadlines(actor);
        return this.#expect(actor.resumed, "suspend() returned though nobody resumed the fiber");
      case "sleep":
        return yield* this.#sleep(actor, step.usec);
      case "await":
      case "settled":
        return yield* this.#await(actor, this.#pool[step.future].future, step.kind);
      case "cancelWait future":
        return yield* this.#cancelWait(actor, this.#pool[step.future].future);
      case "await fiber":
      case "cancelWait fiber": {
        const other = this.#actors[step.fiber];
        if (other === undefined || other === actor || this.#leadsTo(other, actor)) return;
        return yield* step.kind === "await fiber" ? this.#await(actor, other.fiber, "settled") : this.#cancelWait(actor, other.fiber);
      }
      case "spawn":
        this.#spawnOn(step);
        return;
      case "deadline":
        return yield* this.#deadline(actor, step);
      case "shield":
        return yield* this.#shield(actor, step);
      case "scope":
        return yield* this.#wait(actor, scope(this.#scopeBody(step.scripts)));
      case "all":
        yield* this.#wait(actor, all(step.scripts.map((script) => this.#body(script))));
        return;
      case "race":
        yield* this.#wait(actor, race(step.scripts.map((script) => this.#body(script))));
        return;
      case "group":
        return yield* this.#group(actor, step);
    }
  }

  /** Two that wait for each other wait for ever; what waits for its own child's parent does, too. */
  #leadsTo(from: Actor, to: Actor): boolean {
    return this.#exiting || from.fiber.awaiting === to.fiber || this.#actors.indexOf(from) < this.#actors.indexOf(to);
  }

  /** Waits; what comes out is looked at, once. */
  *#wait<T>(actor: Actor, operation: Operation<T>, target?: Future<unknown>): Operation<T> {
    const wasCancelled = actor.cancelPending && actor.shields === 0 && target?.state !== "resolved";
    try {
      const value = yield* operation;
      this.#checkEntered(actor);
      this.#expect(!wasCancelled, "a wait passed over a cancellation");
      return value;
    } catch (error) {
      this.#checkEntered(actor);
      this.#expect(
        !(isInterruption(error) && target?.state === "resolved") || this.#isOutcome(target, error),
        "a wait that had ended was interrupted",
      );
      if (!this.#seen.has(error) && !this.#isOutcome(target, error)) this.#told(actor, error);
      this.#seen.add(error);
      throw error;
    }
  }

  #isOutcome(target: Future<unknown> | undefined, error: unknown): boolean {
    return target?.outcome?.status === "rejected" && target.outcome.reason === error;
  }

  #told(actor: Actor, error: unknown): void {
    if (error instanceof CancelledError) {
      this.#expect(actor.fiber.cancelled, "a fiber was told of a cancellation that there was not");
      actor.cancelPending = false;
    } else if (error instanceof TimeoutError) {
      const deadline = actor.deadlines.get(error.scope!);
      this.#expect(deadline !== undefined, "a fiber was told of a deadline that is not open");
      this.#expect(deadline?.told !== true, "a fiber was told of a deadline twice");
      this.#expect(error.scope!.expired, "a fiber was told of a deadline that has not expired");
      this.#expect(!actor.cancelPending || actor.shields > 0, "a cancellation became a deadline");
      if (deadline !== undefined) deadline.told = true;
    } else if (error instanceof SystemError && error.code === "EBUSY") {
      this.#expect(actor.resumed, "a fiber was woken by nobody");
    }
    if (isInterruption(error)) { for (const [scope, deadline] of actor.deadlines) deadline.excused ||= scope.expired; }
  }

  /** A suspension has ended by itself. It could not if an expired deadline was queued, as it was where that is the more important one. */
  #checkDeadlines(actor: Actor): void {
    if (actor.shields > 0) return;
    for (const [scope, { priority, told, excused }] of actor.deadlines) {
      const isQueued = scope.expired && priority < actor.fiber.priority && !told && !excused;
      this.#expect(!isQueued, "a suspension passed over a deadline");
    }
  }

  *#sleep(actor: Actor, usec: number): Operation<void> {
    const start = this.#world.loop.now();
    yield* this.#wait(actor, sleep(usec));
    this.#expect(this.#world.loop.now() - start >= usec, "a fiber slept too short");
  }

  *#await(actor: Actor, target: Future<unknown>, kind: "await" | "settled"): Operation<void> {
    const operation: Operation<unknown> = kind === "await" ? target : settled(target);
    yield* this.#wait(actor, operation, target);
    this.#expect(target.state === "resolved", "a wait ended before its target");
    this.#expect(actor.fiber.awaiting === undefined, "a fiber that runs awaits something");
  }

  *#cancelWait(actor: Actor, target: Future<unknown>): Operation<void> {
    try {
      yield* cancelWait(target);
      this.#checkEntered(actor);
    } catch (error) {
      this.#expect(!isInterruption(error), "cancelWait() was interrupted");
      throw error;
    }
    this.#expect(target.state === "resolved", "cancelWait() returned before its target had ended");
  }

  #spawnOn(step: Extract<Action, { kind: "spawn" }>): void {
    try {
      this.#spawn(step.script, { priority: step.priority, floating: step.floating });
    } catch (error) {
      this.#expect(this.#exiting && (error as SystemError).code === "ECANCELED", `a fiber was refused: ${error}`);
      throw error;
    }
  }

  *#deadline(actor: Actor, { usec, late, script }: Extract<Action, { kind: "deadline" }>): Operation<void> {
    const deadline = timeoutScope(usec);
    actor.deadlines.set(deadline, { priority: actor.fiber.priority, told: false, excused: false });
    if (late) actor.fiber.setPriority(10);
    try {
      yield* this.#steps(actor, script);
    } finally {
      actor.deadlines.delete(deadline);
      deadline[Symbol.dispose]();
    }
  }

  *#shield(actor: Actor, { grace, script }: Extract<Action, { kind: "shield" }>): Operation<void> {
    actor.shields++;
    try {
      yield* shield(() => this.#steps(actor, script), { grace });
    } finally {
      actor.shields--;
    }
  }

  #scopeBody(scripts: readonly (readonly Step[])[]): Parameters<typeof scope<void>>[0] {
    const bodies = scripts.map((script) => this.#body(script));
    const [first, ...others] = bodies;
    return function* (children) {
      for (const body of others) children.spawn(body);
      if (first !== undefined) yield* first();
    };
  }

  *#group(actor: Actor, step: Extract<Action, { kind: "group" }>): Operation<void> {
    const { loop } = this.#world;
    const children = [...new Set(step.futures.map((index) => this.#pool[index].future))];
    const options = { ignoreErrors: step.ignoreErrors };
    const group: FutureGroup<unknown, unknown> = step.any ? FutureGroup.any(loop, options) : FutureGroup.all(loop, options);
    group.add(...children);
    this.#groups.push({ group, children });
    yield* this.#wait(actor, settled(group));
  }

  // What must hold

  #expect(holds: boolean, message: string): void {
    if (!holds) this.#violations.push(message);
  }

  /** It runs, alone, and has not ended. */
  #checkEntered(actor: Actor): void {
    this.#expect(Fiber.current === actor.fiber, "a fiber runs and is not the current one");
    this.#expect(actor.fiber.status === "running", `a fiber runs and is ${actor.fiber.status}`);
    this.#expect(!actor.ended, "a fiber was entered after its end");
  }

  #check(): void {
    this.#expect(Fiber.current === undefined, "a fiber is current between two ticks");
    for (const { future } of this.#pool) this.#checkFuture(future);
    for (const { fiber } of this.#actors) this.#checkFuture(fiber);
    for (const { group, children } of this.#groups) {
      this.#checkFuture(group);
      if (group.state === "resolved") this.#expect(children.every(({ state }) => state === "resolved"), "a group resolved before a child");
    }
    const allEnded = this.#actors.every(({ fiber }) => fiber.state === "resolved");
    if (allEnded) this.#expect(coreOf(this.#world.loop).sources.first === undefined, "a source was left by fibers that have ended");
    for (const { fiber, ended } of this.#actors) {
      this.#expect(fiber.status !== "running", "a fiber runs between two ticks");
      this.#expect((fiber.state === "resolved") === (fiber.status === "completed"), `a ${fiber.state} fiber is ${fiber.status}`);
      if (fiber.status === "completed") this.#expect(fiber.awaiting === undefined, "a completed fiber awaits something");
      else if (ended) this.#expect(fiber.status === "suspended" || fiber.status === "ready", "a fiber that ended has vanished");
    }
    if (this.#violations.length > 0) throw new Error(this.#violations[0]);
  }

  /** It resolves once, and what waits for it is what says that it does. */
  #checkFuture(future: Future<unknown>): void {
    const core = futureCoreOf(future);
    const { observed } = core;
    const { outcome } = future;
    core.observed = observed;
    const before = this.#outcomes.get(future);
    if (before !== undefined) {
      this.#expect(outcome?.status === before.status, "an outcome changed");
      const same = outcome?.status === "fulfilled"
        ? Object.is(outcome.value, (before as { value: unknown }).value)
        : outcome?.reason === (before as { reason: unknown }).reason;
      this.#expect(same, "the content of an outcome changed");
    } else if (outcome !== undefined) {
      this.#outcomes.set(future, outcome);
    }
    if (outcome !== undefined) this.#expect(core.firstWaiter === undefined, "something waits for a resolved future");
  }

  /** The loop has finished. */
  #checkEnd(): void {
    const { loop } = this.#world;
    this.#expect(loop.state === "finished", `the loop is ${loop.state}`);
    for (const { fiber } of this.#actors) this.#expect(fiber.status === "completed", `a fiber is ${fiber.status} at the end`);
    for (const { future, calls, removed } of this.#callbacks) {
      if (removed) this.#expect(calls === 0, "a removed callback was called");
      else if (future.state === "resolved") this.#expect(calls === 1, `a callback of a resolved future was called ${calls} times`);
    }
    for (const { future } of this.#pool) {
      const kept = this.#callbacks.some((callback) => callback.future === future && !callback.removed);
      if (!kept && future.state === "pending") this.#expect(!hasWaiter(future), "an abandoned wait stayed registered");
    }
    const { reported, left } = this.#world.end();
    for (const message of reported) this.#expect(!/has not ended|AssertionError|TypeError/.test(message), message);
    for (const leak of left) this.#expect(false, `left behind: ${leak}`);
    if (this.#violations.length > 0) throw new Error(this.#violations[0]);
  }
}

/** Something waits for it besides groups, whose callbacks stay with them. */
function hasWaiter(future: Future<unknown>): boolean {
  for (let waiter = futureCoreOf(future).firstWaiter; waiter !== undefined; waiter = waiter.next) {
    if (waiter.kind.name === "fiber") return true;
  }
  return false;
}
