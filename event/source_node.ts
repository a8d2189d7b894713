/**
 * What the loop keeps of a source.
 *
 * A timer of the user's, of which there may be a million, is a node and its handle in one (`time_source.ts`); every other source is a
 * `PlainNode`, whose handle is thin and holds it. So a field that only some types need stands here if the loop touches it in every iteration, and
 * with its owner or in `extra` if not.
 *
 * @module
 */

import type { Bucket } from "./pending_queue.ts";
import type { LoopCore } from "./loop_core.ts";
import type { QueueNode } from "./queue_node.ts";
import type { SourceKind } from "./source_kind.ts";
import type { Usec } from "./time.ts";
import type { TimerHeap } from "./timer_heap.ts";
import type { RateLimiter } from "./rate_limit.ts";

/** The modes: `enabled`, as the C interface numbers it. */
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
  /** Its limit was exceeded: it is suspended. */
  rateLimited: boolean = false;
  /** Given the owner. */
  onRateLimitExpired: ((owner: unknown) => unknown) | undefined = undefined;
}

/** One registered source. */
export interface SourceNode extends QueueNode {
  /** The handle, the future: whatever `kind` deals in. It holds the type's own data. */
  readonly owner: unknown;
  /** Where it is in a heap, of a clock or of a bucket's overflow; −1: in none. */
  heapIndex: number;
  /** `undefined` once it is disconnected. */
  core: LoopCore | undefined;
  mode: number;
  /** It has something to deliver. */
  isPending: boolean;
  extra: SourceExtra | undefined;
  /** Its neighbours among the sources of the loop. */
  previousSource: SourceNode | undefined;
  nextSource: SourceNode | undefined;
  /** Those of a time: the heap that they wait in while they are online and not pending. */
  heap: TimerHeap | undefined;
  /** And when they are due, as two small integers: see `timeOf`. */
  timeHigh: number;
  timeLow: number;
  readonly rateLimited: boolean;
  readonly online: boolean;
}

/** Any source but a timer of the user's. */
export class PlainNode implements SourceNode {
  declare readonly kind: SourceKind;
  declare owner: unknown;
  declare rank: number;
  declare pendingIteration: number;
  declare sequence: number;
  declare bucket: Bucket | undefined;
  declare previous: QueueNode | undefined;
  declare next: QueueNode | undefined;
  declare heapIndex: number;
  declare core: LoopCore | undefined;
  declare mode: number;
  declare isPending: boolean;
  declare extra: SourceExtra | undefined;
  declare previousSource: SourceNode | undefined;
  declare nextSource: SourceNode | undefined;
  declare heap: TimerHeap | undefined;
  declare timeHigh: number;
  declare timeLow: number;

  constructor(core: LoopCore, kind: SourceKind, mode: number, rank: number) {
    this.kind = kind;
    this.owner = undefined;
    this.rank = rank;
    this.pendingIteration = core.iteration;
    this.sequence = 0;
    this.bucket = undefined;
    this.previous = undefined;
    this.next = undefined;
    this.heapIndex = -1;
    this.core = core;
    this.mode = mode;
    this.isPending = kind.alwaysPending;
    this.extra = undefined;
    this.previousSource = undefined;
    this.nextSource = undefined;
    this.heap = undefined;
    this.timeHigh = 0;
    this.timeLow = 0;
  }

  get rateLimited(): boolean {
    return this.extra !== undefined && this.extra.rateLimited;
  }

  get online(): boolean {
    return this.mode !== OFF && !this.rateLimited;
  }
}

const HALF = 2 ** 30;
/** The head of `Infinity`: no other time is that late. */
const NEVER = 2 ** 23;

/**
 * When a source of a time is due. A number that is no small integer is an object of its own, and a million of them that wait, or become due at once, are
 * what the collector would be busy with: so it is kept in halves.
 */
export function timeOf(node: SourceNode): Usec {
  return node.timeHigh === NEVER ? Infinity : node.timeHigh * HALF + node.timeLow;
}

/** The halves of a time; bitwise operators see the lowest 32 bits of a whole number, and 0 for `Infinity`. */
export function highOf(usec: Usec): number {
  return Math.min(usec / HALF, NEVER) | 0;
}

export function lowOf(usec: Usec): number {
  return usec & (HALF - 1);
}
