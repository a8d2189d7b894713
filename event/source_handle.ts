/**
 * The handles behind the source interfaces: thin, over a node.
 *
 * @module
 */

import { check, errorCode, SystemError, systemError } from "./errno.ts";
import type { EventLoop } from "./event_loop.ts";
import type { LoopCore } from "./loop_core.ts";
import { FINISHED } from "./loop_state.ts";
import { leaveRateLimit, limiterOf, type RateLimit } from "./rate_limit.ts";
import type { Enabled, LimitedOptions, LimitedSource, PlainCallback, QueuedOptions, QueuedSource, Source, SourceType } from "./source.ts";
import type { SourceKind } from "./source_kind.ts";
import { connect, dispose, setEnabled, setPrepare, setPriority } from "./source_lifecycle.ts";
import { OFF, ON, ONESHOT, PlainNode, SourceExtra, type SourceNode } from "./source_node.ts";
import { enabledNumber, requirePriority } from "./validate.ts";

const enabledNames: Record<number, Enabled> = { [OFF]: "off", [ON]: "on", [ONESHOT]: "oneshot" };

/** Its node, not connected yet. Throws EINVAL for options that are out of range. */
export function nodeOf(core: LoopCore, kind: SourceKind, owner: Source, enabled: Enabled, options: LimitedOptions | undefined): SourceNode {
  const node = new PlainNode(core, kind, enabledNumber(options?.enabled ?? enabled), requirePriority(options?.priority ?? 0));
  node.owner = owner;
  if (options !== undefined) setExtras(node, options);
  return node;
}

/** What few sources have, of all that any type takes: others were refused before. Here, in one place, it costs those that have none of it the least. */
export function setExtras(node: SourceNode, options: LimitedOptions): void {
  const { description, onDestroy, exitOnFailure, rateLimit, onRateLimitExpired } = options;
  if ((description ?? onDestroy ?? exitOnFailure ?? rateLimit ?? onRateLimitExpired) === undefined) return;
  const extra = node.extra = new SourceExtra();
  extra.description = description;
  extra.onDestroy = onDestroy;
  extra.exitOnFailure = exitOnFailure ?? false;
  extra.rateLimit = limiterOf(rateLimit);
  extra.onRateLimitExpired = onRateLimitExpired as ((owner: unknown) => unknown) | undefined;
}

/** What all handles do, over the node that each type makes. */
export abstract class SourceHandle implements Source {
  abstract readonly node: SourceNode;

  /** Hands it to the loop; `action` is what the user asked for, for the error. */
  connect(core: LoopCore, action: string): this {
    const result = connect(core, this.node);
    // By hand: a million timers would make a closure each.
    if (result < 0) throw systemError(result, `Cannot ${action}: ${errorCode(-result)}`);
    return this;
  }

  protected get rare(): SourceExtra {
    return this.node.extra ??= new SourceExtra();
  }

  abstract get type(): SourceType;

  get loop(): EventLoop | undefined {
    return this.node.core?.loop;
  }

  get enabled(): Enabled {
    return enabledNames[this.node.mode];
  }

  set enabled(value: Enabled) {
    const enabled = enabledNumber(value);
    if (enabled === OFF && (this.node.core === undefined || this.node.core.state === FINISHED)) return;
    const core = this.liveCore("enable");
    check(setEnabled(core, this.node, enabled), (code) => `Cannot turn ${this.title} ${value}: ${code}`);
  }

  get priority(): number {
    return this.node.rank;
  }

  set priority(value: number) {
    const core = this.liveCore("set the priority of");
    check(setPriority(core, this.node, requirePriority(value)), (code) => `Cannot set the priority of ${this.title} to ${value}: ${code}`);
  }

  get description(): string | undefined {
    return this.node.extra?.description;
  }

  set description(value: string | undefined) {
    this.rare.description = value;
  }

  get onDestroy(): (() => void) | undefined {
    return this.node.extra?.onDestroy;
  }

  set onDestroy(callback: (() => void) | undefined) {
    if (this.node.core === undefined) throw new SystemError("EINVAL", `Cannot set onDestroy of ${this.title}: it is disposed`);
    this.rare.onDestroy = callback;
  }

  [Symbol.dispose](): void {
    const { core } = this.node;
    if (core !== undefined) dispose(core, this.node);
  }

  /** How errors name it. */
  protected get title(): string {
    const description = this.node.extra?.description;
    return description === undefined ? `the ${this.type} source` : `${this.type} source '${description}'`;
  }

  /** The loop, also one that has finished: ESTALE when there is none any more. */
  protected connectedCore(action: string): LoopCore {
    const { core } = this.node;
    if (core === undefined) throw new SystemError("ESTALE", `Cannot ${action} ${this.title}: it is disposed`);
    return core;
  }

  /** The loop, for an operation that changes what it does: ESTALE also when it has finished. */
  protected liveCore(action: string): LoopCore {
    const core = this.connectedCore(action);
    core.requireLive(`${action} ${this.title}`);
    return core;
  }
}

/** What all handles but those of exit sources do. */
export abstract class QueuedHandle extends SourceHandle implements QueuedSource {
  /** As {@linkcode SourceHandle.connect}, with the prepare callback of the options. */
  protected connectWith(core: LoopCore, options: QueuedOptions | undefined, action: string): this {
    this.connect(core, action);
    if (options?.prepare !== undefined) this.prepare = options.prepare;
    return this;
  }

  get pending(): boolean {
    const { core, kind } = this.node;
    if (core === undefined) return false;
    if (kind.kernelFed) core.catchUp();
    return this.node.isPending;
  }

  get exitOnFailure(): boolean {
    return this.node.extra?.exitOnFailure ?? false;
  }

  set exitOnFailure(value: boolean) {
    this.rare.exitOnFailure = value;
  }

  get prepare(): PlainCallback | undefined {
    return this.node.extra?.prepare as PlainCallback | undefined;
  }

  set prepare(callback: PlainCallback | undefined) {
    setPrepare(this.liveCore("set the prepare callback of"), this.node, callback as ((owner: unknown) => unknown) | undefined);
  }
}

/** What all handles but those of child, post and exit sources do. */
export abstract class LimitedHandle extends QueuedHandle implements LimitedSource {
  get rateLimit(): RateLimit | undefined {
    const limit = this.node.extra?.rateLimit;
    return limit && { interval: limit.interval, burst: limit.burst };
  }

  set rateLimit(limit: RateLimit | undefined) {
    const limiter = limiterOf(limit);
    this.leaveRateLimit();
    this.rare.rateLimit = limiter;
  }

  get rateLimited(): boolean {
    return this.node.extra?.rateLimited ?? false;
  }

  get onRateLimitExpired(): PlainCallback | undefined {
    return this.node.extra?.onRateLimitExpired as PlainCallback | undefined;
  }

  set onRateLimitExpired(callback: PlainCallback | undefined) {
    this.rare.onRateLimitExpired = callback as ((owner: unknown) => unknown) | undefined;
  }

  leaveRateLimit(): boolean {
    const { core } = this.node;
    if (core === undefined) return false;
    return check(leaveRateLimit(core, this.node), (code) => `Cannot resume ${this.title}: ${code}`) === 1;
  }
}
