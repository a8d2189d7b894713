/**
 * Where the two loops are known to differ, and why neither is at fault: libsystemd 252, the one in use, is older than the specification,
 * and some things the specification leaves open. Each function says where a difference would show, so that the player can keep clear of it.
 *
 * Of what is left, scripts have nothing:
 *
 * - Real-time signals: with glibc 2.36 libsystemd 252 loses a group of nothing but these when its priority changes.
 * - Rate limits whose window ends by itself: it is measured by CLOCK_BOOTTIME here and by CLOCK_MONOTONIC there.
 * - Questions to a disposed source, which is freed memory there, and for the pending flags of a finished loop's, which are ESTALE there.
 *
 * @module
 */

import type { PlanType } from "./subject.ts";

/**
 * Ties, and turns. What is equal comes in no promised order; the player can lift one of several that tie for a dispatch, but exit sources have no
 * pending flag to know that by, and all prepare callbacks run in one call. A defer source that ran queues behind its equals here, as the
 * specification says, and keeps its place there. Such sources get priorities of their own.
 */
export function needsOwnPriority(type: PlanType, prepares: boolean): boolean {
  return prepares || type === "exit" || type === "defer";
}

/**
 * Post sources are made pending before and after a callback here, as the specification says, and only before it there. So in such callbacks
 * none is added or turned on.
 */
export function marksPostsTwice(running: PlanType): boolean {
  return running !== "post";
}

/**
 * An I/O source that changes between on and oneshot has its registration changed here, as the specification says, and there the kernel goes on
 * as before. So it is turned off in between.
 */
export function keepsRegistration(type: PlanType, before: number, after: number): boolean {
  return type === "io" && before !== 0 && after !== 0 && before !== after;
}

/**
 * A signal that came while its source was off, or while another one of its group was pending, waits in the kernel there and in the loop here. No
 * descriptor tells of the latter, so `prepare` looks at once, as both do for inotify records; there `wait` finds it, in the same
 * iteration. Where there are such sources the two calls are taken as one.
 */
export function mayWaitInTheLoop(type: PlanType): boolean {
  return type === "signal";
}

/**
 * There a pending signal source that gets a new priority, exceeds its rate limit or is disposed of goes on blocking the group that it was in, and
 * blocks nothing in one that it joins, so that records are read and lost. Here it counts where it is (docs/decisions.md). It stays where it is and
 * has no limit, and is turned off before it is disposed of.
 */
export function mustStayInGroup(type: PlanType): boolean {
  return type === "signal";
}
