/**
 * sd-future: one result, and who is told of it.
 *
 * @module
 */

export { Future, type FutureOperations, FutureSlot, type Resolver } from "./future.ts";
export type { Operation, Outcome, Returned, Runnable, Suspension } from "./operation.ts";
export { FutureGroup, type GroupOptions } from "./group.ts";
export { CancelledError } from "./interruption.ts";
export { deferFuture } from "./defer_future.ts";
export { relativeTimeFuture, timeFuture, type TimeFutureOptions } from "./time_future.ts";
export { ioFuture } from "./io_future.ts";
export { ChildFuture, childFuture } from "./child_future.ts";
export { promiseFuture, type PromiseSource } from "./promise_future.ts";
