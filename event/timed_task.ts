/**
 * Tasks that wait for a time: where a timer would do nothing but make one task run, the task waits in its place, in the heap of the clock and then in the
 * queue. A fiber that sleeps needs no source by that.
 *
 * The clock is the monotonic one, the accuracy a microsecond.
 *
 * @module
 */

import type { LoopCore } from "./loop_core.ts";
import { highOf, lowOf, type SourceNode } from "./source_node.ts";
import type { Task } from "./task.ts";
import { ClockIndex, type Usec } from "./time.ts";
import type { TimerHeap } from "./timer_heap.ts";

function heapOf(core: LoopCore): TimerHeap {
  return core.clocks[ClockIndex.monotonic].heapOf(1);
}

/** From now on it waits for this time; it must be in no queue. */
export function waitForTime(core: LoopCore, task: Task, usec: Usec): void {
  const heap = heapOf(core);
  heap.queue.add(heap, task, usec);
  core.fed.add(task.rank);
  core.timedTasks++;
}

/** Its time has come: it goes to the queue, as a timer that is due. */
export function comeDue(core: LoopCore, task: Task): void {
  if (task.heapIndex >= 0) leaveHeap(core, task);
  task.pendingIteration = core.iteration;
  core.enqueue(task);
}

/** It waits no longer. Taken out of the queue to be dispatched, it has been in neither. */
export function stopWaiting(core: LoopCore, task: Task): void {
  if (task.bucket !== undefined) core.dequeue(task);
  else if (task.heapIndex >= 0) leaveHeap(core, task);
  core.fed.remove(task.rank);
  core.timedTasks--;
}

/** A source waits in its place from now on. */
export function handOver(core: LoopCore, task: Task, node: SourceNode): void {
  const heap = heapOf(core);
  node.heap = heap;
  node.rank = task.rank;
  if (task.bucket !== undefined) {
    node.isPending = true;
    core.pending.replace(task, node);
  } else {
    const usec = heap.replace(task, node);
    node.timeHigh = highOf(usec);
    node.timeLow = lowOf(usec);
  }
  core.sources.add(node);
  core.timedTasks--;
}

function leaveHeap(core: LoopCore, task: Task): void {
  const heap = heapOf(core);
  heap.queue.remove(heap, task);
}
