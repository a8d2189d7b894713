/**
 * Random programs of fibers: scripts of fibers, and what happens to them from outside, as data.
 *
 * @module
 */

import fc from "fast-check";

/** How many futures, channels and pipes a program has. */
export const counts = { futures: 4, channels: 4, pipes: 2 } as const;

/** The scripts of several bodies. */
export type Scripts = readonly (readonly Step[])[];

/**
 * What a fiber does, one thing after the other. `swallow`: an error of it does not end the script. `late`: the fiber runs after all
 * others from then on, so that much can be queued for it before.
 */
export type Step = { readonly swallow: boolean } & Action;

/** Futures and fibers that a group has for children. */
export interface Members {
  readonly futures: readonly number[];
  readonly fibers: readonly number[];
  readonly any: boolean;
  readonly ignoreErrors: boolean;
}

export type Action =
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
  | { readonly kind: "lock"; readonly script: readonly Step[] }
  | { readonly kind: "all" | "allSettled" | "any" | "race"; readonly scripts: Scripts }
  | {
    readonly kind: "scope";
    readonly scripts: Scripts;
    readonly cleanups: Scripts;
    readonly futures: readonly number[];
    readonly cancelsChildren: boolean;
  }
  /** With an inner group, that one is a child, too. */
  | { readonly kind: "group"; readonly ends: boolean; readonly inner: Members | undefined } & Members
  | {
    readonly kind: "push" | "pop" | "tryPush" | "tryPop" | "send" | "receive" | "take" | "close";
    readonly channel: number;
  }
  | { readonly kind: "read" | "write" | "tryRead" | "tryWrite"; readonly pipe: number; readonly bytes: number };

/** What happens from outside. */
export type Event =
  | { readonly kind: "tick"; readonly count: number }
  | { readonly kind: "advance"; readonly count: number }
  | Extract<
    Action,
    {
      readonly kind:
        | "resolve"
        | "reject"
        | "cancel"
        | "resume"
        | "fail"
        | "cancel future"
        | "callback"
        | "remove callback"
        | "exit"
        | "tryPush"
        | "tryPop"
        | "send"
        | "receive"
        | "take"
        | "close"
        | "tryRead"
        | "tryWrite";
    }
  >;

/** A whole program. `faults`: calls of the kernel fail and come short now and then, by this seed. */
export interface Program {
  readonly scripts: Scripts;
  readonly events: readonly Event[];
  readonly faults: number | undefined;
  readonly polling: "batch" | "every";
  readonly debug: boolean;
}

const future = fc.nat(counts.futures - 1);
const channel = fc.nat(counts.channels - 1);
const pipe = fc.nat(counts.pipes - 1);
const fiber = fc.nat(7);
const usec = fc.nat(20);
const priority = fc.integer({ min: -2, max: 2 });
/** A pipe takes 64 KiB: two of the big ones are too many. */
const bytes = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) }, { weight: 1, arbitrary: fc.constant(50_000) });

function kinds<K extends string>(...names: K[]): { kind: fc.Arbitrary<K> } {
  return { kind: fc.constantFrom(...names) };
}

function weighted<T>(weight: number, model: { [K in keyof T]: fc.Arbitrary<T[K]> }): { weight: number; arbitrary: fc.Arbitrary<T> } {
  return { weight, arbitrary: fc.record(model) as fc.Arbitrary<T> };
}

const members = {
  futures: fc.array(future, { maxLength: 3 }),
  fibers: fc.array(fiber, { maxLength: 2 }),
  any: fc.boolean(),
  ignoreErrors: fc.boolean(),
};

/** What needs no script of its own. */
const simple: fc.Arbitrary<Action> = fc.oneof(
  weighted(1, kinds("exit")),
  weighted(4, kinds("yield", "suspend", "throw", "return")),
  weighted(4, { ...kinds("sleep"), usec }),
  weighted(4, { ...kinds("await", "settled"), future }),
  weighted(4, { ...kinds("resolve", "reject", "callback", "remove callback"), future }),
  weighted(4, { ...kinds("cancel future", "cancelWait future"), future }),
  weighted(4, { ...kinds("cancel", "resume", "fail"), fiber }),
  weighted(4, { ...kinds("await fiber", "cancelWait fiber"), fiber }),
  weighted(4, { ...kinds("priority"), priority }),
  weighted(4, { ...kinds("group"), ...members, ends: fc.boolean(), inner: fc.option(fc.record(members), { nil: undefined }) }),
  weighted(6, { ...kinds("push", "pop", "tryPush", "tryPop", "send", "receive", "take"), channel }),
  weighted(1, { ...kinds("close"), channel }),
  weighted(4, { ...kinds("read", "write"), pipe, bytes }),
) as fc.Arbitrary<Action>;

const { script } = fc.letrec<{ script: Step[]; step: Step; nested: Action }>((tie) => {
  const several = fc.array(tie("script"), { maxLength: 3 });
  const some = fc.array(tie("script"), { minLength: 1, maxLength: 3 });
  return {
    script: fc.array(tie("step"), { maxLength: 5, depthIdentifier: "script" }),
    step: fc.tuple(fc.boolean(), fc.oneof({ depthSize: "small", depthIdentifier: "script" }, simple, tie("nested"))).map((
      [swallow, action],
    ) => ({ swallow, ...action }) as Step),
    nested: fc.oneof(
      fc.record({ ...kinds("spawn"), script: tie("script"), floating: fc.boolean(), priority }),
      fc.record({ ...kinds("deadline"), usec, late: fc.boolean(), script: tie("script") }),
      fc.record({ ...kinds("shield"), grace: fc.oneof(usec, fc.constant(Infinity)), script: tie("script") }),
      fc.record({ ...kinds("lock"), script: tie("script") }),
      fc.record({
        ...kinds("scope"),
        scripts: several,
        cleanups: fc.array(tie("script"), { maxLength: 2 }),
        futures: fc.array(future, { maxLength: 1 }),
        cancelsChildren: fc.boolean(),
      }),
      fc.record({ ...kinds("all", "allSettled"), scripts: several }),
      fc.record({ ...kinds("any", "race"), scripts: some }),
    ) as fc.Arbitrary<Action>,
  };
});

const event: fc.Arbitrary<Event> = fc.oneof(
  weighted(6, { ...kinds("tick"), count: fc.integer({ min: 1, max: 6 }) }),
  weighted(3, { ...kinds("advance"), count: usec }),
  weighted(2, { ...kinds("resolve", "reject", "cancel future"), future }),
  weighted(1, { ...kinds("callback", "remove callback"), future }),
  weighted(4, { ...kinds("cancel", "resume", "fail"), fiber }),
  weighted(2, { ...kinds("tryPush", "tryPop", "send", "receive", "take"), channel }),
  weighted(2, { ...kinds("tryRead", "tryWrite"), pipe, bytes }),
  weighted(1, kinds("exit")),
) as fc.Arbitrary<Event>;

/** Any program. */
export function programs(): fc.Arbitrary<Program> {
  return fc.record({
    scripts: fc.array(script, { minLength: 1, maxLength: 4 }),
    events: fc.array(event, { maxLength: 25 }),
    faults: fc.option(fc.nat(1_000), { nil: undefined, freq: 2 }),
    polling: fc.constantFrom("batch" as const, "every" as const),
    debug: fc.boolean(),
  });
}
