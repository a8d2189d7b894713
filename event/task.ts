/**
 * Tasks: what is dispatched once for each time it is armed, a fiber's turn or a future's callback.
 *
 * There are as many as fibers, so a task has nothing that only sources need. Idle, its `previous` and `next` are free for whoever has it in a
 * list.
 *
 * @module
 */

import type { ErrorOrigin } from "./error_origin.ts";
import type { LoopCore } from "./loop_core.ts";
import type { Bucket } from "./pending_queue.ts";
import type { QueueNode } from "./queue_node.ts";
import { SourceKind } from "./source_kind.ts";

/** What a task does. */
export interface TaskOwner {
  /** Its turn. What this throws is reported. */
  dispatch(): void;
  /** Who failed, for `onError`. */
  errorOrigin(): ErrorOrigin;
  /** Waiting for its turn when exit is requested, it is served in the exit phase without anybody's asking for it. */
  readonly followsExit: boolean;
  /** The future that it waits for has resolved, and it is about to be queued. Nothing of the user's may run in here. */
  awaited(): void;
}

/** See the head of this module. */
export interface Task extends QueueNode, TaskOwner {
  previous: Task | undefined;
  next: Task | undefined;
}

/** The kind of all tasks: what they do they say themselves. */
export const TASK: SourceKind = new SourceKind({ name: "task", alwaysPending: true, task: true });

/** A task of its owner's. */
export class TaskNode implements Task {
  declare readonly kind: SourceKind;
  declare private readonly owner: TaskOwner;
  declare rank: number;
  declare pendingIteration: number;
  declare sequence: number;
  declare bucket: Bucket | undefined;
  declare previous: Task | undefined;
  declare next: Task | undefined;
  declare heapIndex: number;

  constructor(core: LoopCore, owner: TaskOwner, priority: number) {
    this.kind = TASK;
    this.owner = owner;
    this.rank = priority;
    this.pendingIteration = core.iteration;
    this.sequence = 0;
    this.bucket = undefined;
    this.previous = undefined;
    this.next = undefined;
    this.heapIndex = -1;
  }

  dispatch(): void {
    this.owner.dispatch();
  }

  errorOrigin(): ErrorOrigin {
    return this.owner.errorOrigin();
  }

  get followsExit(): boolean {
    return this.owner.followsExit;
  }

  awaited(): void {
    this.owner.awaited();
  }
}
