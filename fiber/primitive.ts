/**
 * What primitives have in common: how they are made, and what is said of one that was disposed.
 *
 * @module
 */

import { SystemError } from "../event/errno.ts";
import type { EventLoop } from "../event/event_loop.ts";
import { requireOptions } from "../event/validate.ts";
import type { MakeError } from "./wait_queue.ts";

/** How a primitive is made. */
export interface PrimitiveOptions {
  /** Default: the current fiber's, else the default loop. */
  loop?: EventLoop;
  /** For error messages. */
  name?: string;
}

/** How a primitive is made that serves waiters in either order. */
export interface FairOptions extends PrimitiveOptions {
  /**
   * `"fifo"` (default): whoever came first. `"priority"`: the fiber with the more important priority, and among equals whoever came first.
   * A future has the priority of the fiber that made it.
   */
  fair?: "fifo" | "priority";
}

const primitiveOptions: readonly string[] = ["loop", "name"];

/** "mutex", or "mutex 'accounts'". EINVAL for an unknown option. */
export function titleOf(kind: string, options: PrimitiveOptions, more: readonly string[] = []): string {
  requireOptions(options, [...primitiveOptions, ...more], `make a ${kind}`);
  return options.name === undefined ? kind : `${kind} '${options.name}'`;
}

/** Whether the options ask for the more important first. */
export function isByPriority({ fair = "fifo" }: FairOptions, title: string): boolean {
  if (fair === "fifo" || fair === "priority") return fair === "priority";
  throw new SystemError("EINVAL", `Cannot make ${title} with fair '${fair}': it takes "fifo" or "priority"`);
}

/** A whole number, 1 or more; EINVAL for anything else. */
export function requireCount(value: number, action: string): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new SystemError("EINVAL", `Cannot ${action} '${value}': it takes a whole number from 1 up`);
}

/** What whoever waits for a disposed primitive gets, or asks something else of it. */
export function disposed(title: string): MakeError {
  return () => new SystemError("EPIPE", `Cannot use ${title}: it was disposed`);
}
