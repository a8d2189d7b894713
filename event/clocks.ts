/**
 * What an iteration does with the five clocks: it sets the kernel's wake-ups, and makes pending what is due (sd-event, section 10).
 *
 * @module
 */

import { errorCode, systemError } from "./errno.ts";
import type { LoopCore } from "./loop_core.ts";
import { INITIAL } from "./loop_state.ts";
import { leaveRateLimit } from "./rate_limit.ts";
import { setPending } from "./source_lifecycle.ts";
import type { QueueNode } from "./queue_node.ts";
import type { SourceNode } from "./source_node.ts";
import type { Task } from "./task.ts";
import { comeDue } from "./timed_task.ts";
import { chooseWakeup } from "./timer_window.ts";

/** Sets a wake-up on each clock where something has changed. */
export function armClocks(core: LoopCore): void {
  for (let i = 0; i < 5; i++) {
    const queue = core.clocks[i];
    if (!queue.needsArming) continue;
    const wakeup = Math.min(chooseWakeup(queue.earliest, queue.latest, core.perturbation), queue.alsoAt);
    const result = wakeup === queue.armedAt ? 0 : core.poller.setWakeup(queue.clock, wakeup);
    if (result < 0) {
      core.state = INITIAL;
      throw systemError(result, `Cannot set a wake-up at ${wakeup} us: ${errorCode(-result)}`);
    }
    queue.armedAt = wakeup;
    queue.needsArming = false;
  }
}

/** Makes pending what is due. `true`: a rate limit expired and its callback ran, so the wait has to start over. */
export function passClocks(core: LoopCore, endLimits: boolean): boolean {
  const fired = core.poller.clocksFired;
  core.poller.clocksFired = 0;
  let expired = false;
  for (let i = 0; i < 5; i++) {
    const queue = core.clocks[i];
    if (((fired >> i) & 1) !== 0) {
      queue.armedAt = Infinity;
      queue.needsArming = true;
    }
    if (queue.earliest === Infinity) continue;
    const now = core.stamp(queue.clock);
    if (queue.earliest > now) continue;
    queue.takeDue(now)?.forEach((node) => makeDue(core, node));
    while (queue.earliest <= now) {
      const node = queue.first!;
      if (node.kind.task || !(node as SourceNode).rateLimited) makeDue(core, node);
      else if (!endLimits) break;
      else if (expireRateLimit(core, node as SourceNode)) expired = true;
    }
  }
  return expired;
}

function makeDue(core: LoopCore, node: QueueNode): void {
  if (node.kind.task) comeDue(core, node as Task);
  else setPending(core, node as SourceNode);
}

function expireRateLimit(core: LoopCore, node: SourceNode): boolean {
  const result = leaveRateLimit(core, node);
  if (result < 0) core.failWait(result);
  if (node.extra!.onRateLimitExpired === undefined) return false;
  core.call(node, runRateLimitExpired);
  return true;
}

function runRateLimitExpired(node: SourceNode): unknown {
  return node.extra!.onRateLimitExpired!(node.owner);
}
