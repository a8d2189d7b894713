/**
 * Sources that receive a signal (sd-event, section 9.3).
 *
 * @module
 */

import { check, SystemError } from "./errno.ts";
import type { SignalRecord } from "./kernel/kernel.ts";
import type { LoopCore } from "./loop_core.ts";
import { signalGroups, type SignalReceiver } from "./signal_groups.ts";
import { type Signal, type SignalName, signalName, signalNumber } from "./signal_names.ts";
import type { LimitedOptions, LimitedSource } from "./source.ts";
import { LimitedHandle, nodeOf } from "./source_handle.ts";
import { SourceKind } from "./source_kind.ts";
import type { SourceNode } from "./source_node.ts";
import { limitedOptions, requireCallback, requireOptions } from "./validate.ts";

/** What the system tells of a signal. On a kernel without `siginfo` all but `signal` and `name` is 0. */
export interface SignalInfo {
  /** Its number. */
  readonly signal: number;
  /** Its name. */
  readonly name: SignalName;
  /** An errno that came with it; usually 0. */
  readonly errno: number;
  /** How it was sent, an SI_ number. */
  readonly code: number;
  /** Who sent it. */
  readonly pid: number;
  /** As which user. */
  readonly uid: number;
  /** The value that a queued signal carries. */
  readonly value: number;
  /** SIGCHLD: the child's exit code or signal. */
  readonly status: number;
}

/** Told of one signal. */
export type SignalCallback = (info: SignalInfo, source: SignalSource) => void;

/** Receives a signal, which has no other effect on the process meanwhile. */
export interface SignalSource extends LimitedSource {
  /** Always `"signal"`. */
  readonly type: "signal";
  /** Its number. */
  readonly signal: number;
}

function changed(node: SourceNode): number {
  node.core!.signals!.changed();
  return 0;
}

const kind = new SourceKind({
  name: "signal",
  kernelFed: true,
  rateLimitable: true,
  invoke(node) {
    const handle = node.owner as SignalHandle;
    const record = handle.record!;
    handle.record = undefined;
    return handle.callback({ ...record, name: signalName(record.signal) }, handle);
  },
  goOnline: changed,
  goOffline: changed,
  reprioritise: changed,
  disconnect(node) {
    (node.owner as SignalHandle).leave(node.core!);
  },
});

class SignalHandle extends LimitedHandle implements SignalSource, SignalReceiver {
  declare readonly node: SourceNode;
  declare readonly signal: number;
  declare readonly callback: (info: SignalInfo, source: SignalSource) => unknown;
  record: SignalRecord | undefined = undefined;

  constructor(core: LoopCore, signal: number, callback: SignalCallback | null | undefined, options: LimitedOptions | undefined) {
    super();
    this.node = nodeOf(core, kind, this, "on", { ...options, description: options?.description ?? signalName(signal).slice(3) });
    this.signal = signal;
    this.callback = callback ?? (() => core.exit(0));
    const groups = signalGroups(core);
    check(groups.claim(signal), (code) => `Cannot receive ${signalName(signal)}: ${reasons[code] ?? code}`);
    groups.add(signal, this.node);
    this.connectWith(core, options, `receive ${signalName(signal)}`);
  }

  leave(core: LoopCore): void {
    core.signals!.delete(this.signal);
    core.signals!.release(this.signal);
  }

  override get type(): "signal" {
    return "signal";
  }
}

const reasons: Record<string, string> = {
  EBUSY: "another loop of this process has it",
  EINVAL: "it cannot be caught",
  EOPNOTSUPP: "the loop's kernel is not told of it",
};

/** See `EventLoop.addSignal`. */
export function addSignal(core: LoopCore, signal: Signal, callback?: SignalCallback | null, options?: LimitedOptions): SignalSource {
  requireCallback(callback, `receive ${signal}`);
  requireOptions(options, limitedOptions, `receive ${signal}`);
  core.requireLive(`receive ${signal}`);
  const number = signalNumber(signal);
  if (core.signals?.has(number)) {
    throw new SystemError(
      "EBUSY",
      `Cannot receive ${signalName(number)}: this loop has a source for it already, let that one tell the others`,
    );
  }
  return new SignalHandle(core, number, callback, options);
}
