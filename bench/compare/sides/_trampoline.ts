/**
 * The least that runs generators in turn: what V8 asks for any library of fibers. There are no scopes, no priorities, no fairness to the host, and no errors but
 * cancellation.
 *
 * `yield` means "run me again after the others", `yield PARK` means "somebody wakes me".
 *
 * @module
 */

import { Fifo } from "../fifo.ts";

/** What runs. */
export type Steps<T = unknown> = Generator<unknown, T, unknown>;

/** Yielded by who waits to be woken. */
export const PARK = Symbol("park");
/** Thrown into who is cancelled. */
export const CANCELED = new Error("ECANCELED");

/** A generator in the queue. */
export class Task {
  done = false;
  value: unknown = undefined;
  cancelled = false;
  joiner: Task | undefined = undefined;

  constructor(readonly steps: Steps) {}
}

/** Whose turn it is. */
export let current: Task;
const ready = new Fifo<Task>();

/** Gives it its turn, after the others. */
export function wake(task: Task): void {
  ready.push(task);
}

/** Gives all their turns, until nobody wants one. */
export function drain(): void {
  for (let task = ready.shift(); task; task = ready.shift()) {
    current = task;
    try {
      const step = task.cancelled ? task.steps.throw(CANCELED) : task.steps.next();
      if (step.done) finish(task, step.value);
      else if (step.value !== PARK) wake(task);
    } catch (error) {
      if (error !== CANCELED) throw error;
      finish(task, error);
    }
  }
}

/** Ends it, and wakes who waits for that. */
export function finish(task: Task, value: unknown): void {
  task.done = true;
  task.value = value;
  if (task.joiner) wake(task.joiner);
}

/** Starts it. */
export function spawn(steps: Steps): Task {
  const task = new Task(steps);
  wake(task);
  return task;
}

/** Runs it to its end. */
export function run(steps: Steps<number>): number {
  const task = spawn(steps);
  drain();
  if (!task.done) throw new Error("The main task waits for ever");
  return task.value as number;
}

/** Waits for its end. */
export function* join(task: Task): Steps<number> {
  if (!task.done) {
    task.joiner = current;
    yield PARK;
  }
  return task.value as number;
}
