/**
 * Plays a script on one of the loops and writes down all that can be seen.
 *
 * @module
 */

import { describeStep } from "./describe.ts";
import { keepsRegistration, marksPostsTwice, mayWaitInTheLoop, mustStayInGroup, needsOwnPriority } from "./differences.ts";
import type { Action, Role, Run, Script, Step, Target } from "./scripts.ts";
import { Stage } from "./stage.ts";
import { ARMED, ENODATA, FINISHED, INITIAL, type Listener, PENDING, type PlanType, stateNames, type Subject } from "./subject.ts";

/** More sources than this are not added, and after so many callbacks each source turns itself off. */
const mostSources = 12;
const mostCallbacks = 100;

/** Between two levels there is room for a priority of its own for each source, and for one that is lifted. */
const levelStep = 32;

/** A source that was added, and what is known of it. */
class Actor {
  readonly number: number;
  readonly role: Role;
  /** What the time was last set to is not the same on both loops. */
  timeIsRelative: boolean;
  runs = 0;
  prepareRuns = 0;
  pending = false;
  /** The iteration in which it became pending. */
  since = 0;

  constructor(number: number, role: Role) {
    this.number = number;
    this.role = role;
    this.timeIsRelative = role.relative;
  }

  /** Equal levels are equal priorities, where that is possible. */
  priority(level: number): number {
    const own = needsOwnPriority(this.role.type, this.role.prepares);
    return level * levelStep + (own ? 2 * (this.number + 1) : 0);
  }
}

const enabledNames: Record<number, string> = { [0]: "off", [1]: "on", [-1]: "oneshot" };

/** What each of some actions can be done to. */
const targetTypes: Partial<Record<Step["do"], readonly PlanType[]>> = {
  prepare: ["io", "time", "signal", "defer", "post"],
  exitOnFailure: ["io", "time", "signal", "defer", "post"],
  limit: ["io", "time", "signal", "defer"],
  leaveLimit: ["io", "time", "signal", "defer"],
  time: ["time"],
  timeRelative: ["time"],
  accuracy: ["time"],
  events: ["io"],
  move: ["io"],
  raise: ["signal"],
};

class Player implements Listener {
  readonly trace: string[] = [];
  readonly #script: Script;
  readonly #stage = new Stage();
  readonly #loop: Subject;
  /** The living ones, by number. */
  readonly #actors = new Map<number, Actor>();
  /** Whose callbacks run, and whether these are main callbacks. */
  #self: Actor | undefined = undefined;
  #inMain = false;
  #added = 0;
  #callbacks = 0;

  constructor(script: Script, make: (listener: Listener) => Subject) {
    this.#script = script;
    this.#loop = make(this);
  }

  play(): string[] {
    try {
      for (let role = 0; role < this.#script.roles.length; role++) this.#step({ do: "add", role });
      for (const step of this.#script.steps) this.#step(step);
    } catch (error) {
      this.unexpected(error);
    } finally {
      this.#actors.clear();
      this.#loop.close();
      this.#stage.close();
    }
    return this.trace;
  }

  // What the loop tells

  main(number: number, told: number): number {
    const actor = this.#actors.get(number)!;
    const shown = actor.role.type === "time" && actor.timeIsRelative ? "a relative time" : told;
    this.#note(`source ${number} runs, told ${shown}`);
    if (++this.#callbacks > mostCallbacks) {
      this.#loop.setEnabled(number, 0);
      return 0;
    }
    return this.#run(actor, true, actor.role.runs[actor.runs++]);
  }

  prepare(number: number): number {
    const actor = this.#actors.get(number)!;
    this.#note(`source ${number} prepares`);
    if (++this.#callbacks > mostCallbacks) return 0;
    return this.#run(actor, false, actor.role.prepareRuns[actor.prepareRuns++]);
  }

  destroyed(number: number): void {
    this.trace.push(`source ${number} is destroyed`);
  }

  unexpected(error: unknown): void {
    this.trace.push(`${this.#loop.constructor.name} fails: ${error instanceof Error ? error.stack : error}`);
  }

  #run(actor: Actor, inMain: boolean, run: Run | undefined): number {
    this.#self = actor;
    this.#inMain = inMain;
    for (const action of run?.actions ?? []) this.#note(`  ${describeStep(action)}: ${this.#act(action)}`);
    this.#self = undefined;
    return run?.result ?? 0;
  }

  // What the script does

  #step(step: Step): void {
    if (step.do === "advance") return this.#advance();
    if (step.do === "iterate") return this.#iterate();
    if (step.do === "finish") {
      this.#note(`exit ${step.code}: ${this.#loop.exit(step.code)}`);
      this.#note(`loop: ${this.#loop.loop()}`);
      return;
    }
    if (step.do === "call") {
      if (step.call === "loop" && this.#loop.state() === INITIAL && this.#loop.exitCode() === undefined) return;
      if (step.call === "run" && this.#loop.state() === INITIAL && this.#mayTie()) return this.#iterate();
      if (step.call === "prepare") return this.#prepare();
      if (step.call === "dispatch") return this.#dispatch();
    }
    this.#note(`${describeStep(step)}: ${this.#act(step)}`);
  }

  /** Makes the call that is due. */
  #advance(): void {
    const state = this.#loop.state();
    if (state === INITIAL) this.#prepare();
    else if (state === ARMED) this.#note(`wait: ${this.#loop.wait()}`);
    else this.#dispatch();
  }

  #prepare(): void {
    const result = this.#loop.prepare();
    const waits = result === 0 && [...this.#actors.values()].some(({ role }) => mayWaitInTheLoop(role.type));
    this.#note(`prepare: ${waits ? this.#loop.wait() : result}`);
  }

  #iterate(): void {
    if (this.#loop.state() === FINISHED) return;
    do this.#advance(); while (this.#loop.state() === ARMED || this.#loop.state() === PENDING);
  }

  /** Dispatches what nothing ties with. */
  #dispatch(): void {
    const lifted = this.#loop.state() === PENDING && this.#loop.exitCode() === undefined ? this.#tied() : undefined;
    const priority = lifted === undefined ? 0 : this.#loop.priority(lifted.number);
    if (lifted !== undefined) this.#note(`lift source ${lifted.number}: ${this.#loop.setPriority(lifted.number, priority - 1)}`);
    this.#note(`dispatch: ${this.#loop.dispatch()}`);
    if (lifted === undefined || !this.#isAlive(lifted) || this.#loop.priority(lifted.number) !== priority - 1) return;
    this.#note(`lower source ${lifted.number}: ${this.#loop.setPriority(lifted.number, priority)}`);
  }

  /** One of those that could be dispatched next, if there are several. */
  #tied(): Actor | undefined {
    const loop = this.#loop;
    const ready = [...this.#actors.values()].filter(({ number, role, pending }) =>
      role.type !== "exit" && pending && loop.enabled(number) !== 0 && loop.rateLimited(number) === 0
    );
    const priority = Math.min(...ready.map(({ number }) => loop.priority(number)));
    const best = ready.filter(({ number }) => loop.priority(number) === priority);
    const since = Math.min(...best.map((actor) => actor.since));
    const tied = best.filter((actor) => actor.since === since);
    return tied.length < 2 ? undefined : tied.find(({ role }) => !mustStayInGroup(role.type));
  }

  /** Whether any two sources have the same priority. */
  #mayTie(): boolean {
    const regular = [...this.#actors.values()].filter(({ role }) => role.type !== "exit");
    return new Set(regular.map(({ number }) => this.#loop.priority(number))).size < regular.length;
  }

  #act(action: Action): number | string {
    switch (action.do) {
      case "add":
        return this.#add(action.role);
      case "write":
      case "fill":
      case "drain":
        this.#stage[action.do](action.pipe);
        return "done";
      case "hangUp":
        this.#stage.hangUp();
        return "done";
      case "exit":
        return this.#loop.exit(action.code);
      case "call":
        return this.#loop[action.call]();
      default: {
        const actor = this.#find(action.target, targetTypes[action.do]);
        return actor === undefined ? "skipped" : `source ${actor.number} ${this.#actOn(actor, action)}`;
      }
    }
  }

  #actOn(actor: Actor, action: Extract<Action, { target: Target }>): number | string {
    const { number, role } = actor;
    const loop = this.#loop;
    switch (action.do) {
      case "dispose":
        if (mustStayInGroup(role.type) && actor.pending) this.#note(`off: ${loop.setEnabled(number, 0)}`);
        this.#actors.delete(number);
        loop.dispose(number);
        return "done";
      case "enable":
        if (role.type === "post" && this.#markingPosts && loop.enabled(number) === 0) return "skipped";
        return this.#enable(actor, action.value);
      case "prioritise":
        if (mustStayInGroup(role.type) && actor.pending) return "skipped";
        return loop.setPriority(number, actor.priority(action.level));
      case "prepare":
        return role.prepares && role.hasCallback ? loop.setPrepare(number, action.on) : "skipped";
      case "exitOnFailure":
        return loop.setExitOnFailure(number, action.on);
      case "raise":
        this.#stage.raise(role.signal);
        return "done";
      case "limit":
        return mustStayInGroup(role.type) ? "skipped" : loop.setRateLimit(number, action.intervalUsec, action.burst);
      case "leaveLimit":
        return loop.leaveRateLimit(number);
      case "time":
        actor.timeIsRelative = false;
        return loop.setTime(number, action.usec);
      case "timeRelative":
        actor.timeIsRelative = true;
        return loop.setTimeRelative(number, action.usec);
      case "accuracy":
        return loop.setAccuracy(number, action.usec);
      case "events":
        return loop.setEvents(number, action.events);
      case "move":
        return loop.setFd(number, this.#stage.fd(action.descriptor));
    }
  }

  #add(roleNumber: number): number | string {
    const role = this.#script.roles[roleNumber % this.#script.roles.length];
    if (this.#added >= mostSources || (role.type === "post" && this.#markingPosts)) return "skipped";
    const actor = new Actor(this.#added++, role);
    const result = this.#loop.add(actor.number, { ...role, fd: this.#stage.fd(role.descriptor) });
    if (result < 0) return result;
    this.#actors.set(actor.number, actor);
    const results = [result, this.#loop.setPriority(actor.number, actor.priority(role.level))];
    if (role.enabled !== undefined) results.push(this.#enable(actor, role.enabled));
    const prepares = role.prepares && role.hasCallback && role.type !== "exit" && role.prepareRuns.length > 0;
    if (prepares) results.push(this.#loop.setPrepare(actor.number, true));
    return results.join(" ");
  }

  #enable({ number, role }: Actor, value: number): number {
    if (keepsRegistration(role.type, this.#loop.enabled(number), value)) this.#note(`off: ${this.#loop.setEnabled(number, 0)}`);
    return this.#loop.setEnabled(number, value);
  }

  /** Whether a callback runs after which post sources are made pending once more. */
  get #markingPosts(): boolean {
    return this.#self !== undefined && this.#inMain && marksPostsTwice(this.#self.role.type);
  }

  #find(target: Target, types: readonly PlanType[] | undefined): Actor | undefined {
    const fits = ({ role }: Actor) => types === undefined || types.includes(role.type);
    const self = this.#self;
    if (target === "self" && self !== undefined) return this.#isAlive(self) && fits(self) ? self : undefined;
    const fitting = [...this.#actors.values()].filter(fits);
    return fitting[(target === "self" ? 0 : target) % fitting.length];
  }

  #isAlive({ number }: Actor): boolean {
    return this.#actors.has(number);
  }

  // What can be seen

  /** Writes down what happened and where everything stands after it. */
  #note(event: string): void {
    const loop = this.#loop;
    const state = loop.state();
    const iteration = loop.iteration();
    const exitCode = loop.exitCode();
    let line = `${event} | ${stateNames[state]} ${iteration}${exitCode === undefined ? "" : ` exit ${exitCode}`}`;
    for (const actor of this.#actors.values()) line += ` | ${this.#look(actor, state, iteration)}`;
    this.trace.push(line);
  }

  #look(actor: Actor, state: number, iteration: number): string {
    const loop = this.#loop;
    const { number, role } = actor;
    const common = `${number} ${enabledNames[loop.enabled(number)]} at ${loop.priority(number)}`;
    if (role.type === "exit") return common;
    const limited = named("limited", loop.rateLimited(number));
    if (state === FINISHED) return common + limited;
    const pending = loop.pending(number);
    if (pending === 1 && !actor.pending) actor.since = iteration;
    actor.pending = pending === 1;
    const revents = role.type === "io" ? loop.revents(number) : ENODATA;
    return common + limited + named("pending", pending) + (revents === ENODATA ? "" : ` for ${revents.toString(16)}`);
  }
}

/** A flag or another number, if there is anything to tell of it. */
function named(name: string, value: number): string {
  return value === 0 ? "" : ` ${name} ${value}`;
}

/** What happens when the script is played on such a loop, line by line. */
export function play(script: Script, make: (listener: Listener) => Subject): string[] {
  return new Player(script, make).play();
}
