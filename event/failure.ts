/**
 * What a callback did wrong, and whose it was.
 *
 * @module
 */

import type { ErrorOrigin } from "./error_origin.ts";
import { SystemError } from "./errno.ts";
import type { Source } from "./source.ts";
import type { NamedOwner, SourceNode, TaskNode } from "./source_node.ts";

/** Who `onError` is to be told of: the source with its description, or what a task says of itself. */
export function originOf(node: TaskNode): ErrorOrigin {
  if (node.kind.task) return (node.owner as NamedOwner).errorOrigin();
  return { kind: "source", name: (node as SourceNode).extra?.description ?? node.kind.name, source: node.owner as Source };
}

/** A callback that answers with a promise believes that somebody waits for it. What a promise comes to is its own affair. */
export function checkCallbackResult(node: TaskNode, result: unknown): void {
  if (typeof (result as PromiseLike<unknown>)?.then !== "function") return;
  const { kind, name } = originOf(node);
  throw new SystemError(
    "EINVAL",
    `Cannot wait for the promise that the callback of ${kind} '${name}' returned: callbacks are synchronous, spawn a fiber for the rest`,
  );
}

/** As an error that nobody caught, also where the host has no `reportError`, which is so on Node. */
export function reportToHost(error: unknown): void {
  if (globalThis.reportError !== undefined) return reportError(error);
  queueMicrotask(() => {
    throw error;
  });
}
