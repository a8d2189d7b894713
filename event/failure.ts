/**
 * What a callback did wrong, and whose it was.
 *
 * @module
 */

import type { ErrorOrigin } from "./error_origin.ts";
import { type ErrorCode, errorCode, SystemError, systemError } from "./errno.ts";
import type { Source } from "./source.ts";
import type { QueueNode } from "./queue_node.ts";
import type { SourceNode } from "./source_node.ts";
import type { Task } from "./task.ts";

/** Who `onError` is to be told of: the source with its description, or what a task says of itself. */
export function originOf(node: QueueNode): ErrorOrigin {
  if (node.kind.task) return (node as Task).errorOrigin();
  const { extra, kind, owner } = node as SourceNode;
  return { kind: "source", name: extra?.description ?? kind.name, source: owner as Source };
}

/** A callback that answers with a promise believes that somebody waits for it. What a promise comes to is its own affair. */
export function checkCallbackResult(node: QueueNode, result: unknown): void {
  if (typeof (result as PromiseLike<unknown>)?.then !== "function") return;
  const { kind, name } = originOf(node);
  throw new SystemError(
    "EINVAL",
    `Cannot wait for the promise that the callback of ${kind} '${name}' returned: callbacks are synchronous, spawn a fiber for the rest`,
  );
}

/** For an exit code: EIO for what has no number. */
export function errnoOf(error: unknown): number {
  return (error instanceof SystemError && error.errno) || 5;
}

/** As an error that nobody caught, also where the host has no `reportError`, which is so on Node. */
export function reportToHost(error: unknown): void {
  if (globalThis.reportError !== undefined) return reportError(error);
  queueMicrotask(() => {
    throw error;
  });
}

/** Why a poll fails that would have blocked the thread. */
const waitFailures: Readonly<Record<ErrorCode, string>> = {
  EOPNOTSUPP: "blocked, the thread would never see what the host's own event loop brings, use the calls that return promises",
  EDEADLK: "nothing can ever end it",
};

/** The error of a loop whose kernel could not be polled. */
export function waitError(loopName: string, result: number): SystemError {
  const code = errorCode(-result);
  return systemError(result, `Cannot wait in loop '${loopName}': ${waitFailures[code] ?? `the kernel's poll failed with ${code}`}`);
}
