/**
 * Circles of fibers that wait for one another, found by whoever would close one.
 *
 * A fiber that waits in the queue of a lock waits for those who hold it, and one that waits for another fiber waits for that. One with
 * something in its cell will run, so it waits for nobody.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import { EMPTY } from "../future/current.ts";
import { UNRESOLVED } from "../future/future_core.ts";
import { FiberCore } from "./fiber_core.ts";
import type { Lock } from "./lock.ts";
import { Waiter, WAITING } from "./wait_queue.ts";

/** What a fiber waits for. */
type Target = Lock | FiberCore;

/** That a fiber waits for a target, which another fiber holds or is. */
interface Step {
  readonly fiber: FiberCore;
  readonly target: Target;
  /** The step by which that fiber was come to. */
  readonly before: Step | undefined;
}

/** EDEADLK when the fiber would wait for itself, over whatever number of others; the message names them all. */
export function requireNoCycle(fiber: FiberCore, lock: Lock): void {
  const last = findCycle({ fiber, target: lock, before: undefined });
  if (last === undefined) return;
  throw new SystemError("EDEADLK", `Cannot wait for ${lock.title}: ${describeCycle(last)}`);
}

/** The step that leads back to the fiber of the first one. */
function findCycle(first: Step): Step | undefined {
  const seen = new Set<FiberCore>();
  const open: Step[] = [first];
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    for (const holder of holdersOf(step.target)) {
      if (holder === first.fiber) return step;
      if (seen.has(holder)) continue;
      seen.add(holder);
      const target = targetOf(holder);
      if (target !== undefined) open.push({ fiber: holder, target, before: step });
    }
  }
  return undefined;
}

function holdersOf(target: Target): Iterable<FiberCore> {
  return target instanceof FiberCore ? [target] : target.holders();
}

function targetOf(fiber: FiberCore): Target | undefined {
  const { waiter, awaiting } = fiber;
  if (fiber.cell !== EMPTY) return undefined;
  if (waiter instanceof Waiter) return waiter.state === WAITING ? waiter.queue.lock : undefined;
  return awaiting instanceof FiberCore && awaiting.state === UNRESOLVED ? awaiting : undefined;
}

/** "A holds m1 waits m2; B holds m2 waits m1", beginning with the one who closes the circle. */
function describeCycle(last: Step): string {
  const steps: Step[] = [];
  for (let step: Step | undefined = last; step !== undefined; step = step.before) steps.unshift(step);
  return steps.map(({ fiber, target }, index) => {
    const held = steps.at(index - 1)!.target;
    const holds = held instanceof FiberCore ? "" : ` holds ${held.name}`;
    return `${fiber.name}${holds} waits ${target instanceof FiberCore ? `for fiber ${target.name}` : target.name}`;
  }).join("; ");
}
