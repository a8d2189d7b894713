/**
 * Which signals are taken in which order (sd-event, section 9.3).
 *
 * Signals of one priority form a group. Of each group at most one record is out for delivery: the rest wait in the kernel, with all
 * that was told about them and in their order. SIGCHLD belongs to the group of its own source if it has one, else, wanted for
 * children alone, to the group of priority 0.
 *
 * @module
 */

import type { SignalRecord } from "./kernel/kernel.ts";
import type { LoopCore } from "./loop_core.ts";
import { setPending } from "./source_lifecycle.ts";
import type { SourceNode } from "./source_node.ts";
import { signalNumber } from "./signal_names.ts";

const SIGCHLD = signalNumber("SIGCHLD");

/** A signal source's handle, as far as delivery goes. */
export interface SignalReceiver {
  record: SignalRecord | undefined;
}

interface Group {
  readonly set: number[];
  readonly members: SourceNode[];
}

/** All signals of one loop. */
export class SignalGroups {
  readonly #core: LoopCore;
  readonly #sources: Map<number, SourceNode> = new Map();
  /** How many have claimed each signal: its source, and SIGCHLD for children. */
  readonly #claims: Map<number, number> = new Map();
  #groups: Group[] = [];
  #stale = false;

  constructor(core: LoopCore) {
    this.#core = core;
  }

  /** A negative errno: another loop has it, or it cannot be caught. */
  claim(signal: number): number {
    const count = this.#claims.get(signal) ?? 0;
    if (count === 0) {
      const result = this.#core.poller.claimSignal(signal);
      if (result < 0) return result;
    }
    this.#claims.set(signal, count + 1);
    this.#stale = true;
    return 0;
  }

  release(signal: number): void {
    const count = this.#claims.get(signal)! - 1;
    this.#claims.set(signal, count);
    if (count === 0) this.#core.poller.releaseSignal(signal);
    this.#stale = true;
  }

  has(signal: number): boolean {
    return this.#sources.has(signal);
  }

  add(signal: number, node: SourceNode): void {
    this.#sources.set(signal, node);
    this.#stale = true;
  }

  delete(signal: number): void {
    this.#sources.delete(signal);
    this.#stale = true;
  }

  /** A source went on- or offline or has another priority, or children want SIGCHLD no longer. */
  changed(): void {
    this.#stale = true;
  }

  /** A group could deliver a record that waits. */
  deliverable(): boolean {
    const { poller } = this.#core;
    if (poller.signalsQueued === 0) return false;
    return this.#current().some((group) => !isBusy(group) && poller.hasSignal(group.set));
  }

  /** Takes the next record of each group that has none out; whether a source became pending. Children are looked at in any case. */
  collect(): boolean {
    const { poller, children } = this.#core;
    if (poller.signalsQueued === 0) return false;
    let found = false;
    for (const group of this.#current()) {
      if (children !== undefined && group.set.includes(SIGCHLD) && poller.hasSignal(group.set)) children.scanWanted = true;
      if (!isBusy(group) && this.#take(group)) found = true;
    }
    return found;
  }

  #take(group: Group): boolean {
    for (;;) {
      const record = this.#core.poller.takeSignal(group.set);
      if (record === undefined) return false;
      const node = this.#sources.get(record.signal);
      if (node === undefined || !node.online) continue;
      (node.owner as SignalReceiver).record = record;
      setPending(this.#core, node);
      return true;
    }
  }

  #current(): Group[] {
    if (!this.#stale) return this.#groups;
    this.#stale = false;
    const byPriority = new Map<number, Group>();
    for (const [signal, node] of this.#sources) {
      if (node.online) join(byPriority, node.rank, signal, node);
    }
    if (this.#core.children?.wantsSignal) {
      const own = this.#sources.get(SIGCHLD);
      join(byPriority, own?.rank ?? 0, SIGCHLD, undefined);
    }
    return this.#groups = [...byPriority.values()];
  }
}

function join(groups: Map<number, Group>, priority: number, signal: number, node: SourceNode | undefined): void {
  let group = groups.get(priority);
  if (group === undefined) groups.set(priority, group = { set: [], members: [] });
  if (!group.set.includes(signal)) group.set.push(signal);
  if (node !== undefined) group.members.push(node);
}

/** One of its records is out for delivery. */
function isBusy(group: Group): boolean {
  return group.members.some((node) => node.isPending);
}

/** The loop's groups, made with the first signal. */
export function signalGroups(core: LoopCore): SignalGroups {
  return core.signals ??= new SignalGroups(core);
}
