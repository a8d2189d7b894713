/**
 * Runs one random program, and compares everything that can be seen from outside with what the invariants of the specification (section 23) say,
 * after each step.
 *
 * @module
 */

import {
  all,
  allSettled,
  any,
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
  type SimulatedKernel,
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
import { FiberCore } from "../../fiber/fiber_core.ts";
import { futureCoreOf } from "../../future/future.ts";
import { Simulation } from "../_simulation.ts";
import { type Action, counts, type Event, type Members, type Program, type Step } from "./_random_program.ts";
import { Stock } from "./_random_stock.ts";

/** How likely the kernel's calls fail and come short, where they do. */
const faults = { EINTR: 0.2, EAGAIN: 0.2, "short-read": 0.5, "short-write": 0.5 };

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

const combinators: Record<"all" | "allSettled" | "any" | "race", (bodies: (() => Operation<unknown>)[]) => Operation<unknown>> = {
  all,
  allSettled,
  any,
  race,
};

/** A callback of the program. */
interface Callback {
  readonly future: Future<unknown>;
  readonly slot: FutureSlot;
  removed: boolean;
  calls: number;
}

/** Runs one program; throws when something does not hold. */
export class ProgramRun {
  readonly #world: Simulation;
  readonly #pool: readonly Resolver<number>[];
  readonly #stock: Stock;
  readonly #actors: Actor[] = [];
  readonly #callbacks: Callback[] = [];
  readonly #groups: { readonly group: Future<unknown>; readonly children: readonly Future<unknown>[] }[] = [];
  readonly #outcomes = new Map<Future<unknown>, Outcome<unknown>>();
  readonly #seen = new Set<unknown>();
  readonly #violations: string[] = [];
  /** Something is being done that must not call back. */
  #busy = false;
  #exiting = false;

  /** `kernel`: another one to run it on than a simulated one of its own; it is spared the program's faults. */
  constructor({ faults: seed, polling, debug }: Program, kernel?: SimulatedKernel) {
    this.#world = new Simulation({ kernel, polling, debug, ...seed !== undefined && { seed, faults } });
    this.#pool = Array.from({ length: counts.futures }, () => Future.withResolvers<number>(this.#world.loop));
    this.#stock = new Stock(this.#world, (holds, message) => this.#expect(holds, message));
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
    else this.#try(() => this.#act(event, undefined));
  }

  /** From outside nobody minds what a closed channel says. */
  #try(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#expect(error instanceof SystemError && error.code === "EPIPE", `${error}`);
    }
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
      case "tryPush":
      case "tryPop":
      case "send":
      case "receive":
      case "take":
      case "close":
        this.#stock.act(action.kind, action.channel);
        return true;
      case "tryRead":
      case "tryWrite":
        this.#stock.pipe(action.kind, action.pipe, action.bytes);
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
      case "lock":
        return yield* this.#lock(actor, step.script);
      case "scope":
        return yield* this.#scope(actor, step);
      case "all":
      case "allSettled":
      case "any":
      case "race":
        yield* this.#wait(actor, combinators[step.kind](step.scripts.map((script) => this.#body(script))));
        return;
      case "group":
        return yield* this.#group(actor, step);
      case "push":
      case "pop":
        return yield* this.#wait(actor, this.#stock[step.kind](step.channel));
      case "read":
      case "write":
        return yield* this.#wait(actor, this.#stock.io(step.kind, step.pipe, step.bytes));
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
      const isOutcome = this.#isOutcome(target, error) || this.#pool.some(({ future }) => this.#isOutcome(future, error));
      // Those who are cancelled together throw one error, and one who is cancelled because of another throws what that came to: whose it is, the
      // error itself does not say.
      const mayBeOwn = error instanceof CancelledError && actor.fiber.cancelled;
      if (mayBeOwn || (!this.#seen.has(error) && !isOutcome)) this.#told(actor, error);
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
    yield* this.#shielded(actor, () => shield(() => this.#steps(actor, script), { grace }));
  }

  *#shielded(actor: Actor, body: () => Operation<unknown>): Operation<void> {
    actor.shields++;
    try {
      yield* body();
    } finally {
      actor.shields--;
    }
  }

  *#lock(actor: Actor, script: readonly Step[]): Operation<void> {
    using _hold = yield* this.#wait(actor, this.#stock.lock());
    yield* this.#stock.holding(() => this.#steps(actor, script) as Operation<void>);
  }

  *#scope(actor: Actor, step: Extract<Action, { kind: "scope" }>): Operation<void> {
    const [first, ...others] = step.scripts.map((script) => this.#body(script));
    // In the exit phase nobody ends what a clean-up would wait for.
    const cleanups = step.cleanups.map((script) => () => this.#shielded(actor, () => this.#steps(actor, this.#exiting ? [] : script)));
    const futures = step.futures.map((index) => this.#pool[index].future);
    const body: Parameters<typeof scope<void>>[0] = function* (children) {
      for (const cleanup of cleanups) children.defer(cleanup);
      for (const future of futures) children.add(future);
      for (const body of others) children.spawn(body);
      if (step.cancelsChildren) children.cancelChildren("by the scope");
      if (first !== undefined) yield* first();
    };
    yield* this.#wait(actor, scope(body));
  }

  *#group(actor: Actor, step: Extract<Action, { kind: "group" }>): Operation<void> {
    const group = this.#groupOf(actor, step);
    if (step.inner !== undefined) group.add(this.#groupOf(actor, step.inner));
    if (step.ends) yield* this.#cancelWait(actor, group);
    else yield* this.#wait(actor, settled(group), group);
  }

  #groupOf(actor: Actor, { futures, fibers, any, ignoreErrors }: Members): FutureGroup<unknown, unknown> {
    const { loop } = this.#world;
    const others = fibers.map((index) => this.#actors[index]).filter((other) =>
      other !== undefined && other !== actor && !this.#leadsTo(other, actor)
    );
    const children = [...new Set([...futures.map((index) => this.#pool[index].future), ...others.map(({ fiber }) => fiber)])];
    const group: FutureGroup<unknown, unknown> = any ? FutureGroup.any(loop, { ignoreErrors }) : FutureGroup.all(loop, { ignoreErrors });
    group.add(...children);
    this.#groups.push({ group, children });
    return group;
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
    this.#stock.check();
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
    this.#stock.end();
    const { reported, left } = this.#world.end();
    for (const message of reported) this.#expect(!/has not ended|AssertionError|TypeError/.test(message), message);
    for (const leak of left) this.#expect(false, `left behind: ${leak}`);
    if (this.#violations.length > 0) throw new Error(this.#violations[0]);
  }
}

/** A fiber waits for it; the callbacks of groups and scopes stay with it. */
function hasWaiter(future: Future<unknown>): boolean {
  for (let waiter = futureCoreOf(future).firstWaiter; waiter !== undefined; waiter = waiter.next) {
    if (waiter instanceof FiberCore) return true;
  }
  return false;
}
