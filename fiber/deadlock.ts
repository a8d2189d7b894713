/**
 * Circles of fibers that wait for one another, found by whoever would close one.
 *
 * A fiber that waits in the queue of a lock waits for those who hold it; one that waits for another fiber, or for the last that runs in a scope of its
 * own, waits for that. A circle of such waits is an error where it is certain that no wait in it ends by itself. It is not where a fiber of it
 *
 * - will run: something lies in its cell;
 * - has other ways to go on: it is in a `select`, or waits for several;
 * - is known to be interrupted some day, or one that it belongs to is: by a deadline, a signal, the end of a `race`, an `any` or a group
 *   that needs just one, the grace of a shield.
 *
 * That somebody may cancel it by hand, or that a failure elsewhere may, does not count: such a wait has ended, but the program was stuck all the same.
 *
 * A circle can be closed only by a fiber that somebody waits for. So one that nobody waits for looks no further, and long chains cost nothing.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { FiberParent } from "./family.ts";
import type { FiberCore } from "./fiber_core.ts";
import type { Lock } from "./lock.ts";

/** What keeps a fiber from going on. */
export type Obstacle = Lock | FiberCore;

/** That a fiber waits for what another fiber holds or is. */
interface Step {
  readonly fiber: FiberCore;
  readonly obstacle: Obstacle;
  /** The step by which that fiber was come to. */
  readonly before: Step | undefined;
}

/** EDEADLK when the fiber would wait for itself, over whatever number of others; the message names them all. */
export function requireNoCircle(fiber: FiberCore, obstacle: Obstacle): void {
  if (fiber.firstWaiter === undefined && !fiber.locks?.areWaitedFor) return;
  const circle = findCircle({ fiber, obstacle, before: undefined });
  if (circle === undefined || circle.some((step) => mayBeInterrupted(step.fiber))) return;
  const title = isFiber(obstacle) ? `fiber '${obstacle.name}'` : obstacle.title;
  throw new SystemError("EDEADLK", `Cannot wait for ${title}: ${describeCircle(circle)}`);
}

/** From the fiber of the first step back to it. */
function findCircle(first: Step): Step[] | undefined {
  const seen = new Set<FiberCore>();
  const open: Step[] = [first];
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    const { obstacle } = step;
    for (const holder of isFiber(obstacle) ? [obstacle] : obstacle.holders()) {
      if (holder === first.fiber) return stepsTo(step);
      if (seen.has(holder)) continue;
      seen.add(holder);
      if (holder.obstacle !== undefined) open.push({ fiber: holder, obstacle: holder.obstacle, before: step });
    }
  }
  return undefined;
}

/** A fiber, or one that it belongs to. */
function mayBeInterrupted(fiber: FiberCore): boolean {
  for (let above: FiberParent | undefined = fiber; above !== undefined; above = above.parent) {
    if (above.mayBeInterrupted) return true;
  }
  return false;
}

function isFiber(obstacle: Obstacle): obstacle is FiberCore {
  return !("holders" in obstacle);
}

function stepsTo(last: Step): Step[] {
  const steps: Step[] = [];
  for (let step: Step | undefined = last; step !== undefined; step = step.before) steps.push(step);
  return steps.reverse();
}

/** "A holds m1 awaits B; B waits m1", beginning with the one who closes the circle. */
function describeCircle(circle: readonly Step[]): string {
  return circle.map(({ fiber, obstacle }, index) => {
    const held = circle.at(index - 1)!.obstacle;
    const holds = isFiber(held) ? "" : ` holds ${held.name}`;
    return `${fiber.name}${holds} ${isFiber(obstacle) ? "awaits" : "waits"} ${obstacle.name}`;
  }).join("; ");
}
