/**
 * Whole runs of loops against a model that keeps sorted lists (sd-event, sections 6 to 9).
 *
 * @module
 */

import { type Enabled, EventLoop, type Source } from "@sd/fibers";
import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { runs } from "./_property.ts";
import { virtualKernel } from "../_virtual_kernel.ts";

type Type = "defer" | "timer" | "post" | "exit";

/** What a callback does in one of its runs; targets are numbers of sources. */
type Action =
  | { readonly kind: "enable"; readonly target: number; readonly value: Enabled }
  | { readonly kind: "prioritise"; readonly target: number; readonly value: number }
  | { readonly kind: "dispose"; readonly target: number }
  | { readonly kind: "exit" }
  | { readonly kind: "fail" };

interface Script {
  readonly type: Type;
  readonly priority: number;
  readonly enabled: Enabled;
  /** By run; later runs do nothing. */
  readonly actions: readonly (readonly Action[])[];
}

/** What the scripts are played on: the loop, or the model of it. */
interface Stage {
  setEnabled(target: number, value: Enabled): void;
  setPriority(target: number, value: number): void;
  dispose(target: number): void;
  exit(): void;
}

const failure = new Error("as the script says");

function perform(stage: Stage, actions: readonly Action[], count: number): void {
  for (const action of actions) {
    if (action.kind === "exit") stage.exit();
    else if (action.kind === "fail") throw failure;
    else {
      const target = action.target % count;
      if (action.kind === "dispose") stage.dispose(target);
      else if (action.kind === "enable") stage.setEnabled(target, action.value);
      else stage.setPriority(target, action.value);
    }
  }
}

/** What happened: the number of the source that ran and the iteration, one line for each dispatch. */
type Trace = string[];

const longest = 80;

/** Plays the scripts on a loop; `note` is told of each callback before it does what its script says. */
function playOn(loop: EventLoop, scripts: readonly Script[], note: (number: number, sources: readonly Source[]) => void): void {
  const sources = scripts.map(({ type, priority, enabled, actions }, number): Source => {
    let run = 0;
    const callback = () => {
      note(number, sources);
      perform(stage, actions[run++] ?? [], scripts.length);
    };
    const options = { priority, enabled };
    if (type === "defer") return loop.addDefer(callback, options);
    if (type === "post") return loop.addPost(callback, options);
    if (type === "exit") return loop.addExit(callback, options);
    return loop.addTime("monotonic", number, callback, options);
  });
  const stage: Stage = {
    setEnabled: (target, value) => void (sources[target].loop && (sources[target].enabled = value)),
    setPriority: (target, value) => void (sources[target].loop && (sources[target].priority = value)),
    dispose: (target) => sources[target][Symbol.dispose](),
    exit: () => loop.exit(),
  };
  for (let i = 0; i < longest && loop.state !== "finished"; i++) loop.runSync(0);
}

function playOnLoop(scripts: readonly Script[], polling: "batch" | "every"): Trace {
  const kernel = virtualKernel();
  const loop = new EventLoop({ kernel, polling, onError: (error) => assertEquals(error, failure) });
  const trace: Trace = [];
  playOn(loop, scripts, (number) => trace.push(`${number} in ${loop.iteration}`));
  loop[Symbol.dispose]();
  assertEquals(kernel.leaks(), []);
  return trace;
}

class ModelSource {
  readonly number: number;
  readonly script: Script;
  priority: number;
  enabled: Enabled;
  pending: boolean;
  pendingIteration = 0;
  arrival = 0;
  gone = false;
  run = 0;

  constructor(number: number, script: Script) {
    this.number = number;
    this.script = script;
    this.priority = script.priority;
    this.enabled = script.enabled;
    this.pending = this.alwaysPending;
  }

  get alwaysPending(): boolean {
    return this.script.type === "defer" || this.script.type === "exit";
  }
}

class Model implements Stage {
  readonly trace: Trace = [];
  readonly #sources: ModelSource[];
  #iteration = 0;
  #arrivals = 0;
  #exiting = false;
  finished = false;

  constructor(scripts: readonly Script[]) {
    this.#sources = scripts.map((script, number) => new ModelSource(number, script));
    for (const source of this.#sources) source.arrival = ++this.#arrivals;
  }

  iterate(): void {
    if (this.#exiting) return this.#iterateExit();
    this.#iteration++;
    for (const source of this.#sources) {
      if (source.script.type === "timer") this.#makePending(source);
    }
    const head = this.#first((source) => source.pending && source.script.type !== "exit");
    if (head === undefined) return;
    if (head.alwaysPending) {
      head.pendingIteration = this.#iteration;
      head.arrival = ++this.#arrivals;
    } else head.pending = false;
    this.#dispatch(head);
  }

  setEnabled(target: number, value: Enabled): void {
    const source = this.#sources[target];
    if (source.gone || source.enabled === value) return;
    if (source.enabled === "off" || value === "off") {
      if (!source.alwaysPending) source.pending = false;
      source.arrival = ++this.#arrivals;
    }
    source.enabled = value;
  }

  setPriority(target: number, value: number): void {
    const source = this.#sources[target];
    if (source.gone || source.priority === value) return;
    source.priority = value;
    source.arrival = ++this.#arrivals;
  }

  dispose(target: number): void {
    this.setEnabled(target, "off");
    this.#sources[target].gone = true;
  }

  exit(): void {
    this.#exiting = true;
  }

  #iterateExit(): void {
    const head = this.#first((source) => source.script.type === "exit");
    if (head === undefined) {
      this.finished = true;
      return;
    }
    head.pendingIteration = ++this.#iteration;
    head.arrival = ++this.#arrivals;
    this.#dispatch(head);
  }

  #dispatch(source: ModelSource): void {
    if (source.enabled === "oneshot") source.enabled = "off";
    this.#markPosts(source);
    this.trace.push(`${source.number} in ${this.#iteration}`);
    try {
      perform(this, source.script.actions[source.run++] ?? [], this.#sources.length);
    } catch {
      this.setEnabled(source.number, "off");
    }
    this.#markPosts(source);
  }

  #markPosts(cause: ModelSource): void {
    if (cause.script.type === "post") return;
    for (const source of this.#sources) {
      if (source.script.type === "post") this.#makePending(source);
    }
  }

  #makePending(source: ModelSource): void {
    if (source.gone || source.enabled === "off" || source.pending) return;
    source.pending = true;
    source.pendingIteration = this.#iteration;
    source.arrival = ++this.#arrivals;
  }

  #first(filter: (source: ModelSource) => boolean): ModelSource | undefined {
    const candidates = this.#sources.filter((source) => !source.gone && source.enabled !== "off" && filter(source));
    return candidates.sort((a, b) => a.priority - b.priority || a.pendingIteration - b.pendingIteration || a.arrival - b.arrival)[0];
  }
}

function playOnModel(scripts: readonly Script[]): Trace {
  const model = new Model(scripts);
  for (let i = 0; i < longest && !model.finished; i++) model.iterate();
  return model.trace;
}

const enabled = fc.constantFrom<Enabled>("off", "on", "oneshot");
const priority = fc.integer({ min: -1, max: 1 });
const target = fc.nat();
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("enable" as const), target, value: enabled }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("prioritise" as const), target, value: priority }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("dispose" as const), target }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("exit" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail" as const) }) },
);

function scriptsOf(...types: Type[]): fc.Arbitrary<Script[]> {
  const actions = fc.array(fc.array(action, { maxLength: 3 }), { maxLength: 8 });
  return fc.array(fc.record({ type: fc.constantFrom(...types), priority, enabled, actions }), { minLength: 1, maxLength: 10, size: "max" });
}

/** What was dispatched although something more important was ready. */
function inversionsIn(scripts: readonly Script[]): string[] {
  using loop = new EventLoop({ kernel: virtualKernel(), polling: "batch", onError: (error) => assertEquals(error, failure) });
  const inversions: string[] = [];
  playOn(loop, scripts, (number, sources) => {
    for (const [other, source] of sources.entries()) {
      // Timers are long due and defer sources always ready, so what is enabled is ready.
      const isReady = other !== number && source.loop !== undefined && source.enabled !== "off";
      if (isReady && source.priority < sources[number].priority) inversions.push(`${number} ran before ${other} in ${loop.iteration}`);
    }
  });
  return inversions;
}

Deno.test("Nothing runs while something more important is ready (batch)", () => {
  fc.assert(fc.property(scriptsOf("defer", "timer"), (scripts) => assertEquals(inversionsIn(scripts), [])), runs(400));
});

Deno.test("A loop runs its sources as the model does (every)", () => {
  fc.assert(
    fc.property(scriptsOf("defer", "defer", "timer", "post", "exit"), (scripts) => {
      assertEquals(playOnLoop(scripts, "every"), playOnModel(scripts));
    }),
    runs(400),
  );
});

Deno.test("A loop without sources that the kernel feeds runs them as the model does (batch)", () => {
  fc.assert(
    fc.property(scriptsOf("defer", "defer", "post", "exit"), (scripts) => {
      assertEquals(playOnLoop(scripts, "batch"), playOnModel(scripts));
    }),
    runs(400),
  );
});
