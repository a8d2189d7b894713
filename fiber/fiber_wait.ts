/**
 * What a fiber waits for in a primitive, as far as the fiber itself must know.
 *
 * @module
 */

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
}
