/**
 * The scripts that are played on both loops: sources, what they do in each of their runs, and what is done to the loop from outside.
 *
 * @module
 */

import * as fc from "fast-check";
import type { PlanType } from "./subject.ts";

/** What can be done in a callback and outside of one. Targets are counted among the living sources that it can be done to. */
export type Action =
  | { readonly do: "add"; readonly role: number }
  | { readonly do: "dispose"; readonly target: Target }
  | { readonly do: "enable"; readonly target: Target; readonly value: number }
  | { readonly do: "prioritise"; readonly target: Target; readonly level: number }
  | { readonly do: "prepare"; readonly target: Target; readonly on: boolean }
  | { readonly do: "exitOnFailure"; readonly target: Target; readonly on: boolean }
  | { readonly do: "limit"; readonly target: Target; readonly intervalUsec: number; readonly burst: number }
  | { readonly do: "leaveLimit"; readonly target: Target }
  | { readonly do: "time"; readonly target: Target; readonly usec: number }
  | { readonly do: "timeRelative"; readonly target: Target; readonly usec: number }
  | { readonly do: "accuracy"; readonly target: Target; readonly usec: number }
  | { readonly do: "events"; readonly target: Target; readonly events: number }
  | { readonly do: "move"; readonly target: Target; readonly descriptor: Descriptor }
  | { readonly do: "write" | "fill" | "drain"; readonly pipe: number }
  | { readonly do: "hangUp" }
  | { readonly do: "raise"; readonly target: Target }
  | { readonly do: "exit"; readonly code: number }
  | { readonly do: "call"; readonly call: Call };

/** The n-th of those that there are, counted round, or the one whose callback runs. */
export type Target = number | "self";

/** The calls that drive a loop. */
export type Call = "prepare" | "wait" | "dispatch" | "run" | "loop";

/** An end of one of the pipes, or something that cannot be watched. */
export type Descriptor = "reader 0" | "reader 1" | "reader 2" | "writer 0" | "writer 1" | "file" | "closed" | "negative";

/** What is done from outside. `advance` is whichever call is due, `iterate` all three, `finish` asks for exit and loops to the end. */
export type Step =
  | Action
  | { readonly do: "advance" }
  | { readonly do: "iterate" }
  | { readonly do: "finish"; readonly code: number };

/** One run of a callback; `result` is negative for a failure. */
export interface Run {
  readonly actions: readonly Action[];
  readonly result: number;
}

/** What an added source is, and what it does. Runs beyond those that are listed do nothing. */
export interface Role {
  readonly type: PlanType;
  readonly hasCallback: boolean;
  readonly level: number;
  /** `undefined` leaves it as it is added. */
  readonly enabled: number | undefined;
  /** It may have a prepare callback, and has one from the start if it has runs of it. */
  readonly prepares: boolean;
  readonly descriptor: Descriptor;
  readonly events: number;
  readonly clock: number;
  readonly relative: boolean;
  readonly usec: number;
  readonly accuracy: number;
  readonly signal: number;
  readonly runs: readonly Run[];
  readonly prepareRuns: readonly Run[];
}

/** See the head of this module. */
export interface Script {
  readonly roles: readonly Role[];
  readonly steps: readonly Step[];
}

const IN = 1;
const PRI = 2;
const OUT = 4;
const RDHUP = 0x2000;
const ONESHOT = 0x4000_0000;
const ET = 0x8000_0000; // to be added: the bitwise operators would make it negative

/** A time that has not come on any clock and will not. */
const FAR = 4e15;
const DAY = 86_400e6;
const HOUR = 3_600e6;

/** SIGCONT, SIGURG and SIGWINCH have no effect on a process that does not ask for them. */
const signals: readonly number[] = [18, 23, 28];

/** Now and then something else. */
function mostly<T>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>, times: number = 12): fc.Arbitrary<T> {
  return fc.oneof({ weight: times, arbitrary: often }, { weight: 1, arbitrary: seldom });
}

/** As long as they may be: by itself fast-check prefers short ones. */
function list<T>(of: fc.Arbitrary<T>, minLength: number, maxLength: number): fc.Arbitrary<T[]> {
  return fc.array(of, { minLength, maxLength, size: "max" });
}

const target: fc.Arbitrary<Target> = mostly<Target>(fc.nat({ max: 7 }), fc.constant("self"), 3);
const level = fc.integer({ min: -1, max: 1 });
const pipe = fc.nat({ max: 2 });
const code = fc.constantFrom(0, 1, 42, -5);
const accuracy = mostly(fc.constantFrom(0, 1, 250_000, HOUR), fc.constant(Infinity), 20);
const events = mostly(
  fc.constantFrom(IN, IN, OUT, IN | OUT, IN | OUT, IN + ET, OUT + ET),
  fc.constantFrom(0, PRI, RDHUP, IN + OUT + ET, ONESHOT),
);
const descriptor = mostly<Descriptor>(
  fc.constantFrom("reader 0", "reader 1", "reader 2", "writer 0", "writer 1"),
  fc.constantFrom("file", "closed", "negative"),
);

const action: fc.Arbitrary<Action> = fc.oneof(
  weigh(8, "add", { role: fc.nat({ max: 7 }) }),
  weigh(3, "dispose", { target }),
  weigh(12, "enable", { target, value: fc.constantFrom(0, 1, 1, -1) }),
  weigh(7, "prioritise", { target, level }),
  weigh(3, "prepare", { target, on: fc.boolean() }),
  weigh(2, "exitOnFailure", { target, on: mostly(fc.constant(false), fc.constant(true), 2) }),
  weigh(4, "limit", { target, intervalUsec: mostly(fc.constant(HOUR), fc.constant(0), 4), burst: fc.nat({ max: 2 }) }),
  weigh(2, "leaveLimit", { target }),
  weigh(4, "time", { target, usec: fc.constantFrom(0, 1, 1_000, FAR, Infinity) }),
  weigh(2, "timeRelative", { target, usec: fc.constantFrom(0, 0, DAY, Infinity) }),
  weigh(2, "accuracy", { target, usec: accuracy }),
  weigh(4, "events", { target, events }),
  weigh(2, "move", { target, descriptor }),
  weigh(6, "write", { pipe }),
  weigh(3, "drain", { pipe }),
  weigh(1, "fill", { pipe }),
  weigh(1, "hangUp", {}),
  weigh(6, "raise", { target }),
  weigh(1, "exit", { code }),
  weigh(1, "call", { call: fc.constantFrom<Call[]>("prepare", "wait", "dispatch", "run", "loop") }),
);

function weigh(weight: number, name: Action["do"], rest: { [key: string]: fc.Arbitrary<unknown> }): fc.WeightedArbitrary<Action> {
  return { weight, arbitrary: fc.record({ do: fc.constant(name), ...rest }) as fc.Arbitrary<unknown> as fc.Arbitrary<Action> };
}

const run: fc.Arbitrary<Run> = fc.record({
  actions: list(action, 0, 3),
  result: mostly(fc.constantFrom(0, 1), fc.constantFrom(-5, -16), 20),
});

const role: fc.Arbitrary<Role> = fc.record({
  type: fc.constantFrom<PlanType[]>("io", "io", "io", "time", "time", "defer", "defer", "post", "signal", "signal", "exit"),
  hasCallback: mostly(fc.constant(true), fc.constant(false), 60),
  level,
  enabled: fc.constantFrom(undefined, 1, -1),
  prepares: mostly(fc.constant(false), fc.constant(true), 3),
  descriptor,
  events,
  clock: mostly(fc.constantFrom(0, 1, 2), fc.constantFrom(3, 4)),
  relative: mostly(fc.constant(false), fc.constant(true), 3),
  usec: fc.constantFrom(0, 0, 1, FAR, Infinity),
  accuracy,
  signal: mostly(fc.constantFrom(...signals), fc.constantFrom(0, 65), 20),
  runs: list(run, 0, 4),
  prepareRuns: list(run, 0, 3),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: action },
  { weight: 50, arbitrary: fc.constantFrom<Step[]>({ do: "iterate" }) },
  { weight: 10, arbitrary: fc.constantFrom<Step[]>({ do: "advance" }, { do: "call", call: "run" }) },
  { weight: 1, arbitrary: fc.constantFrom<Step[]>({ do: "finish", code: 3 }) },
);

/** Scripts of all kinds. They begin with one source of each role. */
export const scripts: fc.Arbitrary<Script> = fc.record({
  roles: list(role, 1, 8),
  steps: list(step, 1, 40),
});
