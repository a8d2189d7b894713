/**
 * What the loop keeps of a source. The handles that users hold are thin and stand in `source.ts`.
 *
 * Every source is a node of this one class, whatever its type. So a field that only some types need stands here if the loop touches it in every
 * iteration, and with its owner or in `extra` if not.
 *
 * @module
 */

import type { Bucket } from "./pending_queue.ts";
import type { LoopCore } from "./loop_core.ts";
import type { QueueNode } from "./queue_node.ts";
import type { SourceKind } from "./source_kind.ts";
import type { TimerHeap } from "./timer_heap.ts";
import type { RateLimiter } from "./rate_limit.ts";

/** `enabled`, as the C interface numbers it. */
export const OFF = 0;
export const ON = 1;
export const ONESHOT = -1;

/** What few sources have. */
export class SourceExtra {
  description: string | undefined = undefined;
  onDestroy: (() => void) | undefined = undefined;
  exitOnFailure: boolean = false;
  /** Given the owner. */
  prepare: ((owner: unknown) => unknown) | undefined = undefined;
  prepareIteration: number = 0;
  /** Where it sits in the prepare queue; −1: it does not. */
  prepareIndex: number = -1;
  rateLimit: RateLimiter | undefined = undefined;
  /** Given the owner. */
  onRateLimitExpired: ((owner: unknown) => unknown) | undefined = undefined;
}

/** One registered source. */
export class SourceNode implements QueueNode {
  declare readonly kind: SourceKind;
  /** The handle, the future: whatever `kind` deals in. It holds the type's own data. */
  declare owner: unknown;
  declare priority: number;
  /** The iteration in which it became pending; for those that always are: of its last dispatch, or of its making. */
  declare pendingIteration: number;
  declare sequence: number;
  declare bucket: Bucket | undefined;
  declare previous: QueueNode | undefined;
  declare next: QueueNode | undefined;
  /** Where it is in a heap, of a clock or of a bucket's overflow; −1: in none. */
  declare heapIndex: number;
  /** `undefined` once it is disconnected. */
  declare core: LoopCore | undefined;
  declare enabled: number;
  declare pending: boolean;
  declare rateLimited: boolean;
  declare extra: SourceExtra | undefined;
  /** Its neighbours among the sources of the loop. */
  declare previousSource: SourceNode | undefined;
  declare nextSource: SourceNode | undefined;
  /** Time sources: when it is due, and how much later it may come. */
  declare usec: number;
  declare accuracy: number;
  /** The heap of a clock that it is in. */
  declare timers: TimerHeap | undefined;

  constructor(core: LoopCore, kind: SourceKind, enabled: number, priority: number) {
    this.kind = kind;
    this.owner = undefined;
    this.priority = priority;
    this.pendingIteration = core.iteration;
    this.sequence = 0;
    this.bucket = undefined;
    this.previous = undefined;
    this.next = undefined;
    this.heapIndex = -1;
    this.core = core;
    this.enabled = enabled;
    this.pending = kind.alwaysPending;
    this.rateLimited = false;
    this.extra = undefined;
    this.previousSource = undefined;
    this.nextSource = undefined;
    this.usec = 0;
    this.accuracy = 0;
    this.timers = undefined;
  }

  get online(): boolean {
    return this.enabled !== OFF && !this.rateLimited;
  }
}
