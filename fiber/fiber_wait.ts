/**
 * What a fiber waits for in a primitive, as far as the fiber itself must know.
 *
 * @module
 */

import type { FiberCore } from "./fiber_core.ts";
import type { Lock } from "./lock.ts";

/** A fiber's wait in the queue of a primitive, or in several. */
export interface FiberWait {
  /** For whom: "mutex 'accounts'". */
  readonly title: string;
  /** The lock without which it certainly does not end. */
  readonly obstacle: Lock | undefined;
  /** The fiber does not wait for it any more, and nothing that it was granted is used. */
  abandoned(): void;
  priorityChanged(priority: number): void;
  /**
   * Where what it waits for is no future, but would be one for whoever waited in another way: has it wait for one instead, since somebody
   * wants to see it, or the fiber is about to get another place in the queue.
   */
  becomeFuture?(fiber: FiberCore): void;
}

/** A fiber's wait for a time, in which it stands in the loop's queues itself. */
export interface TimedWait extends FiberWait {
  /** The iteration in which it began. */
  readonly begunIn: number;
  becomeFuture(fiber: FiberCore): void;
}
