/**
 * What the loop must know about a type of source in order to serve it: a table of functions, one a type.
 *
 * All tables are of one class, so that the loop's reads of them stay monomorphic however many types are in use.
 *
 * @module
 */

import type { SourceNode } from "./source_node.ts";

/** The functions of one type of source. What a type has no use for is left at its default, which does nothing. */
export interface SourceKindOptions {
  /** As `Source.type` tells it. */
  readonly name: string;
  /** Runs the user's callback; what it returns is what the callback returned. Tasks have none. */
  invoke?(node: SourceNode): unknown;
  /** Defer and exit sources, tasks: pending is for them a matter of being enabled. */
  readonly alwaysPending?: boolean;
  /** Dispatched in the exit phase and in no other. */
  readonly exit?: boolean;
  readonly post?: boolean;
  /** No source, but a task: served in either phase. */
  readonly task?: boolean;
  /** The kernel makes it pending: as long as one of these is online, it is worth polling. */
  readonly kernelFed?: boolean;
  readonly rateLimitable?: boolean;
  /** It has become online: register it. A negative errno leaves it off. */
  goOnline?(node: SourceNode): number;
  /** It is no longer online: take it out. */
  goOffline?(node: SourceNode): void;
  /** It changed between on and oneshot. */
  modeChanged?(node: SourceNode): number;
  /** Its pending flag has changed. */
  pendingChanged?(node: SourceNode): void;
  /** Its priority is about to change while it is connected; a negative errno refuses. */
  reprioritise?(node: SourceNode, priority: number): number;
  /** The poller reports its handle. */
  ready?(node: SourceNode, events: number): void;
  /** Right before its callback, and before a oneshot source is turned off: `false` leaves both out. */
  beforeDispatch?(node: SourceNode): boolean;
  /** Right after its callback, whether that failed or not; still dispatching. */
  afterDispatch?(node: SourceNode): void;
  /** It leaves the loop, offline already. */
  disconnect?(node: SourceNode): void;
  /** It has left, and none of its callbacks runs: give back what it owns. */
  release?(node: SourceNode): void;
}

function nothing(): void {}
function success(): number {
  return 0;
}

/** See {@linkcode SourceKindOptions}. */
export class SourceKind {
  readonly name: string;
  readonly invoke: (node: SourceNode) => unknown;
  readonly alwaysPending: boolean;
  readonly exit: boolean;
  readonly post: boolean;
  readonly task: boolean;
  readonly kernelFed: boolean;
  readonly rateLimitable: boolean;
  readonly goOnline: (node: SourceNode) => number;
  readonly goOffline: (node: SourceNode) => void;
  readonly modeChanged: (node: SourceNode) => number;
  readonly pendingChanged: (node: SourceNode) => void;
  readonly reprioritise: (node: SourceNode, priority: number) => number;
  readonly ready: (node: SourceNode, events: number) => void;
  readonly beforeDispatch: ((node: SourceNode) => boolean) | undefined;
  readonly afterDispatch: ((node: SourceNode) => void) | undefined;
  readonly disconnect: (node: SourceNode) => void;
  readonly release: (node: SourceNode) => void;

  constructor(options: SourceKindOptions) {
    this.name = options.name;
    this.invoke = options.invoke ?? nothing;
    this.alwaysPending = options.alwaysPending ?? false;
    this.exit = options.exit ?? false;
    this.post = options.post ?? false;
    this.task = options.task ?? false;
    this.kernelFed = options.kernelFed ?? false;
    this.rateLimitable = options.rateLimitable ?? false;
    this.goOnline = options.goOnline ?? success;
    this.goOffline = options.goOffline ?? nothing;
    this.modeChanged = options.modeChanged ?? success;
    this.pendingChanged = options.pendingChanged ?? nothing;
    this.reprioritise = options.reprioritise ?? success;
    this.ready = options.ready ?? nothing;
    this.beforeDispatch = options.beforeDispatch;
    this.afterDispatch = options.afterDispatch;
    this.disconnect = options.disconnect ?? nothing;
    this.release = options.release ?? nothing;
  }
}
